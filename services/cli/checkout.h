// The YAML files of a checkout, as a push sends them.
#ifndef SERVICES_CLI_CHECKOUT_H_
#define SERVICES_CLI_CHECKOUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cievents::cli {

struct CheckoutFile {
  std::string path;     // relative, with '/'
  std::string blob_id;  // SHA-256 of the content, or of the size if it is over the ingest's limit
};

// Every .yml and .yaml file below `dir`, sorted by path; .git, symbolic links and special files are
// left out (git stores a link as its target's name, not its content).
absl::StatusOr<std::vector<CheckoutFile>> ListYamlFiles(const std::string& dir);

// A file of the checkout. A file over the ingest's limit is cut one byte past it, so that the
// server names the limit.
absl::StatusOr<std::string> ReadCheckoutFile(const std::string& dir, const std::string& path);

// A stable name for the state of the files, for checkouts whose commit is not given.
std::string DigestOfFiles(const std::vector<CheckoutFile>& files);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_CHECKOUT_H_
