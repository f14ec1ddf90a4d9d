#include "services/event_matcher/event_codec.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "matcher/base/status.h"
#include "matcher/slots.h"

namespace cievents::event_matcher {
namespace {

// google.protobuf.Timestamp's own range: years 1 to 9999.
constexpr int64_t kSecondsMax = 253402300799;

absl::StatusOr<int64_t> DecodeTimeMs(const events::wire::Event& message) {
  if (!message.has_time()) {
    return absl::InvalidArgumentError(
        "time is missing: say when the event happened; a retry repeats the same time");
  }
  const auto& time = message.time();
  if (time.seconds() <= 0 || time.seconds() > kSecondsMax || time.nanos() < 0 ||
      time.nanos() > 999'999'999) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "time ({} s, {} ns) is not a valid google.protobuf.Timestamp after 1970",
                 time.seconds(), time.nanos());
  }
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

events::v1::OutcomeKind EncodeKind(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kAccepted:
      return events::v1::OUTCOME_KIND_ACCEPTED;
    case OutcomeKind::kDuplicate:
      return events::v1::OUTCOME_KIND_DUPLICATE;
    case OutcomeKind::kRejected:
      return events::v1::OUTCOME_KIND_REJECTED;
    case OutcomeKind::kOverloaded:
      return events::v1::OUTCOME_KIND_OVERLOADED;
  }
  return events::v1::OUTCOME_KIND_UNSPECIFIED;
}

events::v1::OutcomeReason EncodeReason(OutcomeReason reason) {
  switch (reason) {
    case OutcomeReason::kNone:
      return events::v1::OUTCOME_REASON_UNSPECIFIED;
    case OutcomeReason::kInvalid:
      return events::v1::OUTCOME_REASON_INVALID;
    case OutcomeReason::kExpired:
      return events::v1::OUTCOME_REASON_EXPIRED;
    case OutcomeReason::kFromTheFuture:
      return events::v1::OUTCOME_REASON_FROM_THE_FUTURE;
    case OutcomeReason::kIdReused:
      return events::v1::OUTCOME_REASON_ID_REUSED;
    case OutcomeReason::kQueueFull:
      return events::v1::OUTCOME_REASON_QUEUE_FULL;
    case OutcomeReason::kStoreUnavailable:
      return events::v1::OUTCOME_REASON_STORE_UNAVAILABLE;
    case OutcomeReason::kUnknownProject:
      return events::v1::OUTCOME_REASON_UNKNOWN_PROJECT;
    case OutcomeReason::kRepeatedInBatch:
      return events::v1::OUTCOME_REASON_REPEATED_IN_BATCH;
    case OutcomeReason::kRateLimited:
      return events::v1::OUTCOME_REASON_RATE_LIMITED;
    case OutcomeReason::kNotOwner:
      return events::v1::OUTCOME_REASON_NOT_OWNER;
  }
  return events::v1::OUTCOME_REASON_UNSPECIFIED;
}

events::v1::AckLevel EncodeAck(AckLevel ack) {
  switch (ack) {
    case AckLevel::kNone:
      return events::v1::ACK_LEVEL_UNSPECIFIED;
    case AckLevel::kDurable:
      return events::v1::ACK_LEVEL_DURABLE;
    case AckLevel::kDurableLocal:
      return events::v1::ACK_LEVEL_DURABLE_LOCAL;
    case AckLevel::kReceived:
      return events::v1::ACK_LEVEL_RECEIVED;
  }
  return events::v1::ACK_LEVEL_UNSPECIFIED;
}

// Assigns, so that the event keeps its memory: every field, for the last event's must not stay.
absl::Status DecodeInto(const events::wire::Event& message, Event* event) {
  CIEVENTS_ASSIGN_OR_RETURN(event->time_ms, DecodeTimeMs(message));
  event->received_time_ms = 0;
  event->id = message.id();
  event->source = message.source();
  event->names.assign(message.names().begin(), message.names().end());
  event->project_id = message.project_id();
  event->namespace_ids.assign(message.namespace_ids().begin(), message.namespace_ids().end());
  event->organization_id = message.organization_id();
  event->actor.user_id = message.actor().user_id();
  event->actor.username = message.actor().username();
  event->actor.access_level.reset();
  if (message.actor().has_access_level()) {
    event->actor.access_level = message.actor().access_level();
  }
  event->actor.bot = message.actor().bot();
  event->confidential = message.confidential();
  event->cause.request_id = message.cause().request_id();
  event->cause.pipeline_id = message.cause().pipeline_id();
  event->subject = message.subject();
  event->data_schema = message.data_schema();
  event->data = message.data();
  event->traceparent = message.traceparent();
  event->correlation_id = message.correlation_id();
  event->retries = Retries::kRepeatTheTime;
  event->type.clear();
  event->extensions_json.clear();
  event->replayed = false;
  return absl::OkStatus();
}

