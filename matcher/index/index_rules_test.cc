// Tests matcher/index/index.h with rules and inputs: the same answers whichever way an entry is
// found, in a project's own set, in a scope's tail, or by its conditions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
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

std::string RefIs(const std::string& ref) {
  return R"($[[ event.payload.ref ]] == ")" + ref + R"(")";
}
TestEvent EventWithRef(int64_t project, const std::string& ref) {
  TestEvent event{{"a/b"}, project, kGroups};
  event.payload = R"({"ref":")" + ref + R"("})";
  return event;
}

TEST(IndexRulesTest, FiresWhereTheRulesAllowIt) {
  Index index;
  index.ReplaceProject(Project(10, kGroups,
                               {SubscriptionOf(1, {RuledEntryOf({"a/b"}, {If(RefIs("main"))})}),
                                SubscriptionOf(2, {RuledEntryOf({"a/b"}, {If(RefIs("other"))})}),
                                SubscriptionOf(3, {RuledEntryOf({"a/b"}, {If("$UNKNOWN")})})}));
  EXPECT_THAT(IdsOf(index, EventWithRef(10, "main")), ElementsAre(1, 3));
  EXPECT_THAT(IdsOf(index, EventWithRef(10, "other")), ElementsAre(2, 3));
  EXPECT_THAT(IdsOf(index, {{"a/b"}, 10, kGroups}), ElementsAre(3));
}

TEST(IndexRulesTest, CountsWhatCouldNotBeEvaluatedAndFiresTheRest) {
  for (const Scope& scope : {kProjectScope, kGroupScope, kInstanceScope}) {
    Index index;
    index.ReplaceProject(Project(
        10, kGroups,
        {SubscriptionOf(1, {RuledEntryOf({"a/b"}, {If(RefIs("main"))}, scope)}),
         SubscriptionOf(2, {EntryOf({"a/b"}, scope)}),
         SubscriptionOf(
             3, {RuledEntryOf({"a/b"}, {If("$UNKNOWN == \"x\" && " + RefIs("main"))}, scope),
                 EntryOf({"a/b"}, scope)})}));
    TestEvent event{{"a/b"}, 10, kGroups};
    event.payload = R"({"ref":)";
    const Outcome outcome = MatchAll(index, event);
    EXPECT_THAT(outcome.matches, SizeIs(1));
    EXPECT_EQ(outcome.counts.matched, 1u);
    EXPECT_EQ(outcome.counts.failed_payload, 2u);
  }
}

// Up to eight conditional entries under one pattern stand in the set itself, more go by an index
// over their conditions.
TEST(IndexRulesTest, AProjectMayHaveAnyNumberOfConditionalEntriesUnderOnePattern) {
  for (const int64_t count : {1, 8, 9, 64, 65, 66, 500}) {
    SCOPED_TRACE(count);
    std::vector<Subscription> subscriptions;
    for (int64_t id = 1; id <= count; ++id) {
      subscriptions.push_back(
          SubscriptionOf(id, {RuledEntryOf({"a/b"}, {If(RefIs("r" + std::to_string(id)))})}));
    }
    subscriptions.push_back(SubscriptionOf(1000, {EntryOf({"a/*"})}));
    subscriptions.push_back(SubscriptionOf(1001, {RuledEntryOf({"a/b"}, {If("$UNKNOWN")})}));
    subscriptions.push_back(SubscriptionOf(
        1002, {RuledEntryOf({"a/b"}, {If(RefIs("r1"), When::kNever), If(RefIs("r1")), Always()})}));
    Index index;
    index.ReplaceProject(Project(10, kGroups, subscriptions));
    EXPECT_THAT(IdsOf(index, EventWithRef(10, "r1")), ElementsAre(1, 1000, 1001));
    EXPECT_THAT(IdsOf(index, EventWithRef(10, "r" + std::to_string(count + 1))),
                ElementsAre(1000, 1001, 1002));
    if (count > 1) {
      EXPECT_THAT(IdsOf(index, EventWithRef(10, "r" + std::to_string(count))),
                  ElementsAre(count, 1000, 1001, 1002));
    }
    EXPECT_THAT(IdsOf(index, EventWithRef(11, "r1")), IsEmpty());

    // Fewer again, then none.
    index.ReplaceProject(Project(10, kGroups, {subscriptions[0]}));
    EXPECT_THAT(IdsOf(index, EventWithRef(10, "r1")), ElementsAre(1));
    index.RemoveProject(10);
    EXPECT_THAT(IdsOf(index, EventWithRef(10, "r1")), IsEmpty());
  }
}

