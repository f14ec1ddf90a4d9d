// The servers of the matcher service's load test, each a process of its own:
//
//   service_loadtest_server matcher DSN READY_FILE WRITERS SPOOL_DIRECTORY
//       the matcher role as `cievents matcher` runs it, with another number of writers; "" = no
//       spool
//   service_loadtest_server empty READY_FILE STREAM_ANSWER_BYTES UNARY_ANSWER_BYTES
//       the same gRPC server with handlers that only answer
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cstdlib>
#include <string_view>

#include "loadtest/service/empty_door.h"
#include "services/cli/ready_file.h"
#include "services/cli/role_commands.h"
#include "services/cli/shutdown_signal.h"
#include "services/lib/base/grpc_server.h"

#ifndef NDEBUG
#error "the load test refuses debug builds: use `make loadtest`"
#endif

namespace cievents::loadtest {
namespace {

int RunMatcher(char** arguments) {
  cli::MatcherOptions options;
  options.role.database_url = arguments[0];
  options.role.ready_file = arguments[1];
  options.role.log.level = "warning";
  options.spool_dir = arguments[3];
  event_matcher::EventMatcher::Options matcher;
  matcher.writers = std::atoi(arguments[2]);
  return cli::RunMatcherRole(options, matcher);
}

int RunEmpty(char** arguments) {
  cli::ShutdownSignal shutdown;
  EmptyDoor door(static_cast<size_t>(std::atoll(arguments[1])),
                 static_cast<size_t>(std::atoll(arguments[2])));
  const auto server = GrpcServer::Start({}, {&door});
  if (!server.ok()) return 1;
  (*server)->SetServing("", GrpcServer::Serving::kYes);
  if (!cli::WriteReadyFile(arguments[0], {(*server)->address(), "", ""}).ok()) return 1;
  while (!shutdown.WaitFor(std::chrono::milliseconds(1000))) {
  }
  (*server)->Shutdown(std::chrono::milliseconds(1000));
  return 0;
}

int Run(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "matcher" && argc == 6) return RunMatcher(argv + 2);
  if (mode == "empty" && argc == 5) return RunEmpty(argv + 2);
  fmt::print(stderr, "service_loadtest_server: it is started by service_loadtest\n");
  return 2;
}

}  // namespace
}  // namespace cievents::loadtest

int main(int argc, char** argv) { return cievents::loadtest::Run(argc, argv); }
