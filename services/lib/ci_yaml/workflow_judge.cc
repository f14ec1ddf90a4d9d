#include "services/lib/ci_yaml/workflow_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace cievents::ci_yaml {
namespace {

using matcher::Verdict;
using matcher::When;

bool AnyMatches(const std::vector<matcher::Pattern>& patterns,
                const std::vector<std::string>& names) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const matcher::Pattern& pattern) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return pattern.Matches(name); });
  });
}

void Append(const std::vector<std::string>& names, std::vector<std::string>* all) {
  all->insert(all->end(), names.begin(), names.end());
}

// The text with `name`, quoted, for each block `$[[ event.name ]]`.
std::string WithName(std::string_view text, std::string_view name) {
  std::string replaced;
  while (!text.empty()) {
    const size_t begin = text.find("$[[");
    const size_t end = begin == std::string_view::npos ? begin : text.find("]]", begin);
    if (end == std::string_view::npos) break;
    std::string_view block = text.substr(begin + 3, end - begin - 3);
    block.remove_prefix(std::min(block.find_first_not_of(" \t\r\n"), block.size()));
    block = block.substr(0, block.find_last_not_of(" \t\r\n") + 1);
    replaced.append(text.substr(0, begin));
    if (block == "event.name" || block == "gitlab.event.name") {
      replaced.append(fmt::format("\"{}\"", name));
    } else {
      replaced.append(text.substr(begin, end + 2 - begin));
    }
    text.remove_prefix(end + 2);
  }
  return replaced.append(text);
}

}  // namespace

bool WorkflowJudge::MayPass(const matcher::Pattern& pattern) {
  const std::vector<Names> kinds = KindsOf(pattern);
  // Nothing is known of a pattern that is no name and that no known event has.
  return kinds.empty() || std::any_of(kinds.begin(), kinds.end(),
                                      [this](const Names& names) { return LetsRun(names); });
}

std::vector<WorkflowJudge::Names> WorkflowJudge::KindsOf(const matcher::Pattern& pattern) const {
  std::vector<Names> kinds;
  for (const EventType& type : catalogue_.event_types()) {
    Names names;
    names.certain.push_back(type.name);
    Append(type.also, &names.certain);
    names.possible = names.certain;
    for (const WebhookRow& row : type.webhooks) Append(row.also, &names.possible);
    if (AnyMatches({pattern}, names.possible)) kinds.push_back(std::move(names));
  }
  const auto add_name = [&](const std::string& name) { kinds.push_back({{name}, {name}}); };
  if (pattern.is_literal()) {
    if (kinds.empty()) add_name(pattern.text());
    return kinds;
  }
  // Events that the catalogue does not know, and the workflow does.
  for (const matcher::RuleClause& clause : workflow_) {
    for (const matcher::Pattern& other : clause.events) {
      if (other.is_literal() && pattern.Matches(other.text())) add_name(other.text());
    }
  }
  return kinds;
}

bool WorkflowJudge::LetsRun(const Names& names) {
  for (const matcher::RuleClause& clause : workflow_) {
    if (++judged_clauses_ > kJudgedClausesMax) return true;
    const bool is_never = clause.when == When::kNever;
    if (is_never && clause.has_undecidable_part) continue;
    if (!clause.events.empty() &&
        !AnyMatches(clause.events, is_never ? names.certain : names.possible)) {
      continue;
    }
    const Verdict verdict =
        clause.if_text.has_value() ? Judge(*clause.if_text, names) : Verdict::kTrue;
    if (is_never && verdict == Verdict::kTrue) return false;
    if (!is_never && verdict != Verdict::kFalse) return true;
  }
  return false;
}

Verdict WorkflowJudge::Judge(const std::string& if_text, const Names& names) {
  // With several names it depends on the entry which of them `event.name` is.
  const std::string text =
      names.possible.size() == 1 ? WithName(if_text, names.possible[0]) : if_text;
  const auto known = verdicts_.find(text);
  if (known != verdicts_.end()) return known->second;
  matcher::ConditionError error;
  const std::unique_ptr<const matcher::Condition> condition =
      matcher::Condition::Parse(text, matcher::ConditionPlace::kHoistedRule, tables_, &error);
  const Verdict verdict = condition == nullptr ? Verdict::kUndecided : condition->Evaluate({});
  verdicts_.emplace(text, verdict);
  return verdict;
}

}  // namespace cievents::ci_yaml
