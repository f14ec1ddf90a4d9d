#include "services/pipeline_dispatcher/request_codec.h"

namespace cievents::pipeline_dispatcher {
namespace {

void EncodeTime(int64_t time_ms, google::protobuf::Timestamp* message) {
  message->set_seconds(time_ms / 1000);
  message->set_nanos(static_cast<int32_t>(time_ms % 1000) * 1'000'000);
}

}  // namespace

void EncodeRequest(const store::RequestRecord& record, pipelines::v1::PipelineRequest* message) {
  const store::RequestRow& row = record.request;
  message->set_request_id(FormatRequestId({row.event_uid, row.subscription_id}));
  message->set_project_id(row.project_id);
  message->set_root_namespace_id(row.root_namespace_id);
  message->set_subscription_id(row.subscription_id);
  message->set_path(row.path);
  message->set_ref(row.ref);
  message->set_commit_sha(row.commit_sha);
  message->set_workflow_id(row.workflow_id);
  message->set_inputs_json(row.inputs_json);
  message->set_run_as_user_id(row.run_as_user_id);
  message->set_event_id(record.event_id);
  message->set_event_source(record.event_source);
  message->set_event_name(row.event_name);
  for (const std::string& name : record.event_names) message->add_event_names(name);
  message->set_event_project_id(record.event_project_id);
  EncodeTime(record.event_time_ms, message->mutable_event_time());
  message->set_event_data(record.event_data);
  message->set_event_subject(record.event_subject);
  message->set_correlation_id(record.correlation_id);
  message->set_traceparent(record.traceparent);
  message->set_attempt(record.attempt);
  message->set_state(record.state);
  message->set_pipeline_id(record.pipeline_id);
  message->set_reason(record.reason);
  if (record.lease_end_time_ms != 0) {
    EncodeTime(record.lease_end_time_ms, message->mutable_lease_end_time());
  }
}

}  // namespace cievents::pipeline_dispatcher
