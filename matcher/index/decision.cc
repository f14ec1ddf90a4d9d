#include "matcher/index/decision.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "matcher/index/hoisted.h"

namespace cievents::matcher {
namespace {

bool ScopeCovers(const Scope& scope, const Subscriber& subscriber, const EventView& event) {
  switch (scope.kind) {
    case ScopeKind::kProject:
      return event.project_id != 0 && event.project_id == subscriber.project_id;
    case ScopeKind::kOtherProject:
      return event.project_id != 0 && event.project_id == scope.project_id;
    case ScopeKind::kGroup:
      return subscriber.parent_group_id != 0 &&
             std::find(event.namespace_ids.begin(), event.namespace_ids.end(),
                       subscriber.parent_group_id) != event.namespace_ids.end();
    case ScopeKind::kInstance:
      return true;
  }
  return false;
}

// The first of the event's names that one of `patterns` matches.
std::optional<uint32_t> FirstName(std::span<const PatternId> patterns,
                                  std::span<const NamedPattern> named) {
  std::optional<uint32_t> first;
  for (const NamedPattern& one : named) {
    if (first.has_value() && *first <= one.name) continue;
    if (std::binary_search(patterns.begin(), patterns.end(), one.pattern)) first = one.name;
  }
  return first;
}

// `$[[ inputs.NAME ]]` in an entry's conditions: what the entry would give to a pipeline.
class EntryInputs final : public InputSource {
 public:
  EntryInputs(const InputPlan& plan, EventFields& fields) : plan_(plan), fields_(fields) {}
  Value GetInput(std::string_view name) override {
    return plan_.GetInput(name, fields_, &scratch_.emplace_back());
  }

