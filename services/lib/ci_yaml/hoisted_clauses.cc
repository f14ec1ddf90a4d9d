#include "services/lib/ci_yaml/hoisted_clauses.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "services/lib/ci_yaml/conditions.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/patterns.h"

namespace cievents::ci_yaml {
namespace {

using Kind = BodyValue::Kind;
using matcher::Verdict;
using matcher::When;

constexpr std::string_view kBlockBegin = "$[[";

// Keys of a clause that say nothing about whether it holds. What is not known at all may be a
// condition that GitLab has learnt since.
bool IsWithoutEffect(std::string_view key) {
  static constexpr std::array<std::string_view, 6> kKeys = {
      "allow_failure", "auto_cancel", "interruptible", "needs", "start_in", "variables"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

std::string_view NameOfKind(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kText:
      return "a single value";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kReference:
      break;
  }
  return "a `!reference`";
}

void AddDistinct(const PlacedPattern& pattern, std::vector<PlacedPattern>* patterns) {
  const auto same =
      std::find_if(patterns->begin(), patterns->end(),
                   [&](const PlacedPattern& other) { return other.pattern == pattern.pattern; });
  if (same == patterns->end()) patterns->push_back(pattern);
}

}  // namespace

ClauseReader::Clauses ClauseReader::ReadRules(const MergedValue& rules, Owner owner,
                                              JobResolver* resolver) {
  const JobResolver::Items items = resolver->ResolveList(rules);
  Clauses clauses;
  clauses.is_whole = items.is_whole;
  for (const MergedValue& item : items.items) {
    if (item.is_map()) {
      clauses.list.push_back(ReadClause(item, owner, resolver));
    } else {  // an input may stand for clauses
      clauses.is_whole = false;
    }
  }
  return clauses;
}

ClauseReader::Clauses ClauseReader::ReadOn(const MergedValue& on, JobResolver* resolver) {
  Clauses clauses;
  ReadEvents(on, "on", Owner::kJob, resolver, &clauses.list.emplace_back());
  return clauses;
}

matcher::RuleClause ClauseReader::ReadClause(const MergedValue& map, Owner owner,
                                             JobResolver* resolver) {
  matcher::RuleClause clause;
  const std::vector<std::string_view> keys = map.Keys();
  const bool has_interpolated_keys = std::any_of(keys.begin(), keys.end(), HasBlock);
  const JobResolver::Resolved when = resolver->Get(map, "when");
  if (when.value.has_value() && when.is_whole && when.value->kind() == Kind::kText &&
      when.value->text() == "never" && !has_interpolated_keys) {
    clause.when = When::kNever;
  }
  for (const std::string_view key : keys) {
    if (key == "when" || HasBlock(key) || IsWithoutEffect(key)) continue;
    if (key == "if") {
      ReadIf(resolver->Get(map, key), &clause);
    } else if (const auto value = map.Find(key); key == "events" && value.has_value()) {
      ReadEvents(*value, key, owner, resolver, &clause);
    } else {
      clause.has_undecidable_part = true;
    }
  }
  if (has_interpolated_keys) clause.has_undecidable_part = true;
  return clause;
}

void ClauseReader::ReadIf(const JobResolver::Resolved& value, matcher::RuleClause* clause) {
  if (!value.value.has_value() || !value.is_whole || value.value->kind() != Kind::kText ||
      HasForeignInputs(*value.value)) {
    clause->has_undecidable_part = true;
    return;
  }
  const ConditionFacts& facts = Check(value.value->text());
  if (facts.is_usable) {
    clause->if_text = value.value->text();
    clause->if_position = value.value->position();
    return;
  }
  clause->has_undecidable_part = true;
  issues_.AddOnce(kLeftToPipelineCreation, value.value->file(), value.value->position(),
                  fmt::format("the condition is not looked at here: {}", facts.problem));
}

const ClauseReader::ConditionFacts& ClauseReader::Check(const std::string& text) {
  const auto known = conditions_.find(text);
  if (known != conditions_.end()) return known->second;
  ConditionFacts facts;
  if (conditions_.size() >= kHoistedConditionsMax) {
    static const ConditionFacts* const kTooMany = new ConditionFacts{
        false, fmt::format("there are more than {}", kHoistedConditionsMax), std::nullopt};
    return *kTooMany;
  }
  matcher::ConditionError error;
  const std::unique_ptr<const matcher::Condition> condition =
      matcher::Condition::Parse(text, matcher::ConditionPlace::kHoistedRule, tables_, &error);
  if (condition == nullptr) {
    facts.problem = error.message;
  } else if (regex_program_ + condition->cost().regex_program > kRegexProgramPerSubscriptionMax) {
    facts.problem =
        fmt::format("with it the regular expressions would compile to more than {} instructions",
                    kRegexProgramPerSubscriptionMax);
  } else {
    facts.is_usable = true;
    regex_program_ += condition->cost().regex_program;
    if (condition->cost().paths == 0 && condition->inputs().empty() &&
        !condition->uses_event_name()) {
      facts.constant = condition->Evaluate({});
    }
  }
  return conditions_.emplace(text, std::move(facts)).first->second;
}

std::optional<Verdict> ClauseReader::ConstantVerdict(const std::string& if_text) {
  return Check(if_text).constant;
}

bool ClauseReader::AlwaysLetsRun(const matcher::RuleList& list) {
  for (const matcher::RuleClause& clause : list) {
    const std::optional<Verdict> verdict =
        clause.if_text.has_value() ? ConstantVerdict(*clause.if_text) : Verdict::kTrue;
    if (clause.when == When::kNever) {
      const bool can_hold =
          !clause.has_undecidable_part && (!verdict.has_value() || verdict == Verdict::kTrue);
      if (can_hold) return false;
    } else if (clause.events.empty() && verdict.has_value() && verdict != Verdict::kFalse) {
      return true;
    }
  }
  return false;
}

void ClauseReader::ReadEvents(const MergedValue& events, std::string_view key, Owner owner,
                              JobResolver* resolver, matcher::RuleClause* clause) {
  const JobResolver::Items items = resolver->ResolveList(events);
  bool is_sound = items.is_whole && !items.items.empty();
  for (const MergedValue& item : items.items) {
    if (!ReadEvent(item, key, owner, resolver, clause)) is_sound = false;
  }
  if (items.is_whole && items.items.empty()) {
    issues_.Of(events.file())
        .Add(kEmptyEvents, events.position(), fmt::format("`{}` is an empty list", key),
             "name an event, or remove the key");
  }
  if (is_sound) return;
  // With some of its patterns a clause would be narrower than it is meant, with none wider.
  clause->events.clear();
  clause->has_undecidable_part = true;
}

bool ClauseReader::ReadEvent(const MergedValue& item, std::string_view key, Owner owner,
                             JobResolver* resolver, matcher::RuleClause* clause) {
  if (item.kind() == Kind::kText) return ReadPattern(item.text(), item, owner, clause);
  if (!item.is_map() || item.Find("name").has_value()) {
    issues_.Of(item.file())
        .Add(kWrongType, item.position(),
             fmt::format("`{}` of {} must be a pattern or a list of patterns, not {}", key,
                         key == "on" ? "a job" : "a rule", NameOfKind(item.kind())));
    return false;
  }
  bool is_sound = true;
  for (const std::string_view label : item.Keys()) {
    const JobResolver::Items values = resolver->ResolveList(*item.Find(label));
    if (!values.is_whole || values.items.empty()) is_sound = false;
    for (const MergedValue& value : values.items) {
      if (value.kind() == Kind::kText) {
        is_sound = ReadPattern(fmt::format("{}/{}", label, value.text()), value, owner, clause) &&
                   is_sound;
        continue;
      }
      is_sound = false;
      issues_.Of(value.file())
          .Add(kWrongType, value.position(),
               fmt::format("`{}` must be a text or a list of texts, not {}", yaml::Shorten(label),
                           NameOfKind(value.kind())));
    }
  }
  return is_sound;
}

bool ClauseReader::ReadPattern(std::string_view text, const MergedValue& place, Owner owner,
                               matcher::RuleClause* clause) {
  auto known = pattern_of_text_.find(text);
  if (known == pattern_of_text_.end()) {
    // A reader for each: the limit is one over all files, and counts a pattern once.
    PatternReader reader(catalogue_, &issues_.Of(place.file()));
    auto pattern = reader.Read(text, {place.position().line, place.position().column});
    known = pattern_of_text_.emplace(text, std::move(pattern)).first;
  }
  if (!known->second.has_value()) return false;
  const matcher::Pattern& pattern = *known->second;
  if (std::find(clause->events.begin(), clause->events.end(), pattern) == clause->events.end()) {
    clause->events.push_back(pattern);
  }
  if (clause->when != When::kNever) Subscribe({pattern, place.file(), place.position()}, owner);
  return true;
}

void ClauseReader::Subscribe(const PlacedPattern& pattern, Owner owner) {
  if (patterns_.size() == static_cast<size_t>(kPatternsPerSubscriptionMax) &&
      std::none_of(patterns_.begin(), patterns_.end(),
                   [&](const PlacedPattern& other) { return other.pattern == pattern.pattern; })) {
    issues_.AddOnce(kTooManyPatterns, pattern.file, pattern.position,
                    fmt::format("more than {} patterns in the rules of one pipeline; this one and "
                                "those after it are not applied",
                                kPatternsPerSubscriptionMax),
                    "use `*` or `**`, or split the file");
    return;
  }
  AddDistinct(pattern, &patterns_);
  if (owner == Owner::kJob) AddDistinct(pattern, &job_patterns_);
}

// Inputs in an included file are those of its include, not those of the CI file.
bool ClauseReader::HasForeignInputs(const MergedValue& text) const {
  if (text.file() == ci_file_) return false;
  const std::string& content = text.text();
  for (size_t at = content.find(kBlockBegin); at != std::string::npos;
       at = content.find(kBlockBegin, at + 1)) {
    const size_t inside = content.find_first_not_of(" \t\r\n", at + kBlockBegin.size());
    if (inside != std::string::npos && content.compare(inside, 6, "inputs") == 0) return true;
  }
  return false;
}

}  // namespace cievents::ci_yaml
