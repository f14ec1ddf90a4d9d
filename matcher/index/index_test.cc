// Tests matcher/index/index.h: names, scopes, entries and the life of sets, one rule a test. Rules
// and inputs are in index_rules_test.cc. Random worlds against an oracle are in tests/oracle.
#include "matcher/index/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "matcher/index/testing/index_fixture.h"

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The tree of the tests: group 1 holds group 2, which holds project 10 and 11; project 12 is in
// group 1; project 20 is in group 3.
const std::vector<int64_t> kInGroup2 = {1, 2};
const std::vector<int64_t> kInGroup1 = {1};
const std::vector<int64_t> kInGroup3 = {3};

std::vector<Matched> MatchesOf(const Index& index, const TestEvent& event) {
  return MatchAll(index, event).matches;
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
  const std::vector<Matched> confidential = MatchesOf(index, {{"a"}, 10, kInGroup2, true});
  ASSERT_EQ(confidential.size(), 2u);
  EXPECT_EQ(confidential[0].subscription_id, 101);
  EXPECT_EQ(confidential[1].subscription_id, 102);
  EXPECT_EQ(confidential[1].entry, 1u);  // the first entry may not see it, so it does not decide
}

TEST(IndexTest, LetsTheFirstEntryInTextOrderDecideWhateverItsScope) {
  Index index;
  index.ReplaceProject(Project(
      10, kInGroup2,
      {SubscriptionOf(100, {EntryOf({"b"}, kInstanceScope), EntryOf({"a"}, kInstanceScope),
                            EntryOf({"a"}, kGroupScope), EntryOf({"a"}, kProjectScope)}),
       SubscriptionOf(101, {EntryOf({"a"}, kProjectScope), EntryOf({"*"}, kInstanceScope)})}));
  const std::vector<Matched> own = MatchesOf(index, {{"a"}, 10, kInGroup2});
  ASSERT_EQ(own.size(), 2u);
  EXPECT_EQ(own[0].entry, 1u);
  EXPECT_EQ(own[1].entry, 0u);
  const std::vector<Matched> elsewhere = MatchesOf(index, {{"a"}, 20, kInGroup3});
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
  const std::vector<Matched> matches =
      MatchesOf(index, {{"mr/ready", "mr/updated", "mr/ready"}, 10, kInGroup2});
  ASSERT_EQ(matches.size(), 4u);
  EXPECT_EQ(matches[0].name, 0u);  // the event's order counts, not the entry's
  EXPECT_EQ(matches[1].name, 1u);  // the deciding entry counts, not a later one
  EXPECT_EQ(matches[1].entry, 0u);
  EXPECT_EQ(matches[2].name, 1u);
  EXPECT_EQ(matches[3].name, 0u);
}

TEST(IndexTest, FiresASubscriptionOnceHoweverManyWaysLeadToIt) {
  Index index;
  index.ReplaceProject(
      Project(10, kInGroup2,
              {SubscriptionOf(100, {EntryOf({"a", "*", "**"}), EntryOf({"a"}, kGroupScope),
                                    EntryOf({"*"}, kInstanceScope), EntryOf({"b"})})}));
  EXPECT_THAT(IdsOf(index, {{"a", "b", "a"}, 10, {1, 2, 2}}), ElementsAre(100));
}

