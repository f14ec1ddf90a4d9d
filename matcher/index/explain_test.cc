// Tests Matcher::Explain: the outcome of each subscription, by the code that matches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "matcher/index/index.h"
#include "matcher/index/testing/index_fixture.h"

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<int64_t> kGroups = {1, 2};
constexpr int64_t kTime = 1700000000000;
constexpr char kRefIsMain[] = R"($[[ event.payload.ref ]] == "main")";
constexpr char kRefIsOther[] = R"($[[ event.payload.ref ]] == "other")";

class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    event_.names = {"a/b"};
    event_.project_id = 10;
    event_.namespace_ids = kGroups;
    event_.time_ms = kTime;
    event_.payload = R"({"ref":"main"})";
  }

  Explanation ExplainEvent(int64_t project_id) {
    Matcher matcher(index_);
    return matcher.Explain(event_.View(), project_id);
  }
  // What becomes of a project 10 that has this subscription alone; also checked against matching.
  ExplainedSubscription ExplainOne(const Subscription& subscription) {
    index_.ReplaceProject(Project(10, kGroups, {subscription}));
    const Explanation explanation = ExplainEvent(10);
    EXPECT_THAT(explanation.subscriptions, SizeIs(1));
    if (explanation.subscriptions.empty()) return {};
    const ExplainedSubscription& explained = explanation.subscriptions[0];
    const Outcome outcome = MatchAll(index_, event_);
    const bool fires = explained.outcome == SubscriptionOutcome::kFires ||
                       explained.outcome == SubscriptionOutcome::kFailedInput;
    EXPECT_EQ(outcome.matches.size(), fires ? 1u : 0u);
    EXPECT_EQ(outcome.counts.suspended,
              explained.outcome == SubscriptionOutcome::kSuspended ? 1u : 0u);
    EXPECT_EQ(outcome.counts.failed_payload,
              explained.outcome == SubscriptionOutcome::kFailedPayload ? 1u : 0u);
    return explained;
  }

  Index index_;
  TestEvent event_;
};

TEST_F(ExplainTest, ASubscriptionThatFiresShowsItsInputs) {
  Entry entry = EntryOf({"a/*"});
  entry.inputs.push_back({"ref", R"("$[[ event.payload.ref ]] by $[[ event.name ]]")", {}});
  Subscription subscription = SubscriptionOf(7, {EntryOf({"x"}), entry});
  subscription.path = "file.yml";
  subscription.spec_inputs_json = R"({"ref":{"default":""}})";
  const ExplainedSubscription explained = ExplainOne(subscription);
  EXPECT_EQ(explained.subscription_id, 7);
  EXPECT_EQ(explained.project_id, 10);
  EXPECT_EQ(explained.path, "file.yml");
  EXPECT_EQ(explained.outcome, SubscriptionOutcome::kFires);
  EXPECT_EQ(explained.inputs_json, R"({"ref":"main by a/b"})");
  EXPECT_EQ(explained.reason, "");
  EXPECT_FALSE(explained.near_miss);
  ASSERT_THAT(explained.entries, SizeIs(2));
  EXPECT_EQ(explained.entries[0].outcome, EntryOutcome::kOtherName);
  EXPECT_EQ(explained.entries[1].outcome, EntryOutcome::kDecides);
}

TEST_F(ExplainTest, AnInputThatDoesNotFitEndsAsFailedInputWithItsReason) {
  Entry entry = EntryOf({"a/b"});
  entry.inputs.push_back({"count", R"("$[[ event.payload.ref ]]")", {}});
  Subscription subscription = SubscriptionOf(7, {entry});
  subscription.spec_inputs_json = R"({"count":{"type":"number"}})";
  const ExplainedSubscription explained = ExplainOne(subscription);
  EXPECT_EQ(explained.outcome, SubscriptionOutcome::kFailedInput);
  EXPECT_THAT(explained.reason, HasSubstr("count"));
}

TEST_F(ExplainTest, ASubscriptionOfAnotherNameIsNoNearMiss) {
  const ExplainedSubscription explained = ExplainOne(SubscriptionOf(7, {EntryOf({"x"})}));
  EXPECT_EQ(explained.outcome, SubscriptionOutcome::kNoEntry);
  EXPECT_FALSE(explained.near_miss);
}