 private:
  const InputPlan& plan_;
  EventFields& fields_;
  std::deque<std::string> scratch_;  // a value lives until the evaluation ends
};

}  // namespace

Verdict EvaluateClause(const DefinitionClause& clause, const DefinitionEntry& entry,
                       EventContext& context, ExplainedClause* explained) {
  if (!clause.events.empty() && !FirstName(clause.events, context.patterns).has_value()) {
    return Verdict::kFalse;
  }
  if (clause.condition == nullptr) return Verdict::kTrue;
  EvaluationContext evaluation;
  evaluation.event = context.fields;
  if (clause.condition->by_event_alone && explained == nullptr) {
    return context.memo->Evaluate(*clause.condition, evaluation);
  }
  EntryInputs inputs(*entry.inputs, *context.fields);
  evaluation.inputs = &inputs;
  const Condition& condition = *clause.condition->condition;
  if (explained != nullptr) {
    explained->operands = condition.EvaluateOperands(evaluation);
    explained->cost = condition.cost();
  }
  return condition.Evaluate(evaluation);
}

namespace {

// The first clause that holds, or cannot be decided and is not a `never`, decides.
EntryOutcome ApplyRules(const DefinitionEntry& entry, EventContext& context,
                        ExplainedEntry* explained) {
  if (!entry.has_rules) return EntryOutcome::kDecides;
  for (const DefinitionClause& clause : entry.rules) {
    ExplainedClause* explained_clause = nullptr;
    if (explained != nullptr) {
      explained_clause = &explained->clauses.emplace_back();
      if (clause.condition != nullptr) {
        explained_clause->if_text = clause.condition->condition->text();
      }
      explained_clause->events = clause.event_patterns;
      explained_clause->when = clause.when;
    }
    const Verdict verdict = EvaluateClause(clause, entry, context, explained_clause);
    if (explained_clause != nullptr) explained_clause->verdict = verdict;
    if (verdict == Verdict::kFalse) continue;
    if (verdict == Verdict::kFailed) return EntryOutcome::kFailed;
    if (clause.when != When::kNever) return EntryOutcome::kDecides;
    if (verdict == Verdict::kTrue) return EntryOutcome::kDenied;
  }
  return EntryOutcome::kDenied;
}

}  // namespace

int CountFalseParts(const DefinitionClause& clause, const DefinitionEntry& entry,
                    EventContext& context) {
  const bool fits = clause.events.empty() || FirstName(clause.events, context.patterns).has_value();
  int parts = fits ? 0 : 1;
  if (clause.condition != nullptr) {
    EntryInputs inputs(*entry.inputs, *context.fields);
    EvaluationContext evaluation;
    evaluation.event = context.fields;
    evaluation.inputs = &inputs;
    parts += clause.condition->condition->CountFalseParts(evaluation);
  }
  // Variables can make a condition false whose parts are all open.
  return std::max(parts, 1);
}

namespace {

// Of the rules: the clauses that are false, or the false parts of the only one, and a `never` that
// holds.
int CountRuleObstacles(const DefinitionEntry& entry, EventContext& context) {
  int obstacles = 0;
  for (const DefinitionClause& clause : entry.rules) {
    const Verdict verdict = EvaluateClause(clause, entry, context, nullptr);
    if (clause.when == When::kNever) {
      if (verdict == Verdict::kTrue) return obstacles + 1;
    } else if (verdict == Verdict::kFalse) {
      obstacles += entry.rules.size() == 1 ? CountFalseParts(clause, entry, context) : 1;
    } else {
      return 0;
    }
  }
  return obstacles;
}

// See ExplainedEntry::obstacles. REQUIRES: the entry does not decide, its name fits.
int CountObstacles(const DefinitionEntry& entry, const Subscriber& subscriber, uint32_t name,
                   EventContext& context) {
  const int elsewhere = ScopeCovers(entry.scope, subscriber, *context.event) ? 0 : 1;
  // What its rules say of a confidential event is not for the subscriber to know.
  if (context.event->confidential && !entry.confidential) return elsewhere + 1;
  context.fields->SetName(name);
  return elsewhere + CountRuleObstacles(entry, context);
}

EntryOutcome TryEntry(const DefinitionEntry& entry, const Subscriber& subscriber,
                      EventContext& context, uint32_t* name, ExplainedEntry* explained) {
  const std::optional<uint32_t> first = FirstName(entry.patterns, context.patterns);
  if (!first.has_value()) return EntryOutcome::kOtherName;
  *name = *first;
  if (explained != nullptr) explained->name = context.event->names[*first];
  if (!ScopeCovers(entry.scope, subscriber, *context.event)) return EntryOutcome::kOutOfScope;
  if (context.event->confidential && !entry.confidential) return EntryOutcome::kConfidential;
  if (!entry.has_rules) return EntryOutcome::kDecides;
  context.fields->SetName(*first);
  return ApplyRules(entry, context, explained);
}

Decision DecideByEntries(const Definition& definition, const Subscriber& subscriber,
                         EventContext& context, std::vector<ExplainedEntry>* trace) {
  Decision decision;
  bool decided = false;
  for (uint32_t e = 0; e < definition.entries.size(); ++e) {
    const DefinitionEntry& entry = definition.entries[e];
    ExplainedEntry* explained = nullptr;
    if (trace != nullptr) {
      explained = &trace->emplace_back();
      explained->entry = e;
      explained->position = entry.position;
      explained->patterns = entry.pattern_texts;
      explained->outcome = EntryOutcome::kNotReached;
    }
    if (decided) continue;
    uint32_t name = 0;
    const EntryOutcome outcome = TryEntry(entry, subscriber, context, &name, explained);
    if (explained != nullptr) {
      explained->outcome = outcome;
      if (outcome == EntryOutcome::kOutOfScope || outcome == EntryOutcome::kConfidential ||
          outcome == EntryOutcome::kDenied) {
        explained->obstacles = CountObstacles(entry, subscriber, name, context);
      }
    }
    if (outcome != EntryOutcome::kDecides && outcome != EntryOutcome::kFailed) continue;
    decision.kind =
        outcome == EntryOutcome::kDecides ? Decision::Kind::kFires : Decision::Kind::kFailed;
    decision.entry = e;
    decision.name = name;
    if (trace == nullptr) return decision;
    decided = true;
  }
  return decision;
}

}  // namespace

Decision Decide(const Definition& definition, const Subscriber& subscriber, EventContext& context,
                DecisionTrace* trace) {
  Decision decision = DecideByEntries(definition, subscriber, context,
                                      trace == nullptr ? nullptr : &trace->entries);
  if (definition.hoisted_rules == nullptr || decision.kind != Decision::Kind::kFires) {
    return decision;
  }
  context.fields->SetName(decision.name);
  if (!LetsRun(*definition.hoisted_rules, definition.entries[decision.entry], context,
               trace == nullptr ? nullptr : &trace->hoisted_rules)) {
    decision.kind = Decision::Kind::kFiltered;
  }
  return decision;
}

}  // namespace cievents::matcher
