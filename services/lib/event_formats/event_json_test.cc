#include "services/lib/event_formats/event_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cievents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Event Read(std::string_view json) {
  auto event = EventFromJson(json);
  EXPECT_TRUE(event.ok()) << event.status() << "\n" << json;
  return event.ok() ? *std::move(event) : Event();
}

std::string Refusal(std::string_view json) {
  auto event = EventFromJson(json);
  if (event.ok()) return "accepted";
  EXPECT_EQ(event.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(event.status().message());
}

TEST(EventJsonTest, EveryFieldIsRead) {
  const Event event = Read(R"({
    "id": "e1", "source": "gitlab", "names": ["package/published", "a/b"], "project_id": 14,
    "namespace_ids": [1, 9], "organization_id": 2, "time": "2026-06-01T10:00:00.5Z",
    "actor": {"user_id": 7, "username": "ada", "access_level": 30, "bot": true},
    "confidential": true, "cause": {"request_id": "r:1", "pipeline_id": 31},
    "subject": "packages/3", "data_schema": "https://example.com/s", "data": {"a": 1},
    "traceparent": "00-ab-cd-01", "correlation_id": "c"})");
  EXPECT_EQ(event.id, "e1");
  EXPECT_EQ(event.source, "gitlab");
  EXPECT_THAT(event.names, ElementsAre("package/published", "a/b"));
  EXPECT_EQ(event.project_id, 14);
  EXPECT_THAT(event.namespace_ids, ElementsAre(1, 9));
  EXPECT_EQ(event.organization_id, 2);
  EXPECT_EQ(event.time_ms, 1780308000500);
  EXPECT_EQ(event.actor.user_id, 7);
  EXPECT_EQ(event.actor.username, "ada");
  EXPECT_EQ(event.actor.access_level, 30);
  EXPECT_TRUE(event.actor.bot);
  EXPECT_TRUE(event.confidential);
  EXPECT_EQ(event.cause.request_id, "r:1");
  EXPECT_EQ(event.cause.pipeline_id, 31);
  EXPECT_EQ(event.subject, "packages/3");
  EXPECT_EQ(event.data_schema, "https://example.com/s");
  EXPECT_EQ(event.data, R"({"a": 1})");
  EXPECT_EQ(event.traceparent, "00-ab-cd-01");
  EXPECT_EQ(event.correlation_id, "c");
}

TEST(EventJsonTest, AllFieldsMayBeAbsentOrNull) {
  for (const char* json : {"{}", R"({"id":null,"names":null,"actor":null,"time":null})"}) {
    const Event event = Read(json);
    EXPECT_EQ(event.id, "");
    EXPECT_THAT(event.names, IsEmpty());
    EXPECT_EQ(event.time_ms, 0);
    EXPECT_EQ(event.data, "");
    EXPECT_FALSE(event.actor.access_level.has_value());
  }
}

TEST(EventJsonTest, DataIsKeptAsItIsWritten) {
  const auto data = [](std::string_view text) {
    return Read(std::string("{\"id\":\"x\", \"payload\" : ").append(text).append(" }")).data;
  };
  for (const char* text : {R"({ "n": 1.0,
             "big": 1e2, "s": "\u00e9\/" })",
                           "[1, 2.50 , {}]", "1.0", "12", "\"a b\"", "true", "null", "{}", "[]"}) {
    EXPECT_EQ(data(text), text);
  }
  EXPECT_EQ(Read(R"({"d\u0061ta":[1 ,2],"id":"x"})").data, "[1 ,2]") << "escaped keys are keys";
  EXPECT_EQ(Read(R"({"actor":{"username":"data"},"subject":"data","data":7})").data, "7");
}

TEST(EventJsonTest, NamesMayBeOneTextAndTimeMayBeMilliseconds) {
  const Event event = Read(R"({"names":"issue/created","time":1780308000123})");
  EXPECT_THAT(event.names, ElementsAre("issue/created"));
  EXPECT_EQ(event.time_ms, 1780308000123);
}

TEST(EventJsonTest, AnUnknownFieldIsAnErrorThatNamesTheNearest) {
  EXPECT_EQ(Refusal(R"({"projectid":1})"),
            "unknown field \"projectid\"; did you mean \"project_id\"?");
  EXPECT_EQ(Refusal(R"({"actor":{"user_nam":"x"}})"),
            "unknown field \"actor.user_nam\"; did you mean \"actor.username\"?");
  EXPECT_THAT(Refusal(R"({"zzzzzzzzzzzz":1})"),
              HasSubstr("unknown field \"zzzzzzzzzzzz\"; known: id, source, names"));
  EXPECT_THAT(Refusal(R"({"received_time":1})"), HasSubstr("unknown field \"received_time\""));
}

TEST(EventJsonTest, AFieldGivenTwiceIsAnError) {
  EXPECT_EQ(Refusal(R"({"id":"a","id":"b"})"), "id: is given twice");
  EXPECT_EQ(Refusal(R"({"actor":{"bot":true,"bot":true}})"), "actor.bot: is given twice");
  EXPECT_EQ(Refusal(R"({"data":1,"payload":1})"),
            "data and payload are two spellings of one field: give one of them");
}

TEST(EventJsonTest, AWrongTypeIsAnErrorThatNamesTheField) {
  EXPECT_EQ(Refusal(R"({"id":5})"), "id: must be a text");
  EXPECT_EQ(Refusal(R"({"project_id":"5"})"), "project_id: must be an integer");
  EXPECT_EQ(Refusal(R"({"project_id":1.5})"), "project_id: must be an integer");
  EXPECT_EQ(Refusal(R"({"project_id":9223372036854775808})"), "project_id: must be an integer");
  EXPECT_EQ(Refusal(R"({"names":[1]})"), "names: must be a list of texts");
  EXPECT_EQ(Refusal(R"({"names":{}})"), "names: must be a list of texts");
  EXPECT_EQ(Refusal(R"({"namespace_ids":["1"]})"), "namespace_ids: must be a list of integers");
  EXPECT_EQ(Refusal(R"({"confidential":"true"})"), "confidential: must be true or false");
  EXPECT_EQ(Refusal(R"({"actor":[]})"), "actor: must be an object");
  EXPECT_EQ(Refusal(R"({"actor":{"access_level":3000000000}})"),
            "actor.access_level: must be an integer such as 30 (developer)");
  EXPECT_EQ(Refusal(R"({"cause":{"pipeline_id":true}})"), "cause.pipeline_id: must be an integer");
  EXPECT_EQ(Refusal(R"({"time":true})"), "time: must be an RFC 3339 text or Unix milliseconds");
  EXPECT_EQ(Refusal(R"({"time":"yesterday"})"),
            "time: \"yesterday\" is not an RFC 3339 time; write it like 2026-06-01T10:00:00Z");
}

TEST(EventJsonTest, WhatIsNotOneJsonObjectIsRefusedWithItsPlace) {
  EXPECT_EQ(Refusal("[]"), "the event is not a JSON object");
  EXPECT_EQ(Refusal("{\n\"id\" \"x\"}"),
            "the event is not valid JSON at line 2, column 6: expected ':' after the key");
  EXPECT_THAT(Refusal(R"({"id":"x"}{})"), HasSubstr("something stands after the end"));
  EXPECT_EQ(Refusal(std::string(kEventJsonBytesMax + 1, ' ')),
            "the event has 1114113 bytes; at most 1114112 are allowed");
}

}  // namespace
}  // namespace cievents
