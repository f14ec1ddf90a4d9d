// The command line's grammar. The only CLI11 include is behind it.
#ifndef SERVICES_CLI_PARSER_H_
#define SERVICES_CLI_PARSER_H_

namespace cievents::cli {

// Parses, runs the command, returns the process's exit code. Usage errors go to stderr and give
// kExitUsage.
int ParseAndRun(int argc, char** argv);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_PARSER_H_
