// What a Condition holds: the expression with its operands resolved.
#ifndef MATCHER_CONDITION_COMPILED_H_
#define MATCHER_CONDITION_COMPILED_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "matcher/condition/condition.h"
#include "matcher/condition/expression.h"
#include "matcher/condition/regex.h"
#include "matcher/event/event_path.h"

namespace cievents::matcher {

struct CompiledCondition {
  Expression expression;
  std::vector<std::shared_ptr<const EventPath>> paths;  // distinct
  std::vector<std::shared_ptr<const Regex>> regexes;
  std::vector<std::string> inputs;  // sorted, distinct
  std::vector<AccessGroup> access;
  ConditionCost cost;
  bool has_variables = false;
  bool uses_event_name = false;
  uint8_t repeated_variables = 0;  // that occur more than once; numbered by Node::operand
  // Set if nothing but variables can make a difference: the verdict while they are unknown.
  std::optional<Verdict> open_verdict;
};

// Interns paths and regexes. False: `error` says why.
bool Compile(Expression expression, EventPathTable& paths, RegexTable& regexes,
             CompiledCondition* compiled, ConditionError* error);

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_COMPILED_H_
