// `cievents projects`: what has become of a project, as the GitLab backend would say it.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "services/cli/commands.h"
#include "services/cli/terminal.h"
#include "services/lib/base/json_writer.h"

namespace cievents::cli {
namespace {

namespace wire = cievents::config::v1;

std::string_view NameOf(wire::ProjectResult result) {
  return result == wire::PROJECT_RESULT_APPLIED ? "applied" : "stale";
}

std::string ToJson(wire::ProjectResult result, const wire::Project& project) {
  JsonWriter json;
  const auto flag = [&json](std::string_view key, bool value) {
    json.Key(key);
    json.Bool(value);
  };
  json.BeginObject();
  json.Key("result");
  json.String(NameOf(result));
  json.Key("project_id");
  json.Int(project.project_id());
  json.Key("namespace_ids");
  json.BeginArray();
  for (const int64_t id : project.namespace_ids()) json.Int(id);
  json.EndArray();
  json.Key("project_path");
  json.String(project.project_path());
  flag("archived", project.archived());
  flag("ci_disabled", project.ci_disabled());
  flag("deleted", project.deleted());
  flag("scopes_suspended", project.scopes_suspended());
  json.Key("push_sequence");
  json.Int(project.push_sequence());
  json.Key("sequence");
  json.Int(project.sequence());
  json.EndObject();
  return json.Take();
}

std::string ToText(wire::ProjectResult result, const wire::Project& project) {
  std::string state = project.deleted() ? "deleted" : "live";
  if (project.archived()) state += ", archived";
  if (project.ci_disabled()) state += ", CI disabled";
  if (project.scopes_suspended()) {
    state += ", moved: entries of other scopes are suspended until the next push";
  }
  return fmt::format("{}: project {} in {}: {} (sequence {})", NameOf(result), project.project_id(),
                     fmt::join(project.namespace_ids(), "/"), state, project.sequence());
}

template <typename Request>
Request MakeRequest(const ProjectsOptions& options) {
  Request request;
  request.set_project_id(options.project_id);
  request.set_sequence(options.sequence);
  return request;
}

template <typename Request>
void SetPlace(const ProjectsOptions& options, Request* request) {
  for (const int64_t id : options.namespace_ids) request->add_namespace_ids(id);
  request->set_project_path(options.project_path);
}

template <typename Request, typename Response>
int CallAndPrint(const ProjectsOptions& options, const Request& request,
                 absl::StatusOr<Response> (client::Client::*call)(const Request&)) {
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto response = ((**client).*call)(request);
  if (!response.ok()) return Fail(response.status());
  const std::string text = options.client.json ? ToJson(response->result(), response->project())
                                               : ToText(response->result(), response->project());
  std::printf("%s\n", text.c_str());
  return kExitOk;
}

enum class Archived { kYes, kNo };

int Archive(const ProjectsOptions& options, Archived archived) {
  auto request = MakeRequest<wire::ArchiveProjectRequest>(options);
  request.set_archived(archived == Archived::kYes);
  request.set_ci_disabled(options.ci_disabled);
  return CallAndPrint(options, request, &client::Client::ArchiveProject);
}

}  // namespace

int RunProjectsUpsert(const ProjectsOptions& options) {
  auto request = MakeRequest<wire::UpsertProjectRequest>(options);
  SetPlace(options, &request);
  request.set_archived(options.archived);
  request.set_ci_disabled(options.ci_disabled);
  return CallAndPrint(options, request, &client::Client::UpsertProject);
}

int RunProjectsTransfer(const ProjectsOptions& options) {
  auto request = MakeRequest<wire::TransferProjectRequest>(options);
  SetPlace(options, &request);
  return CallAndPrint(options, request, &client::Client::TransferProject);
}

int RunProjectsArchive(const ProjectsOptions& options) { return Archive(options, Archived::kYes); }

int RunProjectsUnarchive(const ProjectsOptions& options) { return Archive(options, Archived::kNo); }

int RunProjectsDelete(const ProjectsOptions& options) {
  return CallAndPrint(options, MakeRequest<wire::DeleteProjectRequest>(options),
                      &client::Client::DeleteProject);
}

}  // namespace cievents::cli
