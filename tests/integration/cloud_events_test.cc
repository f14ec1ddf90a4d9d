// PublishCloudEvents: what becomes of CloudEvents, one bad one among good ones, and of their
// retries.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "absl/time/clock.h"
#include "tests/integration/project.h"

namespace cievents::integration {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using CloudEvent = io::cloudevents::v1::CloudEvent;
using events::v1::PublishCloudEventsRequest;

class CloudEventsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    project_.Set(".gitlab/ci/events/a.yml",
                 "spec: {events: [issue/created, cloudevent/com/example/**]}\n---\n");
    project_.Push();
  }

  // As GitLab sends it, without a time.
  CloudEvent MakeEvent(const std::string& type = "com.gitlab.issues.created") const {
    CloudEvent event;
    event.set_id(integration::MakeEvent("x").id());
    event.set_source(fmt::format("projects/{}", project_.id()));
    event.set_spec_version("1.0");
    event.set_type(type);
    (*event.mutable_attributes())["subject"].set_ce_string("issues/301");
    (*event.mutable_attributes())["gitlab_user_id"].set_ce_integer(1);
    event.set_text_data(R"({"issue_id": 301})");
    return event;
  }
  static void SetTime(absl::Time time, CloudEvent* event) {
    (*event->mutable_attributes())["time"].mutable_ce_timestamp()->set_seconds(
        absl::ToUnixSeconds(time));
  }
  static EventOutcome Publish(const CloudEvent& event) {
    PublishCloudEventsRequest request;
    *request.add_events() = event;
    const auto response = Call(request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok() || response->outcomes_size() != 1) {
      ADD_FAILURE() << "one event must have one outcome";
      return {};
    }
    return response->outcomes(0);
  }

  Project project_;
};

TEST_F(CloudEventsTest, OneThatMatchesMakesARequest) {
  CloudEvent event = MakeEvent();
  const absl::Time time = absl::Now() - absl::Minutes(1);
  SetTime(time, &event);
  const EventOutcome outcome = Publish(event);
  EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_ACCEPTED) << outcome.DebugString();
  EXPECT_EQ(outcome.matched_count(), 1);
  EXPECT_EQ(outcome.ack(), events::v1::ACK_LEVEL_DURABLE);
  const auto requests = project_.Requests();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_THAT(requests[0].request_id(), HasSubstr(outcome.event_uid()));
  EXPECT_EQ(requests[0].event_name(), "issue/created");
  EXPECT_EQ(requests[0].event_id(), event.id());
  EXPECT_EQ(requests[0].event_source(), event.source());
  EXPECT_EQ(requests[0].event_subject(), "issues/301");
  EXPECT_EQ(requests[0].event_project_id(), project_.id());
  EXPECT_EQ(requests[0].event_time().seconds(), absl::ToUnixSeconds(time));
}

TEST_F(CloudEventsTest, ATypeThatNobodyKnowsHasAnOpenName) {
  CloudEvent event = MakeEvent("com.example.Order.shipped");
  event.set_source("https://shop.example.com");
  EXPECT_EQ(Publish(event).matched_count(), 0) << "it happened nowhere";
  event = MakeEvent("com.example.Order.shipped");
  (*event.mutable_attributes())["gitlab_project_id"].set_ce_string(std::to_string(project_.id()));
  EXPECT_EQ(Publish(event).matched_count(), 1);
  ASSERT_THAT(project_.Requests(), SizeIs(1));
  EXPECT_EQ(project_.Requests()[0].event_name(), "cloudevent/com/example/order/shipped");
}

TEST_F(CloudEventsTest, APoisonedEventIsRefusedAlone) {
  PublishCloudEventsRequest request;
  for (int i = 0; i < 5; ++i) *request.add_events() = MakeEvent();
  (*request.mutable_events(1)->mutable_attributes())["subject"].set_ce_string("QQQQ");
  request.mutable_events(2)->clear_source();
  request.mutable_events(3)->set_text_data("{\"issue_id\" 301}");
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("QQQQ"), 4, "\xff\xfe\xfd\xfc");
  const auto answer = CallRaw(kPublishCloudEvents, bytes);
  ASSERT_TRUE(answer.ok()) << answer.status();
  events::v1::PublishCloudEventsResponse response;
  ASSERT_TRUE(response.ParseFromString(*answer));
  ASSERT_EQ(response.outcomes_size(), 5);
  for (const int good : {0, 4}) {
    EXPECT_EQ(response.outcomes(good).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
    EXPECT_EQ(response.outcomes(good).matched_count(), 1);
  }
  const char* const reasons[] = {"subject: is not UTF-8", "source: is missing",
                                 "data is not valid JSON at line 1, column 13"};
  for (int i = 0; i < 3; ++i) {
    const EventOutcome& outcome = response.outcomes(1 + i);
    EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_REJECTED);
    EXPECT_EQ(outcome.reason(), events::v1::OUTCOME_REASON_INVALID);
    EXPECT_THAT(outcome.message(), HasSubstr(reasons[i]));
  }
  EXPECT_THAT(project_.Requests(), SizeIs(2));
}

