// What this binary is.
#ifndef SERVICES_CLI_VERSION_H_
#define SERVICES_CLI_VERSION_H_

#include <string>

namespace cievents::cli {

// "cievents 0.1.0 (commit abc)", and the versions of the libraries below it.
std::string VersionText();

}  // namespace cievents::cli

#endif  // SERVICES_CLI_VERSION_H_
