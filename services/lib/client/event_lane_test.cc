// One endpoint's events: credit, batches, and how the event that a stream dies of is found.
#include "services/lib/client/event_lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cievents::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SilentStream final : public EventStream {
 public:
  void Write(int64_t, const std::vector<const std::string*>&) override {}
  void Cancel() override {}
};

EventLane::Options SmallOptions() {
  EventLane::Options options;
  options.batch_events_max = 8;
  options.batch_bytes_max = 1000;
  options.unanswered_batches_max = 4;
  options.reconnect_wait_min = std::chrono::milliseconds(10);
  options.reconnect_wait_max = std::chrono::milliseconds(100);
  return options;
}

class EventLaneTest : public ::testing::Test {
 protected:
  void Add(uint64_t first, uint64_t last) {
    for (uint64_t number = first; number <= last; ++number) lane_.Add(number);
  }
  void Open() { lane_.Opened(++streams_, std::make_shared<SilentStream>(), now_); }
  std::vector<uint64_t> Take(int64_t bytes_each = 10) {
    std::vector<uint64_t> batch = lane_.TakeBatch(
        ++last_id_, [=](uint64_t) { return bytes_each; }, now_);
    if (batch.empty()) --last_id_;
    return batch;
  }
  std::vector<uint64_t> TakeAndWrite() {
    std::vector<uint64_t> batch = Take();
    lane_.Written();
    return batch;
  }
  bool Answer(int64_t id, size_t events, int credit = 16) {
    StreamNotice notice;
    notice.kind = StreamNotice::Kind::kAnswered;
    notice.batch_id = id;
    notice.credit_batches = credit;
    notice.answers.resize(events);
    return lane_.Answered(notice, now_).has_value();
  }
  EventLane::End End(absl::StatusCode code, absl::Duration retry_after = absl::ZeroDuration()) {
    EventLane::End end = lane_.Ended(absl::Status(code, "ended"), retry_after, now_);
    for (const uint64_t number : end.waiting) lane_.Add(number);
    return end;
  }

  EventLane lane_{SmallOptions()};
  SendClock::time_point now_ = SendClock::now();
  uint64_t streams_ = 0;
  int64_t last_id_ = 0;
};

