#include "tests/faults/expectation.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int64_t kStableProject = 1;
constexpr int64_t kMovingProject = 2;
constexpr int64_t kProbeProject = 3;

// Milliseconds after the beginning of the world.
TimePoint At(int ms) { return TimePoint() + milliseconds(ms); }

oracle::NaiveSubscription Subscription(int64_t id, int64_t project_id, const std::string& pattern,
                                       oracle::NaiveScope scope = oracle::NaiveScope::kProject) {
  oracle::NaiveEntry entry;
  entry.patterns = {pattern};
  entry.scope = scope;
  oracle::NaiveSubscription subscription;
  subscription.subscription_id = id;
  subscription.project_id = project_id;
  subscription.namespace_ids = {9};
  subscription.entries = {entry};
  return subscription;
}

AppliedPush Push(int64_t sequence, int sent, int answered,
                 std::vector<oracle::NaiveSubscription> subscriptions) {
  AppliedPush push;
  push.project_id = subscriptions.at(0).project_id;
  push.sequence = sequence;
  push.sent = At(sent);
  push.answered = At(answered);
  push.subscriptions = std::move(subscriptions);
  return push;
}

// An event `a/b` of a project that was sent once.
SentEvent Event(int64_t project_id, int sent, int ended, Delivery::Answer answer, int count = -1) {
  oracle::NaiveEvent event;
  event.names = {"a/b"};
  event.project_id = project_id;
  event.namespace_ids = {9};
  return {"e", event, "", {{At(sent), At(ended), answer, count}}};
}

SentEvent Acknowledged(int64_t project_id, int sent, int ended, int count) {
  return Event(project_id, sent, ended, Delivery::Answer::kAcknowledged, count);
}

// Subscription 10 is stable; 20 listens to the event until push 2 of its project, 21 from then on.
Expectation World(std::vector<Outage> outages = {}) {
  const std::vector<Project> projects = {{kStableProject, {9}, ProjectKind::kStable},
                                         {kMovingProject, {9}, ProjectKind::kMoving},
                                         {kProbeProject, {9}, ProjectKind::kProbe}};
  std::vector<AppliedPush> pushes;
  pushes.push_back(Push(1, 0, 1, {Subscription(10, kStableProject, "a/*")}));
  pushes.push_back(Push(1, 0, 1, {Subscription(20, kMovingProject, "a/b")}));
  pushes.push_back(
      Push(2, 10'000, 10'100,
           {Subscription(20, kMovingProject, "x/y"), Subscription(21, kMovingProject, "a/b")}));
  pushes.push_back(Push(1, 50'000, 50'100, {Subscription(30, kProbeProject, "a/b")}));
  return {projects, pushes, std::move(outages)};
}

TEST(ExpectationTest, AStableProjectIsKnownExactly) {
  const ExpectedEvent expected = World().Expect(Acknowledged(kStableProject, 10'050, 10'060, 1));
  EXPECT_TRUE(expected.acknowledged);
  EXPECT_THAT(expected.must, UnorderedElementsAre(10));
  EXPECT_THAT(expected.may, UnorderedElementsAre(10));
  EXPECT_EQ(expected.wrong_count, "");
}

TEST(ExpectationTest, BeforeAPushOnlyTheOldSetExplainsARequest) {
  const ExpectedEvent expected = World().Expect(Acknowledged(kMovingProject, 9'000, 9'999, 1));
  EXPECT_THAT(expected.must, UnorderedElementsAre(20));
  EXPECT_THAT(expected.may, UnorderedElementsAre(20));
}

TEST(ExpectationTest, UntilTwoSecondsAfterAPushBothSetsDo) {
  for (const auto& [sent, ended] : {std::pair(9'000, 10'000), {10'050, 10'060}, {12'100, 12'101}}) {
    const ExpectedEvent expected = World().Expect(Acknowledged(kMovingProject, sent, ended, 1));
    EXPECT_THAT(expected.must, IsEmpty()) << sent;
    EXPECT_THAT(expected.may, UnorderedElementsAre(20, 21)) << sent;
  }
}

