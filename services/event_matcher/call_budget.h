// How much of the unary calls may be unanswered at a time. gRPC keeps a call's request until it is
// answered, whatever little of it waits for Postgres: without a bound a burst of large batches
// would take all memory while the queue of matched events is nearly empty.
#ifndef SERVICES_EVENT_MATCHER_CALL_BUDGET_H_
#define SERVICES_EVENT_MATCHER_CALL_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cievents::event_matcher {

// Overload policy kReject. Thread-safe, without a lock: where calls come and go at the same time
// one may be refused that would just have fitted.
class CallBudget {
 public:
  CallBudget(size_t calls_max, size_t bytes_max) : calls_max_(calls_max), bytes_max_(bytes_max) {}

  // False: there is no room. True: Leave with the same `bytes` gives it back.
  bool Enter(size_t bytes) {
    const size_t calls = calls_.fetch_add(1, std::memory_order_relaxed) + 1;
    const size_t held = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (calls <= calls_max_ && held <= bytes_max_) return true;
    Leave(bytes);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void Leave(size_t bytes) {
    calls_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  struct Stats {
    size_t calls = 0;
    size_t bytes = 0;
    size_t calls_max = 0;
    size_t bytes_max = 0;
    uint64_t refused = 0;
  };
  Stats stats() const {
    return {calls_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed),
            calls_max_, bytes_max_, refused_.load(std::memory_order_relaxed)};
  }

 private:
  const size_t calls_max_;
  const size_t bytes_max_;
  std::atomic<size_t> calls_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_CALL_BUDGET_H_
