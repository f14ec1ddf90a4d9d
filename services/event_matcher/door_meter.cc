#include "services/event_matcher/door_meter.h"

namespace cievents::event_matcher {

static_assert(static_cast<size_t>(OutcomeKind::kOverloaded) + 1 == DoorMeter::kKinds);
static_assert(static_cast<size_t>(OutcomeReason::kNotOwner) + 1 == DoorMeter::kReasons);
static_assert(static_cast<size_t>(AckLevel::kReceived) + 1 == DoorMeter::kAcks);

size_t DoorMeter::CellOf(const Outcome& outcome) {
  return (static_cast<size_t>(outcome.kind) * kReasons + static_cast<size_t>(outcome.reason)) *
             kAcks +
         static_cast<size_t>(outcome.ack);
}

void DoorMeter::CountAnswered(std::span<const Outcome> outcomes, std::chrono::nanoseconds latency) {
  if (outcomes.empty()) return;
  uint64_t matched_events = 0;
  uint64_t matches = 0;
  // Neighbours mostly end alike: one addition for each run of them.
  size_t cell = CellOf(outcomes.front());
  uint64_t run = 0;
  for (const Outcome& outcome : outcomes) {
    if (const size_t next = CellOf(outcome); next != cell) {
      Add(outcomes_[cell], run);
      cell = next;
      run = 0;
    }
    ++run;
    const bool taken =
        outcome.kind == OutcomeKind::kAccepted || outcome.kind == OutcomeKind::kDuplicate;
    if (const int count = outcome.matched_count.value_or(0); taken && count > 0) {
      ++matched_events;
      matches += static_cast<uint64_t>(count);
    }
  }
  Add(outcomes_[cell], run);
  if (matched_events > 0) {
    Add(matched_events_, matched_events);
    Add(matches_, matches);
  }
  latency_.Add(latency, outcomes.size());
}

DoorMeter::Counts DoorMeter::counts() const {
  Counts counts;
  for (size_t i = 0; i < kSenders; ++i) counts.received[i] = received_[i];
  for (size_t i = 0; i < kRefusals; ++i) counts.refused[i] = refused_[i];
  for (size_t cell = 0; cell < outcomes_.size(); ++cell) {
    counts.outcomes[cell / (kReasons * kAcks)][cell / kAcks % kReasons][cell % kAcks] =
        outcomes_[cell];
  }
  counts.matched_events = matched_events_;
  counts.matches = matches_;
  counts.latency = latency_.counts();
  counts.streams = streams_;
  counts.stream_batches = stream_batches_;
  counts.stream_pauses = stream_pauses_;
  return counts;
}

uint64_t DoorMeter::Counts::of(OutcomeKind kind, OutcomeReason reason) const {
  uint64_t sum = 0;
  for (const uint64_t count : outcomes[static_cast<size_t>(kind)][static_cast<size_t>(reason)]) {
    sum += count;
  }
  return sum;
}

uint64_t DoorMeter::Counts::of(OutcomeKind kind, AckLevel ack) const {
  uint64_t sum = 0;
  for (const auto& by_ack : outcomes[static_cast<size_t>(kind)]) {
    sum += by_ack[static_cast<size_t>(ack)];
  }
  return sum;
}

uint64_t DoorMeter::Counts::of(OutcomeKind kind) const {
  uint64_t sum = 0;
  for (size_t reason = 0; reason < kReasons; ++reason) {
    sum += of(kind, static_cast<OutcomeReason>(reason));
  }
  return sum;
}

}  // namespace cievents::event_matcher
