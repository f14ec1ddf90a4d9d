// Tests the CI file's own rules in the index: what they let through, and what explain says of it.
#include "matcher/index/hoisted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "matcher/index/testing/index_fixture.h"

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<int64_t> kGroups = {1, 2};
constexpr int64_t kTime = 1700000000000;
constexpr char kMain[] = R"($[[ event.payload.ref ]] == "main")";    // true
constexpr char kOther[] = R"($[[ event.payload.ref ]] == "other")";  // false
constexpr char kVariable[] = R"($CI_COMMIT_BRANCH == "main")";       // undecided
constexpr char kBroken[] = R"($[[ event.payload.broken ]] == "x")";  // fails, with kBrokenPayload
constexpr char kBrokenPayload[] = R"({"ref":"main","broken":)";

RuleClause Undecidable(RuleClause clause) {
  clause.has_undecidable_part = true;
  return clause;
}
HoistedJob Job(std::string name, std::vector<RuleList> lists) {
  return {std::move(name), std::move(lists)};
}

class HoistedTest : public ::testing::Test {
 protected:
  HoistedTest() {
    event_.names = {"a/b"};
    event_.project_id = 10;
    event_.namespace_ids = kGroups;
    event_.time_ms = kTime;
    event_.payload = R"({"ref":"main"})";
    subscription_ = SubscriptionOf(7, {EntryOf({"a/b"})});
  }

  // True: the event fires the subscription with these rules. Else it is counted as filtered, and
  // explain agrees; see `explained_`.
  bool Fires(HoistedRules rules) {
    subscription_.hoisted_rules = std::move(rules);
    Index index;
    EXPECT_THAT(index.ReplaceProject(Project(10, kGroups, {subscription_})), IsEmpty());
    const Outcome outcome = MatchAll(index, event_);
    EXPECT_EQ(outcome.counts.matched + outcome.counts.filtered_by_rules, 1u);
    EXPECT_EQ(outcome.counts.failed_payload, 0u);
    const Explanation explanation = Matcher(index).Explain(event_.View(), 10);
    EXPECT_THAT(explanation.subscriptions, SizeIs(1));
    if (explanation.subscriptions.empty()) return false;
    explained_ = explanation.subscriptions[0];
    const bool fires = outcome.matches.size() == 1;
    EXPECT_EQ(explained_.outcome,
              fires ? SubscriptionOutcome::kFires : SubscriptionOutcome::kFilteredByRules);
    return fires;
  }
  bool WorkflowLetsRun(RuleList list) { return Fires({std::move(list), {}}); }
  bool SomeJobRuns(std::vector<HoistedJob> jobs) { return Fires({{}, std::move(jobs)}); }

  TestEvent event_;
  Subscription subscription_;
  ExplainedSubscription explained_;
};

TEST_F(HoistedTest, TheFirstClauseThatHoldsDecides) {
  EXPECT_TRUE(WorkflowLetsRun({If(kMain)}));
  EXPECT_FALSE(WorkflowLetsRun({If(kOther)}));
  EXPECT_FALSE(WorkflowLetsRun({If(kMain, When::kNever), Always()}));
  EXPECT_TRUE(WorkflowLetsRun({If(kOther, When::kNever), Always()}));
  EXPECT_TRUE(WorkflowLetsRun({If(kMain), Always(When::kNever)}));
  EXPECT_FALSE(WorkflowLetsRun({Always(When::kNever)}));
  EXPECT_TRUE(WorkflowLetsRun({If(kOther), Always(When::kAlways)}));
}

TEST_F(HoistedTest, WithoutAClauseThatHoldsNothingRuns) {
  EXPECT_FALSE(WorkflowLetsRun({}));
  EXPECT_FALSE(WorkflowLetsRun({If(kOther), If(kOther)}));
  EXPECT_FALSE(SomeJobRuns({}));
  EXPECT_FALSE(SomeJobRuns({Job("test", {{}})}));
}

