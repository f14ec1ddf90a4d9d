#include "services/event_matcher/router.h"

#include <fmt/format.h>

#include <atomic>
#include <future>
#include <map>
#include <utility>

#include "matcher/slots.h"
#include "services/event_matcher/spool_codec.h"

namespace cievents::event_matcher {
namespace {

constexpr int kHere = -1;
constexpr absl::Duration kOwnerAwayRetryAfter = absl::Seconds(1);

Outcome NotOwner(int64_t topology_version, std::string message) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kOverloaded;
  outcome.reason = OutcomeReason::kNotOwner;
  outcome.retry_after = kOwnerAwayRetryAfter;
  outcome.topology_version = topology_version;
  outcome.message = std::move(message);
  return outcome;
}

Outcome KeptRaw() {
  Outcome outcome;
  outcome.kind = OutcomeKind::kAccepted;
  outcome.ack = AckLevel::kDurableLocal;
  return outcome;  // what matches is not known yet
}

// What an outcome means for the spool's record.
EventWriteResult ToWriteResult(const Outcome& outcome) {
  EventWriteResult result;
  result.message = outcome.message;
  switch (outcome.kind) {
    case OutcomeKind::kAccepted:
    case OutcomeKind::kDuplicate:
      result.kind = EventWriteResult::Kind::kCommitted;
      break;
    case OutcomeKind::kRejected:
      result.kind = outcome.reason == OutcomeReason::kIdReused ? EventWriteResult::Kind::kIdReused
                                                               : EventWriteResult::Kind::kRefused;
      break;
    case OutcomeKind::kOverloaded:
      result.kind = EventWriteResult::Kind::kUnavailable;
      break;
  }
  return result;
}

}  // namespace

// A batch of which some goes elsewhere.
struct Router::Batch {
  Delivery delivery;
  int64_t topology_version = 0;
  Intake::Done done;
  std::vector<Outcome> outcomes;
  // Of what goes elsewhere, by position: as it came, and as it would be spooled.
  std::vector<std::string> encoded;
  std::vector<spool::Record> records;
  std::atomic<size_t> unfinished{1};  // parts, and Publish itself
};

Router::Router(const Intake& intake, const ShardMap& shards, const ProjectRoots& roots,
               EventForwarder& forwarder, spool::Spool* spool, Decode decode)
    : intake_(intake),
      shards_(shards),
      roots_(roots),
      forwarder_(forwarder),
      spool_(spool),
      decode_(std::move(decode)) {}

std::optional<int64_t> Router::RootOf(const Event& event) const {
  if (!event.namespace_ids.empty()) return roots_.OfGroup(event.namespace_ids.front());
  if (event.project_id == 0) return 0;
  return roots_.OfProject(event.project_id);
}

int Router::ShardOf(const ShardView& view, const DecodedEvent& event) const {
  if (!event.status.ok()) return kHere;  // to be refused
  // Not even the roots of projects are known before the first load.
  if (view.loaded.none()) return shards_.shard_index();
  const std::optional<int64_t> root = RootOf(event.event);
  // Of a loaded slot, or of no project that is known: only entries that every shard has match it.
  if (!root.has_value()) return kHere;
  const int slot = matcher::SlotOf(*root);
  if (view.loaded.test(static_cast<size_t>(slot))) return kHere;
  return matcher::ShardOfSlot(slot, view.layout.shard_count);
}

// Who sent it on knows the project, or takes this shard for its owner; so a project that is not
// known here is one that the change feed has not brought yet, and not for us to decide on.
Intake::Done Router::NotOfUnknownProjects(int64_t topology_version, Intake::Done done) {
  return [topology_version, done = std::move(done)](std::vector<Outcome> outcomes) {
    for (Outcome& outcome : outcomes) {
      if (outcome.kind == OutcomeKind::kAccepted &&
          outcome.reason == OutcomeReason::kUnknownProject) {
        outcome = NotOwner(topology_version, "its project is not known here yet");
      }
    }
    done(std::move(outcomes));
  };
}

