// Tests matcher/index.h: one rule a test. Random catalogues against an oracle are in
// tests/oracle/index_property_test.cc.
#include "matcher/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The tree of the tests: group 1 holds group 2, which holds project 10 and 11; project 12 is in
// group 1; project 20 is in group 3.
const std::vector<int64_t> kInGroup2 = {1, 2};
const std::vector<int64_t> kInGroup1 = {1};
const std::vector<int64_t> kInGroup3 = {3};

Entry EntryOf(const std::vector<std::string>& patterns, Scope scope = {}) {
  Entry entry;
  for (const std::string& pattern : patterns) entry.patterns.push_back(*Pattern::Parse(pattern));
  entry.scope = scope;
  return entry;
}

Entry ConfidentialEntryOf(const std::vector<std::string>& patterns, Scope scope = {}) {
  Entry entry = EntryOf(patterns, scope);
  entry.confidential = true;
  return entry;
}

Subscription SubscriptionOf(int64_t id, std::vector<Entry> entries) {
  Subscription subscription;
  subscription.subscription_id = id;
  subscription.entries = std::move(entries);
  return subscription;
}

ProjectSubscriptions Project(int64_t id, std::vector<int64_t> namespace_ids,
                             std::vector<Subscription> subscriptions) {
  ProjectSubscriptions set;
  set.project_id = id;
  set.namespace_ids = std::move(namespace_ids);
  set.subscriptions = std::move(subscriptions);
  return set;
}

struct TestEvent {
  std::vector<std::string> names;
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;
  bool confidential = false;
  int64_t time_ms = 0;
  bool replayed = false;
};

std::vector<Match> MatchesOf(const Index& index, const TestEvent& event) {
  std::vector<Match> matches;
  index.MatchEvent({event.names, event.project_id, event.namespace_ids, event.confidential,
                    event.time_ms, event.replayed},
                   &matches);
  return matches;
}

std::vector<int64_t> IdsOf(const Index& index, const TestEvent& event) {
  std::vector<int64_t> ids;
  for (const Match& match : MatchesOf(index, event)) {
    ids.push_back(match.subscription_ref().subscription_id);
  }
  return ids;
}

TEST(IndexTest, MatchesNothingWhileEmpty) {
  const Index index;
  EXPECT_THAT(IdsOf(index, {{"issue/created"}, 10, kInGroup2}), IsEmpty());
  EXPECT_EQ(index.stats().projects, 0u);
  EXPECT_EQ(index.stats().subscriptions, 0u);
}

TEST(IndexTest, MatchesAProjectsOwnEventsByName) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2,
                               {SubscriptionOf(100, {EntryOf({"package/published"})}),
                                SubscriptionOf(101, {EntryOf({"package/*"})}),
                                SubscriptionOf(102, {EntryOf({"issue/**", "member/added"})})}));
  EXPECT_THAT(IdsOf(index, {{"package/published"}, 10, kInGroup2}), ElementsAre(100, 101));
  EXPECT_THAT(IdsOf(index, {{"package/removed"}, 10, kInGroup2}), ElementsAre(101));
  EXPECT_THAT(IdsOf(index, {{"member/added"}, 10, kInGroup2}), ElementsAre(102));
  EXPECT_THAT(IdsOf(index, {{"release/published"}, 10, kInGroup2}), IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"package/published"}, 11, kInGroup2}), IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"package/published"}, 0, kInGroup2}), IsEmpty());
}

