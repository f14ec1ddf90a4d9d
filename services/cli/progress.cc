#include "services/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace cievents::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBarWidth = 30;
// Often enough to look alive, seldom enough to cost nothing.
constexpr std::chrono::milliseconds kRedrawAfter{100};
constexpr size_t kLines = 20;

}  // namespace

std::string ProgressText(size_t done, size_t total, size_t failed, double seconds_so_far) {
  const size_t filled = total == 0 ? kBarWidth : kBarWidth * done / total;
  std::string text =
      fmt::format("[{:<{}}] {}/{}", std::string(filled, '#'), kBarWidth, done, total);
  if (failed > 0) text += fmt::format(", {} failed", failed);
  if (done > 0 && done < total) {
    const double left =
        seconds_so_far * static_cast<double>(total - done) / static_cast<double>(done);
    text += fmt::format(", about {:.0f} s left", left);
  }
  return text;
}

Progress::Kind Progress::KindOfStderr() {
  return isatty(STDERR_FILENO) != 0 ? Kind::kBar : Kind::kLines;
}

void Progress::Advance(Outcome outcome) {
  ++done_;
  failed_ += outcome == Outcome::kFailed ? 1 : 0;
  if (kind_ == Kind::kBar) {
    if (done_ == total_ || Clock::now() - drawn_ >= kRedrawAfter) Draw();
    return;
  }
  // A line whenever another twentieth is done.
  if (done_ * kLines / total_ != (done_ - 1) * kLines / total_) {
    std::fprintf(stderr, "%zu/%zu pushed, %zu failed\n", done_, total_, failed_);
  }
}

void Progress::Say(std::string_view line) {
  Clear();
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  if (kind_ == Kind::kBar) Draw();
}

void Progress::Draw() {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  std::fprintf(stderr, "\r\033[K%s", ProgressText(done_, total_, failed_, seconds).c_str());
  std::fflush(stderr);
  drawn_ = Clock::now();
  is_drawn_ = true;
}

void Progress::Clear() {
  if (!is_drawn_) return;
  std::fprintf(stderr, "\r\033[K");
  is_drawn_ = false;
}

}  // namespace cievents::cli
