// `cievents push`: the YAML of a checkout, as the GitLab backend would push it.
#include <cstdio>

#include "matcher/base/status.h"
#include "services/cli/checkout.h"
#include "services/cli/commands.h"
#include "services/cli/print.h"
#include "services/cli/push_request.h"
#include "services/cli/terminal.h"

namespace cievents::cli {
namespace {

namespace wire = cievents::config::v1;

absl::StatusOr<wire::PushConfigRequest> MakeRequest(const PushOptions& options) {
  CIEVENTS_ASSIGN_OR_RETURN(wire::PushConfigRequest request, MakePushRequest(options));
  CIEVENTS_ASSIGN_OR_RETURN(const std::vector<CheckoutFile> files, ListYamlFiles(options.dir));
  for (wire::ManifestEntry& entry : MakeManifest(files)) {
    *request.add_manifest() = std::move(entry);
  }
  request.set_has_manifest(true);
  request.set_commit_sha(options.commit.empty() ? DigestOfFiles(files) : options.commit);
  return request;
}

}  // namespace

int RunPush(const PushOptions& options) {
  if (!options.from_dir.empty()) return RunBulkPush(options);
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
  return ExitCodeOf(*response);
}

}  // namespace cievents::cli
