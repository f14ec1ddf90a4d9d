// What one subscription says of one event: its entries in order, names, scope, rules, then the CI
// file's own rules. Matching and explaining run this code; explaining hands it a trace to write
// into.
#ifndef MATCHER_INDEX_DECISION_H_
#define MATCHER_INDEX_DECISION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "matcher/event/event_fields.h"
#include "matcher/event/event_view.h"
#include "matcher/index/definition.h"
#include "matcher/index/explanation.h"
#include "matcher/index/pattern_table.h"

namespace cievents::matcher {

// A pattern that matches a name of the event, and the first such name.
struct NamedPattern {
  PatternId pattern = 0;
  uint32_t name = 0;
};

// The verdicts of one event's conditions, each evaluated at most once.
class ConditionMemo {
 public:
  void Reset(uint32_t condition_id_end) {
    if (verdicts_.size() < condition_id_end) verdicts_.resize(condition_id_end);
    if (++generation_ == 0) {  // after 2^32 events: stamps of long ago must not look like new ones
      for (Slot& slot : verdicts_) slot = {};
      generation_ = 1;
    }
  }
  Verdict Evaluate(const InternedCondition& condition, const EvaluationContext& context) {
    if (condition.sole_test.has_value()) {
      RegexBudget budget;
      const LiteralTest::Result result = condition.sole_test->Holds(*context.event, budget);
      if (result == LiteralTest::Result::kTrue) return Verdict::kTrue;
      if (result == LiteralTest::Result::kFalse) return Verdict::kFalse;
    }
    Slot& slot = verdicts_[condition.id];
    if (slot.generation != generation_) {
      slot = {generation_, EvaluateAnew(condition, context)};
    }
    return slot.verdict;
  }

 private:
  // Condition::Evaluate, by a shorter way to its tests.
  static Verdict EvaluateAnew(const InternedCondition& condition,
                              const EvaluationContext& context) {
    if (!condition.tests.empty()) {
      const LiteralTest::Result result = EvaluateTests(condition.tests, *context.event);
      if (result == LiteralTest::Result::kTrue) return Verdict::kTrue;
      if (result == LiteralTest::Result::kFalse) return Verdict::kFalse;
    }
    return condition.condition->Evaluate(context);
  }

  struct Slot {
    uint32_t generation = 0;
    Verdict verdict = Verdict::kFalse;
  };
  std::vector<Slot> verdicts_;
  uint32_t generation_ = 0;
};

// An event and what is known of it by now.
struct EventContext {
  const EventView* event = nullptr;
  std::span<const NamedPattern> patterns;  // of all its names, by pattern
  EventFields* fields = nullptr;           // reset to this event
  ConditionMemo* memo = nullptr;           // reset to this event
};

// Who subscribes, as far as scopes ask.
struct Subscriber {
  int64_t project_id = 0;
  int64_t parent_group_id = 0;  // 0 = none
};

struct Decision {
  // kFiltered: an entry decides, and the CI file's rules let nothing run.
  enum class Kind : uint8_t { kNone, kFires, kFailed, kFiltered };
  Kind kind = Kind::kNone;
  uint32_t entry = 0;
  uint32_t name = 0;
};

struct DecisionTrace {
  std::vector<ExplainedEntry> entries;  // all of them
  ExplainedHoistedRules hoisted_rules;  // as far as they were tried
};

// `trace` may be null; else it is empty.
Decision Decide(const Definition& definition, const Subscriber& subscriber, EventContext& context,
                DecisionTrace* trace);

// A clause: its `events`, then its condition. `explained` may be null; else the operands' values
// are written to it.
Verdict EvaluateClause(const DefinitionClause& clause, const DefinitionEntry& entry,
                       EventContext& context, ExplainedClause* explained);
// Of a false clause: that its events do not fit, and the parts of its condition that are false; at
// least 1.
int CountFalseParts(const DefinitionClause& clause, const DefinitionEntry& entry,
                    EventContext& context);

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_DECISION_H_
