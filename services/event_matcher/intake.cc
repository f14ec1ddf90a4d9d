#include "services/event_matcher/intake.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/event_matcher/request_rows.h"
#include "services/lib/base/log.h"
#include "services/lib/base/sha256.h"
#include "services/lib/event_formats/event_validation.h"

namespace cievents::event_matcher {
namespace {

// What an emitter is asked to wait: one round of group commits, and a Postgres restart's start.
constexpr absl::Duration kQueueFullRetryAfter = absl::Milliseconds(200);
constexpr absl::Duration kStoreUnavailableRetryAfter = absl::Seconds(1);

Outcome Rejected(OutcomeReason reason, std::string message) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kRejected;
  outcome.reason = reason;
  outcome.message = std::move(message);
  return outcome;
}

Outcome Overloaded(OutcomeReason reason, absl::Duration retry_after, std::string message) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kOverloaded;
  outcome.reason = reason;
  outcome.retry_after = retry_after;
  outcome.message = std::move(message);
  return outcome;
}

Outcome WithUid(std::string event_uid, Outcome outcome) {
  outcome.event_uid = std::move(event_uid);
  return outcome;
}

// Counts what nobody may miss, for at most one line a second. Thread-safe.
class CountForLog {
 public:
  // What is to be logged now; 0 = nothing yet.
  int64_t Add(int64_t count) {
    if (count > 0) waiting_.fetch_add(count);
    const int64_t now_ms = absl::ToUnixMillis(absl::Now());
    int64_t due_ms = next_line_ms_.load();
    if (waiting_.load() == 0 || now_ms < due_ms) return 0;
    if (!next_line_ms_.compare_exchange_strong(due_ms, now_ms + 1000)) return 0;
    return waiting_.exchange(0);
  }

 private:
  std::atomic<int64_t> waiting_{0};
  std::atomic<int64_t> next_line_ms_{0};
};

// Nobody waits for the results of events that were answered RECEIVED: what is lost there is at
// least said.
void ReportUnkept(const std::vector<EventWriteResult>& results) {
  static CountForLog unkept;
  int64_t count = 0;
  for (const EventWriteResult& result : results) {
    const bool is_kept = result.kind == EventWriteResult::Kind::kCommitted ||
                         result.kind == EventWriteResult::Kind::kSpooled;
    if (!is_kept) ++count;
  }
  if (const int64_t events = unkept.Add(count); events > 0) {
    LogWarning("events that were acknowledged as received were not stored", {{"events", events}});
  }
}

// `event` is one of those that are counted.
void ReportFailedPayload(const Event& event, uint32_t count) {
  static CountForLog failed;
  if (const int64_t conditions = failed.Add(count); conditions > 0) {
    LogWarning("conditions could not be evaluated: the payload is not the JSON that it should be",
               {{"subscriptions", conditions},
                {"meta.project_id", event.project_id},
                {"event_name", event.names.front()},
                {"correlation_id", event.correlation_id}});
  }
}

// `outcome` holds what is known from matching; this adds what became of the write.
void ApplyWriteResult(const EventWriteResult& result, Outcome* outcome) {
  switch (result.kind) {
    case EventWriteResult::Kind::kCommitted:
      outcome->kind = result.inserted > 0 ? OutcomeKind::kAccepted : OutcomeKind::kDuplicate;
      outcome->ack = AckLevel::kDurable;
      if (result.stored_uid.has_value()) outcome->event_uid = result.stored_uid->ToString();
      return;
    case EventWriteResult::Kind::kSpooled:
      outcome->kind = OutcomeKind::kAccepted;
      outcome->ack = AckLevel::kDurableLocal;
      return;
    case EventWriteResult::Kind::kIdReused:
      *outcome =
          Rejected(OutcomeReason::kIdReused,
                   "an event with this id and source (and time, where retries repeat it) was "
                   "accepted before with other data; give a new event a new id");
      return;
    case EventWriteResult::Kind::kRefused:
      *outcome = Rejected(OutcomeReason::kInvalid,
                          fmt::format("the event cannot be stored: {}", result.message));
      return;
    case EventWriteResult::Kind::kUnavailable:
      *outcome =
          WithUid(std::move(outcome->event_uid),
                  Overloaded(OutcomeReason::kStoreUnavailable, kStoreUnavailableRetryAfter,
                             "the event could not be stored in time; send the same event again"));
      return;
  }
}

