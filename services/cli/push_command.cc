// `cievents push`: the YAML of a checkout, as the GitLab backend would push it.
#include <charconv>
#include <cstdio>

#include "matcher/base/status.h"
#include "services/cli/checkout.h"
#include "services/cli/commands.h"
#include "services/cli/print.h"
#include "services/cli/terminal.h"

namespace cievents::cli {
namespace {

namespace wire = cievents::config::v1;

absl::Status DecodeScopes(const std::vector<std::string>& scopes, wire::Permissions* permissions) {
  for (const std::string& scope : scopes) {
    if (scope == "group") {
      permissions->set_group_scope(true);
    } else if (scope == "instance") {
      permissions->set_instance_scope(true);
    } else if (scope.rfind("project:", 0) == 0) {
      int64_t id = 0;
      const char* begin = scope.data() + 8;
      const char* end = scope.data() + scope.size();
      if (std::from_chars(begin, end, id).ptr != end || id <= 0) {
        return Error(absl::StatusCode::kInvalidArgument, "--allowed-scopes: '{}' is no project id",
                     scope);
      }
      permissions->add_project_ids(id);
    } else {
      return Error(absl::StatusCode::kInvalidArgument,
                   "--allowed-scopes: '{}' is none of: group, instance, project:ID", scope);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<wire::PushConfigRequest> MakeRequest(const PushOptions& options) {
  wire::PushConfigRequest request;
  request.set_project_id(options.project_id);
  for (const int64_t id : options.namespace_ids) request.add_namespace_ids(id);
  request.set_project_path(options.project_path);
  request.set_default_branch(options.branch);
  request.set_ci_config_path(options.ci_config_path);
  request.set_push_sequence(options.sequence);
  request.set_run_as_user_id(options.user_id);
  request.mutable_permissions()->set_allow_confidential(options.allow_confidential);
  CIEVENTS_RETURN_IF_ERROR(DecodeScopes(options.allowed_scopes, request.mutable_permissions()));
  CIEVENTS_ASSIGN_OR_RETURN(const std::vector<CheckoutFile> files, ListYamlFiles(options.dir));
  for (const CheckoutFile& file : files) {
    wire::ManifestEntry* entry = request.add_manifest();
    entry->set_path(file.path);
    entry->set_blob_id(file.blob_id);
  }
  request.set_has_manifest(true);
  request.set_commit_sha(options.commit.empty() ? DigestOfFiles(files) : options.commit);
  request.set_dry_run(options.dry_run);
  return request;
}

int ExitOf(wire::PushResult result) {
  switch (result) {
    case wire::PUSH_RESULT_APPLIED:
    case wire::PUSH_RESULT_VALIDATED:
    case wire::PUSH_RESULT_UNCHANGED:
    case wire::PUSH_RESULT_STALE:
      return kExitOk;
    default:
      return kExitFindings;
  }
}

}  // namespace

int RunPush(const PushOptions& options) {
  const absl::StatusOr<wire::PushConfigRequest> request = MakeRequest(options);
  if (!request.ok()) return Fail(request.status());
  const auto client = MakeClient(options.client);
  if (!client.ok()) return Fail(client.status());
  const auto response = (*client)->PushConfig(
      *request, [&](const std::string& path) { return ReadCheckoutFile(options.dir, path); });
  if (!response.ok()) return Fail(response.status());
  if (options.client.json) {
    std::printf("%s\n", PushToJson(*response).c_str());
  } else {
    PrintPush(*response);
  }
  bool has_errors = false;
  for (const wire::Issue& issue : response->issues()) {
    has_errors |= issue.severity() == wire::SEVERITY_ERROR;
  }
  return has_errors ? kExitFindings : ExitOf(response->result());
}

}  // namespace cievents::cli
