#include "tests/oracle/answers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "matcher/index/explanation.h"
#include "tests/oracle/random_condition.h"
#include "tests/oracle/random_world.h"

namespace cievents::oracle {
namespace {

// Where and why the payload is malformed is the engine's to say: "payload" is put for it.
std::string WithoutPlaces(const std::string& reason) {
  static const RE2 malformed(
      R"((?s)^(.*?` input: )the payload is not valid JSON at byte .*?(, `[^`]+` input: .*)?$)");
  std::string rest = reason;
  std::string result;
  std::string before;
  std::string behind;
  while (RE2::FullMatch(rest, malformed, &before, &behind)) {
    result += before + "payload";
    rest = behind;
  }
  return result + rest;
}

void Add(const matcher::Match& match, Answer* answer) {
  Fired fired;
  fired.entry = match.entry();
  fired.name = match.name();
  std::string json;
  std::string reason;
  fired.failed_input = !match.ResolveInputs(&json, &reason);
  fired.inputs = fired.failed_input ? reason : json;
  fired.inputs = WithoutPlaces(fired.inputs);
  if (!answer->fired.emplace(match.subscription_id(), fired).second) ++answer->twice;
}

void AddCounts(const matcher::MatchCounts& counts, Answer* answer) {
  answer->failed_payload = counts.failed_payload;
  answer->suspended = counts.suspended;
  answer->filtered = counts.filtered_by_rules;
  if (counts.matched != answer->fired.size()) ++answer->twice;
}

Fired FiredOf(const NaiveMatch& match) {
  return {match.entry, match.name, match.inputs.failed,
          match.inputs.failed ? match.inputs.reason : match.inputs.json};
}

// The outcome that Explain gives must have the same name.
std::string NameOf(NaiveOutcome outcome, const NaiveMatch& match) {
  switch (outcome) {
    case NaiveOutcome::kFires:
      return match.inputs.failed ? "failed input" : "fires";
    case NaiveOutcome::kNoEntry:
      return "no entry";
    case NaiveOutcome::kFailedPayload:
      return "failed payload";
    case NaiveOutcome::kSuspended:
      return "suspended";
    case NaiveOutcome::kBeforeCreation:
      return "before creation";
    case NaiveOutcome::kFiltered:
      return "filtered";
    case NaiveOutcome::kUnusable:
      return "unusable";
  }
  return "";
}

std::string NameOf(matcher::SubscriptionOutcome outcome) {
  switch (outcome) {
    case matcher::SubscriptionOutcome::kFires:
      return "fires";
    case matcher::SubscriptionOutcome::kFailedInput:
      return "failed input";
    case matcher::SubscriptionOutcome::kNoEntry:
      return "no entry";
    case matcher::SubscriptionOutcome::kFailedPayload:
      return "failed payload";
    case matcher::SubscriptionOutcome::kSuspended:
      return "suspended";
    case matcher::SubscriptionOutcome::kBeforeCreation:
      return "before creation";
    case matcher::SubscriptionOutcome::kFilteredByRules:
      return "filtered";
  }
  return "";
}

int64_t DecidingEntry(const matcher::ExplainedSubscription& explained) {
  for (const matcher::ExplainedEntry& entry : explained.entries) {
    if (entry.outcome == matcher::EntryOutcome::kDecides) return entry.entry;
  }
  return -1;
}

}  // namespace

Answer NaiveAnswer(const std::map<int64_t, NaiveFiring>& firings, const NaiveEvent& event) {
  Answer answer;
  NaiveReading reading(event);
  for (const auto& [id, firing] : firings) {
    // What is too old is not looked at: its payload is nobody's failure.
    if (NaiveIsTooOld(firing.subscription(), event)) continue;
    NaiveMatch match;
    switch (firing.Try(&reading, VariableTexts(), &match)) {
      case NaiveOutcome::kFires:
        answer.fired[id] = FiredOf(match);
        break;
      case NaiveOutcome::kFailedPayload:
        ++answer.failed_payload;
        break;
      case NaiveOutcome::kSuspended:
        ++answer.suspended;
        break;
      case NaiveOutcome::kFiltered:
        ++answer.filtered;
        break;
      default:
        break;
    }
  }
  return answer;
}

Answer IndexAnswer(matcher::Matcher* matcher, const NaiveEvent& event) {
  Answer answer;
  const matcher::MatchCounts counts =
      matcher->MatchEvent(ViewOf(event), [&](const matcher::Match& match) { Add(match, &answer); });
  AddCounts(counts, &answer);
  return answer;
}

std::vector<Answer> BatchAnswers(matcher::Matcher* matcher, std::span<const NaiveEvent> events) {
  std::vector<matcher::EventView> views;
  for (const NaiveEvent& event : events) views.push_back(ViewOf(event));
  std::vector<matcher::MatchCounts> counts(events.size());
  std::vector<Answer> answers(events.size());
  matcher->MatchBatch(views, counts, [&](size_t event, const matcher::Match& match) {
    Add(match, &answers[event]);
  });
  for (size_t i = 0; i < answers.size(); ++i) AddCounts(counts[i], &answers[i]);
  return answers;
}

bool IsSame(const Answer& actual, const Answer& expected, FailedPayloads failed) {
  if (actual.fired != expected.fired || actual.twice != expected.twice ||
      actual.suspended != expected.suspended || actual.filtered != expected.filtered) {
    return false;
  }
  return failed == FailedPayloads::kAtMost ? actual.failed_payload <= expected.failed_payload
                                           : actual.failed_payload == expected.failed_payload;
}

std::string CompareExplain(matcher::Matcher* matcher, const NaiveEvent& event, int64_t project_id,
                           const std::map<int64_t, NaiveFiring>& firings) {
  std::map<int64_t, matcher::ExplainedSubscription> explained;
  for (auto& one : matcher->Explain(ViewOf(event), project_id).subscriptions) {
    explained[one.subscription_id] = std::move(one);
  }
  NaiveReading reading(event);
  for (const auto& [id, firing] : firings) {
    const bool of_project = firing.subscription().project_id == project_id;
    if (project_id != 0 && !of_project) continue;
    NaiveMatch match;
    const NaiveOutcome outcome = firing.Try(&reading, VariableTexts(), &match);
    const auto found = explained.find(id);
    if (found == explained.end()) {
      if (outcome == NaiveOutcome::kUnusable) continue;
      if (outcome == NaiveOutcome::kNoEntry && project_id == 0) continue;
      return fmt::format("explain({}) leaves out {}, which is: {}", project_id, id,
                         NameOf(outcome, match));
    }
    const matcher::ExplainedSubscription& one = found->second;
    if (outcome == NaiveOutcome::kUnusable &&
        one.outcome == matcher::SubscriptionOutcome::kNoEntry) {
      continue;
    }
    const bool decided = outcome != NaiveOutcome::kNoEntry &&
                         outcome != NaiveOutcome::kFailedPayload &&
                         outcome != NaiveOutcome::kUnusable;
    if (NameOf(one.outcome) != NameOf(outcome, match) ||
        DecidingEntry(one) != (decided ? static_cast<int64_t>(match.entry) : -1)) {
      return fmt::format("explain({}) of {}: {} by entry {}, not {} by entry {}", project_id, id,
                         NameOf(one.outcome), DecidingEntry(one), NameOf(outcome, match),
                         match.entry);
    }
    if (outcome == NaiveOutcome::kFires && !match.inputs.failed &&
        one.inputs_json != match.inputs.json) {
      return fmt::format("explain({}) of {}: inputs {}, not {}", project_id, id, one.inputs_json,
                         match.inputs.json);
    }
  }
  return "";
}

int64_t FirstDifference(const Answer& a, const Answer& b) {
  for (const auto& [id, fired] : a.fired) {
    const auto other = b.fired.find(id);
    if (other == b.fired.end() || !(other->second == fired)) return id;
  }
  for (const auto& [id, fired] : b.fired) {
    if (a.fired.count(id) == 0) return id;
  }
  return 0;
}

std::string Show(const Answer& answer, int64_t subscription_id) {
  std::string text = "does not fire";
  const auto found = answer.fired.find(subscription_id);
  if (found != answer.fired.end()) {
    text =
        fmt::format("fires by entry {}, name {}, {} {}", found->second.entry, found->second.name,
                    found->second.failed_input ? "failed input:" : "inputs", found->second.inputs);
  }
  return fmt::format(
      "{} (of all: {} fire, {} failed payloads, {} suspended, {} filtered, {} twice)", text,
      answer.fired.size(), answer.failed_payload, answer.suspended, answer.filtered, answer.twice);
}

std::string Show(const NaiveEvent& event) {
  return fmt::format(
      "event: names {} project {} groups {} confidential {} time_ms {} replayed {}\n"
      "  id \"{}\" source \"{}\" type \"{}\" subject \"{}\" actor {} \"{}\" level {} bot {}\n"
      "  payload ({} bytes): {}\n",
      fmt::join(event.names, " "), event.project_id, fmt::join(event.namespace_ids, "/"),
      event.confidential, event.time_ms, event.replayed, event.id, event.source, event.type,
      event.subject, event.actor_user_id, event.actor_username,
      event.actor_access_level.value_or(-1), event.actor_bot, event.payload.size(), event.payload);
}

std::string Show(const NaiveSubscription& subscription) {
  constexpr const char* kScopes[] = {"project", "group", "instance", "other project"};
  constexpr const char* kWhens[] = {"always", "on_success", "never"};
  const auto bindings = [](const std::vector<NaiveBinding>& all) {
    std::string text;
    for (const NaiveBinding& one : all) text += " " + one.name + "=" + one.value_json;
    return text;
  };
  const auto clauses = [&](const NaiveClauses& all) {
    std::string text;
    for (const NaiveClause& clause : all) {
      text += fmt::format("    - if: {}\n      events: {} when: {}{}\n",
                          clause.if_text.value_or("(none)"), fmt::join(clause.events, " "),
                          kWhens[static_cast<int>(clause.when)],
                          clause.has_undecidable_part ? " changes: [..]" : "");
    }
    return text;
  };
  std::string text = fmt::format(
      "subscription {} of project {} in groups {}{} created_time_ms {}\n  spec inputs {}\n"
      "  include:{}\n",
      subscription.subscription_id, subscription.project_id,
      fmt::join(subscription.namespace_ids, "/"), subscription.suspended ? ", suspended," : "",
      subscription.created_time_ms, subscription.spec_inputs_json,
      bindings(subscription.include_inputs));
  for (size_t e = 0; e < subscription.entries.size(); ++e) {
    const NaiveEntry& entry = subscription.entries[e];
    text += fmt::format("  entry {}: {}, scope {} {}{}\n    inputs:{}\n", e,
                        fmt::join(entry.patterns, " "), kScopes[static_cast<int>(entry.scope)],
                        entry.other_project_id, entry.confidential ? ", confidential" : "",
                        bindings(entry.inputs));
    text += clauses(entry.rules.value_or(NaiveClauses()));
  }
  if (subscription.workflow.has_value()) {
    text += "  workflow:\n" + clauses(*subscription.workflow);
  }
  if (!subscription.jobs.has_value()) return text;
  for (const NaiveJob& job : *subscription.jobs) {
    text += "  job:\n";
    for (const NaiveClauses& list : job.lists) text += "   list:\n" + clauses(list);
  }
  return text;
}

}  // namespace cievents::oracle