TEST_F(HoistedTest, WhatIsUndecidedIsLeftToPipelineCreation) {
  EXPECT_TRUE(WorkflowLetsRun({If(kVariable)}));
  EXPECT_TRUE(WorkflowLetsRun({If(kVariable), Always(When::kNever)}));
  EXPECT_TRUE(WorkflowLetsRun({If(kVariable, When::kNever), Always()})) << "skipped";
  EXPECT_FALSE(WorkflowLetsRun({If(kVariable, When::kNever)}));
  EXPECT_FALSE(WorkflowLetsRun({If(kMain, When::kNever), If(kVariable)}));
}

TEST_F(HoistedTest, APartThatIsKnownLaterMakesATrueClauseUndecidedAndAFalseOneStaysFalse) {
  EXPECT_TRUE(WorkflowLetsRun({Undecidable(If(kMain))}));
  EXPECT_TRUE(WorkflowLetsRun({Undecidable(If(kMain, When::kNever)), Always()}));
  EXPECT_FALSE(WorkflowLetsRun({Undecidable(If(kOther))}));
  EXPECT_TRUE(WorkflowLetsRun({Undecidable(Always())}));
  EXPECT_FALSE(WorkflowLetsRun({Undecidable(IfEvents({"x"}))}));
}

TEST_F(HoistedTest, AConditionThatDoesNotParseIsUndecided) {
  for (const char* bad : {"$x ==", "", R"($[[ event.payload.ref ]] =~ "main")", "$[[ inputs.x ]]",
                          "$[[ event.payload.ref", "$[[ event.payload.ref ]]glued == \"x\""}) {
    EXPECT_TRUE(WorkflowLetsRun({If(bad)})) << bad;
    EXPECT_TRUE(WorkflowLetsRun({If(bad, When::kNever), If(kMain)})) << bad;
    EXPECT_FALSE(WorkflowLetsRun({If(bad, When::kNever), If(kOther)})) << bad;
    EXPECT_EQ(explained_.hoisted_rules.workflow->clauses[0].if_text, bad);
    EXPECT_EQ(explained_.hoisted_rules.workflow->clauses[0].verdict, Verdict::kUndecided);
    RuleClause elsewhere = If(bad);
    elsewhere.events = PatternsOf({"x"});
    EXPECT_FALSE(WorkflowLetsRun({elsewhere})) << "its events do not fit: false whatever it says";
  }
}

TEST_F(HoistedTest, AConditionThatFailsIsUndecided) {
  event_.payload = kBrokenPayload;
  EXPECT_TRUE(WorkflowLetsRun({If(kBroken)}));
  ASSERT_THAT(explained_.hoisted_rules.workflow->clauses, SizeIs(1));
  EXPECT_EQ(explained_.hoisted_rules.workflow->clauses[0].verdict, Verdict::kUndecided);
  EXPECT_TRUE(WorkflowLetsRun({If(kBroken, When::kNever), Always()}));
  EXPECT_FALSE(WorkflowLetsRun({If(kBroken, When::kNever)}));
}

TEST_F(HoistedTest, EventsOfAClauseAreComparedWithAllNames) {
  event_.names = {"x/y", "a/b"};
  EXPECT_TRUE(WorkflowLetsRun({IfEvents({"x/*"})}));
  EXPECT_TRUE(WorkflowLetsRun({IfEvents({"q", "a/b"})}));
  EXPECT_FALSE(WorkflowLetsRun({IfEvents({"a", "b/**"})}));
  RuleClause both = If(kOther);
  both.events = PatternsOf({"a/b"});
  EXPECT_FALSE(WorkflowLetsRun({both})) << "`events` and `if` must hold";
}

