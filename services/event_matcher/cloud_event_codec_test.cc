#include "services/event_matcher/cloud_event_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "io/cloudevents/v1/cloudevents.pb.h"

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Message = io::cloudevents::v1::CloudEvent;

Message LeastMessage() {
  Message message;
  message.set_id("e1");
  message.set_source("projects/14");
  message.set_spec_version("1.0");
  message.set_type("com.gitlab.merge_requests.ready");
  return message;
}

Message FullMessage() {
  Message message = LeastMessage();
  auto& attributes = *message.mutable_attributes();
  attributes["time"].mutable_ce_timestamp()->set_seconds(1'780'308'000);
  attributes["time"].mutable_ce_timestamp()->set_nanos(123'999'999);
  attributes["datacontenttype"].set_ce_string("application/json");
  attributes["dataschema"].set_ce_uri("https://example.com/schema");
  attributes["subject"].set_ce_string("merge_requests/99");
  attributes["gitlab_user_id"].set_ce_integer(1);
  attributes["gitlab_user_username"].set_ce_string("root");
  attributes["gitlab_confidential"].set_ce_boolean(true);
  attributes["bytes"].set_ce_bytes("\xff");
  attributes["ref"].set_ce_uri_ref("/a");
  message.set_text_data(R"({"merge_request_iid": 1})");
  return message;
}

absl::StatusOr<Event> Decode(const std::string& bytes) {
  CloudEventDecoder decoder;
  return decoder.DecodeOne(bytes, *Catalogue::BuiltIn());
}

std::string WhyNot(const std::string& bytes) {
  const absl::Status status = Decode(bytes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

// The message with QQQQ, which is somewhere in it, made bytes that are no UTF-8.
std::string Spoiled(const Message& message) {
  std::string bytes = message.SerializeAsString();
  const size_t at = bytes.find("QQQQ");
  EXPECT_NE(at, std::string::npos);
  bytes.replace(at, 4, "\xff\xfe\xfd\xfc");
  return bytes;
}

TEST(CloudEventDecoderTest, EveryKindOfAttributeIsRead) {
  const auto event = Decode(FullMessage().SerializeAsString());
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->retries, Retries::kMayChangeTime);
  EXPECT_EQ(event->id, "e1");
  EXPECT_EQ(event->source, "projects/14");
  EXPECT_EQ(event->type, "com.gitlab.merge_requests.ready");
  EXPECT_THAT(event->names, ElementsAre("merge_request/ready", "merge_request/updated"));
  EXPECT_EQ(event->time_ms, 1'780'308'000'123);
  EXPECT_EQ(event->project_id, 14);
  EXPECT_EQ(event->data_schema, "https://example.com/schema");
  EXPECT_EQ(event->subject, "merge_requests/99");
  EXPECT_EQ(event->actor.user_id, 1);
  EXPECT_EQ(event->actor.username, "root");
  EXPECT_TRUE(event->confidential);
  EXPECT_EQ(event->data, R"({"merge_request_iid": 1})");
  EXPECT_THAT(event->extensions_json, HasSubstr(R"("bytes":"/w==")"));
  EXPECT_THAT(event->extensions_json, HasSubstr(R"("ref":"/a")"));
}

// The field numbers are others' to say.
TEST(CloudEventDecoderTest, AMessageThatIsWrittenByHandIsRead) {
  const std::string bytes =
      "\x0a\x02"
      "e1"
      "\x12\x01s"
      "\x1a\x03"
      "1.0"
      "\x22\x01t"
      "\x2a\x0e\x0a\x07subject\x12\x03\x1a\x01x"
      "\x2a\x13\x0a\x0egitlab_user_id\x12\x01\x10"
      "\x3a\x02{}";
  const auto truncated = Decode(bytes);
  EXPECT_FALSE(truncated.ok()) << "the value of the second attribute lacks its number";
  std::string whole = bytes;
  whole.replace(whole.find("\x12\x01\x10"), 3, std::string("\x12\x02\x10\x07", 4));
  whole[whole.find("\x2a\x13") + 1] = '\x14';
  const auto event = Decode(whole);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->id, "e1");
  EXPECT_EQ(event->source, "s");
  EXPECT_EQ(event->type, "t");
  EXPECT_EQ(event->subject, "x");
  EXPECT_EQ(event->actor.user_id, 7);
  EXPECT_EQ(event->data, "{}");
}

TEST(CloudEventDecoderTest, TextAndBinaryDataAreAsGood) {
  Message message = LeastMessage();
  message.set_binary_data("[1]");
  EXPECT_EQ(Decode(message.SerializeAsString())->data, "[1]");
  message.set_text_data("[2]");
  EXPECT_EQ(Decode(message.SerializeAsString())->data, "[2]");
  message.mutable_proto_data()->set_type_url("type.googleapis.com/x");
  EXPECT_THAT(WhyNot(message.SerializeAsString()), HasSubstr("proto_data"));
  message.clear_data();
  EXPECT_EQ(Decode(message.SerializeAsString())->data, "");
}

TEST(CloudEventDecoderTest, ATimestampOutOfItsRangeIsNoTime) {
  for (const auto& [seconds, nanos] :
       std::vector<std::pair<int64_t, int32_t>>{{std::numeric_limits<int64_t>::max(), 0},
                                                {std::numeric_limits<int64_t>::min(), 0},
                                                {253402300800, 0},
                                                {1'780'308'000, -1},
                                                {1'780'308'000, 1'000'000'000}}) {
    Message message = LeastMessage();
    auto* time = (*message.mutable_attributes())["time"].mutable_ce_timestamp();
    time->set_seconds(seconds);
    time->set_nanos(nanos);
    (*message.mutable_attributes())["when"] = message.attributes().at("time");
    const auto event = Decode(message.SerializeAsString());
    ASSERT_TRUE(event.ok()) << event.status();
    EXPECT_EQ(event->time_ms, 0);
    EXPECT_EQ(event->extensions_json, R"({"when":null})");
  }
}

// Each text of the message, with bytes that a proto3 `string` may not hold.
TEST(CloudEventDecoderTest, WhatIsNotUtf8IsNamed) {
  Message message = LeastMessage();
  message.set_id("QQQQ");
  EXPECT_EQ(WhyNot(Spoiled(message)), "id: is not UTF-8");
  message = LeastMessage();
  message.set_type("a.QQQQ");
  EXPECT_EQ(WhyNot(Spoiled(message)), "type: is not UTF-8");
  message = LeastMessage();
  (*message.mutable_attributes())["QQQQ"].set_ce_boolean(true);
  EXPECT_EQ(WhyNot(Spoiled(message)), "the name of an attribute: is not UTF-8");
  message = LeastMessage();
  (*message.mutable_attributes())["other"].set_ce_uri("QQQQ");
  EXPECT_EQ(WhyNot(Spoiled(message)), "other: is not UTF-8");
  message = LeastMessage();
  message.set_text_data("\"QQQQ\"");
  EXPECT_THAT(WhyNot(Spoiled(message)), HasSubstr("data is not valid JSON"));
}

TEST(CloudEventDecoderTest, WhatIsNoCloudEventIsRefused) {
  EXPECT_THAT(WhyNot("garbage"), HasSubstr("not an io.cloudevents.v1.CloudEvent"));
  EXPECT_THAT(WhyNot(""), HasSubstr("id: is missing"));
  // On the wire a map is a list: nothing keeps a key from standing there twice.
  Message twice;
  (*twice.mutable_attributes())["subject"].set_ce_string("a");
  EXPECT_EQ(WhyNot(FullMessage().SerializeAsString() + twice.SerializeAsString()),
            "subject: is given twice");
}

TEST(CloudEventDecoderTest, ABatchIsDecodedInOrderAndNothingOfTheLastStays) {
  CloudEventDecoder decoder;
  for (const bool full : {true, false}) {
    google::protobuf::RepeatedPtrField<std::string> events;
    *events.Add() = (full ? FullMessage() : LeastMessage()).SerializeAsString();
    *events.Add() = "garbage";
    *events.Add() = LeastMessage().SerializeAsString();
    const std::span<DecodedEvent> decoded = decoder.Decode(events, *Catalogue::BuiltIn());
    ASSERT_EQ(decoded.size(), 3u);
    EXPECT_TRUE(decoded[0].status.ok());
    EXPECT_FALSE(decoded[1].status.ok());
    EXPECT_TRUE(decoded[2].status.ok());
    const Event& event = decoded[full ? 2 : 0].event;
    EXPECT_EQ(event.time_ms, 0);
    EXPECT_EQ(event.subject + event.data_schema + event.actor.username + event.data, "");
    EXPECT_EQ(event.extensions_json, "");
    EXPECT_FALSE(event.confidential);
    EXPECT_THAT(event.namespace_ids, IsEmpty());
  }
}

}  // namespace
}  // namespace cievents::event_matcher
