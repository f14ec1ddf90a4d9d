// The request of `cievents push`, made from its options.
#ifndef SERVICES_CLI_PUSH_REQUEST_H_
#define SERVICES_CLI_PUSH_REQUEST_H_

#include <vector>

#include "absl/status/statusor.h"
#include "cievents/config/v1/config.pb.h"
#include "services/cli/checkout.h"
#include "services/cli/options.h"

namespace cievents::cli {

// Without the files: no commit, no manifest. kInvalidArgument: an option is wrong.
absl::StatusOr<config::v1::PushConfigRequest> MakePushRequest(const PushOptions& options);

std::vector<config::v1::ManifestEntry> MakeManifest(const std::vector<CheckoutFile>& files);

// What an answer means for the exit code: kExitOk or kExitFindings.
int ExitCodeOf(const config::v1::PushConfigResponse& response);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_PUSH_REQUEST_H_
