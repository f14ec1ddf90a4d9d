#include "services/lib/ci_yaml/rules.h"

#include <fmt/format.h>

namespace cievents::ci_yaml {
namespace {

void ReadIf(const KeyValue& item, matcher::RuleClause* clause, ConditionChecker* conditions,
            IssueSink* sink) {
  // Of `!$X`, `!($X == "y")` and `! "$X"` YAML takes the `!` away; a `!!str` does no harm.
  if (item.value->is_scalar() && item.value->tag.starts_with("!")) {
    sink->Add(
        kWrongType, item.value->mark,
        fmt::format("`{}` is not quoted: YAML reads it as a tag", yaml::Shorten(item.value->tag)),
        "quote the whole condition");
    return;
  }
  if (!item.value->is_scalar()) {
    AddWrongType(item, "a condition", sink);
    return;
  }
  conditions->Check(*item.value);
  clause->if_text = item.value->scalar;
  clause->if_position = PositionOf(item.value->mark);
}

void ReadWhen(const KeyValue& item, matcher::RuleClause* clause, IssueSink* sink) {
  if (item.value->is_scalar() && item.value->scalar == "always") {
    clause->when = matcher::When::kAlways;
  } else if (item.value->is_scalar() && item.value->scalar == "on_success") {
    clause->when = matcher::When::kOnSuccess;
  } else if (item.value->is_scalar() && item.value->scalar == "never") {
    clause->when = matcher::When::kNever;
  } else {
    AddBadValue(item, {"always", "on_success", "never"}, sink);
  }
}

matcher::RuleClause ReadClause(const yaml::Node& map, PatternReader* patterns,
                               ConditionChecker* conditions, IssueSink* sink) {
  matcher::RuleClause clause;
  for (const KeyValue& item : ItemsOf(map)) {
    if (item.key == "if") {
      ReadIf(item, &clause, conditions, sink);
    } else if (item.key == "events") {
      clause.events = patterns->ReadList(*item.value, item.key);
    } else if (item.key == "when") {
      ReadWhen(item, &clause, sink);
    } else if (item.key == "changes" || item.key == "exists" || item.key == "variables") {
      sink->Add(kUnsupportedRuleKey, item.key_mark,
                fmt::format("`{}` cannot be decided from an event", item.key),
                "put it into the `rules` of a job of the pipeline");
    } else {
      AddUnknownKey(item, "a rule", {"if", "events", "when"}, sink);
    }
  }
  return clause;
}

}  // namespace

std::vector<matcher::RuleClause> ReadRules(const KeyValue& rules, PatternReader* patterns,
                                           ConditionChecker* conditions, IssueSink* sink) {
  std::vector<matcher::RuleClause> clauses;
  if (!rules.value->is_sequence() || !rules.value->tag.empty()) {
    AddWrongType(rules, "a list of rules", sink);
    return clauses;
  }
  if (rules.value->items.empty()) {
    sink->Add(kEmptyRules, rules.value->mark, "no rule can hold: the entry would never fire",
              "remove `rules` to fire always, or remove the entry");
  }
  for (const yaml::NodePtr& item : rules.value->items) {
    if (item->is_map()) {
      clauses.push_back(ReadClause(*item, patterns, conditions, sink));
    } else {
      AddWrongType({"rules", rules.key_mark, item.get()}, "a list of maps with `if` and `when`",
                   sink);
    }
  }
  return clauses;
}

}  // namespace cievents::ci_yaml
