// Reads the `include` of a CI file: which files it names, under which rules, with which inputs.
#ifndef SERVICES_LIB_CI_YAML_INCLUDES_H_
#define SERVICES_LIB_CI_YAML_INCLUDES_H_

#include <string_view>
#include <vector>

#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {

// What GitLab takes of an include's `rules`; further clauses are not looked at and leave it
// undecided.
inline constexpr size_t kIncludeRulesMax = 50;

struct Includes {
  std::vector<LocalInclude> local;
  bool has_unread = false;  // an include that is not followed
};

// Reads the value of `include`. What is not followed, or is wrong, is reported.
Includes ReadIncludes(const KeyValue& include, IssueSink* sink);

// What the text of a path names.
struct IncludePath {
  enum class Kind {
    kLocal,
    kEmpty,
    kTooLong,
    kUrl,
    kVariable,    // a `$` that only pipeline creation replaces
    kEventBlock,  // a block over the event, which no file is named by
  };
  Kind kind = Kind::kLocal;
  std::string_view path;  // kLocal: without a leading '/'; a view into the text
  bool is_wildcard = false;
};

// Whether the `$[[ inputs.X ]]` blocks of the text are still to be filled in.
enum class PathBlocks { kUnresolved, kResolved };
IncludePath ReadIncludePath(std::string_view text, PathBlocks blocks);

// "a URL": what is not followed, for messages. REQUIRES: kUrl, kVariable or kEventBlock.
std::string_view NameOfKind(IncludePath::Kind kind);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_INCLUDES_H_