TEST_F(EventLaneTest, EventsGoOutInOrderInBatchesOfBoundedCountAndBytes) {
  Add(1, 30);
  EXPECT_THAT(Take(), IsEmpty()) << "there is no stream";
  Open();
  EXPECT_THAT(Take(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(Take(), IsEmpty()) << "the write is not over";
  lane_.Written();
  EXPECT_THAT(Take(), IsEmpty()) << "the server has not said how many it takes";
  EXPECT_TRUE(Answer(1, 8));
  EXPECT_THAT(Take(300), ElementsAre(9, 10, 11));
  lane_.Written();
  EXPECT_THAT(Take(5000), ElementsAre(12)) << "what is too large for a batch goes alone";
}

TEST_F(EventLaneTest, CreditBoundsTheUnansweredBatches) {
  Add(1, 100);
  Open();
  TakeAndWrite();
  EXPECT_TRUE(Answer(1, 8, 2));
  EXPECT_THAT(TakeAndWrite(), SizeIs(8));
  EXPECT_THAT(TakeAndWrite(), SizeIs(8));
  EXPECT_THAT(TakeAndWrite(), IsEmpty());
  EXPECT_TRUE(Answer(3, 8, 100));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(TakeAndWrite(), SizeIs(8));
  EXPECT_THAT(TakeAndWrite(), IsEmpty()) << "no more than the options say";
}

TEST_F(EventLaneTest, AnAnswerThatFitsNoBatchIsNoAnswer) {
  Add(1, 8);
  Open();
  TakeAndWrite();
  EXPECT_FALSE(Answer(2, 8));
  EXPECT_FALSE(Answer(1, 7));
  EXPECT_TRUE(Answer(1, 8));
  EXPECT_FALSE(Answer(1, 8)) << "it was answered already";
}

TEST_F(EventLaneTest, AStreamThatHadAnswersAndBreaksPutsNobodyUnderSuspicion) {
  Add(1, 20);
  Open();
  TakeAndWrite();
  Answer(1, 8);
  TakeAndWrite();
  const EventLane::End end = End(absl::StatusCode::kUnavailable);
  EXPECT_THAT(end.again, ElementsAre(9, 10, 11, 12, 13, 14, 15, 16));
  EXPECT_FALSE(end.suspect.has_value());
  EXPECT_GT(lane_.connect_at(), now_);
  for (const uint64_t number : end.again) lane_.Add(number);
  Open();
  EXPECT_THAT(TakeAndWrite(), SizeIs(8));
}

TEST_F(EventLaneTest, TheNextStreamWaitsAsLongAsTheServerAsksWithinReason) {
  Add(1, 1);
  Open();
  End(absl::StatusCode::kUnavailable, absl::Milliseconds(50));
  EXPECT_GE(lane_.connect_at(), now_ + std::chrono::milliseconds(50));
  Open();
  End(absl::StatusCode::kUnavailable, absl::Hours(24));
  EXPECT_LE(lane_.connect_at(), now_ + SmallOptions().reconnect_wait_max);
}

TEST_F(EventLaneTest, AnEventThatIsDoneOtherwiseIsNotSentAgain) {
  Add(1, 4);
  Open();
  TakeAndWrite();
  Add(5, 6);
  lane_.RemoveSent(2, 1);
  lane_.RemoveWaiting(5);
  const EventLane::End end = End(absl::StatusCode::kUnavailable);
  EXPECT_THAT(end.again, ElementsAre(1, 3, 4));
  EXPECT_THAT(end.waiting, ElementsAre(6));
}

class EventLaneDeathTest : public EventLaneTest,
                           public ::testing::WithParamInterface<absl::StatusCode> {};

// A refusal, and a server that says nothing because it has fallen.
INSTANTIATE_TEST_SUITE_P(Codes, EventLaneDeathTest,
                         ::testing::Values(absl::StatusCode::kInvalidArgument,
                                           absl::StatusCode::kUnavailable));

TEST_P(EventLaneDeathTest, TheEventThatStreamsDieOfIsFoundByHalving) {
  constexpr uint64_t kPoison = 37;
  Add(1, 64);
  std::optional<EventLane::Suspect> found;
  int answered = 0;
  int deaths = 0;
  while (!found.has_value() && deaths < 100) {
    Open();
    while (true) {
      const std::vector<uint64_t> batch = TakeAndWrite();
      ASSERT_FALSE(batch.empty());
      if (std::find(batch.begin(), batch.end(), kPoison) != batch.end()) break;
      ASSERT_TRUE(Answer(last_id_, batch.size()));
      answered += static_cast<int>(batch.size());
    }
    const EventLane::End end = End(GetParam());
    ++deaths;
    for (const uint64_t number : end.again) lane_.Add(number);
    found = end.suspect;
  }
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->number, kPoison);
  EXPECT_EQ(found->death == EventLane::Death::kRefused,
            GetParam() == absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(answered, 36) << "what stood before it";
  EXPECT_LT(deaths, 20);
}

TEST_F(EventLaneTest, AStreamThatWeEndBlamesNobody) {
  Add(1, 1);
  Open();
  TakeAndWrite();
  Answer(1, 1);
  EXPECT_TRUE(lane_.idle_since().has_value());
  lane_.CancelStream();
  EXPECT_FALSE(lane_.idle_since().has_value());
  const EventLane::End end = End(absl::StatusCode::kCancelled);
  EXPECT_THAT(end.again, IsEmpty());
  EXPECT_EQ(lane_.connect_at(), now_) << "nothing was wrong";
  EXPECT_TRUE(lane_.empty());
}

}  // namespace
}  // namespace cievents::client
