// Hoisting: what the rules of a CI file's workflow and jobs say of events, before a pipeline
// request exists (docs/subscriptions.md, "Hoisting"). It may keep a request that GitLab finds
// empty, and never drops one that GitLab would run. Pure.
//
//   bodies, merged as GitLab merges includes
//     -> `extends`, `!reference` resolved       jobs with their own rules
//     -> clauses with `events`, jobs with `on`  the patterns of one entry
//     -> clauses decidable from the event       HoistedRules, evaluated by matcher/
#ifndef SERVICES_LIB_CI_YAML_HOISTING_H_
#define SERVICES_LIB_CI_YAML_HOISTING_H_

#include <cstddef>
#include <string>
#include <vector>

#include "matcher/subscription.h"
#include "services/lib/base/issue.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/body.h"

namespace cievents::ci_yaml {

// What is kept of all rules together. Over it jobs do not filter; a workflow that is over it alone
// does not either.
inline constexpr size_t kHoistedClausesMax = 1000;
inline constexpr size_t kHoistedBytesMax = 64 * 1024;

// A body and where it stands.
struct BodyFile {
  std::string path;
  const Body* body = nullptr;  // never null
};

struct HoistRequest {
  // In the order in which GitLab merges them: what is included comes before what includes it, the
  // CI file is the last. Later ones win, maps are merged deeply, lists replaced.
  std::vector<BodyFile> bodies;
  // Every include is local and decided, and its body stands in `bodies`. Otherwise only a
  // `workflow: rules` of the CI file itself filters, and the patterns are those of what is known.
  bool all_includes_are_merged = false;
};

struct Hoisted {
  // The union of all `events` and `on` in clauses other than `never`: none, or one entry.
  std::vector<matcher::Entry> entries;
  matcher::HoistedRules rules;
  std::vector<Issue> issues;  // of any of the files; positions of the text
};

Hoisted Hoist(const HoistRequest& request, const Catalogue& catalogue);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_HOISTING_H_
