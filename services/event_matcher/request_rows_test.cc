#include "services/event_matcher/request_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/lib/base/sha256.h"

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
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

TEST(InputsJsonTest, TheIncludeWinsAndNamesAreSorted) {
  EXPECT_EQ(InputsJson({}, {}), "{}");
  EXPECT_EQ(InputsJson({{"b", "1", {}}}, {{"b", "2", {}}, {"a", "[1, 2]", {}}}),
            R"({"a":[1, 2],"b":1})");
  EXPECT_EQ(InputsJson({}, {{"with \"quotes\"", "\"x\"", {}}}), R"({"with \"quotes\"":"x"})");
}

// A subscriber project with two subscriptions; the second decides by its second entry.
std::shared_ptr<const matcher::ProjectSubscriptions> Subscriber() {
  auto project = std::make_shared<matcher::ProjectSubscriptions>();
  project->project_id = 8;
  project->namespace_ids = {80, 81};
  project->default_branch = "trunk";
  project->commit_sha = "c0ffee";
  project->subscriptions.resize(2);
  for (size_t i = 0; i < 2; ++i) {
    matcher::Subscription& subscription = project->subscriptions[i];
    subscription.subscription_id = static_cast<int64_t>(41 + i);
    subscription.path = i == 0 ? "a.yml" : "b.yml";
    subscription.workflow_id = i == 0 ? "aa" : "bb";
    subscription.owner_user_id = static_cast<int64_t>(5 + i);
    subscription.entries.resize(2);
  }
  project->subscriptions[1].include_inputs = {{"env", "\"live\"", {}}};
  project->subscriptions[1].entries[1].inputs = {{"env", "\"entry\"", {}}, {"n", "1", {}}};
  return project;
}

TEST(MakeEventWriteTest, EachMatchIsARequestOfItsSubscriber) {
  const auto project = Subscriber();
  const Event event = FullEvent();
  const matcher::EventUid uid = matcher::MakeEventUid(event.time_ms, IdentityOf(event), &Sha256);
  const EventWrite write = MakeEventWrite(event, uid, {{project, 0, 0, 0}, {project, 1, 1, 1}});
  ASSERT_THAT(write.requests, SizeIs(2));
  EXPECT_EQ(write.requests[0].subscription_id, 41);
  EXPECT_EQ(write.requests[0].event_name, "issue/created");
  EXPECT_EQ(write.requests[0].inputs_json, "{}");
  const store::RequestRow& row = write.requests[1];
  EXPECT_EQ(row.event_uid, uid);
  EXPECT_EQ(row.subscription_id, 42);
  EXPECT_EQ(row.project_id, 8) << "the subscriber, not where it happened";
  EXPECT_EQ(row.root_namespace_id, 80);
  EXPECT_EQ(row.path, "b.yml");
  EXPECT_EQ(row.ref, "trunk");
  EXPECT_EQ(row.commit_sha, "c0ffee");
  EXPECT_EQ(row.workflow_id, "bb");
  EXPECT_EQ(row.event_name, "issue/updated") << "the name that the deciding entry matched";
  EXPECT_EQ(row.entry, 1);
  EXPECT_EQ(row.inputs_json, R"({"env":"live","n":1})");
  EXPECT_EQ(row.run_as_user_id, 6);
}

TEST(MakeEventWriteTest, TheEventKeepsEveryFieldAndTheDigestOfItsBytes) {
  const Event event = FullEvent();
  const matcher::EventUid uid = matcher::MakeEventUid(event.time_ms, IdentityOf(event), &Sha256);
  const store::EventRow row = MakeEventWrite(event, uid, {{Subscriber(), 0, 0, 0}}).event;
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
}

}  // namespace
}  // namespace cievents::event_matcher