TEST(IndexTest, AppliesEachScopeToItsEventsAlone) {
  struct Case {
    std::string what;
    Scope scope;
    std::vector<TestEvent> match;
    std::vector<TestEvent> no_match;
  };
  const std::vector<std::string> names = {"a/b"};
  const TestEvent own{names, 10, kInGroup2};
  const TestEvent sibling{names, 11, kInGroup2};
  const TestEvent cousin{names, 12, kInGroup1};
  const TestEvent stranger{names, 20, kInGroup3};
  const TestEvent parent_group{names, 0, kInGroup2};
  const TestEvent top_group{names, 0, kInGroup1};
  const TestEvent below_parent{names, 13, {1, 2, 5}};
  const TestEvent unknown_place{names, 10, {}};  // a project that we do not know
  const TestEvent instance{names, 0, {}};
  const std::vector<Case> cases = {
      {"project",
       {ScopeKind::kProject, 0},
       {own, unknown_place},
       {sibling, cousin, stranger, parent_group, top_group, below_parent, instance}},
      {"group",
       {ScopeKind::kGroup, 0},
       {own, sibling, parent_group, below_parent},
       {cousin, stranger, top_group, unknown_place, instance}},
      {"instance",
       {ScopeKind::kInstance, 0},
       {own, sibling, cousin, stranger, parent_group, top_group, below_parent, instance},
       {}},
      {"other project",
       {ScopeKind::kOtherProject, 20},
       {stranger},
       {own, sibling, cousin, parent_group, top_group, below_parent, instance}},
      {"other project that is its own",
       {ScopeKind::kOtherProject, 10},
       {own, unknown_place},
       {sibling, instance}},
      {"other project 0", {ScopeKind::kOtherProject, 0}, {}, {own, parent_group, instance}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Index index;
    index.ReplaceProject(
        Project(10, kInGroup2, {SubscriptionOf(100, {EntryOf({"a/*"}, c.scope)})}));
    for (const TestEvent& event : c.match) EXPECT_THAT(IdsOf(index, event), ElementsAre(100));
    for (const TestEvent& event : c.no_match) EXPECT_THAT(IdsOf(index, event), IsEmpty());
  }
}

TEST(IndexTest, GivesAGroupEntryOfAProjectWithoutAGroupNothing) {
  Index index;
  index.ReplaceProject(
      Project(10, {}, {SubscriptionOf(100, {EntryOf({"**"}, {ScopeKind::kGroup, 0})})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, {}}), IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, {0}}), IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"a"}, 0, {}}), IsEmpty());
}

TEST(IndexTest, KeepsGroupsAndProjectsOfTheSameNumberApart) {
  Index index;
  index.ReplaceProject(
      Project(10, {7},
              {SubscriptionOf(100, {EntryOf({"a"}, {ScopeKind::kGroup, 0})}),
               SubscriptionOf(101, {EntryOf({"a"}, {ScopeKind::kOtherProject, 7})})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 7, {3}}), ElementsAre(101));
  EXPECT_THAT(IdsOf(index, {{"a"}, 3, {7}}), ElementsAre(100));
}

TEST(IndexTest, ShowsAConfidentialEventOnlyToEntriesThatMaySeeIt) {
  Index index;
  index.ReplaceProject(Project(
      10, kInGroup2,
      {SubscriptionOf(100, {EntryOf({"a"})}), SubscriptionOf(101, {ConfidentialEntryOf({"a"})}),
       SubscriptionOf(102, {EntryOf({"a"}), ConfidentialEntryOf({"*"})})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(100, 101, 102));
  const std::vector<Match> confidential = MatchesOf(index, {{"a"}, 10, kInGroup2, true});
  ASSERT_EQ(confidential.size(), 2u);
  EXPECT_EQ(confidential[0].subscription_ref().subscription_id, 101);
  EXPECT_EQ(confidential[1].subscription_ref().subscription_id, 102);
  EXPECT_EQ(confidential[1].entry, 1u);  // the first entry may not see it, so it does not decide
}

TEST(IndexTest, LetsTheFirstEntryInTextOrderDecideWhateverItsScope) {
  const Scope project{};
  const Scope group{ScopeKind::kGroup, 0};
  const Scope instance{ScopeKind::kInstance, 0};
  Index index;
  index.ReplaceProject(
      Project(10, kInGroup2,
              {SubscriptionOf(100, {EntryOf({"b"}, instance), EntryOf({"a"}, instance),
                                    EntryOf({"a"}, group), EntryOf({"a"}, project)}),
               SubscriptionOf(101, {EntryOf({"a"}, project), EntryOf({"*"}, instance)})}));
  const std::vector<Match> own = MatchesOf(index, {{"a"}, 10, kInGroup2});
  ASSERT_EQ(own.size(), 2u);
  EXPECT_EQ(own[0].entry, 1u);
  EXPECT_EQ(own[1].entry, 0u);
  const std::vector<Match> elsewhere = MatchesOf(index, {{"a"}, 20, kInGroup3});
  ASSERT_EQ(elsewhere.size(), 2u);
  EXPECT_EQ(elsewhere[0].entry, 1u);
  EXPECT_EQ(elsewhere[1].entry, 1u);
}

TEST(IndexTest, ReportsTheEventsFirstNameThatTheDecidingEntryMatches) {
  Index index;
  index.ReplaceProject(
      Project(10, kInGroup2,
              {SubscriptionOf(100, {EntryOf({"mr/updated", "mr/ready"})}),
               SubscriptionOf(101, {EntryOf({"mr/updated"}), EntryOf({"mr/ready"})}),
               SubscriptionOf(102, {EntryOf({"*/updated", "mr/updated", "mr/updated"})}),
               SubscriptionOf(103, {EntryOf({"mr/updated", "*/ready"})})}));
  const std::vector<Match> matches =
      MatchesOf(index, {{"mr/ready", "mr/updated", "mr/ready"}, 10, kInGroup2});
  ASSERT_EQ(matches.size(), 4u);
  EXPECT_EQ(matches[0].name, 0u);  // the event's order counts, not the entry's
  EXPECT_EQ(matches[1].name, 1u);  // the deciding entry counts, not a later one
  EXPECT_EQ(matches[1].entry, 0u);
  EXPECT_EQ(matches[2].name, 1u);
  EXPECT_EQ(matches[3].name, 0u);
}

TEST(IndexTest, FiresASubscriptionOnceHoweverManyWaysLeadToIt) {
  const Scope group{ScopeKind::kGroup, 0};
  const Scope instance{ScopeKind::kInstance, 0};
  Index index;
  index.ReplaceProject(
      Project(10, kInGroup2,
              {SubscriptionOf(100, {EntryOf({"a", "*", "**"}), EntryOf({"a"}, group),
                                    EntryOf({"*"}, instance), EntryOf({"b"})})}));
  EXPECT_THAT(IdsOf(index, {{"a", "b", "a"}, 10, {1, 2, 2}}), ElementsAre(100));
}

TEST(IndexTest, OrdersMatchesOfAllProjectsById) {
  Index index;
  const Scope instance{ScopeKind::kInstance, 0};
  for (const int64_t project : {14, 11, 13, 12}) {
    index.ReplaceProject(Project(project, kInGroup2,
                                 {SubscriptionOf(300 - project, {EntryOf({"a"}, instance)}),
                                  SubscriptionOf(200 - project, {EntryOf({"*"}, instance)})}));
  }
  std::vector<Match> matches = MatchesOf(index, {{"a"}, 10, kInGroup2});
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}),
              ElementsAre(186, 187, 188, 189, 286, 287, 288, 289));
  EXPECT_EQ(matches[0].project->project_id, 14);
}

