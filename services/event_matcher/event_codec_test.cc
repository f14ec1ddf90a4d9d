#include "services/event_matcher/event_codec.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "services/lib/event_formats/event_validation.h"

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

events::v1::Event FullMessage() {
  events::v1::Event message;
  message.set_id("e1");
  message.set_source("gitlab");
  message.add_names("issue/created");
  message.add_names("issue/updated");
  message.set_project_id(7);
  message.add_namespace_ids(70);
  message.add_namespace_ids(71);
  message.set_organization_id(2);
  message.mutable_time()->set_seconds(1'800'000'000);
  message.mutable_time()->set_nanos(123'999'999);
  message.mutable_actor()->set_user_id(3);
  message.mutable_actor()->set_username("ada");
  message.mutable_actor()->set_access_level(0);
  message.mutable_actor()->set_bot(true);
  message.set_confidential(true);
  message.mutable_cause()->set_request_id("cause");
  message.mutable_cause()->set_pipeline_id(99);
  message.set_subject("issues/1");
  message.set_data_schema("schema");
  message.set_data("{\"a\": 1}");
  message.set_traceparent("trace");
  message.set_correlation_id("corr");
  return message;
}

absl::StatusOr<Event> DecodeOne(BatchDecoder& decoder, const std::string& bytes) {
  google::protobuf::RepeatedPtrField<std::string> events;
  *events.Add() = bytes;
  const std::span<DecodedEvent> decoded = decoder.Decode(events);
  if (!decoded[0].status.ok()) return decoded[0].status;
  return decoded[0].event;
}

TEST(DecodeEventTest, EveryFieldOfThePublicMessageIsRead) {
  const auto event = DecodeEvent(FullMessage().SerializeAsString());
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->id, "e1");
  EXPECT_EQ(event->source, "gitlab");
  EXPECT_THAT(event->names, ElementsAre("issue/created", "issue/updated"));
  EXPECT_EQ(event->project_id, 7);
  EXPECT_THAT(event->namespace_ids, ElementsAre(70, 71));
  EXPECT_EQ(event->organization_id, 2);
  EXPECT_EQ(event->time_ms, 1'800'000'000'123) << "floored to milliseconds";
  EXPECT_EQ(event->actor.user_id, 3);
  EXPECT_EQ(event->actor.username, "ada");
  EXPECT_EQ(event->actor.access_level, 0) << "given, and 0, is not absent";
  EXPECT_TRUE(event->actor.bot);
  EXPECT_TRUE(event->confidential);
  EXPECT_EQ(event->cause.request_id, "cause");
  EXPECT_EQ(event->cause.pipeline_id, 99);
  EXPECT_EQ(event->subject, "issues/1");
  EXPECT_EQ(event->data_schema, "schema");
  EXPECT_EQ(event->data, "{\"a\": 1}");
  EXPECT_EQ(event->traceparent, "trace");
  EXPECT_EQ(event->correlation_id, "corr");
}

