// Says of each subscription that cannot be evaluated that it does not fire: once, and not more than
// a log takes.
#ifndef SERVICES_EVENT_MATCHER_UNUSABLE_LOG_H_
#define SERVICES_EVENT_MATCHER_UNUSABLE_LOG_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "matcher/index/index.h"

namespace cievents::event_matcher {

// Not thread-safe: the feed follower's thread only.
class UnusableLog {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    int lines_max = 20;  // in one interval
    std::chrono::seconds interval{60};
    // Beyond so many the log forgets what it said, so that it cannot grow with the index.
    size_t remembered_max = 100'000;
    std::function<Clock::time_point()> now = [] { return Clock::now(); };
    std::function<void(const matcher::UnusableSubscription&)> write_line = WriteLine;
    std::function<void(uint64_t left_out)> write_left_out = WriteLeftOut;
  };

  UnusableLog() : UnusableLog(Options()) {}
  explicit UnusableLog(Options options) : options_(std::move(options)) {}

  // What was said before with the same reason is not said again.
  void Report(std::span<const matcher::UnusableSubscription> unusable);

 private:
  static void WriteLine(const matcher::UnusableSubscription& subscription);
  static void WriteLeftOut(uint64_t left_out);
  void StartIntervalIfDue();

  const Options options_;
  absl::flat_hash_map<int64_t, std::string> said_;  // reason by subscription id
  Clock::time_point interval_start_{};
  int lines_ = 0;          // in this interval
  uint64_t left_out_ = 0;  // in this interval
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_UNUSABLE_LOG_H_
