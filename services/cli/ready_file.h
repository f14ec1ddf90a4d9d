// What a server writes once it serves: where to reach it. Scripts read the keys (docs/cli.md).
#ifndef SERVICES_CLI_READY_FILE_H_
#define SERVICES_CLI_READY_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace cievents::cli {

struct ReadyInfo {
  std::string grpc;      // host:port
  std::string postgres;  // libpq URI; empty = null
  std::string metrics;   // URL; empty = null
};

// Writes `path` atomically: {grpc, http, metrics, postgres, pid}. An empty path is fine.
absl::Status WriteReadyFile(const std::string& path, const ReadyInfo& info);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_READY_FILE_H_