// The memory is the last event's: nothing of it may show.
TEST(DecodeEventTest, NothingOfTheLastEventStays) {
  events::v1::Event least;
  least.mutable_time()->set_seconds(1'800'000'000);
  BatchDecoder decoder;
  ASSERT_TRUE(DecodeOne(decoder, FullMessage().SerializeAsString()).ok());
  EXPECT_FALSE(DecodeOne(decoder, "garbage").ok());
  const auto event = DecodeOne(decoder, least.SerializeAsString());
  ASSERT_TRUE(event.ok()) << event.status();
  for (const std::string& text :
       {event->id, event->source, event->actor.username, event->cause.request_id, event->subject,
        event->data_schema, event->data, event->traceparent, event->correlation_id}) {
    EXPECT_EQ(text, "");
  }
  for (const int64_t number : {event->project_id, event->organization_id, event->actor.user_id,
                               event->cause.pipeline_id, event->received_time_ms}) {
    EXPECT_EQ(number, 0);
  }
  EXPECT_TRUE(event->names.empty());
  EXPECT_TRUE(event->namespace_ids.empty());
  EXPECT_EQ(event->actor.access_level, std::nullopt);
  EXPECT_FALSE(event->actor.bot || event->confidential || event->replayed);
}

TEST(DecodeEventTest, ABatchIsDecodedInOrderWhateverCameBefore) {
  BatchDecoder decoder;
  for (const int count : {3, 1, 5}) {
    google::protobuf::RepeatedPtrField<std::string> events;
    for (int i = 0; i < count; ++i) {
      events::v1::Event message = FullMessage();
      message.set_id(fmt::format("e{}", i));
      *events.Add() = message.SerializeAsString();
    }
    const std::span<DecodedEvent> decoded = decoder.Decode(events);
    ASSERT_EQ(decoded.size(), static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(decoded[static_cast<size_t>(i)].status.ok());
      EXPECT_EQ(decoded[static_cast<size_t>(i)].event.id, fmt::format("e{}", i));
    }
  }
}

TEST(DecodeEventTest, AnAccessLevelThatIsNotGivenIsAbsent) {
  events::v1::Event message = FullMessage();
  message.mutable_actor()->clear_access_level();
  EXPECT_EQ(DecodeEvent(message.SerializeAsString())->actor.access_level, std::nullopt);
  message.clear_actor();
  EXPECT_EQ(DecodeEvent(message.SerializeAsString())->actor.access_level, std::nullopt);
}

// Goal: a string that is not UTF-8 reaches validation, which names the field; protobuf's own parser
// would refuse the whole batch. Method: spoil one text after another in the serialized bytes.
TEST(DecodeEventTest, InvalidUtf8IsReadAndLeftToValidation) {
  const std::string bytes = FullMessage().SerializeAsString();
  for (const std::string text :
       {"e1", "gitlab", "ada", "cause", "issues/1", "schema", "{\"a\": 1}", "trace", "corr"}) {
    std::string spoilt = bytes;
    spoilt[spoilt.find(text)] = '\xff';
    auto event = DecodeEvent(spoilt);
    ASSERT_TRUE(event.ok()) << text << event.status();
    const absl::Status valid = ValidateEvent(*event);
    EXPECT_EQ(valid.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(valid.message()), HasSubstr("UTF-8")) << text;
  }
}

TEST(DecodeEventTest, GarbageIsRefused) {
  const std::string bytes = FullMessage().SerializeAsString();
  for (const std::string& garbage :
       {std::string("\xff\xff\xff"), std::string("not a message"), std::string(100, '\0'),
        bytes.substr(0, bytes.size() - 3), bytes + "\x0a\xff"}) {
    const auto event = DecodeEvent(garbage);
    EXPECT_EQ(event.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DecodeEventTest, UnknownFieldsOfANewerProducerAreIgnored) {
  std::string bytes = FullMessage().SerializeAsString();
  bytes += "\xf2\x3f\x03new";  // field 1022, three bytes
  EXPECT_TRUE(DecodeEvent(bytes).ok());
}

TEST(DecodeEventTest, TheTimeMustBeThereAndPossible) {
  events::v1::Event message = FullMessage();
  message.clear_time();
  const auto missing = DecodeEvent(message.SerializeAsString());
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("time is missing"));
  EXPECT_FALSE(DecodeEvent("").ok()) << "an empty message has no time either";

  struct Case {
    int64_t seconds;
    int32_t nanos;
    bool good;
  };
  for (const Case& one :
       {Case{1, 0, true}, Case{253402300799, 999'999'999, true}, Case{0, 0, false},
        Case{-1, 0, false}, Case{253402300800, 0, false}, Case{1, -1, false},
        Case{1, 1'000'000'000, false}, Case{std::numeric_limits<int64_t>::max(), 0, false},
        Case{std::numeric_limits<int64_t>::min(), 0, false}}) {
    message.mutable_time()->set_seconds(one.seconds);
    message.mutable_time()->set_nanos(one.nanos);
    EXPECT_EQ(DecodeEvent(message.SerializeAsString()).ok(), one.good)
        << one.seconds << " s " << one.nanos << " ns";
  }
}

TEST(DecodeAckLevelTest, OnlyWhatAProducerMayAskForIsTaken) {
  EXPECT_EQ(*DecodeAckLevel(events::v1::ACK_LEVEL_UNSPECIFIED), AckLevel::kDurable);
  EXPECT_EQ(*DecodeAckLevel(events::v1::ACK_LEVEL_DURABLE), AckLevel::kDurable);
  EXPECT_EQ(*DecodeAckLevel(events::v1::ACK_LEVEL_RECEIVED), AckLevel::kReceived);
  for (const int ack : {static_cast<int>(events::v1::ACK_LEVEL_DURABLE_LOCAL), 4, 99, -1}) {
    EXPECT_EQ(DecodeAckLevel(ack).status().code(), absl::StatusCode::kInvalidArgument) << ack;
  }
}

TEST(EncodeOutcomeTest, EveryKindReasonAndAckHasItsNumber) {
  using R = OutcomeReason;
  const std::vector<std::pair<R, events::v1::OutcomeReason>> reasons = {
      {R::kNone, events::v1::OUTCOME_REASON_UNSPECIFIED},
      {R::kInvalid, events::v1::OUTCOME_REASON_INVALID},
      {R::kExpired, events::v1::OUTCOME_REASON_EXPIRED},
      {R::kFromTheFuture, events::v1::OUTCOME_REASON_FROM_THE_FUTURE},
      {R::kIdReused, events::v1::OUTCOME_REASON_ID_REUSED},
      {R::kQueueFull, events::v1::OUTCOME_REASON_QUEUE_FULL},
      {R::kStoreUnavailable, events::v1::OUTCOME_REASON_STORE_UNAVAILABLE},
      {R::kUnknownProject, events::v1::OUTCOME_REASON_UNKNOWN_PROJECT},
      {R::kRepeatedInBatch, events::v1::OUTCOME_REASON_REPEATED_IN_BATCH}};
  for (const auto& [reason, number] : reasons) {
    Outcome outcome;
    outcome.reason = reason;
    events::v1::EventOutcome message;
    EncodeOutcome(outcome, &message);
    EXPECT_EQ(message.reason(), number);
  }
  const std::vector<std::pair<OutcomeKind, events::v1::OutcomeKind>> kinds = {
      {OutcomeKind::kAccepted, events::v1::OUTCOME_KIND_ACCEPTED},
      {OutcomeKind::kDuplicate, events::v1::OUTCOME_KIND_DUPLICATE},
      {OutcomeKind::kRejected, events::v1::OUTCOME_KIND_REJECTED},
      {OutcomeKind::kOverloaded, events::v1::OUTCOME_KIND_OVERLOADED}};
  for (const auto& [kind, number] : kinds) {
    Outcome outcome;
    outcome.kind = kind;
    events::v1::EventOutcome message;
    EncodeOutcome(outcome, &message);
    EXPECT_EQ(message.kind(), number);
  }
  const std::vector<std::pair<AckLevel, events::v1::AckLevel>> acks = {
      {AckLevel::kNone, events::v1::ACK_LEVEL_UNSPECIFIED},
      {AckLevel::kDurable, events::v1::ACK_LEVEL_DURABLE},
      {AckLevel::kReceived, events::v1::ACK_LEVEL_RECEIVED}};
  for (const auto& [ack, number] : acks) {
    Outcome outcome;
    outcome.ack = ack;
    events::v1::EventOutcome message;
    EncodeOutcome(outcome, &message);
    EXPECT_EQ(message.ack(), number);
  }
}

TEST(EncodeOutcomeTest, WhatIsNotKnownIsAbsent) {
  Outcome outcome;
  events::v1::EventOutcome message;
  EncodeOutcome(outcome, &message);
  EXPECT_FALSE(message.has_matched_count());
  EXPECT_FALSE(message.has_retry_after());
  outcome.matched_count = 0;
  outcome.retry_after = absl::Milliseconds(1250);
  outcome.event_uid = "uid";
  outcome.message = "text";
  EncodeOutcome(outcome, &message);
  EXPECT_TRUE(message.has_matched_count()) << "0 is known";
  EXPECT_EQ(message.retry_after().seconds(), 1);
  EXPECT_EQ(message.retry_after().nanos(), 250'000'000);
  EXPECT_EQ(message.event_uid(), "uid");
  EXPECT_EQ(message.message(), "text");
}

}  // namespace
}  // namespace cievents::event_matcher