TEST(IndexTest, MatchesEntriesOfAllProjectsThatReachTheEvent) {
  Index index;
  for (const int64_t project : {14, 11, 13, 12}) {
    index.ReplaceProject(
        Project(project, kInGroup2,
                {SubscriptionOf(300 - project, {EntryOf({"a"}, kInstanceScope)}),
                 SubscriptionOf(200 - project, {EntryOf({"*"}, kInstanceScope)})}));
  }
  std::vector<Matched> matches = MatchesOf(index, {{"a"}, 10, kInGroup2});
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}),
              ElementsAre(186, 187, 188, 189, 286, 287, 288, 289));
  EXPECT_EQ(matches[0].project_id, 14);
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
  Index index;
  index.ReplaceProject(Project(11, kInGroup2, {SubscriptionOf(1, {EntryOf({"a"}, kGroupScope)})}));
  index.ReplaceProject(Project(10, kInGroup2,
                               {SubscriptionOf(100, {EntryOf({"a", "*"}, kGroupScope)}),
                                SubscriptionOf(101, {EntryOf({"a", "**"}, kInstanceScope)})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(1, 100, 101));

  // Moved to group 3 with one subscription less.
  index.ReplaceProject(
      Project(10, kInGroup3, {SubscriptionOf(100, {EntryOf({"a"}, kGroupScope)})}));
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

TEST(IndexTest, LoadsEverythingAnewAndTheLastSetOfAProjectCounts) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(100, {EntryOf({"a"})})}));
  const std::vector<ProjectSubscriptions> load = {
      Project(11, kInGroup2, {SubscriptionOf(110, {EntryOf({"a"}, kInstanceScope)})}),
      Project(12, kInGroup1, {SubscriptionOf(120, {EntryOf({"a"})})}),
      Project(11, kInGroup2, {SubscriptionOf(111, {EntryOf({"a"})})})};
  index.ReplaceAll(load);
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

TEST(IndexTest, ALoadSetBySetIsSeenWhenItIsFinished) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(100, {EntryOf({"a"})})}));
  Index::Load load(index);
  load.Add(Project(11, kInGroup2, {SubscriptionOf(110, {EntryOf({"a"}, kInstanceScope)})}));
  load.Add(Project(11, kInGroup2, {SubscriptionOf(111, {EntryOf({"a"})})}));  // the first counts
  load.Add(Project(0, kInGroup2, {SubscriptionOf(112, {EntryOf({"a"})})}));
  // A change meanwhile is seen, and gone with what was there.
  index.ReplaceProject(Project(12, kInGroup2, {SubscriptionOf(120, {EntryOf({"a"})})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(100));
  EXPECT_THAT(IdsOf(index, {{"a"}, 11, kInGroup2}), IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"a"}, 12, kInGroup2}), ElementsAre(120));
  EXPECT_EQ(load.Finish().size(), 1u);
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(110));
  EXPECT_THAT(IdsOf(index, {{"a"}, 12, kInGroup2}), ElementsAre(110));
  EXPECT_EQ(index.stats().projects, 1u);
  EXPECT_EQ(index.stats().subscriptions, 1u);
}

TEST(IndexTest, ALoadThatIsGivenUpNeverWas) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(100, {EntryOf({"a"})})}));
  {
    Index::Load load(index);
    for (int64_t project = 11; project < 3000; ++project) {
      load.Add(Project(project, kInGroup2,
                       {SubscriptionOf(project, {EntryOf({"a"}, kInstanceScope)}),
                        SubscriptionOf(5000 + project, {EntryOf({"b"})})}));
    }
  }
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(100));
  EXPECT_THAT(IdsOf(index, {{"a"}, 11, kInGroup2}), IsEmpty());
  EXPECT_EQ(index.stats().projects, 1u);
  EXPECT_EQ(index.stats().patterns, 1u);
}

TEST(IndexTest, KnowsTheAncestorsOfProjectsEvenWithoutSubscriptions) {
  Index index;
  index.ReplaceProject(Project(10, kInGroup2, {}));
  std::vector<int64_t> namespace_ids = {99};
  Matcher matcher(index);
  EXPECT_FALSE(matcher.FindNamespaces(11, &namespace_ids));
  EXPECT_THAT(namespace_ids, ElementsAre(99));
  EXPECT_TRUE(matcher.FindNamespaces(10, &namespace_ids));
  EXPECT_EQ(namespace_ids, kInGroup2);
  EXPECT_EQ(index.stats().projects, 1u);
  index.RemoveProject(10);
  EXPECT_FALSE(matcher.FindNamespaces(10, &namespace_ids));
}