TEST_F(HoistedTest, AJobRunsIfAllItsListsLetItAndOneJobIsEnough) {
  EXPECT_TRUE(SomeJobRuns({Job("test", {{If(kMain)}, {IfEvents({"a/b"})}})}));
  EXPECT_FALSE(SomeJobRuns({Job("test", {{If(kMain)}, {IfEvents({"x"})}})}));
  EXPECT_FALSE(SomeJobRuns({Job("test", {{If(kOther)}, {IfEvents({"a/b"})}})}));
  EXPECT_TRUE(SomeJobRuns({Job("one", {{If(kOther)}}), Job("two", {{If(kMain)}})}));
  EXPECT_FALSE(SomeJobRuns({Job("one", {{If(kOther)}}), Job("two", {{}})}));
  EXPECT_TRUE(SomeJobRuns({Job("unconditional", {})}));
}

TEST_F(HoistedTest, WorkflowAndJobsMustBothLetRun) {
  const std::vector<HoistedJob> runs = {Job("test", {{If(kMain)}})};
  const std::vector<HoistedJob> none = {Job("test", {{If(kOther)}})};
  EXPECT_TRUE(Fires({RuleList{If(kMain)}, runs}));
  EXPECT_FALSE(Fires({RuleList{If(kMain)}, none}));
  EXPECT_EQ(explained_.reason, "no job could run");
  EXPECT_FALSE(Fires({RuleList{If(kOther)}, runs}));
  EXPECT_EQ(explained_.reason, "no rule of `workflow` lets the event through");
  EXPECT_THAT(explained_.hoisted_rules.jobs, IsEmpty()) << "not asked";
}

TEST_F(HoistedTest, ConditionsSeeTheInputsAndTheNameOfTheDecidingEntry) {
  Entry first = RuledEntryOf({"a/b"}, {If(kOther)});
  first.inputs.push_back({"who", R"("first")", {}});
  Entry second = EntryOf({"x/*"});
  second.inputs.push_back({"who", R"("$[[ event.payload.ref ]]er")", {}});
  subscription_.entries = {first, second};
  subscription_.spec_inputs_json = R"({"who":{}})";
  event_.names = {"a/b", "x/y"};
  EXPECT_TRUE(WorkflowLetsRun({If(R"($[[ inputs.who ]] == "mainer")")}));
  EXPECT_FALSE(WorkflowLetsRun({If(R"($[[ inputs.who ]] == "first")")}));
  EXPECT_TRUE(WorkflowLetsRun({If(R"($[[ event.name ]] == "x/y")")}));
  EXPECT_FALSE(WorkflowLetsRun({If(R"($[[ event.name ]] == "a/b")")}));
}

TEST_F(HoistedTest, TheyAreAskedOnlyAboutWhatAnEntryLetsThrough) {
  subscription_.entries = {EntryOf({"x"})};
  subscription_.hoisted_rules = {RuleList{If(kOther)}, {}};
  Index index;
  index.ReplaceProject(Project(10, kGroups, {subscription_}));
  EXPECT_EQ(MatchAll(index, event_).counts.filtered_by_rules, 0u);
  const Explanation explanation = Matcher(index).Explain(event_.View(), 10);
  ASSERT_THAT(explanation.subscriptions, SizeIs(1));
  EXPECT_EQ(explanation.subscriptions[0].outcome, SubscriptionOutcome::kNoEntry);
  EXPECT_FALSE(explanation.subscriptions[0].hoisted_rules.workflow.has_value());
}

TEST_F(HoistedTest, WhatIsSuspendedIsFilteredToo) {
  subscription_.suspended = true;
  subscription_.hoisted_rules = {RuleList{If(kOther)}, {}};
  Index index;
  index.ReplaceProject(Project(10, kGroups, {subscription_}));
  const Outcome outcome = MatchAll(index, event_);
  EXPECT_EQ(outcome.counts.filtered_by_rules, 1u);
  EXPECT_EQ(outcome.counts.suspended, 0u) << "it would not have fired";
}