// Over several deliveries of an event its requests are the union (delivery rules); a repeat may
// name the event otherwise, and match others.
void AddMissing(std::vector<store::RequestRow> requests, EventWrite* write) {
  absl::flat_hash_set<int64_t> there;
  for (const store::RequestRow& one : write->requests) there.insert(one.subscription_id);
  for (store::RequestRow& one : requests) {
    if (!there.insert(one.subscription_id).second) continue;
    one.event_uid = write->event.uid;
    write->requests.push_back(std::move(one));
  }
}

}  // namespace

// What one tenant's events fire: submitted by itself, so that tenants can take turns.
struct Intake::TenantPart {
  std::vector<EventWrite> writes;
  std::vector<size_t> positions;  // writes[i] decides outcomes[positions[i]]
};

// A batch on its way: outcomes by position, and the writes that some of them wait for.
struct Intake::Batch {
  struct Admitted {
    Event* event;  // the caller's
    size_t position;
  };
  std::vector<Outcome> outcomes;
  std::vector<Admitted> admitted;
  std::map<int64_t, TenantPart> parts;  // by root namespace
  std::atomic<size_t> unfinished{1};    // parts that are under way, and Publish itself
  Done done;
  // The first of the batch's deliveries of an event, and where its write is.
  struct First {
    size_t position;
    int64_t tenant;
    size_t write;  // of the tenant's part
  };
  absl::flat_hash_map<matcher::EventUid, First> first_by_key;  // DeliveryKey
  std::vector<std::pair<size_t, size_t>> repeats;              // (position, position of the first)
};

Intake::Intake(Options options, MatcherPool& matchers, Enqueuer& enqueuer)
    : options_(std::move(options)),
      matchers_(matchers),
      enqueuer_(enqueuer),
      rates_(options_.tenant_events_per_second) {}

void Intake::Publish(std::span<DecodedEvent> events, AckLevel ack, const Done& done) const {
  auto batch = std::make_shared<Batch>();
  batch->outcomes.resize(events.size());
  const absl::Time now = options_.now();
  {
    const MatcherPool::Loan matcher = matchers_.Borrow();
    batch->admitted.reserve(events.size());
    for (size_t i = 0; i < events.size(); ++i) {
      Admit(&events[i], i, now, *matcher, batch.get());
    }
    MatchAll(*matcher, batch.get());
  }

  batch->done = done;
  for (auto& [tenant, part] : batch->parts) SubmitPart(batch, ack, &part);
  FinishOne(batch.get());
}

void Intake::SubmitPart(const std::shared_ptr<Batch>& batch, AckLevel ack, TenantPart* part) const {
  const bool waits = ack != AckLevel::kReceived;
  Enqueuer::Done on_written;
  if (waits) {
    batch->unfinished.fetch_add(1);
    on_written = [batch, part](const std::vector<EventWriteResult>& results) {
      CIEVENTS_CHECK(results.size() == part->positions.size());
      for (size_t i = 0; i < results.size(); ++i) {
        ApplyWriteResult(results[i], &batch->outcomes[part->positions[i]]);
      }
      FinishOne(batch.get());
    };
  } else {
    on_written = [](const std::vector<EventWriteResult>& results) { ReportUnkept(results); };
  }
  const absl::Status taken =
      enqueuer_.Submit(std::make_shared<const std::vector<EventWrite>>(std::move(part->writes)),
                       std::move(on_written));
  if (taken.ok() && waits) return;  // on_written does the rest
  for (const size_t position : part->positions) {
    Outcome& outcome = batch->outcomes[position];
    if (taken.ok()) {
      outcome.kind = OutcomeKind::kAccepted;
      outcome.ack = AckLevel::kReceived;
    } else {
      outcome = WithUid(std::move(outcome.event_uid),
                        Overloaded(OutcomeReason::kQueueFull, kQueueFullRetryAfter,
                                   std::string(taken.message()) + "; send the same event again"));
    }
  }
  if (waits) FinishOne(batch.get());
}