TEST(IndexRulesTest, ASubscriptionThatManyPostingsReachFiresOnce) {
  std::vector<Entry> entries;
  for (int i = 0; i < 30; ++i) {
    entries.push_back(RuledEntryOf({"a/b", "a/*", "**"}, {If(RefIs("r" + std::to_string(i % 3)))}));
  }
  Index index;
  index.ReplaceProject(Project(10, kGroups, {SubscriptionOf(1, entries)}));
  TestEvent event = EventWithRef(10, "r2");
  event.names = {"x", "a/b", "a/c"};
  const Outcome outcome = MatchAll(index, event);
  ASSERT_THAT(outcome.matches, SizeIs(1));
  EXPECT_EQ(outcome.matches[0].entry, 2u);
  EXPECT_EQ(outcome.matches[0].name, 0u);  // `**` matches the event's first name
}

TEST(IndexRulesTest, ConditionalListenersOfManyProjectsAreFoundByTheirConditions) {
  for (const Scope& scope : {kGroupScope, kInstanceScope, Scope{ScopeKind::kOtherProject, 10}}) {
    Index index;
    std::vector<ProjectSubscriptions> sets;
    for (int64_t project = 100; project < 400; ++project) {
      const std::string ref = "r" + std::to_string(project % 50);
      sets.push_back(
          Project(project, kGroups,
                  {SubscriptionOf(project, {RuledEntryOf({"a/b"}, {If(RefIs(ref))}, scope)})}));
    }
    index.ReplaceAll(sets);
    EXPECT_THAT(IdsOf(index, EventWithRef(10, "r7")), ElementsAre(107, 157, 207, 257, 307, 357));
    // One by one makes the same.
    Index grown;
    for (const ProjectSubscriptions& set : sets) grown.ReplaceProject(set);
    EXPECT_THAT(IdsOf(grown, EventWithRef(10, "r7")), ElementsAre(107, 157, 207, 257, 307, 357));
    for (int64_t project = 150; project < 400; ++project) grown.RemoveProject(project);
    EXPECT_THAT(IdsOf(grown, EventWithRef(10, "r7")), ElementsAre(107));
  }
}

TEST(IndexRulesTest, ResolvesInputsFromTheEvent) {
  Entry entry = EntryOf({"a/*"});
  entry.inputs.push_back({"ref", R"("$[[ event.payload.ref ]]")", {}});
  entry.inputs.push_back({"text", R"("on $[[ event.name ]]")", {}});
  Subscription subscription = SubscriptionOf(1, {entry});
  subscription.include_inputs.push_back({"text", R"("fixed")", {}});
  subscription.spec_inputs_json = R"({"ref":{},"text":{},"count":{"type":"number","default":3}})";
  Subscription plain = SubscriptionOf(2, {entry});
  plain.spec_inputs_json = subscription.spec_inputs_json;
  Index index;
  EXPECT_THAT(index.ReplaceProject(Project(10, kGroups, {subscription, plain})), IsEmpty());
  TestEvent event = EventWithRef(10, "main");
  event.names = {"x/y", "a/b"};
  const Outcome outcome = MatchAll(index, event);
  ASSERT_THAT(outcome.matches, SizeIs(2));
  EXPECT_TRUE(outcome.matches[0].inputs_fit) << outcome.matches[0].reason;
  EXPECT_THAT(outcome.matches[0].inputs_json, HasSubstr(R"("ref":"main")"));
  EXPECT_THAT(outcome.matches[0].inputs_json, HasSubstr(R"("text":"fixed")"));
  EXPECT_THAT(outcome.matches[1].inputs_json, HasSubstr(R"("text":"on a/b")"));
}

TEST(IndexRulesTest, AnInputThatTheEventDoesNotCarryFailsWithAReasonAndStillMatches) {
  Entry entry = EntryOf({"a/b"});
  entry.inputs.push_back({"ref", R"("$[[ event.payload.ref ]]")", {}});
  Subscription subscription = SubscriptionOf(1, {entry, EntryOf({"a/b"})});
  subscription.spec_inputs_json = R"({"ref":{}})";
  // The second entry gives no `ref` at all, which is an error of the subscription.
  Index index;
  EXPECT_THAT(index.ReplaceProject(Project(10, kGroups, {subscription})), SizeIs(1));
  subscription.entries.pop_back();
  EXPECT_THAT(index.ReplaceProject(Project(10, kGroups, {subscription})), IsEmpty());
  const Outcome outcome = MatchAll(index, {{"a/b"}, 10, kGroups});
  ASSERT_THAT(outcome.matches, SizeIs(1));
  EXPECT_FALSE(outcome.matches[0].inputs_fit);
  EXPECT_THAT(outcome.matches[0].reason, HasSubstr("ref"));
  EXPECT_EQ(outcome.counts.matched, 1u);
}