TEST_F(HoistedTest, AnEventFromBeforeTheSubscriptionIsNotCounted) {
  subscription_.created_time_ms = kTime + kBeforeCreationToleranceMs + 1;
  subscription_.hoisted_rules = {RuleList{If(kOther)}, {}};
  Index index;
  index.ReplaceProject(Project(10, kGroups, {subscription_}));
  EXPECT_EQ(MatchAll(index, event_).counts.filtered_by_rules, 0u);
  event_.replayed = true;
  EXPECT_EQ(MatchAll(index, event_).counts.filtered_by_rules, 1u);
}

TEST_F(HoistedTest, TheSameEntriesWithOtherRulesAreAnotherDefinition) {
  Subscription open = SubscriptionOf(1, {RuledEntryOf({"a/b"}, {If(kMain)}, kGroupScope)});
  Subscription closed = open;
  closed.subscription_id = 2;
  closed.hoisted_rules.workflow = {If(kOther)};
  Subscription undecided = closed;
  undecided.subscription_id = 3;
  undecided.hoisted_rules.workflow = {Undecidable(If(kMain))};
  Subscription never = closed;
  never.subscription_id = 4;
  never.hoisted_rules.workflow = {Undecidable(If(kMain, When::kNever))};
  Subscription no_jobs = open;
  no_jobs.subscription_id = 5;
  no_jobs.hoisted_rules.jobs.emplace();
  Index index;
  index.ReplaceProject(Project(10, kGroups, {open, closed, undecided, never, no_jobs}));
  EXPECT_THAT(IdsOf(index, event_), ElementsAre(1, 3));
}

// In an entry's rules the text is an error, in a hoisted rule undecided: neither is taken for the
// other's, in whatever order they come.
TEST_F(HoistedTest, ATextMeansInEachPlaceWhatItMeansThere) {
  const RuleClause bare = If("$[[ inputs.x ]]");
  Subscription hoisted = SubscriptionOf(1, {EntryOf({"a/b"})});
  hoisted.hoisted_rules.workflow = {bare};
  const Subscription ruled = SubscriptionOf(2, {RuledEntryOf({"a/b"}, {bare})});
  for (const std::vector<Subscription>& both :
       {std::vector<Subscription>{hoisted, ruled}, std::vector<Subscription>{ruled, hoisted}}) {
    Index index;
    const auto unusable = index.ReplaceProject(Project(10, kGroups, both));
    ASSERT_THAT(unusable, SizeIs(1));
    EXPECT_EQ(unusable[0].subscription_id, 2);
    EXPECT_THAT(IdsOf(index, event_), ElementsAre(1));
  }
}

TEST_F(HoistedTest, PatternsAndConditionsAreGivenBack) {
  Subscription hoisted = SubscriptionOf(1, {RuledEntryOf({"a/b"}, {If(kMain)})});
  hoisted.hoisted_rules.workflow = {If(kMain), IfEvents({"p/*"}), If("$x ==")};
  hoisted.hoisted_rules.jobs = {Job("test", {{If(kOther)}, {IfEvents({"q/*"}), If(kMain)}})};
  Index index;
  for (int round = 0; round < 3; ++round) {
    index.ReplaceProject(Project(10, kGroups, {hoisted}));
    EXPECT_EQ(index.stats().patterns, 3u);
    EXPECT_EQ(index.stats().conditions, 3u);
    index.RemoveProject(10);
    for (int i = 0; i < 4; ++i) index.RemoveProject(999);
    EXPECT_EQ(index.stats().patterns, 0u);
    EXPECT_EQ(index.stats().conditions, 0u);
  }
}

