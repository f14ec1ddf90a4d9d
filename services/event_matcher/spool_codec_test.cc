#include "services/event_matcher/spool_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/lib/base/sha256.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::event_matcher {
namespace {

using ::testing::HasSubstr;

EventWrite FullWrite() {
  EventWrite write;
  write.event = store::MakeEvent(1, "{\"a\": \"\xc3\xa4\"}");
  store::EventRow& event = write.event;
  event.confidential = true;
  event.actor_user_id = 3;
  event.actor_username = "root";
  event.actor_access_level = 0;
  event.actor_bot = true;
  event.cause_request_id = "cause";
  event.cause_pipeline_id = 4;
  event.subject = "merge_requests/17";
  event.data_schema = "https://example.com/schema";
  event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  event.correlation_id = "01ABC";
  event.keyed = true;
  event.type = "com.example.issue";
  event.extensions_json = R"({"a":1})";
  write.requests = {store::MakeRequest(event, 11), store::MakeRequest(event, 12)};
  write.requests[1].end = store::RequestEnd::kFailedInput;
  write.requests[1].end_reason = "too long";
  write.requests[1].entry = 2;
  return write;
}

// Field by field: a field that the codec forgets must fail here.
void ExpectSame(const store::EventRow& a, const store::EventRow& b) {
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.identity_kind, b.identity_kind);
  EXPECT_EQ(a.identity_id, b.identity_id);
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.event_id, b.event_id);
  EXPECT_EQ(a.names, b.names);
  EXPECT_EQ(a.project_id, b.project_id);
  EXPECT_EQ(a.root_namespace_id, b.root_namespace_id);
  EXPECT_EQ(a.time_ms, b.time_ms);
  EXPECT_EQ(a.received_time_ms, b.received_time_ms);
  EXPECT_EQ(a.confidential, b.confidential);
  EXPECT_EQ(a.actor_user_id, b.actor_user_id);
  EXPECT_EQ(a.actor_username, b.actor_username);
  EXPECT_EQ(a.actor_access_level, b.actor_access_level);
  EXPECT_EQ(a.actor_bot, b.actor_bot);
  EXPECT_EQ(a.cause_request_id, b.cause_request_id);
  EXPECT_EQ(a.cause_pipeline_id, b.cause_pipeline_id);
  EXPECT_EQ(a.subject, b.subject);
  EXPECT_EQ(a.data_schema, b.data_schema);
  EXPECT_EQ(a.data, b.data);
  EXPECT_EQ(a.data_digest, b.data_digest);
  EXPECT_EQ(a.traceparent, b.traceparent);
  EXPECT_EQ(a.correlation_id, b.correlation_id);
  EXPECT_EQ(a.keyed, b.keyed);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.extensions_json, b.extensions_json);
}

void ExpectSame(const store::RequestRow& a, const store::RequestRow& b) {
  EXPECT_EQ(a.event_uid, b.event_uid);
  EXPECT_EQ(a.subscription_id, b.subscription_id);
  EXPECT_EQ(a.project_id, b.project_id);
  EXPECT_EQ(a.root_namespace_id, b.root_namespace_id);
  EXPECT_EQ(a.path, b.path);
  EXPECT_EQ(a.ref, b.ref);
  EXPECT_EQ(a.commit_sha, b.commit_sha);
  EXPECT_EQ(a.workflow_id, b.workflow_id);
  EXPECT_EQ(a.event_name, b.event_name);
  EXPECT_EQ(a.entry, b.entry);
  EXPECT_EQ(a.inputs_json, b.inputs_json);
  EXPECT_EQ(a.run_as_user_id, b.run_as_user_id);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.end_reason, b.end_reason);
}

TEST(SpoolCodec, EveryFieldComesBack) {
  const EventWrite write = FullWrite();
  const auto back = DecodeSpooled(*EncodeSpooled(write));
  ASSERT_TRUE(back.ok()) << back.status();
  ExpectSame(back->event, write.event);
  ASSERT_EQ(back->requests.size(), 2u);
  ExpectSame(back->requests[0], write.requests[0]);
  ExpectSame(back->requests[1], write.requests[1]);
}

TEST(SpoolCodec, AnAccessLevelThatIsNotKnownStaysUnknown) {
  EventWrite write = FullWrite();
  write.event.actor_access_level.reset();
  const auto back = DecodeSpooled(*EncodeSpooled(write));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_FALSE(back->event.actor_access_level.has_value());
}

// Before there were keys no record had fields 25 to 27, and what is 0 or empty is not written.
TEST(SpoolCodec, ARecordOfTheVersionBeforeIsANativeEvent) {
  EventWrite write = FullWrite();
  write.event.type.clear();
  write.event.extensions_json.clear();
  spool::Record keyed = *EncodeSpooled(write);
  const std::string field_25("\xc8\x01\x01", 3);
  const size_t at = keyed.body.find(field_25);
  ASSERT_NE(at, std::string::npos);
  keyed.body.erase(at, field_25.size());
  const auto back = DecodeSpooled(keyed);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_FALSE(back->event.keyed);
  write.event.keyed = false;
  EXPECT_EQ(EncodeSpooled(write)->body, keyed.body) << "native records are what they were";
}

TEST(SpoolCodec, PeopleCanReadWhatARecordIsAbout) {
  const EventWrite write = FullWrite();
  const spool::Record record = *EncodeSpooled(write);
  EXPECT_EQ(record.kind, spool::RecordKind::kMatched);
  EXPECT_EQ(record.event_uid, write.event.uid.ToString());
  EXPECT_EQ(record.event_id, "event-1");
  EXPECT_EQ(record.source, "test");
  EXPECT_EQ(record.event_name, "issue/created");
  EXPECT_EQ(record.project_id, 7);
  EXPECT_EQ(record.root_namespace_id, 70);
  EXPECT_EQ(record.event_time_ms, write.event.time_ms);
  EXPECT_EQ(record.received_time_ms, write.event.received_time_ms);
  EXPECT_EQ(record.request_count, 2);
}

TEST(SpoolCodec, WhatItDidNotWriteIsRefused) {
  const auto code = [](const spool::Record& record) { return DecodeSpooled(record).status(); };
  spool::Record record = *EncodeSpooled(FullWrite());
  EXPECT_EQ(code(spool::Record{}).code(), absl::StatusCode::kDataLoss) << "no requests";
  spool::Record raw = record;
  raw.kind = spool::RecordKind::kRaw;
  EXPECT_EQ(code(raw).code(), absl::StatusCode::kDataLoss);
  spool::Record cut = record;
  cut.body.resize(cut.body.size() - 1);
  EXPECT_EQ(code(cut).code(), absl::StatusCode::kDataLoss);
  EventWrite future = FullWrite();
  future.requests[0].end = static_cast<store::RequestEnd>(9);
  EXPECT_THAT(std::string(code(*EncodeSpooled(future)).message()), HasSubstr("ends with 9"));
}

TEST(SpoolCodec, AnEventWithMoreThanTheSpoolTakesIsRefusedWithItsSize) {
  EventWrite write = FullWrite();
  write.requests.front().inputs_json = std::string(kSpooledBytesMax / 2, 'x');
  EXPECT_TRUE(EncodeSpooled(write).ok());
  write.requests.push_back(write.requests.front());
  write.requests.push_back(write.requests.front());
  const absl::Status refused = EncodeSpooled(write).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("bytes with its"));
}

}  // namespace
}  // namespace cievents::event_matcher
