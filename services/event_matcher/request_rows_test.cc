#include "services/event_matcher/request_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "services/lib/base/sha256.h"

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Identity = matcher::EventIdentity;

Event FullEvent() {
  Event event;
  event.id = "e1";
  event.source = "gitlab";
  event.names = {"issue/created", "issue/updated"};
  event.project_id = 7;
  event.namespace_ids = {70, 71};
  event.time_ms = 1'800'000'000'000;
  event.received_time_ms = event.time_ms + 5;
  event.actor = {3, "ada", 40, true};
  event.confidential = true;
  event.cause = {"cause", 99};
  event.subject = "issues/1";
  event.data_schema = "schema";
  event.data = R"({"a": 1})";
  event.traceparent = "trace";
  event.correlation_id = "corr";
  event.type = "com.example.issue";
  event.extensions_json = R"({"a":1})";
  return event;
}

TEST(IdentityTest, ItIsTheProjectElseTheNearestGroupElseTheInstance) {
  Event event = FullEvent();
  EXPECT_EQ(IdentityOf(event).kind, Identity::Kind::kProject);
  EXPECT_EQ(IdentityOf(event).id, 7);
  event.project_id = 0;
  EXPECT_EQ(IdentityOf(event).kind, Identity::Kind::kGroup);
  EXPECT_EQ(IdentityOf(event).id, 71);
  event.namespace_ids.clear();
  EXPECT_EQ(IdentityOf(event).kind, Identity::Kind::kInstance);
  EXPECT_EQ(IdentityOf(event).id, 0);
  EXPECT_EQ(IdentityOf(event).source, "gitlab");
  EXPECT_EQ(IdentityOf(event).event_id, "e1");
}

// A subscriber project with two subscriptions; the second decides by its second entry.
matcher::ProjectSubscriptions Subscriber() {
  matcher::ProjectSubscriptions project;
  project.project_id = 8;
  project.namespace_ids = {70, 81};
  project.default_branch = "trunk";
  project.commit_sha = "c0ffee";
  project.subscriptions.resize(2);
  for (size_t i = 0; i < 2; ++i) {
    matcher::Subscription& subscription = project.subscriptions[i];
    subscription.subscription_id = static_cast<int64_t>(41 + i);
    subscription.path = i == 0 ? "a.yml" : "b.yml";
    subscription.workflow_id = i == 0 ? "aa" : "bb";
    subscription.owner_user_id = static_cast<int64_t>(5 + i);
    subscription.entries.resize(2);
    for (matcher::Entry& entry : subscription.entries) {
      entry.scope.kind = matcher::ScopeKind::kInstance;
      entry.confidential = true;
      entry.patterns.push_back(*matcher::Pattern::Parse("custom/never"));
    }
  }
  project.subscriptions[0].entries[0].patterns = {*matcher::Pattern::Parse("issue/*")};
  project.subscriptions[1].entries[1].patterns = {*matcher::Pattern::Parse("issue/updated")};
  project.subscriptions[1].include_inputs = {{"env", "\"live\"", {}}};
  project.subscriptions[1].entries[1].inputs = {{"env", "\"entry\"", {}}, {"n", "1", {}}};
  project.subscriptions[1].spec_inputs_json =
      R"({"env":{"default":""},"n":{"default":0,"type":"number"}})";
  return project;
}

// The requests that `event` makes, by subscription.
std::vector<store::RequestRow> RowsOf(const Event& event,
                                      const matcher::ProjectSubscriptions& project) {
  matcher::Index index;
  EXPECT_THAT(index.ReplaceProject(project), IsEmpty());
  matcher::Matcher matcher(index);
  std::vector<store::RequestRow> rows;
  const matcher::EventUid uid = matcher::MakeEventUid(event.time_ms, IdentityOf(event), &Sha256);
  matcher.MatchEvent(ViewOf(event), [&](const matcher::Match& match) {
    rows.push_back(MakeRequestRow(event, uid, match));
  });
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.subscription_id < b.subscription_id; });
  return rows;
}

TEST(UidOfTest, ItHoldsTheTimeThatCountsForRetries) {
  Event event = FullEvent();
  EXPECT_EQ(UidOf(event).time_ms(), event.time_ms);
  const matcher::EventUid native = UidOf(event);
  event.retries = Retries::kMayChangeTime;
  EXPECT_EQ(UidOf(event).time_ms(), event.received_time_ms);
  const matcher::EventUid keyed = UidOf(event);
  event.time_ms += 1000;
  EXPECT_EQ(UidOf(event), keyed);
  event.received_time_ms += 1000;
  EXPECT_NE(UidOf(event), keyed);
  EXPECT_EQ(matcher::WithoutTime(UidOf(event)), matcher::WithoutTime(keyed));
  EXPECT_NE(matcher::WithoutTime(native), matcher::WithoutTime(keyed)) << "two doors, two events";
}

TEST(ViewOfTest, TheMatcherSeesEveryFieldOfTheEvent) {
  const Event event = FullEvent();
  const matcher::EventView view = ViewOf(event);
  EXPECT_THAT(view.names, ElementsAre("issue/created", "issue/updated"));
  EXPECT_EQ(view.project_id, 7);
  EXPECT_THAT(view.namespace_ids, ElementsAre(70, 71));
  EXPECT_TRUE(view.confidential);
  EXPECT_EQ(view.time_ms, event.time_ms);
  EXPECT_FALSE(view.replayed);
  EXPECT_EQ(view.id, "e1");
  EXPECT_EQ(view.source, "gitlab");
  EXPECT_EQ(view.type, "com.example.issue");
  EXPECT_EQ(view.subject, "issues/1");
  EXPECT_EQ(view.actor_user_id, 3);
  EXPECT_EQ(view.actor_username, "ada");
  EXPECT_EQ(view.actor_access_level, 40);
  EXPECT_TRUE(view.actor_bot);
  EXPECT_EQ(view.payload, R"({"a": 1})");
}

