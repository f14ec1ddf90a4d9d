#include "services/cli/version.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/common.h>
#include <grpcpp/grpcpp.h>

#ifndef CIEVENTS_COMMIT
#define CIEVENTS_COMMIT "unknown"
#endif

namespace cievents::cli {

std::string VersionText() {
  return fmt::format("cievents {} (commit {})\ngRPC {}, protobuf {}, fmt {}.{}.{}",
                     CIEVENTS_VERSION, CIEVENTS_COMMIT, grpc::Version(),
                     google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION),
                     FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
}

}  // namespace cievents::cli
