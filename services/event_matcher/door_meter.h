// What the event doors count, for metrics.
#ifndef SERVICES_EVENT_MATCHER_DOOR_METER_H_
#define SERVICES_EVENT_MATCHER_DOOR_METER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cievents::event_matcher {

// Thread-safe: relaxed atomics, added to once a batch.
class DoorMeter {
 public:
  // Why a batch was refused as a whole: none of its events was worked on.
  enum class Refusal {
    kLoading,    // the subscriptions are not in memory yet
    kNoRoom,     // too many calls are under way
    kInvalid,    // it is no batch, or over a limit
    kDeadline,   // it had passed
    kCancelled,  // nobody waits for the answer
  };
  static constexpr size_t kRefusals = 5;

  void CountRefused(Refusal why) {
    refused_[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  }
  uint64_t refused(Refusal why) const {
    return refused_[static_cast<size_t>(why)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, kRefusals> refused_{};
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_DOOR_METER_H_
