// From an event to its outcome: check, identify, match, hand to the enqueuer. No gRPC here.
//
//   each event -> in the window? valid? -> ancestors, uid;   then all of them -> match
//     nothing matched:  accepted at once
//     matched:          enqueuer -> its outcome
#ifndef SERVICES_EVENT_MATCHER_INTAKE_H_
#define SERVICES_EVENT_MATCHER_INTAKE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/event_matcher/enqueuer.h"
#include "services/event_matcher/matcher_pool.h"
#include "services/event_matcher/rate_limiter.h"
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
  kRateLimited,
  kNotOwner,
};

enum class AckLevel { kNone, kDurable, kDurableLocal, kReceived };

struct Outcome {
  OutcomeKind kind = OutcomeKind::kRejected;
  OutcomeReason reason = OutcomeReason::kNone;
  std::string message;
  std::optional<int> matched_count;
  int failed_payload_count = 0;     // subscriptions whose conditions could not be evaluated
  int suspended_count = 0;          // subscriptions that would have fired
  int filtered_by_rules_count = 0;  // subscriptions whose CI file's rules let nothing run
  AckLevel ack = AckLevel::kNone;
  absl::Duration retry_after = absl::ZeroDuration();
  std::string event_uid;         // empty if there is no request
  int64_t topology_version = 0;  // with kNotOwner
};

// What a door made of one event's bytes; not OK: they were no event. Its memory serves the next
// batch: of what the intake keeps it moves out. `event.received_time_ms` is 0, or when another
// matcher received the event first: its age is judged by that.
struct DecodedEvent {
  Event event;
  absl::Status status;
};

class Intake {
 public:
  struct Options {
    absl::Duration admission_window = absl::Hours(24);
    absl::Duration future_tolerance = absl::Minutes(5);
    size_t event_data_bytes_max = kEventDataBytesMax;
    // Of each root namespace; beyond it events are put off. 0 = no limit.
    int64_t tenant_events_per_second = 0;
    std::function<absl::Time()> now = [] { return absl::Now(); };
  };

  // `matchers` and `enqueuer` must outlive the intake.
  Intake(Options options, MatcherPool& matchers, Enqueuer& enqueuer);

  // Called exactly once, from any thread, with one outcome for each event in order.
  using Done = std::function<void(std::vector<Outcome>)>;

  // False: it is rejected wherever it goes, and `outcome` says why. Sets event.received_time_ms.
  bool IsAcceptable(DecodedEvent* given, Outcome* outcome) const;

  // `events` are used until it returns; `done` may come before that, or later. Thread-safe.
  void Publish(std::span<DecodedEvent> events, AckLevel ack, const Done& done) const;

 private:
  struct Batch;
  struct TenantPart;

  // Appends to batch->admitted, or sets the outcome.
  void Admit(DecodedEvent* given, size_t position, absl::Time now, matcher::Matcher& matcher,
             Batch* batch) const;
  bool IsAcceptableAt(DecodedEvent* given, absl::Time now, Outcome* outcome) const;
  // True: the time is neither older than the window nor too far ahead.
  bool IsInWindow(int64_t time_ms, absl::Time now) const;
  // REQUIRES: the time is not in the window.
  Outcome RefuseTime(int64_t time_ms, absl::Time now) const;
  // Hands one tenant's writes to the enqueuer.
  void SubmitPart(const std::shared_ptr<Batch>& batch, AckLevel ack, TenantPart* part) const;
  // Called once for each part that was waited for, and by Publish: the last call answers.
  static void FinishOne(Batch* batch);
  // Turns all that was admitted into outcomes and writes.
  void MatchAll(matcher::Matcher& matcher, Batch* batch) const;
  void AddWrite(Event event, size_t position, std::vector<store::RequestRow> requests,
                Batch* batch) const;

  const Options options_;
  MatcherPool& matchers_;
  Enqueuer& enqueuer_;
  mutable RateLimiter rates_;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_INTAKE_H_