TEST(ExpectationTest, AfterThatOnlyTheNewSetDoes) {
  const ExpectedEvent expected = World().Expect(Acknowledged(kMovingProject, 12'101, 12'150, 1));
  EXPECT_THAT(expected.must, UnorderedElementsAre(21));
  EXPECT_THAT(expected.may, UnorderedElementsAre(21));
}

TEST(ExpectationTest, AnOutageInBetweenPostponesThatUntilTwoSecondsAfterItsEnd) {
  const std::vector<Outage> outages = {{At(5'000), At(9'000)},     // over before the push
                                       {At(11'000), At(13'000)},   // in between
                                       {At(14'900), At(15'000)},   // in between, so postponed
                                       {At(30'000), At(31'000)}};  // later
  const ExpectedEvent before =
      World(outages).Expect(Acknowledged(kMovingProject, 17'000, 17'001, 1));
  EXPECT_THAT(before.may, UnorderedElementsAre(20, 21));
  const ExpectedEvent after =
      World(outages).Expect(Acknowledged(kMovingProject, 17'001, 17'002, 1));
  EXPECT_THAT(after.may, UnorderedElementsAre(21));
}

TEST(ExpectationTest, AProbeHasNothingBeforeItsFirstPush) {
  EXPECT_THAT(World().Expect(Acknowledged(kProbeProject, 49'000, 49'999, 0)).may, IsEmpty());
  const ExpectedEvent between = World().Expect(Acknowledged(kProbeProject, 50'050, 50'060, 0));
  EXPECT_THAT(between.must, IsEmpty());
  EXPECT_THAT(between.may, UnorderedElementsAre(30));
  EXPECT_THAT(World().Expect(Acknowledged(kProbeProject, 52'101, 52'102, 1)).must,
              UnorderedElementsAre(30));
}

TEST(ExpectationTest, WhatWasNotAcknowledgedMayHaveRequestsAndNeedNot) {
  const ExpectedEvent put_off =
      World().Expect(Event(kStableProject, 100, 200, Delivery::Answer::kPutOff));
  EXPECT_FALSE(put_off.acknowledged);
  EXPECT_THAT(put_off.must, IsEmpty());
  EXPECT_THAT(put_off.may, UnorderedElementsAre(10));
  // Nobody knows when a call that failed was worked on.
  const ExpectedEvent unanswered =
      World().Expect(Event(kMovingProject, 6'000, 6'100, Delivery::Answer::kUnanswered));
  EXPECT_THAT(unanswered.may, UnorderedElementsAre(20, 21));
}

TEST(ExpectationTest, OverSeveralSendingsTheResultIsTheUnion) {
  SentEvent sent = Acknowledged(kMovingProject, 9'000, 9'100, 1);
  sent.deliveries.push_back({At(20'000), At(20'100), Delivery::Answer::kAcknowledged, 1});
  const ExpectedEvent expected = World().Expect(sent);
  EXPECT_THAT(expected.must, UnorderedElementsAre(20, 21));
  EXPECT_THAT(expected.may, UnorderedElementsAre(20, 21));
}

TEST(ExpectationTest, ACountOutOfBoundsIsNamed) {
  for (const int count : {0, 2}) {
    EXPECT_THAT(World().Expect(Acknowledged(kStableProject, 100, 200, count)).wrong_count,
                HasSubstr("is said to match"));
  }
  EXPECT_EQ(World().Expect(Acknowledged(kMovingProject, 10'050, 10'060, 2)).wrong_count, "");
  EXPECT_NE(World().Expect(Acknowledged(kMovingProject, 10'050, 10'060, 3)).wrong_count, "");
}

TEST(ExpectationTest, StableRequestsHaveOneDecision) {
  Expectation world = World();
  const auto decisions = world.StableDecisions(Acknowledged(kStableProject, 0, 1, 1).event);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(decisions.at(10).entry, 0);
  EXPECT_EQ(decisions.at(10).event_name, "a/b");
}

}  // namespace
}  // namespace cievents::faults
