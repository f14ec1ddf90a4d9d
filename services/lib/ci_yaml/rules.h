// Reads the `rules` of an entry. Conditions are checked, and kept as written.
#ifndef SERVICES_LIB_CI_YAML_RULES_H_
#define SERVICES_LIB_CI_YAML_RULES_H_

#include <vector>

#include "matcher/subscription.h"
#include "services/lib/ci_yaml/conditions.h"
#include "services/lib/ci_yaml/patterns.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {

std::vector<matcher::RuleClause> ReadRules(const KeyValue& rules, PatternReader* patterns,
                                           ConditionChecker* conditions, IssueSink* sink);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_RULES_H_
