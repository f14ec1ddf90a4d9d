// `cievents explain`: why subscriptions fire for an event, or do not.
#include <cstdio>

#include "matcher/base/status.h"
#include "services/cli/commands.h"
#include "services/cli/event_files.h"
#include "services/cli/explain_print.h"
#include "services/cli/terminal.h"

namespace cievents::cli {
namespace {

absl::StatusOr<admin::v1::ExplainEventRequest> MakeRequest(const ExplainOptions& options) {
  admin::v1::ExplainEventRequest request;
  request.set_project_id(options.files.project_id);
  request.set_limit(options.limit);
  const size_t files = options.files.events.size() + options.files.webhooks.size();
  if (!options.request_id.empty()) {
    if (files > 0) {
      return absl::InvalidArgumentError("give a request's id or an event, not both");
    }
    request.set_request_id(options.request_id);
    return request;
  }
  // --project-id is whose subscriptions are asked about: the event keeps its own project.
  EventFileOptions event_files = options.files;
  event_files.project_id = 0;
  CIEVENTS_ASSIGN_OR_RETURN(const auto prepared, PrepareEvents(event_files));
  if (prepared.size() != 1) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "explain takes one event (--event FILE or --webhook FILE) or a request's id, not "
                 "{} events",
                 prepared.size());
  }
  CIEVENTS_RETURN_IF_ERROR(prepared[0].status);
  events::v1::Event& event = *request.mutable_event();
  event = prepared[0].event;
  if (event.id().empty()) event.set_id(RandomUuid());
  if (event.source().empty()) event.set_source("gitlab");
  if (event.time().seconds() == 0) event.clear_time();  // now, by the server's clock
  if (event.project_id() == 0 && event.namespace_ids().empty()) {
    event.set_project_id(options.files.project_id);
  }
  return request;
}

}  // namespace

int RunExplain(const ExplainOptions& options) {
  const auto request = MakeRequest(options);
  if (!request.ok()) return Fail(request.status());
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto response = (*client)->ExplainEvent(*request);
  if (!response.ok()) {
    const int code = Fail(response.status());
    return response.status().code() == absl::StatusCode::kNotFound ? kExitFindings : code;
  }
  if (options.client.json) {
    std::printf("%s\n", ExplanationToJson(*response).c_str());
  } else {
    std::printf("%s", ExplanationToText(*response).c_str());
  }
  return kExitOk;
}

}  // namespace cievents::cli