TEST(IndexTest, StaysRightWhileManyListenersOfOnePatternComeAndGo) {
  Index index;
  for (int64_t project = 1; project <= 2000; ++project) {
    index.ReplaceProject(Project(
        project, kInGroup1,
        {SubscriptionOf(project, {EntryOf({project % 2 == 0 ? "a" : "*"}, kInstanceScope)})}));
  }
  EXPECT_EQ(MatchesOf(index, {{"a"}, 1, kInGroup1}).size(), 2000u);
  for (int64_t project = 1; project <= 1997; ++project) index.RemoveProject(project);
  EXPECT_THAT(IdsOf(index, {{"a"}, 1, kInGroup1}), ElementsAre(1998, 1999, 2000));
}

TEST(IndexTest, CountsSuspendedSubscriptionsAndDoesNotFireThem) {
  Subscription suspended = SubscriptionOf(100, {EntryOf({"a"})});
  suspended.suspended = true;
  Subscription elsewhere = SubscriptionOf(101, {EntryOf({"b"})});
  elsewhere.suspended = true;
  Index index;
  index.ReplaceProject(
      Project(10, kInGroup2, {suspended, elsewhere, SubscriptionOf(103, {EntryOf({"a"})})}));
  const Outcome outcome = MatchAll(index, {{"a"}, 10, kInGroup2});
  ASSERT_EQ(outcome.matches.size(), 1u);
  EXPECT_EQ(outcome.matches[0].subscription_id, 103);
  EXPECT_EQ(outcome.counts.matched, 1u);
  EXPECT_EQ(outcome.counts.suspended, 1u);
  EXPECT_EQ(outcome.counts.failed_payload, 0u);
  EXPECT_EQ(index.stats().subscriptions, 3u);

  // Live again, with the same id.
  suspended.suspended = false;
  index.ReplaceProject(Project(10, kInGroup2, {suspended}));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(100));
}

TEST(IndexTest, DoesNotCountASuspendedSubscriptionThatIsYoungerThanTheEvent) {
  for (const Scope& scope : {kProjectScope, kGroupScope}) {
    Subscription subscription = SubscriptionOf(100, {EntryOf({"a"}, scope)});
    subscription.suspended = true;
    subscription.created_time_ms = 1700000000000;
    Index index;
    index.ReplaceProject(Project(10, kInGroup2, {subscription}));
    EXPECT_EQ(MatchAll(index, {{"a"}, 10, kInGroup2, false, 1}).counts.suspended, 0u);
    EXPECT_EQ(MatchAll(index, {{"a"}, 10, kInGroup2, false, 0}).counts.suspended, 1u);
  }
}

TEST(IndexTest, GivesWithAMatchAllThatARequestRecords) {
  Subscription subscription = SubscriptionOf(100, {EntryOf({"b"}), EntryOf({"a"}, kInstanceScope)});
  subscription.path = ".gitlab/ci/events/release.yml";
  subscription.workflow_id = "f00d";
  subscription.owner_user_id = 77;
  subscription.entries[1].options_json = R"({"debounce":"5m"})";
  subscription.entries[1].inputs.push_back({"tag", R"("v1")", {}});
  subscription.spec_inputs_json = R"({"tag":{"default":""}})";
  ProjectSubscriptions set = Project(10, kInGroup2, {subscription});
  set.default_branch = "trunk";
  set.commit_sha = "0123456789abcdef0123456789abcdef01234567";
  Index index;
  index.ReplaceProject(set);
  const std::vector<Matched> matches = MatchesOf(index, {{"x", "a"}, 20, kInGroup3});
  Matched expected;
  expected.subscription_id = 100;
  expected.project_id = 10;
  expected.root_namespace_id = 1;
  expected.path = ".gitlab/ci/events/release.yml";
  expected.ref = "trunk";
  expected.commit_sha = set.commit_sha;
  expected.workflow_id = "f00d";
  expected.owner_user_id = 77;
  expected.entry = 1;
  expected.name = 1;
  expected.options_json = R"({"debounce":"5m"})";
  expected.inputs_fit = true;
  expected.inputs_json = R"({"tag":"v1"})";
  EXPECT_THAT(matches, ElementsAre(expected));
}

