// The calls of ConfigDoor that say what has become of a project.
#include <string_view>

#include "services/config_ingest/config_door.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/base/log.h"

namespace cievents::config_ingest {
namespace {

namespace wire = cievents::config::v1;

void EncodeProject(const store::StoredProject& project, wire::Project* message) {
  message->set_project_id(project.project_id);
  for (const int64_t id : project.namespace_ids) message->add_namespace_ids(id);
  message->set_project_path(project.project_path);
  message->set_archived(project.archived);
  message->set_ci_disabled(project.ci_disabled);
  message->set_deleted(project.deleted);
  message->set_scopes_suspended(project.permission_namespace_ids.has_value());
  message->set_push_sequence(project.push_sequence);
  message->set_sequence(project.HighestSequence());
}

wire::ProjectResult EncodeResult(ProjectResult result) {
  return result == ProjectResult::kApplied ? wire::PROJECT_RESULT_APPLIED
                                           : wire::PROJECT_RESULT_STALE;
}

template <typename Request>
ProjectCall MakeCall(ProjectAction action, const Request& request) {
  ProjectCall call;
  call.action = action;
  call.project_id = request.project_id();
  call.sequence = request.sequence();
  return call;
}

template <typename Request>
void DecodeLocation(const Request& request, ProjectCall* call) {
  call->namespace_ids.assign(request.namespace_ids().begin(), request.namespace_ids().end());
  call->project_path = request.project_path();
}

template <typename Request>
void DecodeAvailability(const Request& request, ProjectCall* call) {
  call->archived = request.archived();
  call->ci_disabled = request.ci_disabled();
}

template <typename Response>
grpc::Status Handle(const LifecycleHandler& handler, std::string_view name, const ProjectCall& call,
                    Response* response) {
  const absl::StatusOr<ProjectAnswer> answer = handler.Handle(call);
  if (!answer.ok()) return ToGrpcStatus(answer.status());
  response->set_result(EncodeResult(answer->result));
  EncodeProject(answer->project, response->mutable_project());
  LogInfo("project call handled", {{"meta.project_id", call.project_id},
                                   {"call", name},
                                   {"result", ProjectResultName(answer->result)},
                                   {"sequence", answer->project.HighestSequence()}});
  return grpc::Status::OK;
}

}  // namespace

grpc::Status ConfigDoor::UpsertProject(grpc::ServerContext*,
                                       const wire::UpsertProjectRequest* request,
                                       wire::UpsertProjectResponse* response) {
  ProjectCall call = MakeCall(ProjectAction::kUpsert, *request);
  DecodeLocation(*request, &call);
  DecodeAvailability(*request, &call);
  return Handle(lifecycle_, "UpsertProject", call, response);
}

grpc::Status ConfigDoor::TransferProject(grpc::ServerContext*,
                                         const wire::TransferProjectRequest* request,
                                         wire::TransferProjectResponse* response) {
  ProjectCall call = MakeCall(ProjectAction::kTransfer, *request);
  DecodeLocation(*request, &call);
  return Handle(lifecycle_, "TransferProject", call, response);
}

grpc::Status ConfigDoor::ArchiveProject(grpc::ServerContext*,
                                        const wire::ArchiveProjectRequest* request,
                                        wire::ArchiveProjectResponse* response) {
  ProjectCall call = MakeCall(ProjectAction::kArchive, *request);
  DecodeAvailability(*request, &call);
  return Handle(lifecycle_, "ArchiveProject", call, response);
}

grpc::Status ConfigDoor::DeleteProject(grpc::ServerContext*,
                                       const wire::DeleteProjectRequest* request,
                                       wire::DeleteProjectResponse* response) {
  return Handle(lifecycle_, "DeleteProject", MakeCall(ProjectAction::kDelete, *request), response);
}

}  // namespace cievents::config_ingest