TEST_F(CloudEventsTest, ARetryIsTheSameEventWhateverItsTime) {
  const CloudEvent event = MakeEvent();
  const EventOutcome first = Publish(event);
  EXPECT_EQ(first.kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_THAT(first.event_uid(), SizeIs(36));
  for (const absl::Duration offset :
       {absl::ZeroDuration(), absl::Minutes(-1), absl::Hours(-100), absl::Hours(100)}) {
    CloudEvent retry = event;
    SetTime(absl::Now() + offset, &retry);
    const EventOutcome outcome = Publish(retry);
    EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_DUPLICATE) << outcome.DebugString();
    EXPECT_EQ(outcome.event_uid(), first.event_uid());
  }
  EXPECT_EQ(Publish(event).kind(), events::v1::OUTCOME_KIND_DUPLICATE) << "without one";
  CloudEvent other = event;
  other.set_text_data(R"({"issue_id": 302})");
  const EventOutcome refused = Publish(other);
  EXPECT_EQ(refused.kind(), events::v1::OUTCOME_KIND_REJECTED);
  EXPECT_EQ(refused.reason(), events::v1::OUTCOME_REASON_ID_REUSED);
  EXPECT_EQ(refused.event_uid(), "");
  EXPECT_THAT(project_.Requests(), SizeIs(1));
}

TEST_F(CloudEventsTest, AnEventThatIsOldOrAheadIsTakenAsOfNow) {
  const int64_t before = absl::ToUnixSeconds(absl::Now());
  for (const absl::Duration offset : {absl::Hours(-24 * 365), absl::Hours(1)}) {
    CloudEvent event = MakeEvent();
    SetTime(absl::Now() + offset, &event);
    EXPECT_EQ(Publish(event).matched_count(), 1);
  }
  for (const auto& request : project_.Requests()) {
    EXPECT_GE(request.event_time().seconds(), before);
    EXPECT_LE(request.event_time().seconds(), absl::ToUnixSeconds(absl::Now()));
  }
}

// Goal: whatever order deliveries come in, one request. Method: the same batch from several threads
// at once, each with times of its own and in an order of its own.
TEST_F(CloudEventsTest, DeliveriesThatRaceAreOneEvent) {
  constexpr int kThreads = 4;
  constexpr int kEvents = 50;
  std::vector<CloudEvent> events;
  for (int i = 0; i < kEvents; ++i) events.push_back(MakeEvent());
  std::vector<std::set<std::string>> uids(kThreads);
  std::vector<int> accepted(kThreads, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      PublishCloudEventsRequest request;
      for (int i = 0; i < kEvents; ++i) {
        CloudEvent* event = request.add_events();
        *event = events[static_cast<size_t>(t % 2 == 0 ? i : kEvents - 1 - i)];
        if (t > 0) SetTime(absl::Now() - absl::Minutes(t), event);
      }
      const auto response = Call(request);
      EXPECT_TRUE(response.ok()) << response.status();
      if (!response.ok()) return;
      for (const EventOutcome& outcome : response->outcomes()) {
        uids[static_cast<size_t>(t)].insert(outcome.event_uid());
        if (outcome.kind() == events::v1::OUTCOME_KIND_ACCEPTED) {
          ++accepted[static_cast<size_t>(t)];
        } else {
          EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_DUPLICATE) << outcome.DebugString();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(uids[0], SizeIs(kEvents));
  int total = 0;
  for (int t = 0; t < kThreads; ++t) {
    EXPECT_EQ(uids[static_cast<size_t>(t)], uids[0]) << "all are told the uid of the first";
    total += accepted[static_cast<size_t>(t)];
  }
  EXPECT_EQ(total, kEvents);
  EXPECT_THAT(project_.Requests(), SizeIs(kEvents));
}

TEST_F(CloudEventsTest, TheSameEventByBothDoorsIsTwoEvents) {
  const CloudEvent event = MakeEvent();
  Event native = project_.MakeEvent("issue/created");
  native.set_id(event.id());
  native.set_source(event.source());
  EXPECT_EQ(Publish(event).matched_count(), 1);
  EXPECT_EQ(integration::Publish(native).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_THAT(project_.Requests(), SizeIs(2));
}

TEST_F(CloudEventsTest, TheCallIsRefusedAsAWholeForWhatIsWrongWithIt) {
  EXPECT_EQ(Call(PublishCloudEventsRequest()).status().code(), absl::StatusCode::kInvalidArgument);
  PublishCloudEventsRequest request;
  for (int i = 0; i <= 1024; ++i) request.add_events()->set_id("e");
  EXPECT_THAT(std::string(Call(request).status().message()), HasSubstr("1 to 1024 events"));
  request.Clear();
  *request.add_events() = MakeEvent();
  request.set_ack(events::v1::ACK_LEVEL_DURABLE_LOCAL);
  EXPECT_EQ(Call(request).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CallRaw(kPublishCloudEvents, "garbage").status().code(),
            absl::StatusCode::kInvalidArgument);
  request.set_ack(events::v1::ACK_LEVEL_RECEIVED);
  request.mutable_events(0)->set_text_data(std::string(size_t{5} << 20, ' '));
  EXPECT_EQ(Call(request).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(project_.Requests(), IsEmpty());
}

}  // namespace
}  // namespace cievents::integration
