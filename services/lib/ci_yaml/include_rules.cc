#include "services/lib/ci_yaml/include_rules.h"

#include <algorithm>
#include <memory>

#include "services/lib/ci_yaml/includes.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {
namespace {

IncludeRule Undecidable() {
  IncludeRule rule;
  rule.has_undecidable_part = true;
  return rule;
}

// `exists: path`, a list of paths, or a map with `paths`. Paths of other projects, and those with
// variables in them, are undecidable.
void ReadExists(const yaml::Node& value, IncludeRule* rule) {
  const yaml::Node* paths = &value;
  if (value.is_map()) {
    paths = value.Find("paths");
    if (paths == nullptr || ItemsOf(value).size() > 1) {
      rule->has_undecidable_part = true;
      return;
    }
  }
  std::vector<std::string> globs;
  const auto add = [&](const yaml::Node& glob) {
    if (!glob.is_scalar() || glob.scalar.empty() || glob.scalar.size() > kIncludePathBytesMax ||
        glob.scalar.find('$') != std::string::npos) {
      rule->has_undecidable_part = true;
    } else {
      globs.push_back(glob.scalar);
    }
  };
  if (!paths->is_sequence()) {
    add(*paths);
  } else if (!paths->tag.empty() || paths->items.empty() ||
             paths->items.size() > kIncludeRulesMax) {
    rule->has_undecidable_part = true;
  } else {
    for (const yaml::NodePtr& glob : paths->items) add(*glob);
  }
  // One glob that cannot be looked up may be the one that is found.
  if (!rule->has_undecidable_part) rule->exists = std::move(globs);
}

IncludeRule ReadRule(const yaml::Node& map) {
  IncludeRule rule;
  for (const KeyValue& item : ItemsOf(map)) {
    if (item.key == "if" && item.value->is_scalar() && item.value->tag.empty()) {
      rule.if_text = item.value->scalar;
    } else if (item.key == "exists") {
      ReadExists(*item.value, &rule);
    } else if (item.key == "when" && item.value->is_scalar() && item.value->scalar == "never") {
      rule.never = true;
    } else if (item.key == "when" && (item.value->is_null() || item.value->scalar == "always")) {
      rule.never = false;
    } else {
      rule.has_undecidable_part = true;
    }
  }
  return rule;
}

void CollectRules(const yaml::Node& list, std::vector<IncludeRule>* rules) {
  for (const yaml::NodePtr& item : list.items) {
    if (rules->size() > kIncludeRulesMax) return;
    if (item->is_map()) {
      rules->push_back(ReadRule(*item));
    } else if (item->is_sequence() && item->tag.empty()) {
      CollectRules(*item, rules);
    } else {
      rules->push_back(Undecidable());
    }
  }
}

Truth And(Truth a, Truth b) {
  if (a == Truth::kFalse || b == Truth::kFalse) return Truth::kFalse;
  return a == Truth::kTrue && b == Truth::kTrue ? Truth::kTrue : Truth::kUnknown;
}

Truth Evaluate(const std::string& text, const IncludeRuleContext& context,
               IncludeRuleBudget* budget) {
  if (budget->conditions <= 0 || budget->regex_program <= 0) return Truth::kUnknown;
  --budget->conditions;
  matcher::ConditionTables tables;
  matcher::ConditionError error;
  const std::unique_ptr<const matcher::Condition> condition =
      matcher::Condition::Parse(text, matcher::ConditionPlace::kHoistedRule, tables, &error);
  if (condition == nullptr) return Truth::kUnknown;
  budget->regex_program -= condition->cost().regex_program;
  const bool are_static =
      context.inputs != nullptr &&
      std::all_of(condition->inputs().begin(), condition->inputs().end(), context.is_static_input);
  if (!condition->inputs().empty() && !are_static) return Truth::kUnknown;
  matcher::EvaluationContext evaluation;
  evaluation.inputs = context.inputs;
  switch (condition->Evaluate(evaluation)) {
    case matcher::Verdict::kTrue:
      return Truth::kTrue;
    case matcher::Verdict::kFalse:
      return Truth::kFalse;
    case matcher::Verdict::kUndecided:
    case matcher::Verdict::kFailed:
      break;
  }
  return Truth::kUnknown;
}

Truth Holds(const IncludeRule& rule, const IncludeRuleContext& context, IncludeRuleBudget* budget) {
  Truth holds = rule.has_undecidable_part ? Truth::kUnknown : Truth::kTrue;
  if (rule.if_text.has_value()) holds = And(holds, Evaluate(*rule.if_text, context, budget));
  if (rule.exists.empty() || holds == Truth::kFalse) return holds;
  Truth exists = Truth::kFalse;
  for (const std::string& glob : rule.exists) {
    const Truth found = context.exists(glob);
    if (found == Truth::kFalse) continue;
    exists = found;
    if (found == Truth::kTrue) break;
  }
  return And(holds, exists);
}

}  // namespace

std::optional<std::vector<IncludeRule>> ReadIncludeRules(const yaml::Node& rules) {
  if (rules.is_null()) return std::nullopt;
  std::vector<IncludeRule> read;
  if (rules.is_sequence() && rules.tag.empty()) CollectRules(rules, &read);
  if (read.size() > kIncludeRulesMax) read.back() = Undecidable();
  if (read.empty()) read.push_back(Undecidable());
  return read;
}

Truth IsIncluded(const std::vector<IncludeRule>& rules, const IncludeRuleContext& context,
                 IncludeRuleBudget* budget) {
  bool may_be_included = false;
  bool may_be_left_out = false;
  bool is_decided = false;
  for (const IncludeRule& rule : rules) {
    const Truth holds = Holds(rule, context, budget);
    if (holds == Truth::kFalse) continue;
    (rule.never ? may_be_left_out : may_be_included) = true;
    is_decided = holds == Truth::kTrue;
    if (is_decided) break;
  }
  if (!is_decided) may_be_left_out = true;  // no clause holds
  if (may_be_included && may_be_left_out) return Truth::kUnknown;
  return may_be_included ? Truth::kTrue : Truth::kFalse;
}

}  // namespace cievents::ci_yaml