void Router::Publish(std::span<const std::string* const> encoded, std::span<DecodedEvent> events,
                     const Delivery& delivery, const Intake::Done& done) const {
  const std::shared_ptr<const ShardView> view = shards_.view();
  std::optional<Intake::Done> checked;
  if (delivery.forwarded) checked = NotOfUnknownProjects(view->layout.version, done);
  const Intake::Done& answer = checked.has_value() ? *checked : done;
  if (view->loaded.all()) {
    intake_.Publish(events, delivery.ack, answer);
  } else {
    PublishSplit(view, encoded, events, delivery, answer);
  }
}

void Router::PublishSplit(const std::shared_ptr<const ShardView>& view,
                          std::span<const std::string* const> encoded,
                          std::span<DecodedEvent> events, const Delivery& delivery,
                          const Intake::Done& done) const {
  std::map<int, std::vector<size_t>> positions;  // by shard
  for (size_t i = 0; i < events.size(); ++i) positions[ShardOf(*view, events[i])].push_back(i);
  if (positions.size() == 1 && positions.begin()->first == kHere) {
    intake_.Publish(events, delivery.ack, done);
    return;
  }
  auto batch = std::make_shared<Batch>();
  batch->delivery = delivery;
  batch->topology_version = view->layout.version;
  batch->done = done;
  batch->outcomes.resize(events.size());
  batch->encoded.resize(events.size());
  batch->records.resize(events.size());
  for (auto& [shard, of_shard] : positions) {
    if (shard == kHere) {
      PublishHere(batch, events, of_shard);
      continue;
    }
    std::vector<size_t> acceptable;
    for (const size_t position : of_shard) {
      Outcome& outcome = batch->outcomes[position];
      DecodedEvent& given = events[position];
      if (!intake_.IsAcceptable(&given, &outcome)) continue;
      if (delivery.forwarded) {
        outcome =
            NotOwner(view->layout.version, "the slot of its root namespace is not loaded here");
        continue;
      }
      const int64_t root = RootOf(given.event).value_or(0);
      batch->encoded[position] = *encoded[position];
      batch->records[position] = EncodeRaw({delivery.format, *encoded[position]}, given.event, root,
                                           given.event.received_time_ms);
      acceptable.push_back(position);
    }
    if (!acceptable.empty()) SendOn(batch, *view, shard, acceptable);
  }
  FinishOne(batch.get());
}

void Router::PublishHere(const std::shared_ptr<Batch>& batch, std::span<DecodedEvent> events,
                         const std::vector<size_t>& positions) const {
  std::vector<DecodedEvent> here;
  here.reserve(positions.size());
  for (const size_t position : positions) here.push_back(std::move(events[position]));
  batch->unfinished.fetch_add(1);
  intake_.Publish(here, batch->delivery.ack, [batch, positions](std::vector<Outcome> outcomes) {
    for (size_t i = 0; i < positions.size(); ++i) {
      batch->outcomes[positions[i]] = std::move(outcomes[i]);
    }
    FinishOne(batch.get());
  });
}

void Router::SendOn(const std::shared_ptr<Batch>& batch, const ShardView& view, int shard,
                    const std::vector<size_t>& positions) const {
  batch->unfinished.fetch_add(1);
  const std::string& address = view.layout.AddressOf(shard);
  if (address.empty() || shard == shards_.shard_index()) {
    Keep(batch, positions);
    return;
  }
  ForwardBatch forward;
  forward.ack = batch->delivery.ack;
  forward.format = batch->delivery.format;
  forward.topology_version = view.layout.version;
  for (const size_t position : positions) {
    forward.events.push_back(std::move(batch->encoded[position]));
    forward.received_times_ms.push_back(batch->records[position].received_time_ms);
  }
  forwarder_.Forward(address, std::move(forward),
                     [this, batch, positions](absl::StatusOr<std::vector<Outcome>> outcomes) {
                       if (!outcomes.ok()) {
                         Keep(batch, positions);
                         return;
                       }
                       std::vector<size_t> not_taken;
                       for (size_t i = 0; i < positions.size(); ++i) {
                         if ((*outcomes)[i].reason == OutcomeReason::kNotOwner) {
                           not_taken.push_back(positions[i]);
                         } else {
                           batch->outcomes[positions[i]] = std::move((*outcomes)[i]);
                         }
                       }
                       if (not_taken.empty()) {
                         FinishOne(batch.get());
                       } else {
                         Keep(batch, not_taken);
                       }
                     });
}

