// What the event doors count, for metrics (matcher_metrics.h).
#ifndef SERVICES_EVENT_MATCHER_DOOR_METER_H_
#define SERVICES_EVENT_MATCHER_DOOR_METER_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "services/event_matcher/intake.h"
#include "services/event_matcher/latency_histogram.h"

namespace cievents::event_matcher {

// Thread-safe: relaxed atomics, added to a few times a batch.
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
  enum class Sender { kEmitter, kMatcher };
  static constexpr size_t kSenders = 2;
  static constexpr size_t kKinds = 4;     // of OutcomeKind
  static constexpr size_t kReasons = 11;  // of OutcomeReason
  static constexpr size_t kAcks = 4;      // of AckLevel

  void CountReceived(size_t events, Sender from) {
    Add(received_[static_cast<size_t>(from)], events);
  }
  void CountRefused(Refusal why) { Add(refused_[static_cast<size_t>(why)], 1); }
  // All events of a batch are answered together, `latency` after it was read.
  void CountAnswered(std::span<const Outcome> outcomes, std::chrono::nanoseconds latency);

  void CountStream(int64_t change) { streams_.fetch_add(change, std::memory_order_relaxed); }
  // Of streams: batches without an answer.
  void CountStreamBatches(int64_t change) {
    stream_batches_.fetch_add(change, std::memory_order_relaxed);
  }
  // A stream is not read further for now: its window is full.
  void CountStreamPause() { Add(stream_pauses_, 1); }

  uint64_t refused(Refusal why) const {
    return refused_[static_cast<size_t>(why)].load(std::memory_order_relaxed);
  }

  struct Counts {
    std::array<uint64_t, kSenders> received{};
    std::array<uint64_t, kRefusals> refused{};
    // By kind, reason and ack.
    std::array<std::array<std::array<uint64_t, kAcks>, kReasons>, kKinds> outcomes{};
    uint64_t matched_events = 0;
    uint64_t matches = 0;
    LatencyHistogram::Counts latency;
    int64_t streams = 0;
    int64_t stream_batches = 0;
    uint64_t stream_pauses = 0;

    uint64_t of(OutcomeKind kind, OutcomeReason reason) const;  // with any ack
    uint64_t of(OutcomeKind kind, AckLevel ack) const;          // with any reason
    uint64_t of(OutcomeKind kind) const;
  };
  Counts counts() const;

 private:
  static void Add(std::atomic<uint64_t>& counter, uint64_t count) {
    counter.fetch_add(count, std::memory_order_relaxed);
  }
  static size_t CellOf(const Outcome& outcome);

  std::array<std::atomic<uint64_t>, kSenders> received_{};
  std::array<std::atomic<uint64_t>, kRefusals> refused_{};
  std::array<std::atomic<uint64_t>, kKinds * kReasons * kAcks> outcomes_{};
  std::atomic<uint64_t> matched_events_{0};
  std::atomic<uint64_t> matches_{0};
  LatencyHistogram latency_;
  std::atomic<int64_t> streams_{0};
  std::atomic<int64_t> stream_batches_{0};
  std::atomic<uint64_t> stream_pauses_{0};
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_DOOR_METER_H_