absl::Status ParseInto(const std::string& bytes, events::wire::Event* message, Event* event) {
  if (!message->ParseFromString(bytes)) {
    return absl::InvalidArgumentError("the bytes are not a cievents.events.v1.Event");
  }
  return DecodeInto(*message, event);
}

}  // namespace

absl::StatusOr<Event> DecodeEvent(const std::string& bytes) {
  events::wire::Event message;
  Event event;
  CIEVENTS_RETURN_IF_ERROR(ParseInto(bytes, &message, &event));
  return event;
}

std::span<DecodedEvent> BatchDecoder::Decode(
    const google::protobuf::RepeatedPtrField<std::string>& events) {
  const auto count = static_cast<size_t>(events.size());
  if (decoded_.size() < count) decoded_.resize(count);
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string& given = events[static_cast<int>(i)];
    bytes += given.size();
    decoded_[i].status = ParseInto(given, &message_, &decoded_[i].event);
  }
  capacity_bytes_ = std::max(capacity_bytes_, bytes);
  return std::span(decoded_).first(count);
}

absl::StatusOr<AckLevel> DecodeAckLevel(int ack) {
  switch (ack) {
    case events::v1::ACK_LEVEL_UNSPECIFIED:
    case events::v1::ACK_LEVEL_DURABLE:
      return AckLevel::kDurable;
    case events::v1::ACK_LEVEL_RECEIVED:
      return AckLevel::kReceived;
    default:
      return Error(absl::StatusCode::kInvalidArgument,
                   "ack {} cannot be asked for: use ACK_LEVEL_DURABLE or ACK_LEVEL_RECEIVED", ack);
  }
}

void EncodeOutcome(const Outcome& outcome, events::v1::EventOutcome* message) {
  message->set_kind(EncodeKind(outcome.kind));
  message->set_reason(EncodeReason(outcome.reason));
  if (!outcome.message.empty()) message->set_message(outcome.message);
  if (outcome.matched_count.has_value()) message->set_matched_count(*outcome.matched_count);
  message->set_ack(EncodeAck(outcome.ack));
  if (outcome.retry_after > absl::ZeroDuration()) {
    const int64_t ms = absl::ToInt64Milliseconds(outcome.retry_after);
    message->mutable_retry_after()->set_seconds(ms / 1000);
    message->mutable_retry_after()->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
  }
  if (!outcome.event_uid.empty()) message->set_event_uid(outcome.event_uid);
  message->set_failed_payload_count(outcome.failed_payload_count);
  message->set_suspended_count(outcome.suspended_count);
  message->set_filtered_by_rules_count(outcome.filtered_by_rules_count);
  message->set_topology_version(outcome.topology_version);
}

void EncodeLayout(const Layout& layout, events::v1::GetTopologyResponse* message) {
  message->set_version(layout.version);
  message->set_slot_count(matcher::kSlots);
  for (int slot = 0; slot < matcher::kSlots; ++slot) {
    const int shard = matcher::ShardOfSlot(slot, layout.shard_count);
    if (message->shards().empty() || message->shards().rbegin()->shard_index() != shard) {
      events::v1::Shard* added = message->add_shards();
      added->set_shard_index(shard);
      added->set_address(layout.AddressOf(shard));
      added->set_first_slot(slot);
    }
    events::v1::Shard* last = message->mutable_shards(message->shards_size() - 1);
    last->set_slot_count(last->slot_count() + 1);
  }
}

Outcome DecodeOutcome(const events::v1::EventOutcome& message) {
  Outcome outcome;
  // The encoders say which number is which; what none of them gives stays as it is made.
  for (const OutcomeKind kind : {OutcomeKind::kAccepted, OutcomeKind::kDuplicate,
                                 OutcomeKind::kRejected, OutcomeKind::kOverloaded}) {
    if (EncodeKind(kind) == message.kind()) outcome.kind = kind;
  }
  for (int reason = 0; reason <= static_cast<int>(OutcomeReason::kNotOwner); ++reason) {
    if (EncodeReason(static_cast<OutcomeReason>(reason)) == message.reason()) {
      outcome.reason = static_cast<OutcomeReason>(reason);
      break;
    }
  }
  for (const AckLevel ack : {AckLevel::kDurable, AckLevel::kDurableLocal, AckLevel::kReceived}) {
    if (EncodeAck(ack) == message.ack()) outcome.ack = ack;
  }
  outcome.message = message.message();
  if (message.has_matched_count()) outcome.matched_count = message.matched_count();
  outcome.retry_after = absl::Seconds(message.retry_after().seconds()) +
                        absl::Nanoseconds(message.retry_after().nanos());
  outcome.event_uid = message.event_uid();
  outcome.failed_payload_count = message.failed_payload_count();
  outcome.suspended_count = message.suspended_count();
  outcome.filtered_by_rules_count = message.filtered_by_rules_count();
  outcome.topology_version = message.topology_version();
  return outcome;
}

}  // namespace cievents::event_matcher
