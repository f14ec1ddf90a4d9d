#include "tests/oracle/naive_matcher.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/oracle/naive_condition.h"

namespace cievents::oracle {
namespace {

using Segments = std::vector<std::string>;

Segments Split(const std::string& text) {
  Segments segments;
  std::istringstream stream(text);
  for (std::string segment; std::getline(stream, segment, '/');) segments.push_back(segment);
  return segments;
}

std::vector<Segments> SplitAll(const std::vector<std::string>& texts) {
  std::vector<Segments> all;
  for (const std::string& text : texts) all.push_back(Split(text));
  return all;
}

bool SegmentsMatch(const Segments& wanted, const Segments& given) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i >= given.size()) return false;
    if (wanted[i] == "**" && i + 1 == wanted.size()) return true;
    if (wanted[i] != "*" && wanted[i] != given[i]) return false;
  }
  return wanted.size() == given.size();
}

bool AnyMatches(const std::vector<Segments>& patterns, const Segments& name) {
  for (const Segments& pattern : patterns) {
    if (SegmentsMatch(pattern, name)) return true;
  }
  return false;
}

// "`project`: this project's events. `group`: events of the parent group itself, of its subgroups
// and of all their projects. `instance`: all. `{project: ID}`: that project's."
bool ScopeCovers(const NaiveSubscription& subscription, const NaiveEntry& entry,
                 const NaiveEvent& event) {
  if (entry.scope == NaiveScope::kInstance) return true;
  if (entry.scope == NaiveScope::kGroup) {
    if (subscription.namespace_ids.empty()) return false;
    const int64_t parent_group = subscription.namespace_ids[subscription.namespace_ids.size() - 1];
    for (const int64_t ancestor : event.namespace_ids) {
      if (ancestor == parent_group) return true;
    }
    return false;
  }
  if (event.project_id == 0) return false;  // happened in no project
  if (entry.scope == NaiveScope::kOtherProject) return event.project_id == entry.other_project_id;
  return event.project_id == subscription.project_id;
}

}  // namespace

struct NaiveFiring::Parsed {
  struct Clause {
    std::shared_ptr<const NaiveCondition> condition;  // null = no `if`
    std::vector<Segments> events;
  };
  struct Entry {
    std::vector<Segments> patterns;
    std::vector<Clause> clauses;
    NaiveInputs inputs;
  };
  std::vector<Entry> entries;
};

// "A subscription is not fired by an event whose native time lies more than 5 minutes before the
// subscription was created, unless replayed."
bool NaiveIsTooOld(const NaiveSubscription& subscription, const NaiveEvent& event) {
  if (event.replayed || event.time_ms == 0) return false;
  return event.time_ms + 5 * 60 * 1000 < subscription.created_time_ms;
}

bool NaivePatternMatches(const std::string& pattern, const std::string& name) {
  return SegmentsMatch(Split(pattern), Split(name));
}

NaiveFiring::NaiveFiring(NaiveSubscription subscription) : subscription_(std::move(subscription)) {
  const auto parsed = std::make_shared<Parsed>();
  for (const NaiveEntry& entry : subscription_.entries) {
    Parsed::Entry parsed_entry;
    parsed_entry.patterns = SplitAll(entry.patterns);
    for (const NaiveClause& clause : entry.rules.value_or(std::vector<NaiveClause>())) {
      Parsed::Clause parsed_clause;
      parsed_clause.events = SplitAll(clause.events);
      if (clause.if_text.has_value()) {
        parsed_clause.condition = NaiveCondition::Parse(*clause.if_text, &error_);
        if (parsed_clause.condition == nullptr) return;
      }
      parsed_entry.clauses.push_back(std::move(parsed_clause));
    }
    if (!parsed_entry.inputs.Read(subscription_.include_inputs, entry.inputs,
                                  subscription_.spec_inputs_json, &error_)) {
      return;
    }
    parsed->entries.push_back(std::move(parsed_entry));
  }
  parsed_ = parsed;
}

// "The first clause that holds wins, no clause = no request"; "`events` is ANDed with `if`";
// "undecided with `when: never` is skipped, any other undecided clause counts as a match"; "errors
// at run time: no request".
NaiveFiring::Decision NaiveFiring::TryEntry(size_t entry, NaiveReading* event, size_t name,
                                            const std::vector<std::string>& texts) const {
  if (!subscription_.entries[entry].rules.has_value()) return Decision::kDecides;
  const Parsed::Entry& parsed = parsed_->entries[entry];
  const NaiveOperands operands = {
      [&](const std::string& path) { return event->Get(path, name); },
      [&](const std::string& input) { return parsed.inputs.Get(input, event, name); }};
  for (size_t c = 0; c < parsed.clauses.size(); ++c) {
    const Parsed::Clause& clause = parsed.clauses[c];
    const NaiveWhen when = (*subscription_.entries[entry].rules)[c].when;
    bool wanted = clause.events.empty();
    for (const Segments& segments : event->name_segments()) {
      wanted = wanted || AnyMatches(clause.events, segments);
    }
    if (!wanted) continue;
    const NaiveVerdict verdict = clause.condition == nullptr
                                     ? NaiveVerdict::kTrue
                                     : clause.condition->Decide(operands, texts);
    if (verdict == NaiveVerdict::kFailed) return Decision::kFails;
    if (verdict == NaiveVerdict::kFalse) continue;
    if (when != NaiveWhen::kNever) return Decision::kDecides;
    if (verdict == NaiveVerdict::kTrue) return Decision::kPasses;
  }
  return Decision::kPasses;
}

