#include "services/cli/push_request.h"

#include <charconv>
#include <string>

#include "matcher/base/status.h"

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

}  // namespace

absl::StatusOr<wire::PushConfigRequest> MakePushRequest(const PushOptions& options) {
  if (options.project_id == 0) {
    return absl::InvalidArgumentError("--project-id is missing (or --from-dir, for many projects)");
  }
  if (options.namespace_ids.empty())
    return absl::InvalidArgumentError("--namespace-ids is missing");
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
  request.set_dry_run(options.dry_run);
  return request;
}

std::vector<wire::ManifestEntry> MakeManifest(const std::vector<CheckoutFile>& files) {
  std::vector<wire::ManifestEntry> manifest;
  for (const CheckoutFile& file : files) {
    wire::ManifestEntry& entry = manifest.emplace_back();
    entry.set_path(file.path);
    entry.set_blob_id(file.blob_id);
  }
  return manifest;
}

int ExitCodeOf(const wire::PushConfigResponse& response) {
  for (const wire::Issue& issue : response.issues()) {
    if (issue.severity() == wire::SEVERITY_ERROR) return kExitFindings;
  }
  switch (response.result()) {
    case wire::PUSH_RESULT_APPLIED:
    case wire::PUSH_RESULT_VALIDATED:
    case wire::PUSH_RESULT_UNCHANGED:
    case wire::PUSH_RESULT_STALE:
      return kExitOk;
    default:
      return kExitFindings;
  }
}

}  // namespace cievents::cli
