// The matcher role with its seam open: for the fault test's negative control.
#ifndef SERVICES_CLI_ROLE_COMMANDS_H_
#define SERVICES_CLI_ROLE_COMMANDS_H_

#include "services/cli/options.h"
#include "services/event_matcher/event_matcher.h"

namespace cievents::cli {

// Runs the matcher role; `base` gives what the command line does not.
int RunMatcherRole(const MatcherOptions& options, const event_matcher::EventMatcher::Options& base);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_ROLE_COMMANDS_H_
