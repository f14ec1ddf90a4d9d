#include "services/event_matcher/intake.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
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

// Nobody waits for the results of events that were answered RECEIVED: what is lost there is at
// least said. At most one line a second.
void ReportUnkept(const std::vector<EventWriteResult>& results) {
  static std::atomic<int64_t> unkept{0};
  static std::atomic<int64_t> next_line_ms{0};
  for (const EventWriteResult& result : results) {
    if (result.kind != EventWriteResult::Kind::kCommitted) unkept.fetch_add(1);
  }
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  int64_t due_ms = next_line_ms.load();
  if (unkept.load() == 0 || now_ms < due_ms) return;
  if (!next_line_ms.compare_exchange_strong(due_ms, now_ms + 1000)) return;
  LogWarning("events that were acknowledged as received were not stored",
             {{"events", unkept.exchange(0)}});
}

// `outcome` holds what is known from matching; this adds what became of the write.
void ApplyWriteResult(const EventWriteResult& result, Outcome* outcome) {
  switch (result.kind) {
    case EventWriteResult::Kind::kCommitted:
      outcome->kind = result.inserted > 0 ? OutcomeKind::kAccepted : OutcomeKind::kDuplicate;
      outcome->ack = AckLevel::kDurable;
      return;
    case EventWriteResult::Kind::kIdReused:
      *outcome = Rejected(OutcomeReason::kIdReused,
                          "an event with this id, source and time was accepted before with other "
                          "data; give a new event a new id");
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

}  // namespace

// A batch on its way: outcomes by position, and the writes that some of them wait for.
struct Intake::Batch {
  std::vector<Outcome> outcomes;
  std::vector<EventWrite> writes;
  std::vector<size_t> write_positions;  // writes[i] decides outcomes[write_positions[i]]
  struct First {
    size_t position;
    std::array<uint8_t, 32> digest;
  };
  absl::flat_hash_map<matcher::EventUid, First> first_by_uid;
  std::vector<std::pair<size_t, size_t>> repeats;  // (position, position of the first)
};

Intake::Intake(Options options, const matcher::Index& index, Enqueuer& enqueuer)
    : options_(std::move(options)), index_(index), enqueuer_(enqueuer) {}

void Intake::Publish(std::vector<absl::StatusOr<Event>> events, AckLevel ack,
                     const Done& done) const {
  auto batch = std::make_shared<Batch>();
  batch->outcomes.resize(events.size());
  const absl::Time now = options_.now();
  for (size_t i = 0; i < events.size(); ++i) Admit(events[i], i, now, batch.get());

  const auto finish = [batch](const Done& finished) {
    for (const auto& [position, first] : batch->repeats) {
      batch->outcomes[position] = batch->outcomes[first];
      if (batch->outcomes[position].kind == OutcomeKind::kAccepted) {
        batch->outcomes[position].kind = OutcomeKind::kDuplicate;
      }
    }
    finished(std::move(batch->outcomes));
  };
  if (batch->writes.empty()) {
    finish(done);
    return;
  }
  Enqueuer::Done on_written;
  if (ack == AckLevel::kReceived) {
    on_written = [](const std::vector<EventWriteResult>& results) { ReportUnkept(results); };
  } else {
    on_written = [batch, finish, done](const std::vector<EventWriteResult>& results) {
      CIEVENTS_CHECK(results.size() == batch->write_positions.size());
      for (size_t i = 0; i < results.size(); ++i) {
        ApplyWriteResult(results[i], &batch->outcomes[batch->write_positions[i]]);
      }
      finish(done);
    };
  }
  const absl::Status taken = enqueuer_.Submit(std::move(batch->writes), std::move(on_written));
  if (taken.ok() && ack != AckLevel::kReceived) return;  // on_written finishes
  for (const size_t position : batch->write_positions) {
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
  finish(done);
}

void Intake::Admit(const absl::StatusOr<Event>& given, size_t position, absl::Time now,
                   Batch* batch) const {
  Outcome& outcome = batch->outcomes[position];
  if (!given.ok()) {
    outcome = Rejected(OutcomeReason::kInvalid, std::string(given.status().message()));
    return;
  }
  Event event = *given;
  if (const absl::Status valid = ValidateEvent(event, options_.event_data_bytes_max); !valid.ok()) {
    outcome = Rejected(OutcomeReason::kInvalid, std::string(valid.message()));
    return;
  }
  if (!InWindow(event, now, &outcome)) return;
  event.received_time_ms = absl::ToUnixMillis(now);
  if (event.project_id != 0 && event.namespace_ids.empty() &&
      !index_.FindNamespaces(event.project_id, &event.namespace_ids)) {
    outcome.reason = OutcomeReason::kUnknownProject;
  }
  MatchAndAdd(std::move(event), position, batch);
}

bool Intake::InWindow(const Event& event, absl::Time now, Outcome* outcome) const {
  const absl::Time time = absl::FromUnixMillis(event.time_ms);
  if (time < now - options_.admission_window) {
    *outcome = Rejected(OutcomeReason::kExpired,
                        fmt::format("time is {} old; events are taken up to {} after they happened",
                                    absl::FormatDuration(absl::Trunc(now - time, absl::Seconds(1))),
                                    absl::FormatDuration(options_.admission_window)));
    return false;
  }
  if (time > now + options_.future_tolerance) {
    *outcome = Rejected(
        OutcomeReason::kFromTheFuture,
        fmt::format("time is {} ahead of the server's clock, more than the {} that are tolerated: "
                    "check the emitter's clock",
                    absl::FormatDuration(absl::Trunc(time - now, absl::Seconds(1))),
                    absl::FormatDuration(options_.future_tolerance)));
    return false;
  }
  return true;
}

void Intake::MatchAndAdd(Event event, size_t position, Batch* batch) const {
  Outcome& outcome = batch->outcomes[position];
  const matcher::EventUid uid = matcher::MakeEventUid(event.time_ms, IdentityOf(event), &Sha256);
  outcome.event_uid = uid.ToString();
  std::vector<matcher::Match> matches;
  const matcher::EventView view{event.names,        event.project_id, event.namespace_ids,
                                event.confidential, event.time_ms,    event.replayed};
  index_.MatchEvent(view, &matches);
  outcome.matched_count = static_cast<int>(matches.size());
  if (matches.empty()) {
    outcome.kind = OutcomeKind::kAccepted;
    outcome.ack = AckLevel::kDurable;  // nothing to keep
    return;
  }
  EventWrite write = MakeEventWrite(std::move(event), uid, matches);
  const auto [it, is_first] =
      batch->first_by_uid.try_emplace(uid, Batch::First{position, write.event.data_digest});
  if (!is_first) {
    if (it->second.digest == write.event.data_digest) {
      batch->repeats.emplace_back(position, it->second.position);
    } else {
      outcome = Rejected(OutcomeReason::kRepeatedInBatch,
                         "the batch holds another event with this id, source and time but other "
                         "data; only the first counts");
    }
    return;
  }
  batch->writes.push_back(std::move(write));
  batch->write_positions.push_back(position);
}

}  // namespace cievents::event_matcher
