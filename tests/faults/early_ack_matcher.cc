// The matcher role with an enqueuer that breaks the promise: `early_ack_matcher matcher OPTIONS`
// takes what the fault test gives to `cievents matcher`.
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "services/cli/role_commands.h"
#include "tests/faults/early_ack_enqueuer.h"

int main(int argc, char** argv) {
  using cievents::event_matcher::GroupCommitEnqueuer;
  std::map<std::string, std::string> given;
  for (int i = 2; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  cievents::cli::MatcherOptions options;
  options.role.database_url = given["--database-url"];
  options.role.listen = given["--listen"];
  options.role.ready_file = given["--ready-file"];
  options.role.log.format = given["--log-format"];
  if (options.role.database_url.empty() || options.role.listen.empty() ||
      options.role.ready_file.empty()) {
    std::fputs("early_ack_matcher matcher --database-url URL --listen HOST:PORT --ready-file F\n",
               stderr);
    return cievents::cli::kExitUsage;
  }
  cievents::event_matcher::EventMatcher::Options matcher;
  matcher.wrap_enqueuer = [](std::unique_ptr<GroupCommitEnqueuer> real) {
    return std::make_unique<cievents::faults::EarlyAckEnqueuer>(std::move(real));
  };
  return cievents::cli::RunMatcherRole(options, matcher);
}
