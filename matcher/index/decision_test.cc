// Tests matcher/index/decision.h: what one subscription says of one event.
#include "matcher/index/decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "matcher/index/testing/index_fixture.h"

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Kind = Decision::Kind;

constexpr char kRefIsMain[] = R"($[[ event.payload.ref ]] == "main")";
constexpr char kRefIsOther[] = R"($[[ event.payload.ref ]] == "other")";
constexpr char kBroken[] = R"($[[ event.payload.broken ]] == "x")";

// A project 10 in groups 1 and 2, and an event of it with a payload.
class DecisionTest : public ::testing::Test {
 protected:
  DecisionTest() : definitions_(epochs_, patterns_) {
    event_.names = {"a/b"};
    event_.project_id = 10;
    event_.namespace_ids = {1, 2};
    event_.payload = R"({"ref":"main","iid":7})";
  }
  ~DecisionTest() override {
    for (const Definition* definition : made_) definitions_.Release(definition);
    while (epochs_.retired() > 0) {
      epochs_.Publish();
      epochs_.Reclaim();
    }
  }

  Decision DecideOf(const Subscription& subscription) {
    const Definition* const definition = definitions_.Acquire(subscription);
    made_.push_back(definition);
    EXPECT_EQ(definition->unusable, "");
    std::vector<NamedPattern> named;
    for (uint32_t name = 0; name < event_.names.size(); ++name) {
      for (const PatternId id : patterns_.Find(event_.names[name])) {
        const bool known = std::any_of(named.begin(), named.end(),
                                       [&](const NamedPattern& one) { return one.pattern == id; });
        if (!known) named.push_back({id, name});
      }
    }
    std::sort(named.begin(), named.end(),
              [](const NamedPattern& a, const NamedPattern& b) { return a.pattern < b.pattern; });
    const EventView view = event_.View();
    fields_.Reset(view);
    memo_.Reset(definitions_.condition_id_end());
    EventContext context{&view, named, &fields_, &memo_};
    const Decision decision = Decide(*definition, subscriber_, context, nullptr);
    // Explaining runs the same code: whoever looks must not change what is seen.
    trace_ = {};
    const Decision explained = Decide(*definition, subscriber_, context, &trace_);
    EXPECT_EQ(explained.kind, decision.kind);
    EXPECT_EQ(explained.entry, decision.entry);
    EXPECT_EQ(explained.name, decision.name);
    EXPECT_EQ(trace_.entries.size(), definition->entries.size());
    return decision;
  }
  Decision DecideOf(std::vector<Entry> entries) {
    return DecideOf(SubscriptionOf(1, std::move(entries)));
  }
  Kind KindOf(std::vector<RuleClause> rules) {
    return DecideOf(std::vector<Entry>{RuledEntryOf({"a/b"}, std::move(rules))}).kind;
  }
  std::vector<EntryOutcome> Outcomes() const {
    std::vector<EntryOutcome> outcomes;
    for (const ExplainedEntry& entry : trace_.entries) outcomes.push_back(entry.outcome);
    return outcomes;
  }

  EpochDomain epochs_;
  PatternTable patterns_{epochs_};
  DefinitionTable definitions_;
  std::vector<const Definition*> made_;
  TestEvent event_;
  Subscriber subscriber_{10, 2};
  EventFields fields_;
  ConditionMemo memo_;
  DecisionTrace trace_;
};

TEST_F(DecisionTest, TheFirstEntryWhoseNameMatchesAndWhoseRulesAllowItDecides) {
  const Decision decision = DecideOf({EntryOf({"x"}), RuledEntryOf({"a/b"}, {If(kRefIsOther)}),
                                      RuledEntryOf({"a/*"}, {If(kRefIsMain)}), EntryOf({"**"})});
  EXPECT_EQ(decision.kind, Kind::kFires);
  EXPECT_EQ(decision.entry, 2u);
  EXPECT_THAT(Outcomes(), ElementsAre(EntryOutcome::kOtherName, EntryOutcome::kDenied,
                                      EntryOutcome::kDecides, EntryOutcome::kNotReached));
}

