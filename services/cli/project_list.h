// The projects of a bulk push: which folder is which project (docs/cli.md, "Bulk push").
#ifndef SERVICES_CLI_PROJECT_LIST_H_
#define SERVICES_CLI_PROJECT_LIST_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/cli/options.h"

namespace cievents::cli {

enum class ListFormat { kJson, kCsv };

// One PushOptions a project: `defaults` with what the list says instead; `dir` is
// `defaults.from_dir`/DIR. kInvalidArgument: the list is wrong; the message says where. A project
// or a folder that stands twice is an error.
absl::StatusOr<std::vector<PushOptions>> ParseProjectList(std::string_view text, ListFormat format,
                                                          const PushOptions& defaults);

// Finds and reads the list: `projects_file`; else projects.json or projects.csv in `from_dir`; else
// every sub-folder called ID or ID-NAME. In the order of the list, or of the folders' names.
absl::StatusOr<std::vector<PushOptions>> FindProjects(const PushOptions& options);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_PROJECT_LIST_H_