TEST(IndexTest, AProjectWithoutAGroupHasNoRoot) {
  Index index;
  index.ReplaceProject(Project(10, {}, {SubscriptionOf(100, {EntryOf({"a"})})}));
  const std::vector<Matched> matches = MatchesOf(index, {{"a"}, 10, {}});
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].root_namespace_id, 0);
}

TEST(IndexTest, ProjectsThatShareTextsKeepTheirOwnNumbers) {
  Index index;
  for (int64_t project = 1; project <= 50; ++project) {
    Subscription subscription = SubscriptionOf(project * 100, {EntryOf({"a"}, kGroupScope)});
    subscription.path = "same.yml";
    subscription.owner_user_id = project + 7;
    index.ReplaceProject(Project(project, {9, project % 2}, {subscription}));
  }
  // In group 0 there is nobody: half of the projects have no parent.
  const std::vector<Matched> matches = MatchesOf(index, {{"a"}, 99, {9, 1}});
  ASSERT_EQ(matches.size(), 25u);
  for (const Matched& match : matches) {
    EXPECT_EQ(match.subscription_id, match.project_id * 100);
    EXPECT_EQ(match.owner_user_id, match.project_id + 7);
    EXPECT_EQ(match.path, "same.yml");
  }
}

TEST(IndexTest, ReportsWhatCannotBeEvaluatedAndFiresTheRest) {
  Subscription bad_condition =
      SubscriptionOf(100, {EntryOf({"a"}), RuledEntryOf({"b"}, {If("$x ==")})});
  bad_condition.path = "bad.yml";
  Subscription bad_inputs = SubscriptionOf(101, {EntryOf({"a"})});
  bad_inputs.spec_inputs_json = R"({"x":{"type":"nonsense"}})";
  Index index;
  const std::vector<UnusableSubscription> unusable = index.ReplaceProject(
      Project(10, kInGroup2, {bad_condition, SubscriptionOf(102, {EntryOf({"a"})}), bad_inputs}));
  ASSERT_EQ(unusable.size(), 2u);
  EXPECT_EQ(unusable[0].project_id, 10);
  EXPECT_EQ(unusable[0].subscription_id, 100);
  EXPECT_EQ(unusable[0].path, "bad.yml");
  EXPECT_THAT(unusable[0].reason, HasSubstr("$x =="));
  EXPECT_THAT(unusable[0].reason, HasSubstr("entry 1"));
  EXPECT_EQ(unusable[1].subscription_id, 101);
  EXPECT_FALSE(unusable[1].reason.empty());
  // Not by its first entry either, which is sound: the second could have been the one to decide.
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(102));
  EXPECT_EQ(index.stats().subscriptions, 3u);
  // Nothing of it stays behind.
  EXPECT_EQ(index.stats().patterns, 1u);
  EXPECT_EQ(index.stats().conditions, 0u);

  // Every project that has it is told.
  EXPECT_EQ(index.ReplaceProject(Project(11, kInGroup2, {bad_condition})).size(), 1u);
  const std::vector<ProjectSubscriptions> load = {Project(12, kInGroup2, {bad_condition}),
                                                  Project(13, kInGroup2, {bad_condition})};
  EXPECT_EQ(index.ReplaceAll(load).size(), 2u);
}