void Intake::FinishOne(Batch* batch) {
  if (batch->unfinished.fetch_sub(1) != 1) return;
  for (const auto& [position, first] : batch->repeats) {
    Outcome& outcome = batch->outcomes[position];
    const std::optional<int> matched_count = outcome.matched_count;
    outcome = batch->outcomes[first];
    if (outcome.kind == OutcomeKind::kAccepted) outcome.kind = OutcomeKind::kDuplicate;
    if (outcome.matched_count.has_value()) outcome.matched_count = matched_count;
  }
  batch->done(std::move(batch->outcomes));
}

void Intake::Admit(DecodedEvent* given, size_t position, absl::Time now, matcher::Matcher& matcher,
                   Batch* batch) const {
  Outcome& outcome = batch->outcomes[position];
  if (!IsAcceptableAt(given, now, &outcome)) return;
  Event& event = given->event;
  if (event.project_id != 0 && event.namespace_ids.empty() &&
      !matcher.FindNamespaces(event.project_id, &event.namespace_ids)) {
    outcome.reason = OutcomeReason::kUnknownProject;
  }
  const int64_t tenant = event.namespace_ids.empty() ? 0 : event.namespace_ids.front();
  if (const absl::Duration wait = rates_.Take(tenant, now); wait > absl::ZeroDuration()) {
    outcome = Overloaded(OutcomeReason::kRateLimited, wait,
                         fmt::format("namespace {} emits more than {} events a second; send the "
                                     "same event again later",
                                     tenant, options_.tenant_events_per_second));
    return;
  }
  batch->admitted.push_back({&event, position});
}

bool Intake::IsAcceptable(DecodedEvent* given, Outcome* outcome) const {
  return IsAcceptableAt(given, options_.now(), outcome);
}

bool Intake::IsAcceptableAt(DecodedEvent* given, absl::Time now, Outcome* outcome) const {
  if (!given->status.ok()) {
    *outcome = Rejected(OutcomeReason::kInvalid, std::string(given->status.message()));
    return false;
  }
  Event& event = given->event;
  const int64_t now_ms = absl::ToUnixMillis(now);
  // The clock of another matcher may be as much ahead of ours as an emitter's: what it has admitted
  // is not refused here for that.
  event.received_time_ms =
      event.received_time_ms == 0
          ? now_ms
          : std::min(event.received_time_ms,
                     now_ms + absl::ToInt64Milliseconds(options_.future_tolerance));
  const absl::Time received = absl::FromUnixMillis(event.received_time_ms);
  if (event.retries == Retries::kMayChangeTime && !IsInWindow(event.time_ms, received)) {
    event.time_ms = event.received_time_ms;  // absent, wrong, or that of a late retry
  }
  if (const absl::Status valid = ValidateEvent(event, options_.event_data_bytes_max); !valid.ok()) {
    *outcome = Rejected(OutcomeReason::kInvalid, std::string(valid.message()));
    return false;
  }
  if (IsInWindow(event.time_ms, received)) return true;
  *outcome = RefuseTime(event.time_ms, received);
  return false;
}

bool Intake::IsInWindow(int64_t time_ms, absl::Time now) const {
  const absl::Time time = absl::FromUnixMillis(time_ms);
  return time >= now - options_.admission_window && time <= now + options_.future_tolerance;
}