void Router::Keep(const std::shared_ptr<Batch>& batch, const std::vector<size_t>& positions) const {
  const auto answer = [batch, positions](const Outcome& outcome) {
    for (const size_t position : positions) batch->outcomes[position] = outcome;
    FinishOne(batch.get());
  };
  const auto not_kept = [version = batch->topology_version](const std::string& why) {
    return NotOwner(version, fmt::format("the matcher that serves its root namespace cannot be "
                                         "reached, and {}; send the same event again",
                                         why));
  };
  if (spool_ == nullptr) {
    answer(not_kept("there is no spool to keep it in"));
    return;
  }
  std::vector<spool::Record> records;
  records.reserve(positions.size());
  for (const size_t position : positions) records.push_back(std::move(batch->records[position]));
  const absl::Status taken =
      spool_->Append(std::move(records),
                     [answer, not_kept](const absl::StatusOr<std::vector<spool::RecordId>>& ids) {
                       answer(ids.ok() ? KeptRaw() : not_kept(std::string(ids.status().message())));
                     });
  if (!taken.ok()) answer(not_kept(std::string(taken.message())));
}

void Router::FinishOne(Batch* batch) {
  if (batch->unfinished.fetch_sub(1) != 1) return;
  batch->done(std::move(batch->outcomes));
}

// Raw records that go the same way.
struct Router::SpooledPart {
  std::vector<size_t> positions;
  std::vector<DecodedEvent> events;
  ForwardBatch forward;
};

void Router::StartSpooled(const ShardView& view, int shard, SpooledPart* part,
                          const std::function<void(std::vector<Outcome>)>& done) const {
  if (shard == kHere) {
    intake_.Publish(part->events, AckLevel::kDurable, done);
    return;
  }
  const std::string& address = view.layout.AddressOf(shard);
  if (address.empty() || shard == shards_.shard_index()) {
    done({});
    return;
  }
  part->forward.topology_version = view.layout.version;
  part->forward.patient = true;
  forwarder_.Forward(address, std::move(part->forward),
                     [done](absl::StatusOr<std::vector<Outcome>> outcomes) {
                       done(outcomes.ok() ? *std::move(outcomes) : std::vector<Outcome>());
                     });
}

std::vector<EventWriteResult> Router::PublishSpooled(
    std::span<const spool::StoredRecord> records) const {
  std::shared_ptr<const ShardView> view = shards_.view();
  std::vector<EventWriteResult> results(records.size());
  std::map<std::pair<int, EventFormat>, SpooledPart> parts;  // by shard and format
  for (size_t i = 0; i < records.size(); ++i) {
    const spool::Record& record = records[i].record;
    absl::StatusOr<EncodedEvent> encoded = DecodeRaw(record);
    absl::StatusOr<Event> event =
        encoded.ok() ? decode_(encoded->format, encoded->bytes) : encoded.status();
    if (!event.ok()) {
      results[i] = {EventWriteResult::Kind::kRefused, 0, std::string(event.status().message())};
      continue;
    }
    DecodedEvent decoded{*std::move(event), absl::OkStatus()};
    decoded.event.received_time_ms = record.received_time_ms;
    SpooledPart& part = parts[{ShardOf(*view, decoded), encoded->format}];
    part.forward.format = encoded->format;
    part.positions.push_back(i);
    part.events.push_back(std::move(decoded));
    part.forward.events.push_back(std::move(encoded->bytes));
    part.forward.received_times_ms.push_back(record.received_time_ms);
  }
  // All parts are under way before the first is waited for.
  std::vector<std::future<std::vector<Outcome>>> answers;
  for (auto& [way, part] : parts) {
    auto promise = std::make_shared<std::promise<std::vector<Outcome>>>();
    answers.push_back(promise->get_future());
    StartSpooled(*view, way.first, &part, [promise](std::vector<Outcome> outcomes) {
      promise->set_value(std::move(outcomes));
    });
  }
  view.reset();  // what is matched here has been; owners may take seconds
  auto answer = answers.begin();
  for (const auto& [way, part] : parts) {
    const std::vector<Outcome> outcomes = (answer++)->get();  // none: the owner is not reached
    for (size_t i = 0; i < outcomes.size(); ++i) {
      results[part.positions[i]] = ToWriteResult(outcomes[i]);
    }
  }
  return results;
}

}  // namespace cievents::event_matcher