TEST_F(ExplainTest, AConditionThatCannotBeEvaluatedIsAFailedPayload) {
  event_.payload = R"({"ref":)";
  const ExplainedSubscription explained =
      ExplainOne(SubscriptionOf(7, {RuledEntryOf({"a/b"}, {If(kRefIsMain)})}));
  EXPECT_EQ(explained.outcome, SubscriptionOutcome::kFailedPayload);
  EXPECT_THAT(explained.reason, ::testing::HasSubstr("the payload is not valid JSON at byte"));
  ASSERT_THAT(explained.entries, SizeIs(1));
  EXPECT_EQ(explained.entries[0].outcome, EntryOutcome::kFailed);
  ASSERT_THAT(explained.entries[0].clauses, SizeIs(1));
  EXPECT_EQ(explained.entries[0].clauses[0].verdict, Verdict::kFailed);
}

TEST_F(ExplainTest, ASuspendedSubscriptionWouldFire) {
  Subscription subscription = SubscriptionOf(7, {EntryOf({"a/b"})});
  subscription.suspended = true;
  const ExplainedSubscription explained = ExplainOne(subscription);
  EXPECT_EQ(explained.outcome, SubscriptionOutcome::kSuspended);
  EXPECT_TRUE(explained.near_miss);
  // One that would not fire anyway is not said to be held back by that.
  subscription.entries = {EntryOf({"x"})};
  EXPECT_EQ(ExplainOne(subscription).outcome, SubscriptionOutcome::kNoEntry);
}

TEST_F(ExplainTest, ASubscriptionYoungerThanTheEventWouldFireItOnReplay) {
  Subscription subscription = SubscriptionOf(7, {EntryOf({"a/b"})});
  subscription.created_time_ms = kTime + kBeforeCreationToleranceMs + 1;
  const ExplainedSubscription explained = ExplainOne(subscription);
  EXPECT_EQ(explained.outcome, SubscriptionOutcome::kBeforeCreation);
  EXPECT_TRUE(explained.near_miss);
  event_.replayed = true;
  EXPECT_EQ(ExplainOne(subscription).outcome, SubscriptionOutcome::kFires);
}

TEST_F(ExplainTest, ASubscriptionThatCannotBeEvaluatedSaysWhy) {
  const ExplainedSubscription explained =
      ExplainOne(SubscriptionOf(7, {RuledEntryOf({"a/b"}, {If("$x ==")})}));
  EXPECT_EQ(explained.outcome, SubscriptionOutcome::kNoEntry);
  EXPECT_THAT(explained.reason, HasSubstr("$x =="));
  EXPECT_THAT(explained.entries, IsEmpty());
}

TEST_F(ExplainTest, OneFalseClauseIsANearMissTwoAreNot) {
  EXPECT_TRUE(ExplainOne(SubscriptionOf(7, {RuledEntryOf({"a/b"}, {If(kRefIsOther)})})).near_miss);
  const std::string other_iid = R"($[[ event.payload.iid ]] == "2")";
  EXPECT_FALSE(
      ExplainOne(SubscriptionOf(7, {RuledEntryOf({"a/b"}, {If(kRefIsOther), If(other_iid)})}))
          .near_miss);
}

TEST_F(ExplainTest, OfAConditionThatJoinsSeveralOneFalsePartIsANearMiss) {
  const std::string other_iid = R"($[[ event.payload.iid ]] == "2")";
  EXPECT_TRUE(ExplainOne(SubscriptionOf(
                             7, {RuledEntryOf({"a/b"}, {If(kRefIsMain + (" && " + other_iid))})}))
                  .near_miss);
}

TEST_F(ExplainTest, OfAConditionThatJoinsSeveralTwoFalsePartsAreNoNearMiss) {
  const std::string other_iid = R"($[[ event.payload.iid ]] == "2")";
  EXPECT_FALSE(ExplainOne(SubscriptionOf(
                              7, {RuledEntryOf({"a/b"}, {If(kRefIsOther + (" && " + other_iid))})}))
                   .near_miss);
}

