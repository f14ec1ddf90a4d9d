#include "services/pipeline_dispatcher/request_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cievents::pipeline_dispatcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kUid[] = "01890a5d-ac96-774b-bcce-b302099a8057";

TEST(RequestIdTest, WhatIsFormattedIsParsed) {
  const RequestId id{*matcher::EventUid::Parse(kUid), 42};
  const std::string text = FormatRequestId(id);
  EXPECT_EQ(text, std::string(kUid) + ":42");
  const auto parsed = ParseRequestId(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->event_uid, id.event_uid);
  EXPECT_EQ(parsed->subscription_id, 42);
  EXPECT_TRUE(ParseRequestId(std::string(kUid) + ":9223372036854775807").ok());
}

TEST(RequestIdTest, AnythingElseIsRefusedWithAnExample) {
  for (const std::string& text :
       {std::string(""), std::string(":"), std::string(kUid), std::string(kUid) + ":",
        std::string(kUid) + ":0", std::string(kUid) + ":-1", std::string(kUid) + ":+1",
        std::string(kUid) + ": 1", std::string(kUid) + ":1 ", std::string(kUid) + ":1:2",
        std::string(kUid) + ":9223372036854775808", std::string(kUid) + "0:1",
        std::string("g1890a5d-ac96-774b-bcce-b302099a8057:1"),
        std::string("01890a5dac96774bbcceb302099a8057:1"), std::string("\0:1", 3)}) {
    const auto parsed = ParseRequestId(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("<event uid>:<subscription id>"));
  }
}

TEST(RequestIdTest, ALongTextIsNotRepeatedWhole) {
  const auto parsed = ParseRequestId(std::string(1'000'000, 'x'));
  EXPECT_LT(parsed.status().message().size(), 400u);
}

TEST(EncodeRequestTest, EveryFieldIsCarried) {
  store::RequestRecord record;
  record.request.event_uid = *matcher::EventUid::Parse(kUid);
  record.request.subscription_id = 42;
  record.request.project_id = 7;
  record.request.root_namespace_id = 70;
  record.request.path = "ci/a.yml";
  record.request.ref = "main";
  record.request.commit_sha = "c0ffee";
  record.request.workflow_id = "ab12";
  record.request.event_name = "issue/created";
  record.request.inputs_json = R"({"a":1.0})";
  record.request.run_as_user_id = 3;
  record.event_id = "e1";
  record.event_source = "gitlab";
  record.event_names = {"issue/created", "issue/updated"};
  record.event_project_id = 8;
  record.event_time_ms = 1'700'000'000'123;
  record.event_data = std::string("{\"a\":\"\xff\"}");  // bytes: any will do
  record.event_subject = "issues/1";
  record.correlation_id = "corr";
  record.traceparent = "00-1-2-01";
  record.state = "active";
  record.attempt = 2;
  record.lease_end_time_ms = 1'700'000'060'000;
  record.pipeline_id = 99;
  record.reason = "why";
  pipelines::v1::PipelineRequest message;
  EncodeRequest(record, &message);
  EXPECT_EQ(message.request_id(), std::string(kUid) + ":42");
  EXPECT_EQ(message.project_id(), 7);
  EXPECT_EQ(message.root_namespace_id(), 70);
  EXPECT_EQ(message.subscription_id(), 42);
  EXPECT_EQ(message.path(), "ci/a.yml");
  EXPECT_EQ(message.ref(), "main");
  EXPECT_EQ(message.commit_sha(), "c0ffee");
  EXPECT_EQ(message.workflow_id(), "ab12");
  EXPECT_EQ(message.inputs_json(), R"({"a":1.0})");
  EXPECT_EQ(message.run_as_user_id(), 3);
  EXPECT_EQ(message.event_id(), "e1");
  EXPECT_EQ(message.event_source(), "gitlab");
  EXPECT_EQ(message.event_name(), "issue/created");
  EXPECT_THAT(message.event_names(), ElementsAre("issue/created", "issue/updated"));
  EXPECT_EQ(message.event_project_id(), 8);
  EXPECT_EQ(message.event_time().seconds(), 1'700'000'000);
  EXPECT_EQ(message.event_time().nanos(), 123'000'000);
  EXPECT_EQ(message.event_data(), record.event_data);
  EXPECT_EQ(message.event_subject(), "issues/1");
  EXPECT_EQ(message.correlation_id(), "corr");
  EXPECT_EQ(message.traceparent(), "00-1-2-01");
  EXPECT_EQ(message.attempt(), 2);
  EXPECT_EQ(message.state(), "active");
  EXPECT_EQ(message.pipeline_id(), 99);
  EXPECT_EQ(message.reason(), "why");
  EXPECT_EQ(message.lease_end_time().seconds(), 1'700'000'060);
}

TEST(EncodeRequestTest, ARequestThatIsNotLeasedHasNoLeaseEnd) {
  pipelines::v1::PipelineRequest message;
  EncodeRequest(store::RequestRecord(), &message);
  EXPECT_FALSE(message.has_lease_end_time());
}

}  // namespace
}  // namespace cievents::pipeline_dispatcher