TEST(IndexTest, AppendsToWhatTheCallerHas) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(100, {EntryOf({"a"})})}));
  index.ReplaceProject(Project(11, kInGroup2, {SubscriptionOf(50, {EntryOf({"a"})})}));
  std::vector<Match> matches = MatchesOf(index, {{"a"}, 10, kInGroup2});
  const std::vector<std::string> names = {"a"};
  index.MatchEvent({.names = names, .project_id = 11, .namespace_ids = {}}, &matches);
  ASSERT_EQ(matches.size(), 2u);
  EXPECT_EQ(matches[0].subscription_ref().subscription_id, 100);
  EXPECT_EQ(matches[1].subscription_ref().subscription_id, 50);
}

TEST(IndexTest, LeavesOutSuspendedSubscriptionsAndThoseThatNeedEvaluation) {
  Subscription suspended = SubscriptionOf(100, {EntryOf({"a"})});
  suspended.suspended = true;
  Subscription with_rules = SubscriptionOf(101, {EntryOf({"a"}), EntryOf({"b"})});
  with_rules.entries[1].rules.emplace();
  Subscription with_block = SubscriptionOf(102, {EntryOf({"a"})});
  with_block.include_inputs.push_back({"x", R"("$[[ event.name ]]")", {}});
  Index index;
  index.ReplaceProject(Project(
      10, kInGroup2, {suspended, with_rules, with_block, SubscriptionOf(103, {EntryOf({"a"})})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(103));
  EXPECT_EQ(index.stats().subscriptions, 4u);
}

TEST(IndexTest, DoesNotFireASubscriptionByAnEventFromLongBeforeItsCreation) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kCreated = 1700000000000;
  struct Case {
    int64_t created_ms;
    int64_t event_ms;
    bool replayed;
    bool fires;
  };
  const std::vector<Case> cases = {
      {kCreated, kCreated, false, true},
      {kCreated, kCreated + 1, false, true},
      {kCreated, kCreated - kBeforeCreationToleranceMs, false, true},
      {kCreated, kCreated - kBeforeCreationToleranceMs - 1, false, false},
      {kCreated, kCreated - kBeforeCreationToleranceMs - 1, true, true},
      {kCreated, 1, false, false},
      {kCreated, 0, false, true},  // time unknown
      {0, kCreated, false, true},
      // Nonsense from outside must not overflow.
      {kMax, kMin, false, false},
      {kMin, kMax, false, true},
      {kCreated, kMin, false, false},
      {kCreated, kMax, false, true},
      {kMax, kMax, false, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message() << c.created_ms << " " << c.event_ms << " " << c.replayed);
    Subscription subscription = SubscriptionOf(100, {EntryOf({"a"})});
    subscription.created_time_ms = c.created_ms;
    Index index;
    index.ReplaceProject(Project(10, kInGroup2, {subscription}));
    const size_t fired =
        MatchesOf(index, {{"a"}, 10, kInGroup2, false, c.event_ms, c.replayed}).size();
    EXPECT_EQ(fired, c.fires ? 1u : 0u);
  }
}

TEST(IndexTest, ReplacesAProjectsSetAsAWhole) {
  const Scope group{ScopeKind::kGroup, 0};
  const Scope instance{ScopeKind::kInstance, 0};
  Index index;
  index.ReplaceProject(Project(11, kInGroup2, {SubscriptionOf(1, {EntryOf({"a"}, group)})}));
  index.ReplaceProject(Project(10, kInGroup2,
                               {SubscriptionOf(100, {EntryOf({"a", "*"}, group)}),
                                SubscriptionOf(101, {EntryOf({"a", "**"}, instance)})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(1, 100, 101));

  // Moved to group 3 with one subscription less.
  index.ReplaceProject(Project(10, kInGroup3, {SubscriptionOf(100, {EntryOf({"a"}, group)})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(1));
  EXPECT_THAT(IdsOf(index, {{"a"}, 20, kInGroup3}), ElementsAre(100));
  EXPECT_EQ(index.stats().projects, 2u);
  EXPECT_EQ(index.stats().subscriptions, 2u);

  index.RemoveProject(10);
  index.RemoveProject(10);  // unknown now: nothing happens
  EXPECT_THAT(IdsOf(index, {{"a"}, 20, kInGroup3}), IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(1));
  EXPECT_EQ(index.stats().projects, 1u);
  EXPECT_EQ(index.stats().subscriptions, 1u);
}

TEST(IndexTest, KeepsAMatchAliveAfterItsSetIsReplaced) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(100, {EntryOf({"a"})})}));
  const std::vector<Match> matches = MatchesOf(index, {{"a"}, 10, kInGroup2});
  index.RemoveProject(10);
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].subscription_ref().subscription_id, 100);
}

