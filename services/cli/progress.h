// How far a long command has come, on stderr: a bar on a terminal, else a line now and then.
#ifndef SERVICES_CLI_PROGRESS_H_
#define SERVICES_CLI_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace cievents::cli {

// The bar's text: `[#####     ] 50/100, 2 failed, about 12 s left`.
std::string ProgressText(size_t done, size_t total, size_t failed, double seconds_so_far);

// Not thread-safe: its caller holds a lock.
class Progress {
 public:
  enum class Kind { kBar, kLines };
  // On a terminal a bar, else lines.
  static Kind KindOfStderr();

  Progress(Kind kind, size_t total) : kind_(kind), total_(total) {}
  ~Progress() { Clear(); }

  enum class Outcome { kFine, kFailed };
  void Advance(Outcome outcome);
  // A line of its own, above the bar.
  void Say(std::string_view line);

 private:
  void Draw();
  void Clear();

  const Kind kind_;
  const size_t total_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
  size_t done_ = 0;
  size_t failed_ = 0;
  bool is_drawn_ = false;
};

}  // namespace cievents::cli

#endif  // SERVICES_CLI_PROGRESS_H_
