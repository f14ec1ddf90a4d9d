// The `rules` of an include: read from YAML, and decided as far as a commit alone decides them.
//
// GitLab: the first clause that holds wins; `when: never` leaves the file out, and so does a list
// of which no clause holds. Here every variable is unknown, so the answer may be neither.
#ifndef SERVICES_LIB_CI_YAML_INCLUDE_RULES_H_
#define SERVICES_LIB_CI_YAML_INCLUDE_RULES_H_

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "matcher/condition/condition.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

// The value of `rules`. None: `rules:` with nothing below it, which asks nothing. What is not
// understood makes a clause undecidable; it is GitLab's to refuse.
std::optional<std::vector<IncludeRule>> ReadIncludeRules(const yaml::Node& rules);

enum class Truth : uint8_t { kFalse, kTrue, kUnknown };

// What the conditions of all includes of a commit may cost: they are compiled anew for each push.
// What is over it is unknown.
struct IncludeRuleBudget {
  int conditions = 1000;
  int regex_program = 100'000;  // RE2 instructions
};

// What the rules of an include may ask.
struct IncludeRuleContext {
  // Whether a file of the commit matches this glob.
  std::function<Truth(std::string_view glob)> exists;
  // The inputs of the including file; null: it has none.
  matcher::InputSource* inputs = nullptr;
  // Whether the value of this input is known before there is an event.
  std::function<bool(std::string_view name)> is_static_input;
};

// kUnknown: only pipeline creation can say whether the file is included.
Truth IsIncluded(const std::vector<IncludeRule>& rules, const IncludeRuleContext& context,
                 IncludeRuleBudget* budget);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_INCLUDE_RULES_H_
