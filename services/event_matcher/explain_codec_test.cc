#include "services/event_matcher/explain_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cievents::event_matcher {
namespace {

using matcher::SubscriptionOutcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

matcher::ExplainedSubscription Explained(int64_t id, SubscriptionOutcome outcome,
                                         bool near_miss = false) {
  matcher::ExplainedSubscription subscription;
  subscription.subscription_id = id;
  subscription.project_id = 7;
  subscription.path = "a.yml";
  subscription.outcome = outcome;
  subscription.near_miss = near_miss;
  return subscription;
}

std::vector<int64_t> Ids(const admin::v1::ExplainEventResponse& response) {
  std::vector<int64_t> ids;
  for (const auto& verdict : response.verdicts()) ids.push_back(verdict.subscription_id());
  return ids;
}

matcher::Explanation Mixed() {
  return {{Explained(1, SubscriptionOutcome::kNoEntry),
           Explained(2, SubscriptionOutcome::kNoEntry, true),
           Explained(3, SubscriptionOutcome::kFires),
           Explained(4, SubscriptionOutcome::kSuspended, true),
           Explained(5, SubscriptionOutcome::kFailedInput)}};
}

TEST(EncodeExplanationTest, WhatFiresComesFirstThenNearMissesThenTheRest) {
  admin::v1::ExplainEventResponse response;
  EncodeExplanation(Mixed(), 100, 0, &response);
  EXPECT_THAT(Ids(response), ElementsAre(3, 5, 2, 4, 1));
  EXPECT_EQ(response.left_out_count(), 0);
}

TEST(EncodeExplanationTest, TheSubscriptionOfTheRequestComesBeforeAll) {
  admin::v1::ExplainEventResponse response;
  EncodeExplanation(Mixed(), 100, 1, &response);
  EXPECT_THAT(Ids(response), ElementsAre(1, 3, 5, 2, 4));
}

TEST(EncodeExplanationTest, TheLimitIsKeptAndTheRestCounted) {
  admin::v1::ExplainEventResponse response;
  EncodeExplanation(Mixed(), 2, 0, &response);
  EXPECT_THAT(Ids(response), ElementsAre(3, 5));
  EXPECT_EQ(response.left_out_count(), 3);
}

TEST(EncodeExplanationTest, TheAnswerStaysUnderItsBytesButHasOneVerdictAtLeast) {
  matcher::Explanation explanation = Mixed();
  for (auto& subscription : explanation.subscriptions) {
    subscription.inputs_json.assign(kVerdictsBytesMax, 'x');
  }
  admin::v1::ExplainEventResponse response;
  EncodeExplanation(std::move(explanation), 100, 0, &response);
  EXPECT_THAT(Ids(response), ElementsAre(3));
  EXPECT_EQ(response.left_out_count(), 4);
}

TEST(EncodeExplanationTest, EveryPartOfAVerdictArrives) {
  matcher::ExplainedSubscription subscription = Explained(3, SubscriptionOutcome::kFailedInput);
  subscription.reason = "too long";
  subscription.inputs_json = R"({"a":1})";
  matcher::ExplainedEntry entry;
  entry.entry = 1;
  entry.position = {4, 5};
  entry.patterns = {"issue/*"};
  entry.outcome = matcher::EntryOutcome::kDecides;
  entry.name = "issue/created";
  matcher::ExplainedClause clause;
  clause.if_text = "$[[ event.x ]]";
  clause.events = {"issue/created"};
  clause.when = matcher::When::kNever;
  clause.verdict = matcher::Verdict::kUndecided;
  clause.operands = {{"$[[ event.x ]]", "\"1\""}};
  entry.clauses = {clause, matcher::ExplainedClause{}};
  subscription.entries = {entry};
  admin::v1::ExplainEventResponse response;
  EncodeExplanation({{subscription}}, 100, 0, &response);
  ASSERT_EQ(response.verdicts_size(), 1);
  const admin::v1::SubscriptionVerdict& verdict = response.verdicts(0);
  EXPECT_EQ(verdict.outcome(), admin::v1::SUBSCRIPTION_OUTCOME_FAILED_INPUT);
  EXPECT_EQ(verdict.reason(), "too long");
  EXPECT_EQ(verdict.inputs_json(), R"({"a":1})");
  EXPECT_EQ(verdict.project_id(), 7);
  EXPECT_EQ(verdict.path(), "a.yml");
  ASSERT_EQ(verdict.entries_size(), 1);
  EXPECT_EQ(verdict.entries(0).entry(), 1);
  EXPECT_EQ(verdict.entries(0).line(), 4);
  EXPECT_EQ(verdict.entries(0).column(), 5);
  EXPECT_THAT(verdict.entries(0).patterns(), ElementsAre("issue/*"));
  EXPECT_EQ(verdict.entries(0).outcome(), admin::v1::ENTRY_OUTCOME_DECIDES);
  EXPECT_EQ(verdict.entries(0).event_name(), "issue/created");
  ASSERT_EQ(verdict.entries(0).clauses_size(), 2);
  const admin::v1::ClauseVerdict& first = verdict.entries(0).clauses(0);
  EXPECT_EQ(first.condition(), "$[[ event.x ]]");
  EXPECT_THAT(first.events(), ElementsAre("issue/created"));
  EXPECT_EQ(first.when(), "never");
  EXPECT_EQ(first.verdict(), admin::v1::VERDICT_UNDECIDED);
  ASSERT_EQ(first.operands_size(), 1);
  EXPECT_EQ(first.operands(0).text(), "$[[ event.x ]]");
  EXPECT_EQ(first.operands(0).value(), "\"1\"");
  EXPECT_FALSE(verdict.entries(0).clauses(1).has_condition());
}

TEST(EncodeExplanationTest, HoistedRulesArriveWithTheirJobs) {
  matcher::ExplainedSubscription subscription = Explained(3, SubscriptionOutcome::kFilteredByRules);
  subscription.reason = "no job could run";
  matcher::ExplainedClause clause;
  clause.if_text = "$[[ event.x ]]";
  clause.has_undecidable_part = true;
  clause.verdict = matcher::Verdict::kUndecided;
  subscription.hoisted_rules.workflow = {true, {clause}, 0};
  subscription.hoisted_rules.jobs = {{"test", false, {{true, {clause}, 0}, {false, {}, 1}}}};
  admin::v1::ExplainEventResponse response;
  EncodeExplanation({{subscription, Explained(4, SubscriptionOutcome::kFires)}}, 100, 3, &response);
  ASSERT_EQ(response.verdicts_size(), 2);
  EXPECT_EQ(response.verdicts(0).outcome(), admin::v1::SUBSCRIPTION_OUTCOME_FILTERED_BY_RULES);
  EXPECT_EQ(response.verdicts(0).reason(), "no job could run");
  const admin::v1::HoistedRulesVerdict& rules = response.verdicts(0).hoisted_rules();
  EXPECT_TRUE(rules.workflow().lets_run());
  ASSERT_EQ(rules.workflow().clauses_size(), 1);
  EXPECT_TRUE(rules.workflow().clauses(0).has_undecidable_part());
  EXPECT_EQ(rules.workflow().clauses(0).verdict(), admin::v1::VERDICT_UNDECIDED);
  ASSERT_EQ(rules.jobs_size(), 1);
  EXPECT_EQ(rules.jobs(0).name(), "test");
  EXPECT_FALSE(rules.jobs(0).could_run());
  ASSERT_EQ(rules.jobs(0).lists_size(), 2);
  EXPECT_TRUE(rules.jobs(0).lists(0).lets_run());
  EXPECT_FALSE(rules.jobs(0).lists(1).lets_run());
  EXPECT_EQ(rules.jobs_left_out_count(), 0);
  EXPECT_FALSE(response.verdicts(1).has_hoisted_rules());
}

TEST(EncodeExplanationTest, OfManyJobsTheFirstAndTheLastAreShown) {
  matcher::ExplainedSubscription subscription = Explained(3, SubscriptionOutcome::kFires);
  for (size_t i = 0; i < kExplainedJobsMax; ++i) {
    subscription.hoisted_rules.jobs.push_back({"no", false, {}});
  }
  subscription.hoisted_rules.jobs.push_back({"yes", true, {}});
  admin::v1::ExplainEventResponse response;
  EncodeExplanation({{subscription}}, 100, 0, &response);
  const admin::v1::HoistedRulesVerdict& rules = response.verdicts(0).hoisted_rules();
  EXPECT_EQ(rules.jobs_size(), static_cast<int>(kExplainedJobsMax));
  EXPECT_EQ(rules.jobs_left_out_count(), 1);
  EXPECT_EQ(rules.jobs(rules.jobs_size() - 1).name(), "yes");
}

TEST(EncodeExplanationTest, JobsWithLongValuesAreLeftOutByTheirBytes) {
  matcher::ExplainedSubscription subscription = Explained(3, SubscriptionOutcome::kFilteredByRules);
  matcher::ExplainedClause clause;
  clause.operands.assign(40, {"x", std::string(kOperandValueBytesMax, 'a')});
  for (int i = 0; i < 10; ++i) {
    subscription.hoisted_rules.jobs.push_back({"no", false, {{false, {clause}, 1}}});
  }
  admin::v1::ExplainEventResponse response;
  EncodeExplanation({{subscription}}, 100, 0, &response);
  const admin::v1::HoistedRulesVerdict& rules = response.verdicts(0).hoisted_rules();
  EXPECT_EQ(rules.jobs_size(), 3) << "two that pass the limit, and the last";
  EXPECT_EQ(rules.jobs_left_out_count(), 7);
}

TEST(EncodeExplanationTest, ALongValueIsCutBetweenCharacters) {
  matcher::ExplainedSubscription subscription = Explained(3, SubscriptionOutcome::kNoEntry);
  matcher::ExplainedClause clause;
  std::string value(kOperandValueBytesMax - 1, 'a');
  value += "\xC3\xA9\xC3\xA9";  // the limit falls into the first é
  clause.operands = {{"$[[ event.payload ]]", value}};
  matcher::ExplainedEntry entry;
  entry.clauses = {clause};
  subscription.entries = {entry};
  admin::v1::ExplainEventResponse response;
  EncodeExplanation({{subscription}}, 100, 0, &response);
  const std::string& shown = response.verdicts(0).entries(0).clauses(0).operands(0).value();
  EXPECT_EQ(shown.substr(0, kOperandValueBytesMax + 2),
            std::string(kOperandValueBytesMax - 1, 'a') + "...");
  EXPECT_THAT(shown, HasSubstr("(4099 bytes)"));
}

TEST(EventOfTest, AStoredEventKeepsItsFieldsAndAGroupEventItsGroup) {
  store::EventRow row;
  row.event_id = "e1";
  row.source = "gitlab";
  row.names = {"group/created"};
  row.identity_kind = static_cast<int16_t>(matcher::EventIdentity::Kind::kGroup);
  row.identity_id = 71;
  row.root_namespace_id = 70;
  row.time_ms = 5;
  row.actor_user_id = 3;
  row.actor_username = "ada";
  row.actor_access_level = 40;
  row.actor_bot = true;
  row.confidential = true;
  row.subject = "groups/71";
  row.data = "{}";
  const Event event = EventOf(row);
  EXPECT_THAT(event.namespace_ids, ElementsAre(70, 71));
  EXPECT_EQ(event.id, "e1");
  EXPECT_EQ(event.time_ms, 5);
  EXPECT_EQ(event.actor.access_level, 40);
  EXPECT_TRUE(event.actor.bot);
  EXPECT_TRUE(event.confidential);
  EXPECT_EQ(event.subject, "groups/71");
  EXPECT_EQ(event.data, "{}");
}

TEST(DecodeExplainedEventTest, WithoutATimeItHappensNow) {
  events::v1::Event message;
  message.set_id("e1");
  const auto now = DecodeExplainedEvent(message, 1'800'000'000'123);
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ(now->time_ms, 1'800'000'000'123);
  message.mutable_time()->set_seconds(1'700'000'000);
  EXPECT_EQ(DecodeExplainedEvent(message, 5)->time_ms, 1'700'000'000'000);
}

TEST(EncodeRecordedTest, AnotherWorkflowOrNoneIsAChange) {
  store::RecordedDecision decision;
  decision.request.subscription_id = 4;
  decision.request.workflow_id = "aa";
  decision.request.commit_sha = "c1";
  decision.current_workflow_id = "aa";
  decision.current_commit_sha = "c2";
  admin::v1::RecordedDecision same;
  EncodeRecorded(decision, &same);
  EXPECT_FALSE(same.changed_since());
  EXPECT_EQ(same.current_commit_sha(), "c2");
  decision.current_workflow_id = "";
  admin::v1::RecordedDecision gone;
  EncodeRecorded(decision, &gone);
  EXPECT_TRUE(gone.changed_since());
}

}  // namespace
}  // namespace cievents::event_matcher