Outcome Intake::RefuseTime(int64_t time_ms, absl::Time now) const {
  const absl::Time time = absl::FromUnixMillis(time_ms);
  const auto seconds = [](absl::Duration duration) {
    return absl::FormatDuration(absl::Trunc(duration, absl::Seconds(1)));
  };
  if (time < now) {
    return Rejected(
        OutcomeReason::kExpired,
        fmt::format("time is {} old; events are taken up to {} after they happened",
                    seconds(now - time), absl::FormatDuration(options_.admission_window)));
  }
  return Rejected(
      OutcomeReason::kFromTheFuture,
      fmt::format("time is {} ahead of the server's clock, more than the {} that are tolerated: "
                  "check the emitter's clock",
                  seconds(time - now), absl::FormatDuration(options_.future_tolerance)));
}

void Intake::MatchAll(matcher::Matcher& matcher, Batch* batch) const {
  std::vector<Batch::Admitted>& admitted = batch->admitted;
  std::vector<matcher::EventView> views;
  views.reserve(admitted.size());
  for (const Batch::Admitted& one : admitted) views.push_back(ViewOf(*one.event));
  std::vector<matcher::MatchCounts> counts(admitted.size());
  std::vector<std::vector<store::RequestRow>> requests(admitted.size());
  matcher.MatchBatch(views, std::span(counts), [&](size_t i, const matcher::Match& match) {
    const Event& event = *admitted[i].event;
    // Most events match nothing: the uid is worked out for those that do.
    const matcher::EventUid uid =
        requests[i].empty() ? UidOf(event) : requests[i].front().event_uid;
    requests[i].push_back(MakeRequestRow(event, uid, match));
  });
  for (size_t i = 0; i < admitted.size(); ++i) {
    Outcome& outcome = batch->outcomes[admitted[i].position];
    outcome.matched_count = static_cast<int>(requests[i].size());
    outcome.failed_payload_count = static_cast<int>(counts[i].failed_payload);
    outcome.suspended_count = static_cast<int>(counts[i].suspended);
    outcome.filtered_by_rules_count = static_cast<int>(counts[i].filtered_by_rules);
    if (counts[i].failed_payload > 0) {
      ReportFailedPayload(*admitted[i].event, counts[i].failed_payload);
    }
    if (requests[i].empty()) {
      outcome.kind = OutcomeKind::kAccepted;
      outcome.ack = AckLevel::kDurable;  // nothing to keep
    } else {
      AddWrite(std::move(*admitted[i].event), admitted[i].position, std::move(requests[i]), batch);
    }
  }
  admitted.clear();
}

void Intake::AddWrite(Event event, size_t position, std::vector<store::RequestRow> requests,
                      Batch* batch) const {
  Outcome& outcome = batch->outcomes[position];
  const matcher::EventUid uid = requests.front().event_uid;
  // That of a keyed event is known once it is stored.
  if (event.retries == Retries::kRepeatTheTime) outcome.event_uid = uid.ToString();
  EventWrite write{MakeEventRow(std::move(event), uid), std::move(requests)};
  const int64_t tenant = write.event.root_namespace_id;
  TenantPart& part = batch->parts[tenant];
  const auto [it, is_first] = batch->first_by_key.try_emplace(
      store::DeliveryKey(write.event), Batch::First{position, tenant, part.writes.size()});
  if (is_first) {
    part.writes.push_back(std::move(write));
    part.positions.push_back(position);
    return;
  }
  EventWrite& first = batch->parts[it->second.tenant].writes[it->second.write];
  if (first.event.data_digest == write.event.data_digest) {
    batch->repeats.emplace_back(position, it->second.position);
    AddMissing(std::move(write.requests), &first);
  } else {
    outcome = Rejected(OutcomeReason::kRepeatedInBatch,
                       "the batch holds another event with this id and source (and time, where "
                       "retries repeat it) but other data; only the first counts");
  }
}

}  // namespace cievents::event_matcher
