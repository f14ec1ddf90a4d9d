// From an event to its outcome: check, identify, match, hand to the enqueuer. No gRPC here.
//
//   event -> valid? -> in the window? -> ancestors, uid -> match
//     nothing matched:  accepted at once
//     matched:          enqueuer -> its outcome
#ifndef SERVICES_EVENT_MATCHER_INTAKE_H_
#define SERVICES_EVENT_MATCHER_INTAKE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "matcher/index.h"
#include "services/event_matcher/enqueuer.h"
#include "services/lib/event_formats/event.h"

namespace cievents::event_matcher {

enum class OutcomeKind { kAccepted, kDuplicate, kRejected, kOverloaded };

enum class OutcomeReason {
  kNone,
  kInvalid,
  kExpired,
  kFromTheFuture,
  kIdReused,
  kQueueFull,
  kStoreUnavailable,
  kUnknownProject,
  kRepeatedInBatch,
};

enum class AckLevel { kNone, kDurable, kReceived };

struct Outcome {
  OutcomeKind kind = OutcomeKind::kRejected;
  OutcomeReason reason = OutcomeReason::kNone;
  std::string message;
  std::optional<int> matched_count;
  AckLevel ack = AckLevel::kNone;
  absl::Duration retry_after = absl::ZeroDuration();
  std::string event_uid;
};

class Intake {
 public:
  struct Options {
    absl::Duration admission_window = absl::Hours(24);
    absl::Duration future_tolerance = absl::Minutes(5);
    size_t event_data_bytes_max = kEventDataBytesMax;
    std::function<absl::Time()> now = [] { return absl::Now(); };
  };

  // `index` and `enqueuer` must outlive the intake.
  Intake(Options options, const matcher::Index& index, Enqueuer& enqueuer);

  // Called exactly once, from any thread, with one outcome for each event in order.
  using Done = std::function<void(std::vector<Outcome>)>;

  // `events` holds an error (kInvalidArgument) where the bytes were no event. Thread-safe.
  void Publish(std::vector<absl::StatusOr<Event>> events, AckLevel ack, const Done& done) const;

 private:
  struct Batch;

  void Admit(const absl::StatusOr<Event>& event, size_t position, absl::Time now,
             Batch* batch) const;
  // False: `outcome` says why.
  bool InWindow(const Event& event, absl::Time now, Outcome* outcome) const;
  void MatchAndAdd(Event event, size_t position, Batch* batch) const;

  const Options options_;
  const matcher::Index& index_;
  Enqueuer& enqueuer_;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_INTAKE_H_