// "Of each list the first clause that holds, or that cannot be decided and is no `never`, counts; a
// list lets run if that clause is no `never`. What cannot be decided, does not parse or cannot be
// evaluated is left to pipeline creation, and so is a clause that holds but for `changes` and the
// like."
bool NaiveFiring::LetsRun(const NaiveClauses& list, const Decided& decided, NaiveReading* event,
                          const std::vector<std::string>& texts) const {
  const NaiveInputs& inputs = parsed_->entries[decided.entry].inputs;
  const NaiveOperands operands = {
      [&](const std::string& path) { return event->Get(path, decided.name); },
      [&](const std::string& input) { return inputs.Get(input, event, decided.name); }};
  for (const NaiveClause& clause : list) {
    bool wanted = clause.events.empty();
    for (const std::string& pattern : clause.events) {
      for (const std::string& name : event->event().names) {
        wanted = wanted || NaivePatternMatches(pattern, name);
      }
    }
    if (!wanted) continue;
    bool holds = true;     // for certain
    bool refuses = false;  // for certain
    if (clause.if_text.has_value()) {
      std::string why;
      const auto condition = NaiveCondition::Parse(*clause.if_text, &why);
      const NaiveVerdict verdict =
          condition == nullptr ? NaiveVerdict::kUndecided : condition->Decide(operands, texts);
      holds = verdict == NaiveVerdict::kTrue;
      refuses = verdict == NaiveVerdict::kFalse;
    }
    if (clause.has_undecidable_part) holds = false;
    if (refuses) continue;
    if (clause.when != NaiveWhen::kNever) return true;
    if (holds) return false;
  }
  return false;
}

// "No request is made if `workflow: rules` do not let run, or if no job could run: each of a job's
// lists must let it."
bool NaiveFiring::CouldRun(const Decided& decided, NaiveReading* event,
                           const std::vector<std::string>& texts) const {
  if (subscription_.workflow.has_value() &&
      !LetsRun(*subscription_.workflow, decided, event, texts)) {
    return false;
  }
  if (!subscription_.jobs.has_value()) return true;
  for (const NaiveJob& job : *subscription_.jobs) {
    size_t letting = 0;
    for (const NaiveClauses& list : job.lists) {
      letting += LetsRun(list, decided, event, texts) ? 1 : 0;
    }
    if (letting == job.lists.size()) return true;
  }
  return false;
}

// "Entries are tried in order; the first whose name matches and whose rules allow it decides
// everything. `never` ends that entry only; an input that fails does not fall through."
NaiveOutcome NaiveFiring::Try(NaiveReading* event, const std::vector<std::string>& texts,
                              NaiveMatch* match) const {
  if (parsed_ == nullptr) return NaiveOutcome::kUnusable;
  const NaiveEvent& plain = event->event();
  for (size_t e = 0; e < subscription_.entries.size(); ++e) {
    const NaiveEntry& entry = subscription_.entries[e];
    if (plain.confidential && !entry.confidential) continue;
    if (!ScopeCovers(subscription_, entry, plain)) continue;
    // "`event.name` is the first of them that the deciding entry matches."
    size_t name = 0;
    while (name < plain.names.size() &&
           !AnyMatches(parsed_->entries[e].patterns, event->name_segments()[name])) {
      ++name;
    }
    if (name == plain.names.size()) continue;
    const Decision decision = TryEntry(e, event, name, texts);
    if (decision == Decision::kFails) return NaiveOutcome::kFailedPayload;
    if (decision == Decision::kPasses) continue;
    *match = {subscription_.subscription_id, e, name, {}};
    if (!CouldRun({e, name}, event, texts)) return NaiveOutcome::kFiltered;
    if (NaiveIsTooOld(subscription_, plain)) return NaiveOutcome::kBeforeCreation;
    if (subscription_.suspended) return NaiveOutcome::kSuspended;
    match->inputs = parsed_->entries[e].inputs.Resolve(event, name);
    return NaiveOutcome::kFires;
  }
  return NaiveOutcome::kNoEntry;
}

std::vector<NaiveMatch> NaiveMatches(const std::vector<NaiveSubscription>& subscriptions,
                                     const NaiveEvent& event) {
  NaiveReading reading(event);
  std::map<int64_t, NaiveMatch> matches;
  for (const NaiveSubscription& subscription : subscriptions) {
    NaiveMatch match;
    if (NaiveFiring(subscription).Try(&reading, {}, &match) == NaiveOutcome::kFires) {
      matches[subscription.subscription_id] = match;
    }
  }
  std::vector<NaiveMatch> ordered;
  for (const auto& [id, match] : matches) ordered.push_back(match);
  return ordered;
}

}  // namespace cievents::oracle
