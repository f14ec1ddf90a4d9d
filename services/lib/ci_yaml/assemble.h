// From the parsed files of one commit to the project's subscriptions: which file subscribes, with
// which include inputs, and what is wrong across files. Pure.
#ifndef SERVICES_LIB_CI_YAML_ASSEMBLE_H_
#define SERVICES_LIB_CI_YAML_ASSEMBLE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/subscription.h"
#include "services/lib/base/issue.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {

inline constexpr std::string_view kDefaultCiConfigPath = ".gitlab-ci.yml";
inline constexpr std::string_view kEventListPath = ".gitlab-ci-event.yml";
inline constexpr std::string_view kEventsFolder = ".gitlab/ci/events/";
inline constexpr int kManifestFilesMax = 10'000;
inline constexpr int kClosureFilesMax = 150;  // included files, each (path, inputs) counted
inline constexpr int kClosureDepthMax = 100;
inline constexpr int kSubscriptionsPerProjectMax = 200;
// Rounds of `needs_content` that a push may take: one for the entry points, one for each level of
// includes. Most take one or two.
inline constexpr int kContentRoundsMax = kClosureDepthMax + 2;

// The role that `path` has by its place alone, or none: then it matters only if it is included.
std::optional<FileRole> RoleByPath(std::string_view path, std::string_view ci_config_path);

// Whose events the pusher may subscribe to, beside its own project's.
struct Permissions {
  bool group = false;
  bool instance = false;
  std::vector<int64_t> project_ids;
  bool confidential = false;
};

// A file of the commit. `live` is what counts: the file itself, or its last good version while it
// has errors, or null (errors and no good version: nothing of it counts).
struct CommitFile {
  const ParsedFile* parsed = nullptr;  // of this commit, for its issues
  const ParsedFile* live = nullptr;
};

struct SubscriptionDraft {
  std::string path;
  std::vector<matcher::Entry> entries;
  std::vector<matcher::InputBinding> include_inputs;  // sorted by name
  std::string inputs_digest;  // hex SHA-256 of the canonical include inputs; part of the key
  std::string spec_inputs_json = "{}";  // canonical JSON of the pipeline file's `spec: inputs`
  matcher::HoistedRules hoisted_rules;  // of the CI file's draft only
  std::string workflow_id;  // hex SHA-256 of format version, entries, hoisted rules, spec inputs
};

struct Assembly {
  std::vector<SubscriptionDraft> drafts;  // ordered by (path, inputs_digest), keys distinct
  std::vector<Issue> issues;              // of all files and of their combination, by file and line
  // Files that are needed and were not given (`lookup` answered kUnknown): ask the client. While
  // this is not empty, drafts and issues are not the whole truth.
  std::vector<std::string> needs_content;
  // Every path that decided something, also those that an include names and that do not exist: a
  // push that touches none of them changes nothing. One that ends in `*` stands for all paths that
  // begin with what is before it (wildcards of includes, globs of `exists`).
  std::vector<std::string> paths_of_interest;
};

// kUnknown: the content is needed. `live` may then be an older version, as a guess of what else
// will be needed.
enum class FilePresence { kAbsent, kUnknown, kGiven };

// What to say of YAML files that nothing reads.
enum class UnusedFiles {
  kIgnore,
  kReport,  // asks `lookup` for all of them: for a checkout, where contents are at hand
};

struct AssembleRequest {
  std::string ci_config_path;               // empty = kDefaultCiConfigPath
  std::vector<std::string> manifest_paths;  // every YAML file of the commit
  Permissions permissions;
  const Catalogue* catalogue = nullptr;  // required
  UnusedFiles unused_files = UnusedFiles::kIgnore;
  // Answers what is known of a file in `manifest_paths`. Never called for others (they are absent).
  std::function<FilePresence(std::string_view path, FileRole role, CommitFile* file)> lookup;
};

Assembly Assemble(const AssembleRequest& request);

// Hex SHA-256 over a format version byte and the canonical entries, hoisted rules and `spec:
// inputs`; comments, white space and positions do not count, include inputs are not part of it.
std::string WorkflowId(const std::vector<matcher::Entry>& entries,
                       const matcher::HoistedRules& hoisted_rules,
                       std::string_view spec_inputs_json);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ASSEMBLE_H_
