#include "matcher/index/definition.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "matcher/base/check.h"
#include "matcher/base/status.h"

namespace cievents::matcher {
namespace {

void AppendNumber(int64_t number, std::string* key) {
  key->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// The length first: no text can look like the end of another.
void AppendText(std::string_view text, std::string* key) {
  AppendNumber(static_cast<int64_t>(text.size()), key);
  key->append(text);
}

void AppendPosition(const Position& position, std::string* key) {
  AppendNumber(int64_t{position.line} << 32 | position.column, key);
}

void AppendInputs(const std::vector<InputBinding>& inputs, std::string* key) {
  AppendNumber(static_cast<int64_t>(inputs.size()), key);
  for (const InputBinding& input : inputs) {
    AppendText(input.name, key);
    AppendText(input.value_json, key);
  }
}

void AppendPatterns(const std::vector<Pattern>& patterns, std::string* key) {
  AppendNumber(static_cast<int64_t>(patterns.size()), key);
  for (const Pattern& pattern : patterns) AppendText(pattern.text(), key);
}

void AppendRules(const RuleList& rules, std::string* key) {
  AppendNumber(static_cast<int64_t>(rules.size()), key);
  for (const RuleClause& clause : rules) {
    AppendNumber(clause.if_text.has_value() ? 1 : 0, key);
    if (clause.if_text.has_value()) AppendText(*clause.if_text, key);
    AppendPatterns(clause.events, key);
    AppendNumber(static_cast<int64_t>(clause.when) << 1 | (clause.has_undecidable_part ? 1 : 0),
                 key);
  }
}

void AppendEntry(const Entry& entry, std::string* key) {
  AppendPatterns(entry.patterns, key);
  AppendNumber(static_cast<int64_t>(entry.scope.kind) << 1 | (entry.confidential ? 1 : 0), key);
  AppendNumber(entry.scope.project_id, key);
  if (entry.rules.has_value()) {
    AppendRules(*entry.rules, key);
  } else {
    AppendNumber(-1, key);
  }
  AppendInputs(entry.inputs, key);
  AppendText(entry.options_json, key);
  AppendPosition(entry.position, key);
}

void AppendHoistedRules(const HoistedRules& rules, std::string* key) {
  AppendNumber((rules.workflow.has_value() ? 1 : 0) | (rules.jobs.has_value() ? 2 : 0), key);
  if (rules.workflow.has_value()) AppendRules(*rules.workflow, key);
  if (!rules.jobs.has_value()) return;
  for (const HoistedJob& job : *rules.jobs) {
    AppendText(job.name, key);
    AppendNumber(static_cast<int64_t>(job.lists.size()), key);
    for (const RuleList& list : job.lists) AppendRules(list, key);
  }
}

// All that a definition is made of, as bytes: equal keys, equal definitions.
void MakeKey(const Subscription& subscription, std::string* key) {
  key->clear();
  AppendText(subscription.path, key);
  AppendText(subscription.workflow_id, key);
  for (const Entry& entry : subscription.entries) AppendEntry(entry, key);
  AppendInputs(subscription.include_inputs, key);
  AppendText(subscription.spec_inputs_json, key);
  if (!subscription.hoisted_rules.empty()) AppendHoistedRules(subscription.hoisted_rules, key);
}

bool IsAccessRegex(const Condition& condition) {
  const std::span<const LiteralTest> tests = condition.tests();
  const std::vector<AccessGroup>& access = condition.access();
  return tests.size() == 1 && tests.front().kind == LiteralTest::Kind::kRegex &&
         !tests.front().negated && access.size() == 1 && access.front().size() == 1 &&
         access.front().front().kind == AccessTerm::Kind::kRegex;
}

// What must hold for the rules to allow the entry: some clause other than `never` must. With one
// such clause, all groups of its condition; with several, a group of alternatives with one group of
// each.
AccessGroups AccessOfRules(const std::vector<DefinitionClause>& rules) {
  std::vector<const std::vector<AccessGroup>*> clauses;
  for (const DefinitionClause& clause : rules) {
    if (clause.when == When::kNever) continue;
    if (clause.condition == nullptr || clause.condition->condition->access().empty()) return {};
    clauses.push_back(&clause.condition->condition->access());
  }
  if (clauses.size() == 1) return *clauses.front();
  AccessGroup any;
  for (const std::vector<AccessGroup>* groups : clauses) {
    const AccessGroup& fewest = *std::min_element(
        groups->begin(), groups->end(),
        [](const AccessGroup& a, const AccessGroup& b) { return a.size() < b.size(); });
    any.insert(any.end(), fewest.begin(), fewest.end());
  }
  if (any.empty()) return {};
  return {std::move(any)};
}

std::vector<PatternId> AcquireAll(const std::vector<Pattern>& patterns, PatternTable* table,
                                  std::vector<std::string>* texts) {
  std::vector<PatternId> ids;
  for (const Pattern& pattern : patterns) {
    texts->push_back(pattern.text());
    const PatternId id = table->Acquire(pattern);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      ids.push_back(id);
    } else {
      table->Release(id);
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

const InternedCondition* FindShortcut(const Definition& definition) {
  if (definition.entries.size() != 1 || definition.hoisted_rules != nullptr) return nullptr;
  const DefinitionEntry& entry = definition.entries.front();
  if (entry.patterns.size() != 1) return nullptr;
  if (!entry.has_rules) return &kAlwaysHolds;
  if (entry.rules.size() != 1) return nullptr;
  const DefinitionClause& clause = entry.rules.front();
  if (!clause.events.empty() || clause.when == When::kNever) return nullptr;
  if (clause.condition == nullptr) return &kAlwaysHolds;
  return clause.condition->by_event_alone ? clause.condition : nullptr;
}

}  // namespace

DefinitionTable::DefinitionTable(EpochDomain& epochs, PatternTable& patterns)
    : epochs_(epochs), patterns_(patterns) {}

DefinitionTable::~DefinitionTable() = default;

const Definition* DefinitionTable::Acquire(const Subscription& subscription) {
  MakeKey(subscription, &key_);
  const auto at = definitions_.find(std::string_view(key_));
  if (at != definitions_.end()) {
    ++at->second->users;
    return at->second.get();
  }
  auto made = std::make_unique<Definition>();
  made->users = 1;
  made->path = subscription.path;
  made->workflow_id = subscription.workflow_id;
  if (subscription.entries.size() > kEntriesPerSubscriptionMax) {
    made->unusable = fmt::format("{} entries; a subscription has at most {}",
                                 subscription.entries.size(), kEntriesPerSubscriptionMax);
  }
  made->entries.reserve(made->unusable.empty() ? subscription.entries.size() : 0);
  for (const Entry& entry : subscription.entries) {
    if (!made->unusable.empty()) break;
    made->entries.emplace_back();
    const absl::Status compiled = CompileEntry(subscription, entry, &made->entries.back());
    if (compiled.ok()) continue;
    // Not a part of it: an entry that cannot be read could have been the one that decides.
    made->unusable =
        fmt::format("entry {}: {}", made->entries.size() - 1, std::string(compiled.message()));
    for (const DefinitionEntry& done : made->entries) ReleaseEntry(done);
    made->entries.clear();
  }
  if (made->unusable.empty() && !subscription.hoisted_rules.empty()) {
    made->hoisted_rules = CompileHoistedRules(subscription.hoisted_rules);
  }
  made->shortcut = FindShortcut(*made);
  Definition* const definition = made.get();
  const auto placed = definitions_.emplace(key_, std::move(made)).first;
  definition->key = placed->first;
  return definition;
}

void DefinitionTable::Release(const Definition* definition) {
  // The key is copied: it lives in the element that is erased.
  const auto at = definitions_.find(std::string(definition->key));
  CIEVENTS_CHECK(at != definitions_.end() && at->second.get() == definition);
  if (--at->second->users > 0) return;
  for (const DefinitionEntry& entry : definition->entries) ReleaseEntry(entry);
  if (definition->hoisted_rules != nullptr) ReleaseHoistedRules(*definition->hoisted_rules);
  definitions_.erase(at);
}

absl::Status DefinitionTable::CompileEntry(const Subscription& subscription, const Entry& entry,
                                           DefinitionEntry* compiled) {
  compiled->patterns = AcquireAll(entry.patterns, &patterns_, &compiled->pattern_texts);
  compiled->scope = entry.scope;
  compiled->confidential = entry.confidential;
  compiled->options_json = entry.options_json;
  compiled->position = entry.position;
  compiled->has_rules = entry.rules.has_value();
  if (compiled->has_rules) {
    for (const RuleClause& clause : *entry.rules) {
      DefinitionClause& made = compiled->rules.emplace_back(CompileClause(clause));
      if (!clause.if_text.has_value()) continue;
      CIEVENTS_ASSIGN_OR_RETURN(made.condition,
                                AcquireCondition(*clause.if_text, ConditionPlace::kEntryRule));
    }
    compiled->access = AccessOfRules(compiled->rules);
  }
  CIEVENTS_ASSIGN_OR_RETURN(compiled->inputs,
                            InputPlan::Compile(subscription.include_inputs, entry.inputs,
                                               subscription.spec_inputs_json, tables_.paths()));
  return absl::OkStatus();
}

DefinitionClause DefinitionTable::CompileClause(const RuleClause& clause) {
  DefinitionClause made;
  made.when = clause.when;
  made.events = AcquireAll(clause.events, &patterns_, &made.event_patterns);
  return made;
}

// Never fails: a condition that does not parse is undecided, left to pipeline creation.
HoistedList DefinitionTable::CompileHoistedList(const RuleList& rules) {
  HoistedList list;
  list.reserve(rules.size());
  for (const RuleClause& clause : rules) {
    HoistedClause& made = list.emplace_back();
    made.clause = CompileClause(clause);
    made.has_undecidable_part = clause.has_undecidable_part;
    if (!clause.if_text.has_value()) continue;
    auto condition = AcquireCondition(*clause.if_text, ConditionPlace::kHoistedRule);
    if (condition.ok()) {
      made.clause.condition = *condition;
    } else {
      made.unparsed_if = *clause.if_text;
      made.parse_error = std::string(condition.status().message());
    }
  }
  return list;
}

std::unique_ptr<const DefinitionHoistedRules> DefinitionTable::CompileHoistedRules(
    const HoistedRules& rules) {
  auto made = std::make_unique<DefinitionHoistedRules>();
  if (rules.workflow.has_value()) made->workflow = CompileHoistedList(*rules.workflow);
  if (!rules.jobs.has_value()) return made;
  made->jobs.emplace();
  made->jobs->reserve(rules.jobs->size());
  for (const HoistedJob& job : *rules.jobs) {
    DefinitionJob& made_job = made->jobs->emplace_back();
    made_job.name = job.name;
    for (const RuleList& list : job.lists) made_job.lists.push_back(CompileHoistedList(list));
  }
  return made;
}

absl::StatusOr<InternedCondition*> DefinitionTable::AcquireCondition(const std::string& text,
                                                                     ConditionPlace place) {
  StringMap<std::unique_ptr<InternedCondition>>& conditions = ConditionsOf(place);
  const auto at = conditions.find(text);
  if (at != conditions.end()) {
    ++at->second->users;
    return at->second.get();
  }
  ConditionError error;
  auto made = std::make_unique<InternedCondition>();
  made->place = place;
  made->condition = Condition::Parse(text, place, tables_, &error);
  if (made->condition == nullptr) {
    return Error(absl::StatusCode::kInvalidArgument, "condition `{}`: column {}: {}", text,
                 error.column, error.message);
  }
  const std::span<const LiteralTest> tests = made->condition->tests();
  if (tests.size() > 1) made->tests = tests;
  if (tests.size() == 1 &&
      (tests.front().kind != LiteralTest::Kind::kRegex || tests.front().regex->is_sequence())) {
    made->sole_test = tests.front();
  }
  made->is_access_regex = IsAccessRegex(*made->condition);
  made->by_event_alone = made->condition->inputs().empty() && !made->condition->uses_event_name();
  made->users = 1;
  if (unused_condition_ids_.empty()) {
    made->id = condition_id_end_.load(std::memory_order_relaxed);
    condition_id_end_.store(made->id + 1, std::memory_order_seq_cst);
  } else {
    made->id = unused_condition_ids_.back();
    unused_condition_ids_.pop_back();
  }
  return conditions.emplace(text, std::move(made)).first->second.get();
}

// These run when no reader can see the definition: at once, not by way of Retire.
void DefinitionTable::ReleaseClause(const DefinitionClause& clause) {
  for (const PatternId id : clause.events) patterns_.Release(id);
  if (clause.condition == nullptr || --clause.condition->users > 0) return;
  unused_condition_ids_.push_back(clause.condition->id);
  StringMap<std::unique_ptr<InternedCondition>>& conditions = ConditionsOf(clause.condition->place);
  conditions.erase(conditions.find(std::string(clause.condition->condition->text())));
}

void DefinitionTable::ReleaseEntry(const DefinitionEntry& entry) {
  for (const PatternId id : entry.patterns) patterns_.Release(id);
  for (const DefinitionClause& clause : entry.rules) ReleaseClause(clause);
}

void DefinitionTable::ReleaseHoistedRules(const DefinitionHoistedRules& rules) {
  const auto release = [this](const HoistedList& list) {
    for (const HoistedClause& clause : list) ReleaseClause(clause.clause);
  };
  if (rules.workflow.has_value()) release(*rules.workflow);
  if (!rules.jobs.has_value()) return;
  for (const DefinitionJob& job : *rules.jobs) {
    for (const HoistedList& list : job.lists) release(list);
  }
}

}  // namespace cievents::matcher
