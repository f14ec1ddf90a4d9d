// What the verbs share in reading and printing: files, endpoints, tables, errors.
#ifndef SERVICES_CLI_TERMINAL_H_
#define SERVICES_CLI_TERMINAL_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/cli/options.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/client/client.h"

namespace cievents::cli {

// Prints "cievents: MESSAGE" to stderr and returns the exit code that fits the status.
int Fail(const absl::Status& status);

// The bytes of a file, or of standard input for "-". kNotFound, kPermissionDenied,
// kResourceExhausted beyond `bytes_max`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max);
// Writes beside and renames: a reader sees the old content or the new one.
absl::Status WriteFileAtomically(const std::string& path, std::string_view content);

// `--endpoint`, else CIEVENTS_ENDPOINT, else what a running `dev` wrote to ./.cievents/ready.json.
absl::StatusOr<std::string> FindEndpoint(const ClientOptions& options);
absl::StatusOr<std::unique_ptr<client::Client>> MakeClient(const ClientOptions& options);

// The compiled-in catalogue, or `file`; kInvalidArgument with every issue of a bad file.
absl::StatusOr<std::shared_ptr<const Catalogue>> LoadCatalogue(const std::string& file);

void InitLogging(const LogOptions& options);

// `text` with control characters as `?`: names of files are somebody else's, and a terminal obeys.
std::string Printable(std::string text);

// Columns as wide as their widest cell; the header in the first row.
void PrintTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_TERMINAL_H_
