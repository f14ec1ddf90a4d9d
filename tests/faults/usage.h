// What a process holds, from /proc, while it runs.
#ifndef TESTS_FAULTS_USAGE_H_
#define TESTS_FAULTS_USAGE_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace cievents::faults {

struct Usage {
  int64_t resident_mb = 0;
  int descriptors = 0;
  int threads = 0;
};
// All 0 if there is no such process.
Usage UsageOf(pid_t pid);

// Looks ten times a second; keeps the most that was seen.
class UsageWatch {
 public:
  // `pid` is asked each time: 0 = not now.
  explicit UsageWatch(std::function<pid_t()> pid);
  ~UsageWatch();
  int64_t resident_mb_max() const { return resident_mb_max_; }

 private:
  const std::function<pid_t()> pid_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> resident_mb_max_{0};
  std::thread thread_;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_USAGE_H_