// The same random subscriptions in worlds that hold them in different structures; the oracle asks
// each alone, in an index of its own.
TEST(IndexRulesTest, AnswersDoNotDependOnWhatElseIsThere) {
  std::mt19937_64 random(11);
  const std::vector<std::string> conditions = {
      RefIs("main"),
      RefIs("dev"),
      RefIs("main") + " && " + R"($[[ event.payload.iid ]] == "1")",
      R"($[[ event.payload.ref ]] =~ /^ma/)",
      R"($[[ event.payload.ref ]] != "main")",
      R"($[[ event.payload.iid ]])",
      "$UNKNOWN == \"x\"",
      RefIs("main") + " && $UNKNOWN",
      R"($[[ event.name ]] == "a/b")"};
  const std::vector<Scope> scopes = {
      kProjectScope, kGroupScope, kInstanceScope, {ScopeKind::kOtherProject, 3}};
  const std::vector<std::vector<std::string>> patterns = {{"a/b"}, {"a/*"}, {"**"}, {"a/b", "c"}};
  constexpr When kWhens[] = {When::kOnSuccess, When::kAlways, When::kNever};
  std::vector<ProjectSubscriptions> sets;
  for (int64_t project = 1; project <= 12; ++project) {
    std::vector<Subscription> subscriptions;
    for (int64_t s = 0; s < 25; ++s) {
      std::vector<Entry> entries;
      for (uint64_t e = 1 + random() % 3; e > 0; --e) {
        std::vector<RuleClause> rules;
        for (uint64_t r = 1 + random() % 2; r > 0; --r) {
          rules.push_back(If(conditions[random() % conditions.size()], kWhens[random() % 3]));
        }
        Entry entry = RuledEntryOf(patterns[random() % patterns.size()], std::move(rules),
                                   scopes[random() % scopes.size()]);
        if (random() % 4 == 0) entry.rules.reset();
        entry.confidential = random() % 2 == 0;
        entries.push_back(std::move(entry));
      }
      subscriptions.push_back(SubscriptionOf(project * 100 + s, std::move(entries)));
      subscriptions.back().suspended = random() % 10 == 0;
    }
    sets.push_back(Project(project, {1, 2 + project % 2}, std::move(subscriptions)));
  }
  Index index;
  EXPECT_THAT(index.ReplaceAll(sets), IsEmpty());
  std::vector<TestEvent> events;
  for (const std::string payload :
       {R"({"ref":"main","iid":1})", R"({"ref":"dev"})", R"({"iid":0,"ref":"master"})", "", "{"}) {
    for (int i = 0; i < 6; ++i) {
      TestEvent event;
      event.names = i % 2 == 0 ? std::vector<std::string>{"a/b"}
                               : std::vector<std::string>{"c", "a/d", "a/b"};
      event.project_id = static_cast<int64_t>(random() % 5);
      event.namespace_ids = {1, 2 + event.project_id % 2};
      event.confidential = i == 3;
      event.payload = payload;
      events.push_back(std::move(event));
    }
  }
  Matcher matcher(index);
  const std::vector<Outcome> batch = MatchBatchOf(matcher, events);
  std::vector<Outcome> expected(events.size());
  for (const ProjectSubscriptions& set : sets) {
    for (const Subscription& subscription : set.subscriptions) {
      Index alone;
      alone.ReplaceProject(Project(set.project_id, set.namespace_ids, {subscription}));
      for (size_t i = 0; i < events.size(); ++i) {
        Outcome one = MatchAll(alone, events[i]);
        expected[i].counts.matched += one.counts.matched;
        expected[i].counts.suspended += one.counts.suspended;
        for (Matched& match : one.matches) expected[i].matches.push_back(std::move(match));
      }
    }
  }
  size_t matched = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    SCOPED_TRACE(testing::Message() << i << " " << events[i].payload);
    EXPECT_EQ(batch[i].matches, expected[i].matches);
    EXPECT_EQ(batch[i].counts.matched, expected[i].counts.matched);
    EXPECT_EQ(batch[i].counts.suspended, expected[i].counts.suspended);
    matched += batch[i].matches.size();
  }
  EXPECT_GT(matched, 500u);
}

}  // namespace
}  // namespace cievents::matcher