TEST_F(DecisionTest, NothingFiresWithoutAnEntryOfTheName) {
  EXPECT_EQ(DecideOf({EntryOf({"x"}), EntryOf({"a/b/c"})}).kind, Kind::kNone);
}

TEST_F(DecisionTest, TheFirstClauseThatHoldsWins) {
  EXPECT_EQ(KindOf({If(kRefIsMain), If(kRefIsMain, When::kNever)}), Kind::kFires);
  EXPECT_EQ(KindOf({If(kRefIsMain, When::kNever), If(kRefIsMain)}), Kind::kNone);
  EXPECT_EQ(KindOf({If(kRefIsOther, When::kNever), If(kRefIsMain)}), Kind::kFires);
  EXPECT_EQ(KindOf({If(kRefIsOther), Always(When::kNever), Always()}), Kind::kNone);
  EXPECT_EQ(KindOf({If(kRefIsOther), Always(When::kAlways)}), Kind::kFires);
}

TEST_F(DecisionTest, RulesOfWhichNoClauseHoldsMakeNoRequest) {
  EXPECT_EQ(KindOf({If(kRefIsOther)}), Kind::kNone);
  EXPECT_EQ(KindOf({If(kRefIsOther), If(kRefIsOther, When::kNever)}), Kind::kNone);
  EXPECT_EQ(KindOf({}), Kind::kNone);
}

TEST_F(DecisionTest, NeverEndsItsEntryOnly) {
  const Decision decision =
      DecideOf({RuledEntryOf({"a/b"}, {Always(When::kNever)}), EntryOf({"a/b"})});
  EXPECT_EQ(decision.kind, Kind::kFires);
  EXPECT_EQ(decision.entry, 1u);
}

TEST_F(DecisionTest, AnUndecidedClauseCountsAsAMatchUnlessItSaysNever) {
  EXPECT_EQ(KindOf({If("$UNKNOWN == \"x\"")}), Kind::kFires);
  EXPECT_EQ(KindOf({If("$UNKNOWN == \"x\"", When::kNever)}), Kind::kNone);
  EXPECT_EQ(KindOf({If("$UNKNOWN == \"x\"", When::kNever), Always()}), Kind::kFires);
  EXPECT_EQ(KindOf({If("$UNKNOWN == \"x\""), Always(When::kNever)}), Kind::kFires);
  ASSERT_EQ(trace_.entries[0].clauses.size(), 1u);
  EXPECT_EQ(trace_.entries[0].clauses[0].verdict, Verdict::kUndecided);
}

TEST_F(DecisionTest, EventsOfAClauseAreJoinedWithItsCondition) {
  RuleClause both = If(kRefIsMain);
  both.events = PatternsOf({"a/*"});
  EXPECT_EQ(KindOf({both}), Kind::kFires);
  both.events = PatternsOf({"x/*", "y"});
  EXPECT_EQ(KindOf({both}), Kind::kNone);
  both.events = PatternsOf({"x", "a/b"});
  EXPECT_EQ(KindOf({both}), Kind::kFires);
  both.if_text = kRefIsOther;
  EXPECT_EQ(KindOf({both}), Kind::kNone);
  EXPECT_EQ(KindOf({IfEvents({"a/b"}, When::kNever), Always()}), Kind::kNone);
  EXPECT_EQ(KindOf({IfEvents({"b"}, When::kNever), Always()}), Kind::kFires);
}

TEST_F(DecisionTest, EventsOfAClauseMayMatchAnyNameOfTheEvent) {
  event_.names = {"a/b", "other/name"};
  EXPECT_EQ(KindOf({IfEvents({"other/*"})}), Kind::kFires);
}

