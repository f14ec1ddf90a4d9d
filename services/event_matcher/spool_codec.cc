#include "services/event_matcher/spool_codec.h"

#include <algorithm>
#include <utility>

#include "cievents/spool/v1/spool.pb.h"
#include "matcher/base/status.h"

namespace cievents::event_matcher {
namespace {

namespace wire = cievents::spool::v1;

wire::SpooledEvent EncodeEvent(const store::EventRow& row) {
  wire::SpooledEvent message;
  message.set_event_uid(row.uid.ToString());
  message.set_identity_kind(row.identity_kind);
  message.set_identity_id(row.identity_id);
  message.set_source(row.source);
  message.set_event_id(row.event_id);
  for (const std::string& name : row.names) message.add_names(name);
  message.set_project_id(row.project_id);
  message.set_root_namespace_id(row.root_namespace_id);
  message.set_time_ms(row.time_ms);
  message.set_received_time_ms(row.received_time_ms);
  message.set_confidential(row.confidential);
  message.set_actor_user_id(row.actor_user_id);
  message.set_actor_username(row.actor_username);
  if (row.actor_access_level.has_value()) message.set_actor_access_level(*row.actor_access_level);
  message.set_actor_bot(row.actor_bot);
  message.set_cause_request_id(row.cause_request_id);
  message.set_cause_pipeline_id(row.cause_pipeline_id);
  message.set_subject(row.subject);
  message.set_data_schema(row.data_schema);
  message.set_data(row.data);
  message.set_data_digest(row.data_digest.data(), row.data_digest.size());
  message.set_traceparent(row.traceparent);
  message.set_correlation_id(row.correlation_id);
  message.set_keyed(row.keyed);
  message.set_type(row.type);
  message.set_extensions_json(row.extensions_json);
  return message;
}

void EncodeRequest(const store::RequestRow& row, wire::SpooledRequest* message) {
  message->set_subscription_id(row.subscription_id);
  message->set_project_id(row.project_id);
  message->set_root_namespace_id(row.root_namespace_id);
  message->set_path(row.path);
  message->set_ref(row.ref);
  message->set_commit_sha(row.commit_sha);
  message->set_workflow_id(row.workflow_id);
  message->set_event_name(row.event_name);
  message->set_entry(row.entry);
  message->set_inputs_json(row.inputs_json);
  message->set_run_as_user_id(row.run_as_user_id);
  message->set_end(static_cast<int32_t>(row.end));
  message->set_end_reason(row.end_reason);
}

absl::StatusOr<store::EventRow> DecodeEvent(wire::SpooledEvent* message) {
  store::EventRow row;
  const auto uid = matcher::EventUid::Parse(message->event_uid());
  if (!uid.has_value() || message->data_digest().size() != row.data_digest.size()) {
    return absl::DataLossError("the spooled event has no valid uid or digest");
  }
  row.uid = *uid;
  std::copy(message->data_digest().begin(), message->data_digest().end(), row.data_digest.begin());
  row.identity_kind = static_cast<int16_t>(message->identity_kind());
  row.identity_id = message->identity_id();
  row.source = std::move(*message->mutable_source());
  row.event_id = std::move(*message->mutable_event_id());
  for (std::string& name : *message->mutable_names()) row.names.push_back(std::move(name));
  row.project_id = message->project_id();
  row.root_namespace_id = message->root_namespace_id();
  row.time_ms = message->time_ms();
  row.received_time_ms = message->received_time_ms();
  row.confidential = message->confidential();
  row.actor_user_id = message->actor_user_id();
  row.actor_username = std::move(*message->mutable_actor_username());
  if (message->has_actor_access_level()) row.actor_access_level = message->actor_access_level();
  row.actor_bot = message->actor_bot();
  row.cause_request_id = std::move(*message->mutable_cause_request_id());
  row.cause_pipeline_id = message->cause_pipeline_id();
  row.subject = std::move(*message->mutable_subject());
  row.data_schema = std::move(*message->mutable_data_schema());
  row.data = std::move(*message->mutable_data());
  row.traceparent = std::move(*message->mutable_traceparent());
  row.correlation_id = std::move(*message->mutable_correlation_id());
  row.keyed = message->keyed();
  row.type = std::move(*message->mutable_type());
  row.extensions_json = std::move(*message->mutable_extensions_json());
  return row;
}

absl::StatusOr<store::RequestRow> DecodeRequest(const matcher::EventUid& uid,
                                                wire::SpooledRequest* message) {
  store::RequestRow row;
  row.event_uid = uid;
  row.subscription_id = message->subscription_id();
  row.project_id = message->project_id();
  row.root_namespace_id = message->root_namespace_id();
  row.path = std::move(*message->mutable_path());
  row.ref = std::move(*message->mutable_ref());
  row.commit_sha = std::move(*message->mutable_commit_sha());
  row.workflow_id = std::move(*message->mutable_workflow_id());
  row.event_name = std::move(*message->mutable_event_name());
  row.entry = message->entry();
  row.inputs_json = std::move(*message->mutable_inputs_json());
  row.run_as_user_id = message->run_as_user_id();
  switch (message->end()) {
    case static_cast<int32_t>(store::RequestEnd::kNone):
    case static_cast<int32_t>(store::RequestEnd::kFailedInput):
      row.end = static_cast<store::RequestEnd>(message->end());
      break;
    default:
      return Error(absl::StatusCode::kDataLoss,
                   "the spooled request ends with {}, which this version does not know",
                   message->end());
  }
  row.end_reason = std::move(*message->mutable_end_reason());
  return row;
}

}  // namespace

absl::StatusOr<spool::Record> EncodeSpooled(const EventWrite& write) {
  wire::SpooledEvent message = EncodeEvent(write.event);
  for (const store::RequestRow& request : write.requests) {
    EncodeRequest(request, message.add_requests());
  }
  // Beyond 2 GiB protobuf writes nothing at all, and the empty body would be acknowledged.
  if (const size_t bytes = message.ByteSizeLong(); bytes > kSpooledBytesMax) {
    return Error(absl::StatusCode::kResourceExhausted,
                 "the event {} has {} bytes with its {} requests, and the spool takes at most {} "
                 "of one event: it has to wait for Postgres",
                 write.event.event_id, bytes, write.requests.size(), kSpooledBytesMax);
  }
  spool::Record record;
  record.kind = spool::RecordKind::kMatched;
  record.event_uid = message.event_uid();
  record.event_id = write.event.event_id;
  record.source = write.event.source;
  if (!write.event.names.empty()) record.event_name = write.event.names.front();
  record.project_id = write.event.project_id;
  record.root_namespace_id = write.event.root_namespace_id;
  record.event_time_ms = write.event.time_ms;
  record.received_time_ms = write.event.received_time_ms;
  record.request_count = static_cast<int32_t>(write.requests.size());
  record.body = message.SerializeAsString();
  return record;
}

absl::StatusOr<EventWrite> DecodeSpooled(const spool::Record& record) {
  wire::SpooledEvent message;
  if (record.kind != spool::RecordKind::kMatched || !message.ParseFromString(record.body) ||
      message.requests().empty()) {
    return absl::DataLossError("the record is not a spooled event with its requests");
  }
  EventWrite write;
  CIEVENTS_ASSIGN_OR_RETURN(write.event, DecodeEvent(&message));
  write.requests.reserve(static_cast<size_t>(message.requests_size()));
  for (wire::SpooledRequest& request : *message.mutable_requests()) {
    CIEVENTS_ASSIGN_OR_RETURN(store::RequestRow row, DecodeRequest(write.event.uid, &request));
    write.requests.push_back(std::move(row));
  }
  return write;
}

spool::Record EncodeRaw(const EncodedEvent& encoded, const Event& event, int64_t root_namespace_id,
                        int64_t received_time_ms) {
  wire::SpooledRawEvent message;
  message.set_event(encoded.bytes);
  message.set_format(static_cast<int32_t>(encoded.format));
  spool::Record record;
  record.kind = spool::RecordKind::kRaw;
  record.event_id = event.id;
  record.source = event.source;
  if (!event.names.empty()) record.event_name = event.names.front();
  record.project_id = event.project_id;
  record.root_namespace_id = root_namespace_id;
  record.event_time_ms = event.time_ms;
  record.received_time_ms = received_time_ms;
  record.body = message.SerializeAsString();
  return record;
}

absl::StatusOr<EncodedEvent> DecodeRaw(const spool::Record& record) {
  wire::SpooledRawEvent message;
  if (record.kind != spool::RecordKind::kRaw || !message.ParseFromString(record.body) ||
      message.event().empty()) {
    return absl::DataLossError("the record is not an event as it came");
  }
  switch (message.format()) {
    case static_cast<int32_t>(EventFormat::kNative):
    case static_cast<int32_t>(EventFormat::kCloudEvent):
      return EncodedEvent{static_cast<EventFormat>(message.format()),
                          std::move(*message.mutable_event())};
    default:
      return Error(absl::StatusCode::kDataLoss,
                   "the spooled event has the format {}, which this version does not know",
                   message.format());
  }
}

}  // namespace cievents::event_matcher
