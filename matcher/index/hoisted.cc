#include "matcher/index/hoisted.h"

#include <algorithm>
#include <vector>

namespace cievents::matcher {
namespace {

// What cannot be evaluated is left to pipeline creation: here a failure is no verdict.
Verdict EvaluateHoisted(const HoistedClause& hoisted, const DefinitionEntry& entry,
                        EventContext& context, ExplainedClause* explained) {
  const Verdict verdict = EvaluateClause(hoisted.clause, entry, context, explained);
  if (verdict == Verdict::kFalse) return Verdict::kFalse;
  const bool is_open = hoisted.has_undecidable_part || !hoisted.parse_error.empty();
  return verdict == Verdict::kTrue && !is_open ? Verdict::kTrue : Verdict::kUndecided;
}

void Describe(const HoistedClause& hoisted, ExplainedClause* explained) {
  const DefinitionClause& clause = hoisted.clause;
  if (clause.condition != nullptr) {
    explained->if_text = clause.condition->condition->text();
  } else if (!hoisted.parse_error.empty()) {
    explained->if_text = hoisted.unparsed_if;
    explained->operands.push_back({hoisted.unparsed_if, "failed: " + hoisted.parse_error});
  }
  explained->events = clause.event_patterns;
  explained->when = clause.when;
  explained->has_undecidable_part = hoisted.has_undecidable_part;
}

// As an entry's rules, but for failures: the first clause that holds, or cannot be decided and is
// no `never`, decides.
bool ListLetsRun(const HoistedList& list, const DefinitionEntry& entry, EventContext& context,
                 ExplainedRuleList* explained) {
  for (const HoistedClause& hoisted : list) {
    ExplainedClause* explained_clause = nullptr;
    if (explained != nullptr) {
      explained_clause = &explained->clauses.emplace_back();
      Describe(hoisted, explained_clause);
    }
    const Verdict verdict = EvaluateHoisted(hoisted, entry, context, explained_clause);
    if (explained_clause != nullptr) explained_clause->verdict = verdict;
    if (verdict == Verdict::kFalse) continue;
    if (hoisted.clause.when != When::kNever) return true;
    if (verdict == Verdict::kTrue) return false;
  }
  return false;
}

// How many things keep a list from letting run. REQUIRES: it does not.
int CountObstacles(const HoistedList& list, const DefinitionEntry& entry, EventContext& context) {
  int obstacles = 0;
  for (const HoistedClause& hoisted : list) {
    const Verdict verdict = EvaluateHoisted(hoisted, entry, context, nullptr);
    if (hoisted.clause.when == When::kNever) {
      if (verdict == Verdict::kTrue) return obstacles + 1;
    } else {
      obstacles += list.size() == 1 ? CountFalseParts(hoisted.clause, entry, context) : 1;
    }
  }
  return obstacles;
}

ExplainedRuleList ExplainList(const HoistedList& list, const DefinitionEntry& entry,
                              EventContext& context) {
  ExplainedRuleList explained;
  explained.lets_run = ListLetsRun(list, entry, context, &explained);
  if (!explained.lets_run) explained.obstacles = CountObstacles(list, entry, context);
  return explained;
}

bool JobCouldRun(const DefinitionJob& job, const DefinitionEntry& entry, EventContext& context,
                 std::vector<ExplainedJob>* trace) {
  if (trace == nullptr) {
    return std::all_of(job.lists.begin(), job.lists.end(), [&](const HoistedList& list) {
      return ListLetsRun(list, entry, context, nullptr);
    });
  }
  // People see all of its lists, also behind one that has decided.
  ExplainedJob& explained = trace->emplace_back();
  explained.name = job.name;
  explained.could_run = true;
  for (const HoistedList& list : job.lists) {
    explained.lists.push_back(ExplainList(list, entry, context));
    explained.could_run = explained.could_run && explained.lists.back().lets_run;
  }
  return explained.could_run;
}

}  // namespace

bool LetsRun(const DefinitionHoistedRules& rules, const DefinitionEntry& entry,
             EventContext& context, ExplainedHoistedRules* trace) {
  if (rules.workflow.has_value()) {
    if (trace == nullptr) {
      if (!ListLetsRun(*rules.workflow, entry, context, nullptr)) return false;
    } else {
      trace->workflow = ExplainList(*rules.workflow, entry, context);
      if (!trace->workflow->lets_run) return false;
    }
  }
  if (!rules.jobs.has_value()) return true;
  return std::any_of(rules.jobs->begin(), rules.jobs->end(), [&](const DefinitionJob& job) {
    return JobCouldRun(job, entry, context, trace == nullptr ? nullptr : &trace->jobs);
  });
}

}  // namespace cievents::matcher