TEST(MakeRequestRowTest, EachMatchIsARequestOfItsSubscriber) {
  const Event event = FullEvent();
  const std::vector<store::RequestRow> rows = RowsOf(event, Subscriber());
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].subscription_id, 41);
  EXPECT_EQ(rows[0].event_name, "issue/created");
  EXPECT_EQ(rows[0].entry, 0);
  EXPECT_EQ(rows[0].inputs_json, "{}");
  EXPECT_EQ(rows[0].end, store::RequestEnd::kNone);
  const store::RequestRow& row = rows[1];
  EXPECT_EQ(row.event_uid, matcher::MakeEventUid(event.time_ms, IdentityOf(event), &Sha256));
  EXPECT_EQ(row.subscription_id, 42);
  EXPECT_EQ(row.project_id, 8) << "the subscriber, not where it happened";
  EXPECT_EQ(row.root_namespace_id, 70);
  EXPECT_EQ(row.path, "b.yml");
  EXPECT_EQ(row.ref, "trunk");
  EXPECT_EQ(row.commit_sha, "c0ffee");
  EXPECT_EQ(row.workflow_id, "bb");
  EXPECT_EQ(row.event_name, "issue/updated") << "the name that the deciding entry matched";
  EXPECT_EQ(row.entry, 1);
  EXPECT_EQ(row.inputs_json, R"({"env":"live","n":1})") << "the include wins, names are sorted";
  EXPECT_EQ(row.run_as_user_id, 6);
}

TEST(MakeRequestRowTest, InputsThatDoNotFitEndTheRequestWithTheReason) {
  matcher::ProjectSubscriptions project = Subscriber();
  project.subscriptions[1].entries[1].inputs = {{"n", R"("$[[ event.payload.a ]]")", {}}};
  Event event = FullEvent();
  EXPECT_EQ(RowsOf(event, project).at(1).end, store::RequestEnd::kNone);
  event.data = R"({"a": "one"})";
  const store::RequestRow failed = RowsOf(event, project).at(1);
  EXPECT_EQ(failed.end, store::RequestEnd::kFailedInput);
  EXPECT_THAT(failed.end_reason, HasSubstr("n"));
  EXPECT_EQ(failed.inputs_json.front(), '{');
}

TEST(MakeRequestRowTest, InputsOverTheLimitEndTheRequestAndAreNotKept) {
  matcher::ProjectSubscriptions project = Subscriber();
  project.subscriptions[1].include_inputs.clear();
  project.subscriptions[1].entries[1].inputs = {{"env", R"("$[[ event.payload.a ]]")", {}}};
  project.subscriptions[1].spec_inputs_json = R"({"env":{"default":""}})";
  Event event = FullEvent();
  const size_t frame = std::string(R"({"env":""})").size();
  const auto with = [](size_t bytes) { return R"({"a":")" + std::string(bytes, 'x') + R"("})"; };
  event.data = with(kRequestInputsBytesMax - frame);
  EXPECT_EQ(RowsOf(event, project).at(1).end, store::RequestEnd::kNone);
  event.data = with(kRequestInputsBytesMax - frame + 1);
  const store::RequestRow over = RowsOf(event, project).at(1);
  EXPECT_EQ(over.end, store::RequestEnd::kFailedInput);
  EXPECT_THAT(over.end_reason, HasSubstr("262145 bytes"));
  EXPECT_EQ(over.inputs_json, "{}");
}

TEST(MakeEventRowTest, TheEventKeepsEveryFieldAndTheDigestOfItsBytes) {
  const Event event = FullEvent();
  const matcher::EventUid uid = matcher::MakeEventUid(event.time_ms, IdentityOf(event), &Sha256);
  const store::EventRow row = MakeEventRow(event, uid);
  EXPECT_EQ(row.uid, uid);
  EXPECT_EQ(row.identity_kind, static_cast<int16_t>(Identity::Kind::kProject));
  EXPECT_EQ(row.identity_id, 7);
  EXPECT_EQ(row.source, "gitlab");
  EXPECT_EQ(row.event_id, "e1");
  EXPECT_THAT(row.names, ElementsAre("issue/created", "issue/updated"));
  EXPECT_EQ(row.project_id, 7);
  EXPECT_EQ(row.root_namespace_id, 70);
  EXPECT_EQ(row.time_ms, event.time_ms);
  EXPECT_EQ(row.received_time_ms, event.received_time_ms);
  EXPECT_TRUE(row.confidential);
  EXPECT_EQ(row.actor_user_id, 3);
  EXPECT_EQ(row.actor_username, "ada");
  EXPECT_EQ(row.actor_access_level, 40);
  EXPECT_TRUE(row.actor_bot);
  EXPECT_EQ(row.cause_request_id, "cause");
  EXPECT_EQ(row.cause_pipeline_id, 99);
  EXPECT_EQ(row.subject, "issues/1");
  EXPECT_EQ(row.data_schema, "schema");
  EXPECT_EQ(row.data, R"({"a": 1})");
  EXPECT_EQ(row.data_digest, Sha256(R"({"a": 1})"));
  EXPECT_EQ(row.traceparent, "trace");
  EXPECT_EQ(row.correlation_id, "corr");
  EXPECT_EQ(row.type, "com.example.issue");
  EXPECT_EQ(row.extensions_json, R"({"a":1})");
  EXPECT_FALSE(row.keyed);
  Event keyed = event;
  keyed.retries = Retries::kMayChangeTime;
  EXPECT_TRUE(MakeEventRow(keyed, uid).keyed);
}

}  // namespace
}  // namespace cievents::event_matcher