TEST(IndexTest, LoadsEverythingAnewAndTheLastSetOfAProjectCounts) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(100, {EntryOf({"a"})})}));
  index.ReplaceAll({Project(11, kInGroup2, {SubscriptionOf(110, {EntryOf({"a"})})}),
                    Project(12, kInGroup1, {SubscriptionOf(120, {EntryOf({"a"})})}),
                    Project(11, kInGroup2, {SubscriptionOf(111, {EntryOf({"a"})})})});
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"a"}, 11, kInGroup2}), ElementsAre(111));
  EXPECT_THAT(IdsOf(index, {{"a"}, 12, kInGroup1}), ElementsAre(120));
  EXPECT_EQ(index.stats().projects, 2u);
  EXPECT_EQ(index.stats().subscriptions, 2u);
  index.ReplaceAll({});
  EXPECT_THAT(IdsOf(index, {{"a"}, 11, kInGroup2}), IsEmpty());
  EXPECT_EQ(index.stats().projects, 0u);
  EXPECT_EQ(index.stats().subscriptions, 0u);
}

TEST(IndexTest, KnowsTheAncestorsOfProjectsEvenWithoutSubscriptions) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {}));
  std::vector<int64_t> namespace_ids = {99};
  EXPECT_FALSE(index.FindNamespaces(11, &namespace_ids));
  EXPECT_THAT(namespace_ids, ElementsAre(99));
  EXPECT_TRUE(index.FindNamespaces(10, &namespace_ids));
  EXPECT_EQ(namespace_ids, kInGroup2);
  EXPECT_EQ(index.stats().projects, 1u);
  index.RemoveProject(10);
  EXPECT_FALSE(index.FindNamespaces(10, &namespace_ids));
}

TEST(IndexTest, StaysRightWhileManyListenersOfOnePatternComeAndGo) {
  const Scope instance{ScopeKind::kInstance, 0};
  Index index;
  for (int64_t project = 1; project <= 2000; ++project) {
    index.ReplaceProject(
        Project(project, kInGroup1,
                {SubscriptionOf(project, {EntryOf({project % 2 == 0 ? "a" : "*"}, instance)})}));
  }
  EXPECT_EQ(MatchesOf(index, {{"a"}, 1, kInGroup1}).size(), 2000u);
  for (int64_t project = 1; project <= 1997; ++project) index.RemoveProject(project);
  EXPECT_THAT(IdsOf(index, {{"a"}, 1, kInGroup1}), ElementsAre(1998, 1999, 2000));
}

}  // namespace
}  // namespace cievents::matcher
