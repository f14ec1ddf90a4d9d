// StreamEvents: batches in flight, outcomes by batch id, half-close, poison.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/integration/project.h"

namespace cievents::integration {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// The writer stays within the credit that the server gave last.
constexpr int kInFlightMax = 16;

class StreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    project_.Set(".gitlab/ci/events/a.yml", "spec: {events: [custom/x]}\n---\n");
    project_.Push();
  }
  events::v1::StreamEventsRequest Batch(int64_t batch_id, int matching, int others) {
    events::v1::StreamEventsRequest request;
    request.set_batch_id(batch_id);
    for (int i = 0; i < matching; ++i) *request.add_events() = project_.MakeEvent("custom/x");
    for (int i = 0; i < others; ++i) *request.add_events() = project_.MakeEvent("custom/y");
    return request;
  }

  Project project_;
};

TEST_F(StreamTest, ManyBatchesInFlightAreEachAnsweredOnceUnderTheirId) {
  constexpr int kBatches = 100;
  EventStream stream;
  std::map<int64_t, events::v1::StreamEventsResponse> answers;
  int written = 0;
  while (answers.size() < kBatches) {
    while (written < kBatches && written - static_cast<int>(answers.size()) < kInFlightMax) {
      // Batches of another size each, so that an answer under a wrong id is seen.
      ASSERT_TRUE(stream.Write(Batch(1000 + written, written % 3, 1 + written % 7)));
      ++written;
    }
    events::v1::StreamEventsResponse response;
    ASSERT_TRUE(stream.Read(&response)) << stream.Finish();
    EXPECT_GE(response.credit_batches(), 0);
    EXPECT_LE(response.credit_batches(), kInFlightMax);
    EXPECT_TRUE(answers.emplace(response.batch_id(), response).second) << response.batch_id();
  }
  stream.WritesDone();
  events::v1::StreamEventsResponse surplus;
  EXPECT_FALSE(stream.Read(&surplus));
  EXPECT_TRUE(stream.Finish().ok());
  size_t requests = 0;
  for (int i = 0; i < kBatches; ++i) {
    const events::v1::StreamEventsResponse& answer = answers[1000 + i];
    ASSERT_EQ(answer.outcomes_size(), i % 3 + 1 + i % 7) << i;
    for (int k = 0; k < answer.outcomes_size(); ++k) {
      EXPECT_EQ(answer.outcomes(k).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
      EXPECT_EQ(answer.outcomes(k).matched_count(), k < i % 3 ? 1 : 0);
    }
    requests += static_cast<size_t>(i % 3);
  }
  EXPECT_THAT(project_.Requests(), SizeIs(requests));
}

TEST_F(StreamTest, AHalfCloseLetsEveryBatchBeAnswered) {
  EventStream stream;
  for (int i = 0; i < kInFlightMax; ++i) ASSERT_TRUE(stream.Write(Batch(i, 5, 0)));
  stream.WritesDone();
  std::set<int64_t> answered;
  events::v1::StreamEventsResponse response;
  while (stream.Read(&response)) {
    answered.insert(response.batch_id());
    EXPECT_EQ(response.outcomes_size(), 5);
  }
  EXPECT_TRUE(stream.Finish().ok());
  EXPECT_THAT(answered, SizeIs(kInFlightMax));
  EXPECT_THAT(project_.Requests(), SizeIs(5 * kInFlightMax));
}

TEST_F(StreamTest, AWriterThatIgnoresItsCreditIsSlowedDownAndLosesNothing) {
  EventStream stream;
  for (int i = 0; i < 4 * kInFlightMax; ++i) ASSERT_TRUE(stream.Write(Batch(i, 1, 0)));
  stream.WritesDone();
  std::set<int64_t> answered;
  events::v1::StreamEventsResponse response;
  while (stream.Read(&response)) answered.insert(response.batch_id());
  EXPECT_TRUE(stream.Finish().ok());
  EXPECT_THAT(answered, SizeIs(4 * kInFlightMax));
  EXPECT_THAT(project_.Requests(), SizeIs(4 * kInFlightMax));
}

TEST_F(StreamTest, APoisonedEventDoesNotEndTheStreamOrHarmItsNeighbours) {
  EventStream stream;
  events::v1::StreamEventsRequest request = Batch(7, 3, 0);
  request.mutable_events(1)->set_subject("QQQQ");
  std::string bytes = request.SerializeAsString();
  bytes.replace(bytes.find("QQQQ"), 4, "\xff\xfe\xfd\xfc");
  ASSERT_TRUE(stream.WriteRaw(bytes));
  events::v1::StreamEventsResponse response;
  ASSERT_TRUE(stream.Read(&response)) << stream.Finish();
  EXPECT_EQ(response.batch_id(), 7);
  ASSERT_EQ(response.outcomes_size(), 3);
  EXPECT_EQ(response.outcomes(0).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(response.outcomes(1).kind(), events::v1::OUTCOME_KIND_REJECTED);
  EXPECT_THAT(response.outcomes(1).message(), HasSubstr("UTF-8"));
  EXPECT_EQ(response.outcomes(2).kind(), events::v1::OUTCOME_KIND_ACCEPTED);

  ASSERT_TRUE(stream.Write(Batch(8, 1, 0)));
  ASSERT_TRUE(stream.Read(&response));
  EXPECT_EQ(response.batch_id(), 8);
  stream.WritesDone();
  EXPECT_FALSE(stream.Read(&response));
  EXPECT_TRUE(stream.Finish().ok());
  EXPECT_THAT(project_.Requests(), SizeIs(3));
}

TEST_F(StreamTest, AMessageThatIsNoBatchEndsTheStreamAfterTheAnswersThatAreDue) {
  EventStream stream;
  ASSERT_TRUE(stream.Write(Batch(1, 2, 0)));
  ASSERT_TRUE(stream.Write(events::v1::StreamEventsRequest()));  // no events
  events::v1::StreamEventsResponse response;
  ASSERT_TRUE(stream.Read(&response));
  EXPECT_EQ(response.batch_id(), 1);
  EXPECT_FALSE(stream.Read(&response));
  const absl::Status status = stream.Finish();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(project_.Requests(), SizeIs(2));
}

TEST_F(StreamTest, AStreamThatIsCancelledWithBatchesInFlightHarmsNobody) {
  for (int round = 0; round < 5; ++round) {
    EventStream stream;
    for (int i = 0; i < kInFlightMax; ++i) ASSERT_TRUE(stream.Write(Batch(i, 3, 0)));
    stream.Cancel();
    events::v1::StreamEventsResponse response;
    while (stream.Read(&response)) {
    }
    EXPECT_EQ(stream.Finish().code(), absl::StatusCode::kCancelled);
  }
  EXPECT_EQ(project_.Fires("custom/x"), 1);
}

TEST_F(StreamTest, AStreamWithoutBatchesEndsWell) {
  EventStream stream;
  stream.WritesDone();
  events::v1::StreamEventsResponse response;
  EXPECT_FALSE(stream.Read(&response));
  EXPECT_TRUE(stream.Finish().ok());
}

}  // namespace
}  // namespace cievents::integration