TEST_F(ExplainTest, ANeverThatHoldsIsANearMiss) {
  EXPECT_TRUE(ExplainOne(SubscriptionOf(
                             7, {RuledEntryOf({"a/b"}, {If(kRefIsMain, When::kNever), Always()})}))
                  .near_miss);
}

TEST_F(ExplainTest, TheScopeAloneOrConfidentialityAloneIsANearMiss) {
  const Scope elsewhere{ScopeKind::kOtherProject, 20};
  EXPECT_TRUE(ExplainOne(SubscriptionOf(7, {EntryOf({"a/b"}, elsewhere)})).near_miss);
  EXPECT_FALSE(ExplainOne(SubscriptionOf(7, {RuledEntryOf({"a/b"}, {If(kRefIsOther)}, elsewhere)}))
                   .near_miss);
  event_.confidential = true;
  EXPECT_TRUE(ExplainOne(SubscriptionOf(7, {EntryOf({"a/b"})})).near_miss);
  EXPECT_FALSE(ExplainOne(SubscriptionOf(7, {EntryOf({"a/b"}, elsewhere)})).near_miss);
}

TEST_F(ExplainTest, OfOneProjectAllSubscriptionsAreExplainedAndOfNoOther) {
  index_.ReplaceProject(Project(
      10, kGroups,
      {SubscriptionOf(9, {EntryOf({"x"})}), SubscriptionOf(3, {EntryOf({"a/b"}, kInstanceScope)}),
       SubscriptionOf(5, {RuledEntryOf({"a/b"}, {If(kRefIsOther)})})}));
  index_.ReplaceProject(Project(11, kGroups, {SubscriptionOf(4, {EntryOf({"a/b"}, kGroupScope)})}));
  std::map<int64_t, SubscriptionOutcome> outcomes;
  std::vector<int64_t> order;
  for (const ExplainedSubscription& one : ExplainEvent(10).subscriptions) {
    outcomes[one.subscription_id] = one.outcome;
    order.push_back(one.subscription_id);
  }
  EXPECT_THAT(order, ElementsAre(3, 5, 9));
  EXPECT_EQ(outcomes[3], SubscriptionOutcome::kFires);
  EXPECT_EQ(outcomes[5], SubscriptionOutcome::kNoEntry);
  EXPECT_EQ(outcomes[9], SubscriptionOutcome::kNoEntry);
  EXPECT_THAT(ExplainEvent(99).subscriptions, IsEmpty());
}

TEST_F(ExplainTest, OfAllProjectsThoseAreExplainedWhosePatternAndScopeFitEachOnce) {
  std::vector<Subscription> subscriptions = {SubscriptionOf(9, {EntryOf({"x"})}),
                                             SubscriptionOf(3, {EntryOf({"a/b", "a/*", "**"})})};
  // So many that they are found by their conditions, which explain must not do.
  for (int64_t id = 20; id < 90; ++id) {
    subscriptions.push_back(SubscriptionOf(id, {RuledEntryOf({"a/b"}, {If(kRefIsOther)})}));
  }
  index_.ReplaceProject(Project(10, kGroups, subscriptions));
  index_.ReplaceProject(Project(
      11, kGroups,
      {SubscriptionOf(4, {EntryOf({"a/b"}, kGroupScope)}), SubscriptionOf(5, {EntryOf({"a/b"})}),
       SubscriptionOf(6, {RuledEntryOf({"a/b"}, {If(kRefIsOther)}, kInstanceScope)})}));
  const Explanation explanation = ExplainEvent(0);
  std::vector<int64_t> order;
  for (const ExplainedSubscription& one : explanation.subscriptions) {
    order.push_back(one.subscription_id);
    EXPECT_EQ(one.project_id, one.subscription_id == 4 || one.subscription_id == 6 ? 11 : 10);
  }
  std::vector<int64_t> expected = {3, 4, 6};
  for (int64_t id = 20; id < 90; ++id) expected.push_back(id);
  EXPECT_EQ(order, expected);
}

}  // namespace
}  // namespace cievents::matcher