TEST_F(HoistedTest, ExplainShowsEachClauseThatWasTriedWithItsValues) {
  RuleClause never = Undecidable(IfEvents({"a/*"}, When::kNever));
  EXPECT_FALSE(Fires({RuleList{never, If(kVariable, When::kNever), If(kMain)},
                      {{Job("build", {{If(kOther), If("$x ==", When::kNever)}, {If(kMain)}}),
                        Job("test", {{Always(When::kNever), If(kMain)}})}}}));
  const ExplainedHoistedRules& rules = explained_.hoisted_rules;
  ASSERT_TRUE(rules.workflow.has_value());
  EXPECT_TRUE(rules.workflow->lets_run);
  ASSERT_THAT(rules.workflow->clauses, SizeIs(3));
  const ExplainedClause& first = rules.workflow->clauses[0];
  EXPECT_THAT(first.events, ElementsAre("a/*"));
  EXPECT_EQ(first.when, When::kNever);
  EXPECT_TRUE(first.has_undecidable_part);
  EXPECT_EQ(first.verdict, Verdict::kUndecided);
  EXPECT_EQ(rules.workflow->clauses[1].verdict, Verdict::kUndecided);
  const ExplainedClause& last = rules.workflow->clauses[2];
  EXPECT_EQ(last.if_text, kMain);
  EXPECT_EQ(last.verdict, Verdict::kTrue);
  ASSERT_THAT(last.operands, SizeIs(2));
  EXPECT_EQ(last.operands[1].value, R"("main")");
  ASSERT_THAT(rules.jobs, SizeIs(2));
  EXPECT_EQ(rules.jobs[0].name, "build");
  EXPECT_FALSE(rules.jobs[0].could_run);
  ASSERT_THAT(rules.jobs[0].lists, SizeIs(2)) << "all lists, also behind the one that decided";
  EXPECT_FALSE(rules.jobs[0].lists[0].lets_run);
  EXPECT_TRUE(rules.jobs[0].lists[1].lets_run);
  ASSERT_THAT(rules.jobs[0].lists[0].clauses, SizeIs(2));
  const ExplainedClause& unparsed = rules.jobs[0].lists[0].clauses[1];
  ASSERT_THAT(unparsed.operands, SizeIs(1));
  EXPECT_THAT(unparsed.operands[0].value, HasSubstr("failed: condition `$x ==`: column"));
  EXPECT_THAT(rules.jobs[1].lists[0].clauses, SizeIs(1)) << "the second was not needed";
}

TEST_F(HoistedTest, OfTheJobsThoseAreExplainedThatWereTried) {
  EXPECT_TRUE(SomeJobRuns(
      {Job("no", {{If(kOther)}}), Job("yes", {{If(kMain)}}), Job("more", {{If(kMain)}})}));
  ASSERT_THAT(explained_.hoisted_rules.jobs, SizeIs(2));
  EXPECT_TRUE(explained_.hoisted_rules.jobs[1].could_run);
}

TEST_F(HoistedTest, OneThingInTheWayIsANearMissTwoAreNot) {
  const std::string other_iid = R"($[[ event.payload.iid ]] == "2")";
  EXPECT_FALSE(WorkflowLetsRun({If(kOther)}));
  EXPECT_TRUE(explained_.near_miss);
  EXPECT_FALSE(WorkflowLetsRun({If(kOther), If(other_iid)}));
  EXPECT_FALSE(explained_.near_miss);
  EXPECT_FALSE(WorkflowLetsRun({If(kOther + (" && " + other_iid))}));
  EXPECT_FALSE(explained_.near_miss);
  EXPECT_FALSE(WorkflowLetsRun({If(kMain, When::kNever), Always()}));
  EXPECT_TRUE(explained_.near_miss);
  EXPECT_FALSE(SomeJobRuns({Job("a", {{If(kOther)}, {If(other_iid)}})}));
  EXPECT_FALSE(explained_.near_miss);
  EXPECT_FALSE(SomeJobRuns({Job("a", {{If(kOther)}, {If(other_iid)}}), Job("b", {{If(kOther)}})}));
  EXPECT_TRUE(explained_.near_miss);
}

}  // namespace
}  // namespace cievents::matcher
