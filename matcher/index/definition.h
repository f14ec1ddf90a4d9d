// Definitions: what subscriptions with the same text share, compiled once. A template that ten
// thousand projects copied is one definition; a subscription of it costs a pointer.
#ifndef MATCHER_INDEX_DEFINITION_H_
#define MATCHER_INDEX_DEFINITION_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/access/access_index.h"
#include "matcher/base/string_map.h"
#include "matcher/condition/condition.h"
#include "matcher/index/epoch.h"
#include "matcher/index/pattern_table.h"
#include "matcher/inputs/input_plan.h"
#include "matcher/subscription.h"

namespace cievents::matcher {

inline constexpr size_t kEntriesPerSubscriptionMax = 65'535;

// A condition that may be shared by many definitions. `id` is dense: a reader remembers the verdict
// for one event in an array slot.
//
// What an event reads of it first stands in its first cache line: with many conditions each event
// meets one that is in no cache.
struct alignas(64) InternedCondition {
  uint32_t id = 0;
  uint32_t users = 0;  // the writer's
  ConditionPlace place = ConditionPlace::kEntryRule;
  // True: the condition is one regex, which is its access condition: a candidate that the access
  // index is certain of needs no evaluation.
  bool is_access_regex = false;
  // True: the verdict depends on the event alone, so that it may be remembered.
  bool by_event_alone = false;
  // A copy of the condition's only test, where it has just one that needs no regex engine: found
  // without another look-up, and done as fast as its verdict is remembered.
  std::optional<LiteralTest> sole_test;
  // Condition::tests, if there are several.
  std::span<const LiteralTest> tests;
  std::unique_ptr<const Condition> condition;

  // Start to load what an evaluation reads: this object; its tests; the literals.
  void Prefetch() const {
    __builtin_prefetch(this);
    __builtin_prefetch(&tests);
  }
  void PrefetchTests() const {
    if (sole_test.has_value()) __builtin_prefetch(sole_test->compared_with());
    const auto* const bytes = reinterpret_cast<const char*>(tests.data());
    const size_t loaded = std::min(tests.size_bytes(), kPrefetchedBytesMax);
    for (size_t at = 0; at < loaded; at += 64) __builtin_prefetch(bytes + at);
  }
  void PrefetchLiterals() const {
    for (const LiteralTest& test : tests.first(std::min(tests.size(), kPrefetchedTestsMax))) {
      __builtin_prefetch(test.compared_with());
    }
  }

 private:
  static constexpr size_t kPrefetchedTestsMax = 8;
  static constexpr size_t kPrefetchedBytesMax = kPrefetchedTestsMax * sizeof(LiteralTest);
};

// Stands for a shortcut without a condition; has none.
inline const InternedCondition kAlwaysHolds{};

struct DefinitionClause {
  InternedCondition* condition = nullptr;   // null = no `if`
  std::vector<PatternId> events;            // ascending; empty = any
  std::vector<std::string> event_patterns;  // their texts, for explain
  When when = When::kOnSuccess;
};

struct DefinitionEntry {
  std::vector<PatternId> patterns;         // ascending, distinct
  std::vector<std::string> pattern_texts;  // as written, for explain
  Scope scope;
  bool confidential = false;
  bool has_rules = false;
  std::vector<DefinitionClause> rules;
  AccessGroups access;  // empty: nothing to look it up by
  std::unique_ptr<const InputPlan> inputs;
  std::string options_json;
  Position position;
};

// A clause of a hoisted rule. What is no error there makes it undecided where it is not false.
struct HoistedClause {
  DefinitionClause clause;
  bool has_undecidable_part = false;
  std::string unparsed_if;  // an `if` that does not parse here; it is undecided
  std::string parse_error;  // why; empty = there is none
};
using HoistedList = std::vector<HoistedClause>;

struct DefinitionJob {
  std::string name;
  std::vector<HoistedList> lists;
};

// HoistedRules, compiled.
struct DefinitionHoistedRules {
  std::optional<HoistedList> workflow;             // absent: no filter
  std::optional<std::vector<DefinitionJob>> jobs;  // absent: some job could always run
};

// Immutable but for `users`.
struct Definition {
  // What decides alone, where one entry with one pattern and at most one simple clause leaves
  // nothing else to ask (but confidentiality): its condition, or kAlwaysHolds. Null: see Decide.
  const InternedCondition* shortcut = nullptr;
  std::unique_ptr<const DefinitionHoistedRules> hoisted_rules;  // null = none
  std::string path;
  std::string workflow_id;
  std::vector<DefinitionEntry> entries;
  uint32_t users = 0;    // the writer's
  std::string unusable;  // why it cannot be evaluated; it has no entries then
  // Its key in the table: bytes on the heap (always over 16 of them), which stay where they are
  // when the table moves its strings.
  std::string_view key;
};

// The writer's, but for what it gives out.
class DefinitionTable {
 public:
  DefinitionTable(EpochDomain& epochs, PatternTable& patterns);
  ~DefinitionTable();

  // Never fails: see Definition::unusable. Undone by one Release, when no reader can see it.
  const Definition* Acquire(const Subscription& subscription);
  void Release(const Definition* definition);

  size_t conditions() const { return conditions_.size() + hoisted_conditions_.size(); }
  // For readers: how long an array by condition id must be.
  uint32_t condition_id_end() const { return condition_id_end_.load(std::memory_order_seq_cst); }

 private:
  absl::Status CompileEntry(const Subscription& subscription, const Entry& entry,
                            DefinitionEntry* compiled);
  DefinitionClause CompileClause(const RuleClause& clause);  // but for its condition
  HoistedList CompileHoistedList(const RuleList& rules);
  std::unique_ptr<const DefinitionHoistedRules> CompileHoistedRules(const HoistedRules& rules);
  absl::StatusOr<InternedCondition*> AcquireCondition(const std::string& text,
                                                      ConditionPlace place);
  StringMap<std::unique_ptr<InternedCondition>>& ConditionsOf(ConditionPlace place) {
    return place == ConditionPlace::kEntryRule ? conditions_ : hoisted_conditions_;
  }
  void ReleaseClause(const DefinitionClause& clause);
  void ReleaseEntry(const DefinitionEntry& entry);
  void ReleaseHoistedRules(const DefinitionHoistedRules& rules);

  EpochDomain& epochs_;
  PatternTable& patterns_;
  ConditionTables tables_;
  StringMap<std::unique_ptr<Definition>> definitions_;  // by KeyOf
  // By text: of entries' rules, and of hoisted ones, where the same text may mean less.
  StringMap<std::unique_ptr<InternedCondition>> conditions_;
  StringMap<std::unique_ptr<InternedCondition>> hoisted_conditions_;
  std::vector<uint32_t> unused_condition_ids_;
  std::atomic<uint32_t> condition_id_end_{0};
  std::string key_;  // scratch
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_DEFINITION_H_