TEST(IndexTest, ReportsAnEntryTooManyForASubscription) {
  const Entry entry = EntryOf({"a"});
  Index index;
  EXPECT_THAT(index.ReplaceProject(
                  Project(10, kInGroup2, {SubscriptionOf(100, std::vector<Entry>(65'535, entry))})),
              IsEmpty());
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(100));
  const std::vector<UnusableSubscription> unusable = index.ReplaceProject(
      Project(10, kInGroup2, {SubscriptionOf(100, std::vector<Entry>(65'536, entry))}));
  ASSERT_EQ(unusable.size(), 1u);
  EXPECT_THAT(unusable[0].reason, HasSubstr("65535"));
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), IsEmpty());
}

TEST(IndexTest, ReportsSetsOfWhatIsNoProjectAndKeepsTheOthers) {
  Index index;
  const auto set = [](int64_t id) {
    return Project(id, kInGroup2, {SubscriptionOf(100 + id, {EntryOf({"a"}, kInstanceScope)})});
  };
  for (const int64_t id : {int64_t{-1}, int64_t{0}}) {
    const std::vector<UnusableSubscription> unusable = index.ReplaceProject(set(id));
    ASSERT_EQ(unusable.size(), 1u);
    EXPECT_EQ(unusable[0].subscription_id, 100 + id);
    EXPECT_THAT(unusable[0].reason, HasSubstr("no project's id"));
  }
  EXPECT_EQ(index.stats().projects, 0u);
  const std::vector<ProjectSubscriptions> load = {set(-1), set(10), set(0)};
  EXPECT_EQ(index.ReplaceAll(load).size(), 2u);
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), ElementsAre(110));
  index.RemoveProject(-1);
  EXPECT_EQ(index.stats().projects, 1u);
}

TEST(IndexTest, TakesAsManySubscriptionsAsItCanNumberAndReportsTheSurplus) {
  std::vector<Subscription> subscriptions;
  const Entry entry = EntryOf({"a"});
  const Entry group_entry = EntryOf({"b"}, kGroupScope);
  for (int64_t id = 1; id <= 65'537; ++id) {
    subscriptions.push_back(SubscriptionOf(id, {id % 2 == 0 ? entry : group_entry}));
  }
  Index index;
  const std::vector<UnusableSubscription> unusable =
      index.ReplaceProject(Project(10, kInGroup2, std::move(subscriptions)));
  ASSERT_EQ(unusable.size(), 2u);
  EXPECT_EQ(unusable[0].subscription_id, 65'536);
  EXPECT_EQ(unusable[1].subscription_id, 65'537);
  EXPECT_THAT(unusable[0].reason, HasSubstr("65535"));
  EXPECT_EQ(index.stats().subscriptions, 65'535u);
  const std::vector<int64_t> own = IdsOf(index, {{"a"}, 10, kInGroup2});
  ASSERT_EQ(own.size(), 32'767u);
  EXPECT_EQ(own.back(), 65'534);
  const std::vector<int64_t> group = IdsOf(index, {{"b"}, 11, kInGroup2});
  ASSERT_EQ(group.size(), 32'768u);
  EXPECT_EQ(group.back(), 65'535);
  index.RemoveProject(10);
  EXPECT_THAT(IdsOf(index, {{"a"}, 10, kInGroup2}), IsEmpty());
}

TEST(IndexTest, ProjectsAndGroupsMayHaveAnyNumber) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  Index index;
  index.ReplaceProject(Project(
      kMax, {kMax - 1},
      {SubscriptionOf(kMax, {EntryOf({"a"})}), SubscriptionOf(1, {EntryOf({"b"}, kGroupScope)}),
       SubscriptionOf(2, {EntryOf({"c"}, {ScopeKind::kOtherProject, kMax - 2})}),
       SubscriptionOf(3, {EntryOf({"d"}, {ScopeKind::kOtherProject, -1})})}));
  EXPECT_THAT(IdsOf(index, {{"a"}, kMax, {kMax - 1}}), ElementsAre(kMax));
  EXPECT_THAT(IdsOf(index, {{"b"}, 5, {kMax - 1}}), ElementsAre(1));
  EXPECT_THAT(IdsOf(index, {{"c"}, kMax - 2, {}}), ElementsAre(2));
  EXPECT_THAT(IdsOf(index, {{"d"}, -1, {}}), ElementsAre(3));
  EXPECT_THAT(IdsOf(index, {{"a", "b", "c", "d"}, -2, {-3}}), IsEmpty());
}

TEST(IndexTest, ABatchGivesWhatItsEventsGiveOneByOne) {
  Index index;
  for (int64_t project = 1; project <= 40; ++project) {
    const Scope other{ScopeKind::kOtherProject, project + 1};
    std::vector<Subscription> subscriptions = {
        SubscriptionOf(project * 10, {EntryOf({"a/b", "*/c"})}),
        SubscriptionOf(project * 10 + 1, {EntryOf({"a/*"}, kGroupScope)}),
        SubscriptionOf(project * 10 + 2, {EntryOf({"b/**"}, kInstanceScope)}),
        SubscriptionOf(project * 10 + 3, {EntryOf({"**"}, other)}),
        SubscriptionOf(project * 10 + 4, {EntryOf({"a/b"}, kGroupScope), EntryOf({"b/*"})})};
    subscriptions[4].suspended = project % 2 == 0;
    index.ReplaceProject(Project(project, {100, 100 + project % 3}, std::move(subscriptions)));
  }
  const std::vector<std::vector<std::string>> names = {
      {"a/b"}, {"b/c"}, {"x/y", "a/c"}, {"none"}, {"b/c", "a/b", "b/c"}};
  for (const size_t size : {0u, 1u, 15u, 16u, 17u, 100u}) {
    SCOPED_TRACE(size);
    std::vector<TestEvent> events;
    for (size_t i = 0; i < size; ++i) {
      const auto project = static_cast<int64_t>(i * 7 % 45);  // 0 and some unknown ones among them
      TestEvent event{names[i % names.size()], project, {100, 100 + project % 3}};
      event.confidential = i % 11 == 5;
      events.push_back(std::move(event));
    }
    Matcher matcher(index);
    const std::vector<Outcome> batch = MatchBatchOf(matcher, events);
    ASSERT_EQ(batch.size(), size);
    size_t matched = 0;
    for (size_t i = 0; i < size; ++i) {
      const Outcome single = MatchAll(index, events[i]);
      EXPECT_EQ(batch[i].matches, single.matches);
      EXPECT_EQ(batch[i].counts.matched, single.counts.matched);
      EXPECT_EQ(batch[i].counts.matched, batch[i].matches.size());
      EXPECT_EQ(batch[i].counts.suspended, single.counts.suspended);
      matched += single.matches.size();
    }
    EXPECT_EQ(matched > 0, size > 0);
  }
}

TEST(IndexTest, AMatcherSeesEveryChangeThatWasMadeBetweenItsEvents) {
  Index index;
  Matcher matcher(index);
  const TestEvent event{{"a"}, 10, kInGroup2};
  const auto ids = [&] {
    std::vector<int64_t> found;
    matcher.MatchEvent(event.View(),
                       [&](const Match& match) { found.push_back(match.subscription_id()); });
    std::sort(found.begin(), found.end());
    return found;
  };
  EXPECT_THAT(ids(), IsEmpty());
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(1, {EntryOf({"a"})})}));
  EXPECT_THAT(ids(), ElementsAre(1));
  index.ReplaceProject(Project(10, kInGroup2, {SubscriptionOf(2, {EntryOf({"*"}, kGroupScope)})}));
  EXPECT_THAT(ids(), ElementsAre(2));
  const std::vector<ProjectSubscriptions> load = {
      Project(11, kInGroup2, {SubscriptionOf(3, {EntryOf({"**"}, kInstanceScope)})})};
  index.ReplaceAll(load);
  EXPECT_THAT(ids(), ElementsAre(3));
  index.ReplaceAll({});
  EXPECT_THAT(ids(), IsEmpty());
}

}  // namespace
}  // namespace cievents::matcher
