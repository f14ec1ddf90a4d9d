// What one YAML file of a project says about subscriptions, read alone: entries, inputs, includes
// and issues. Pure: text in, value out. Cached by blob, so it has a JSON form.
#ifndef SERVICES_LIB_CI_YAML_PARSED_FILE_H_
#define SERVICES_LIB_CI_YAML_PARSED_FILE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/subscription.h"
#include "services/lib/base/issue.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/body.h"

namespace cievents::ci_yaml {

inline constexpr size_t kFileBytesMax = 2 * 1024 * 1024;
inline constexpr size_t kHeaderBytesMax = 64 * 1024;
inline constexpr int kPatternsPerSubscriptionMax = 50;
inline constexpr int kInputsPerEntryMax = 20;
inline constexpr size_t kIncludeInputsBytesMax = 64 * 1024;
inline constexpr size_t kIncludePathBytesMax = 1024;

// How a file is read (docs/subscriptions.md, "Where they are found").
enum class FileRole {
  kCiFile,      // .gitlab-ci.yml or the configured CI file: header and body
  kEventList,   // .gitlab-ci-event.yml: a top-level `events:` list (proposal 4)
  kHeaderOnly,  // .gitlab/ci/events/*.yml: only `spec`, the body may be anything
  kIncluded,  // reached by an include: header; with `spec: events` nothing more, else the body too
};

// A clause of an include's `rules`. What cannot be decided without a pipeline (`changes`, other
// keys) makes it undecided unless `if` or `exists` is false.
struct IncludeRule {
  std::optional<std::string> if_text;
  std::vector<std::string> exists;  // globs; empty = no such key. One that is found is enough.
  bool has_undecidable_part = false;
  bool never = false;
  friend bool operator==(const IncludeRule&, const IncludeRule&) = default;
};

// What one `include: local` names.
struct LocalInclude {
  std::string path;          // without a leading '/'; may hold `$[[ inputs.X ]]` blocks
  bool is_wildcard = false;  // `*` and `**` in the path: every YAML file that it matches
  std::vector<matcher::InputBinding> inputs;  // sorted by name; may hold blocks
  std::optional<std::vector<IncludeRule>> rules;
  matcher::Position position;
  friend bool operator==(const LocalInclude&, const LocalInclude&) = default;
};

struct ParsedFile {
  std::vector<matcher::Entry> entries;  // in the order of the table, then of the text
  bool has_spec_events = false;         // a header with `spec: events` (or `on`) stands in it
  std::string spec_inputs_json = "{}";  // canonical JSON of `spec: inputs`
  std::vector<LocalInclude> includes;   // kCiFile, kIncluded without `spec: events`
  // An include that is not followed (`project`, `remote`, a variable in the path, ...) is there:
  // the jobs of the pipeline are not all known.
  bool has_unread_includes = false;
  Body body;                  // kCiFile, kIncluded without `spec: events`
  std::vector<Issue> issues;  // all of the file's own, in the order of the text
};

// Never fails: what is wrong is in `issues`. Time and memory are bounded by the file's limits;
// with kHeaderOnly both are independent of the body.
ParsedFile ParseFile(FileRole role, std::string_view path, std::string_view content,
                     const Catalogue& catalogue);

// The JSON form for the cache (config_files.parsed). FromJson answers kDataLoss for what it cannot
// read: the caller then asks for the content again.
std::string ParsedFileToJson(const ParsedFile& file);
absl::StatusOr<ParsedFile> ParsedFileFromJson(std::string_view json);

// The JSON form of entries and of include inputs alone: what subscriptions.entries and .inputs
// hold.
std::string EntriesToJson(const std::vector<matcher::Entry>& entries);
absl::StatusOr<std::vector<matcher::Entry>> EntriesFromJson(std::string_view json);
// subscriptions.hoisted_rules: an object, `{}` for none. Positions are kept by neither.
std::string HoistedRulesToJson(const matcher::HoistedRules& rules);
absl::StatusOr<matcher::HoistedRules> HoistedRulesFromJson(std::string_view json);
// An object of name to value, in the order given (sorted); positions are not kept.
std::string InputsToJson(const std::vector<matcher::InputBinding>& inputs);
absl::StatusOr<std::vector<matcher::InputBinding>> InputsFromJson(std::string_view json);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_PARSED_FILE_H_
