// One writer replaces projects' sets, 10,000 a second, while one reader matches S1-1M. How long
// does a replacement take, and what is left of the reader's rate?
#include <fmt/format.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/sections.h"
#include "loadtest/harness/clocks.h"
#include "loadtest/workloads/identity.h"
#include "loadtest/workloads/scoped_names.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

using matcher::ProjectSubscriptions;

constexpr int64_t kProjectsFull = 500'000;
constexpr int64_t kChangingProjects = 20'000;
constexpr double kReplacementsPerSecond = 10'000;
constexpr double kWindowSeconds = 0.1;
constexpr int kPairsFull = 60;
constexpr uint64_t kMatchesAPass = 10'000;

// Two versions of one project's set, replaced in turns. They differ in the commit, in the number of
// subscriptions and in a name that no event has, so the reader's total is the same all the time and
// can be checked in the midst of the changes.
struct ChangingProject {
  ProjectSubscriptions original;
  ProjectSubscriptions changed;
};

std::vector<ChangingProject> MakeChanging(int64_t projects) {
  std::vector<ChangingProject> all;
  const matcher::Pattern unused = ParsePattern("custom/replaced");
  for (int64_t n = 0; n < kChangingProjects; ++n) {
    const int64_t project = 7919 * n % projects;
    ChangingProject change{MakeS1Project(project), MakeS1Project(project)};
    change.changed.commit_sha = CommitSha(project, 1);
    change.changed.subscriptions.push_back(
        MakeSubscription(10'000'000 + project, 2, {unused, {matcher::ScopeKind::kProject, 0}, ""}));
    all.push_back(std::move(change));
  }
  return all;
}

void SleepFor(double seconds) {
  timespec time{0, static_cast<long>(seconds * 1e9)};
  nanosleep(&time, nullptr);
}

class Writer {
 public:
  Writer(matcher::Index* index, int64_t projects)
      : index_(index), changing_(MakeChanging(projects)) {
    seconds_.reserve(4'000'000);
  }

  // Runs until told to stop; writes only while told to.
  void Run() {
    if (!PinThread(1)) std::fputs("engine_loadtest: the writer is not bound to a core\n", stderr);
    double next = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
      if (!writing_.load(std::memory_order_relaxed)) {
        next = 0;
        SleepFor(0.0005);
        continue;
      }
      const double now = WallSeconds();
      if (next == 0 || now - next > 0.05) next = now;  // what it is 50 ms late for is left out
      if (next > now) {
        SleepFor(std::min(next - now, 0.0005));
        continue;
      }
      next += 1 / kReplacementsPerSecond;
      ReplaceOne();
    }
  }

  void SetWriting(bool writing) { writing_.store(writing, std::memory_order_relaxed); }
  void Stop() { stop_.store(true, std::memory_order_relaxed); }
  const std::vector<double>& seconds() const { return seconds_; }  // after Run

 private:
  void ReplaceOne() {
    const size_t at = count_ % changing_.size();
    const bool change = count_ / changing_.size() % 2 == 0;
    ++count_;
    const ProjectSubscriptions& set = change ? changing_[at].changed : changing_[at].original;
    const double begin = WallSeconds();
    const bool usable = index_->ReplaceProject(set).empty();
    seconds_.push_back(WallSeconds() - begin);
    CIEVENTS_CHECK(usable);
  }

  matcher::Index* index_;
  std::vector<ChangingProject> changing_;
  std::vector<double> seconds_;
  size_t count_ = 0;
  std::atomic<bool> writing_{false};
  std::atomic<bool> stop_{false};
};

struct Kept {
  std::vector<double> wall;  // ratios of neighbouring windows
  std::vector<double> cpu;
  std::vector<double> rates;
  double waits = 0;  // of the reader, in windows with the writer
  double writing_seconds = 0;
};

// Windows with and without the writer in turns; which comes first changes too.
Kept ReadInTurns(const matcher::Index& index, const EventPool& events, int pairs, Writer* writer) {
  if (!PinThread(0)) std::fputs("engine_loadtest: the reader is not bound to a core\n", stderr);
  EngineRun engine(index);
  RunForAWindow(&engine, events, kMatchesAPass, kWindowSeconds);
  Kept kept;
  for (int pair = 0; pair < pairs; ++pair) {
    WindowRate rates[2];
    for (int turn = 0; turn < 2; ++turn) {
      const int with_writer = (pair + turn) % 2;
      writer->SetWriting(with_writer == 1);
      SleepFor(0.001);  // both sides have seen it
      const double begin = WallSeconds();
      rates[with_writer] = RunForAWindow(&engine, events, kMatchesAPass, kWindowSeconds);
      if (with_writer == 1) kept.writing_seconds += WallSeconds() - begin;
    }
    kept.wall.push_back(rates[1].wall / rates[0].wall);
    kept.cpu.push_back(rates[1].cpu / rates[0].cpu);
    kept.rates.push_back(rates[1].cpu);
    kept.waits += static_cast<double>(rates[1].waits);
  }
  writer->Stop();
  return kept;
}

void AddReplaceRows(const Kept& kept, const Writer& writer, Report* report) {
  const auto add = [report](std::string_view what, const Figure& figure, std::string unit,
                            std::optional<double> target, Goal goal) {
    Row row;
    row.id = fmt::format("engine.replace.{}", what);
    row.value = figure;
    row.unit = std::move(unit);
    row.target = target;
    row.goal = goal;
    row.elsewhere = "not offered";
    Progress(fmt::format("  {}: {:.4g} {}", row.id, row.value.median, row.unit));
    report->Add(row);
  };
  const std::vector<double>& seconds = writer.seconds();
  const int count = static_cast<int>(seconds.size());
  const auto percentile = [&](double q) {
    const double ms = Percentile(seconds, q) * 1e3;
    return Figure{ms, ms, ms, count};
  };
  add("p50_ms", percentile(0.5), "ms", {}, Goal::kAtMost);
  add("p99_ms", percentile(0.99), "ms", 1.0, Goal::kAtMost);
  add("max_ms", percentile(1), "ms", {}, Goal::kAtMost);
  const double rate = count / kept.writing_seconds;
  add("rate", {rate, rate, rate, 1}, "replacements/s", {}, Goal::kAtLeast);
  add("match_rate_kept", Summarise(kept.cpu), "of the rate without a writer, by CPU time", 0.95,
      Goal::kAtLeast);
  add("match_rate_kept_wall", Summarise(kept.wall), "of the rate without a writer, by wall time",
      {}, Goal::kAtLeast);
  add("match_rate", Summarise(kept.rates), "events/s, with the writer", {}, Goal::kAtLeast);
  // CPU time would not show a reader that sleeps for the writer: its sleeps are counted.
  add("reader_waits", {kept.waits, kept.waits, kept.waits, 1}, "sleeps of the reader", 0,
      Goal::kAtMost);
}

}  // namespace

void MeasureReplace(const Options& options, Report* report) {
  const int64_t projects = options.quick() ? kProjectsFull / 10 : kProjectsFull;
  matcher::Index index;
  EventPool events;
  {
    const Workload workload = MakeS1("replace", projects);
    Load(workload.sets, &index);
  }
  events = MakeS1Events(projects);
  Writer writer(&index, projects);
  std::thread writing([&writer] { writer.Run(); });
  Kept kept;
  std::thread reading(
      [&] { kept = ReadInTurns(index, events, options.quick() ? 5 : kPairsFull, &writer); });
  reading.join();
  writing.join();
  AddReplaceRows(kept, writer, report);
}

}  // namespace cievents::loadtest