TEST_F(DecisionTest, AConditionThatCannotBeEvaluatedFiresNothingAndEndsTheSearch) {
  event_.payload = R"({"ref":"main","broken":tru)";
  const Decision decision = DecideOf({RuledEntryOf({"a/b"}, {If(kBroken)}), EntryOf({"a/b"})});
  EXPECT_EQ(decision.kind, Kind::kFailed);
  EXPECT_EQ(decision.entry, 0u);
  EXPECT_THAT(Outcomes(), ElementsAre(EntryOutcome::kFailed, EntryOutcome::kNotReached));
  // Not even in a `never`.
  EXPECT_EQ(KindOf({If(kBroken, When::kNever), Always()}), Kind::kFailed);
}

TEST_F(DecisionTest, AClauseBeforeTheFailureStillDecides) {
  event_.payload = R"({"ref":"main","broken":tru)";
  EXPECT_EQ(KindOf({If(kRefIsMain), If(kBroken)}), Kind::kFires);
  EXPECT_EQ(KindOf({If(kRefIsMain, When::kNever), If(kBroken)}), Kind::kNone);
  // What stands in front of what is broken can be read.
  EXPECT_EQ(KindOf({If(kRefIsOther), If(kBroken)}), Kind::kFailed);
}

TEST_F(DecisionTest, EachScopeCoversItsEvents) {
  struct Case {
    std::string what;
    Scope scope;
    int64_t event_project;
    std::vector<int64_t> event_groups;
    bool covers;
  };
  const std::vector<Case> cases = {
      {"own project", kProjectScope, 10, {1, 2}, true},
      {"own project, place unknown", kProjectScope, 10, {}, true},
      {"sibling", kProjectScope, 11, {1, 2}, false},
      {"no project", kProjectScope, 0, {1, 2}, false},
      {"other project", {ScopeKind::kOtherProject, 20}, 20, {3}, true},
      {"not the other project", {ScopeKind::kOtherProject, 20}, 10, {1, 2}, false},
      {"other project 0", {ScopeKind::kOtherProject, 0}, 0, {1, 2}, false},
      {"parent group", kGroupScope, 0, {1, 2}, true},
      {"project in the group", kGroupScope, 11, {1, 2}, true},
      {"below the group", kGroupScope, 11, {1, 2, 9}, true},
      {"above the group", kGroupScope, 12, {1}, false},
      {"elsewhere", kGroupScope, 12, {3}, false},
      {"instance", kInstanceScope, 0, {}, true},
      {"instance, any project", kInstanceScope, 99, {98}, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    event_.project_id = c.event_project;
    event_.namespace_ids = c.event_groups;
    const std::vector<Entry> entries = {EntryOf({"a/b"}, c.scope)};
    EXPECT_EQ(DecideOf(entries).kind, c.covers ? Kind::kFires : Kind::kNone);
    EXPECT_EQ(trace_.entries[0].outcome,
              c.covers ? EntryOutcome::kDecides : EntryOutcome::kOutOfScope);
  }
  subscriber_.parent_group_id = 0;
  event_.namespace_ids = {0};
  const std::vector<Entry> group = {EntryOf({"a/b"}, kGroupScope)};
  EXPECT_EQ(DecideOf(group).kind, Kind::kNone);
}

TEST_F(DecisionTest, AnEntryThatMayNotSeeAConfidentialEventIsPassedOver) {
  event_.confidential = true;
  EXPECT_EQ(DecideOf({EntryOf({"a/b"}), ConfidentialEntryOf({"a/b"})}).entry, 1u);
  EXPECT_THAT(Outcomes(), ElementsAre(EntryOutcome::kConfidential, EntryOutcome::kDecides));
  // Its conditions are not evaluated: they could fail, or tell.
  event_.payload = "{";
  const std::vector<Entry> entries = {RuledEntryOf({"a/b"}, {If(kBroken)})};
  EXPECT_EQ(DecideOf(entries).kind, Kind::kNone);
  EXPECT_EQ(fields_.payload_bytes_walked(), 0u);
}

TEST_F(DecisionTest, ConditionsSeeTheNameThatTheirEntryMatches) {
  event_.names = {"a/b", "a/c"};
  const std::string is_c = R"($[[ event.name ]] == "a/c")";
  const Decision decision =
      DecideOf({RuledEntryOf({"a/b"}, {If(is_c)}), RuledEntryOf({"a/*"}, {If(is_c)}),
                RuledEntryOf({"*/c"}, {If(is_c)})});
  EXPECT_EQ(decision.kind, Kind::kFires);
  EXPECT_EQ(decision.entry, 2u);
  EXPECT_EQ(decision.name, 1u);
}

TEST_F(DecisionTest, ConditionsSeeTheInputsOfTheirOwnEntry) {
  const std::string is_seven = R"("$[[ inputs.iid ]]" == "7")";
  Entry fixed = RuledEntryOf({"a/b"}, {If(is_seven)});
  fixed.inputs.push_back({"iid", R"("8")", {}});
  Entry from_event = fixed;
  from_event.inputs[0].value_json = R"("$[[ event.payload.iid ]]")";
  Subscription subscription = SubscriptionOf(1, {fixed, from_event});
  subscription.spec_inputs_json = R"({"iid":{}})";
  EXPECT_EQ(DecideOf(subscription).entry, 1u);
  // The includer's value counts before the entry's.
  subscription.include_inputs.push_back({"iid", R"("7")", {}});
  const Decision decision = DecideOf(subscription);
  EXPECT_EQ(decision.kind, Kind::kFires);
  EXPECT_EQ(decision.entry, 0u);
}

TEST_F(DecisionTest, TheTraceSaysOfEachClauseThatWasTriedWhatItRead) {
  Entry entry =
      RuledEntryOf({"a/*"}, {If(kRefIsOther, When::kNever), IfEvents({"a/**"}), Always()});
  entry.position = {12, 3};
  const std::vector<Entry> entries = {entry};
  EXPECT_EQ(DecideOf(entries).kind, Kind::kFires);
  ASSERT_EQ(trace_.entries.size(), 1u);
  EXPECT_EQ(trace_.entries[0].name, "a/b");
  EXPECT_EQ(trace_.entries[0].position, (Position{12, 3}));
  EXPECT_THAT(trace_.entries[0].patterns, ElementsAre("a/*"));
  ASSERT_EQ(trace_.entries[0].clauses.size(), 2u);  // the third was not needed
  const ExplainedClause& first = trace_.entries[0].clauses[0];
  EXPECT_EQ(first.if_text, kRefIsOther);
  EXPECT_EQ(first.when, When::kNever);
  EXPECT_EQ(first.verdict, Verdict::kFalse);
  ASSERT_FALSE(first.operands.empty());
  std::string operands;
  for (const EvaluatedOperand& operand : first.operands) {
    operands += operand.text + " = " + operand.value + "\n";
  }
  EXPECT_THAT(operands, HasSubstr(R"($[[ event.payload.ref ]] = "main")"));
  EXPECT_EQ(first.cost.paths, 1);
  EXPECT_EQ(trace_.entries[0].clauses[1].if_text, std::nullopt);
  EXPECT_THAT(trace_.entries[0].clauses[1].events, ElementsAre("a/**"));
  EXPECT_EQ(trace_.entries[0].clauses[1].verdict, Verdict::kTrue);
}

TEST_F(DecisionTest, AVerdictIsRememberedForOneEventOnly) {
  const std::vector<Entry> entries = {RuledEntryOf({"a/b"}, {If(kRefIsMain)})};
  EXPECT_EQ(DecideOf(entries).kind, Kind::kFires);
  event_.payload = R"({"ref":"other"})";
  EXPECT_EQ(DecideOf(entries).kind, Kind::kNone);
  event_.payload = R"({"ref":"main"})";
  EXPECT_EQ(DecideOf(entries).kind, Kind::kFires);
}

}  // namespace
}  // namespace cievents::matcher
