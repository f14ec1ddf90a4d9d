#include "services/event_matcher/spooling_enqueuer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <random>

#include "services/event_matcher/spool_codec.h"
#include "services/event_matcher/testing/manual_enqueuer.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::event_matcher {
namespace {

using Kind = EventWriteResult::Kind;
using Results = std::vector<EventWriteResult>;
using std::chrono::milliseconds;

EventWrite MakeWrite(int number) {
  EventWrite write;
  write.event = store::MakeEvent(number);
  write.requests.push_back(store::MakeRequest(write.event, 1));
  return write;
}

SharedWrites Writes(std::initializer_list<int> numbers) {
  auto writes = std::make_shared<std::vector<EventWrite>>();
  for (const int number : numbers) writes->push_back(MakeWrite(number));
  return writes;
}

class SpoolingEnqueuerTest : public ::testing::Test {
 protected:
  SpoolingEnqueuerTest() {
    char name[] = "/tmp/cievents-spooling-XXXXXX";
    folder_ = mkdtemp(name);
    spool_options_.dir = folder_ + "/spool";
  }
  ~SpoolingEnqueuerTest() override {
    enqueuer_.reset();
    spool_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start(milliseconds ack_delay_max) {
    auto opened = spool::Spool::Open(spool_options_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    spool_ = *std::move(opened);
    enqueuer_ = std::make_unique<SpoolingEnqueuer>(SpoolingEnqueuer::Options{ack_delay_max}, inner_,
                                                   *spool_);
    enqueuer_->Start();
  }
  // Long: nothing is spooled by the clock.
  static constexpr milliseconds kLong{600'000};

  // A second answer throws.
  std::future<Results> Submit(SharedWrites writes) {
    auto promise = std::make_shared<std::promise<Results>>();
    std::future<Results> answer = promise->get_future();
    const absl::Status taken = enqueuer_->Submit(
        std::move(writes), [promise](Results results) { promise->set_value(std::move(results)); });
    EXPECT_TRUE(taken.ok()) << taken;
    return answer;
  }
  static Kind KindOf(std::future<Results>& answer) {
    if (answer.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "never answered";
      return Kind::kRefused;
    }
    const Results results = answer.get();
    for (const EventWriteResult& result : results) EXPECT_EQ(result.kind, results.front().kind);
    return results.front().kind;
  }
  // Event ids that wait in the spool, the oldest first.
  std::vector<std::string> Spooled() {
    const auto records = spool_->Read({}, 1000, size_t{1} << 30);
    EXPECT_TRUE(records.ok()) << records.status();
    std::vector<std::string> ids;
    for (const spool::StoredRecord& stored : *records) ids.push_back(stored.record.event_id);
    return ids;
  }
  template <typename Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 3000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  std::string folder_;
  spool::Spool::Options spool_options_;
  ManualEnqueuer inner_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<SpoolingEnqueuer> enqueuer_;
};

TEST_F(SpoolingEnqueuerTest, WhatIsCommittedInTimeNeverTouchesTheSpool) {
  Start(kLong);
  auto answer = Submit(Writes({1, 2}));
  inner_.Answer(0, Kind::kCommitted);
  EXPECT_EQ(KindOf(answer), Kind::kCommitted);
  EXPECT_EQ(spool_->stats().appended, 0u);
  EXPECT_EQ(enqueuer_->stats().spooled_events, 0u);
}

TEST_F(SpoolingEnqueuerTest, WhatTakesTooLongIsAnsweredFromTheSpoolAndTakenOutOnceItIsCommitted) {
  Start(milliseconds(1));
  auto answer = Submit(Writes({1, 2}));
  EXPECT_EQ(KindOf(answer), Kind::kSpooled);
  EXPECT_THAT(Spooled(), ::testing::ElementsAre("event-1", "event-2"));
  const auto records = spool_->Read({}, 10, 1 << 20);
  ASSERT_TRUE(records.ok());
  EXPECT_TRUE(enqueuer_->IsInDoubt(records->front().id)) << "its commit is under way";
  inner_.Answer(0, Kind::kCommitted);
  EXPECT_FALSE(enqueuer_->IsInDoubt(records->front().id));
  EXPECT_TRUE(Eventually([this] { return spool_->stats().records == 0; }));
  EXPECT_EQ(enqueuer_->stats().late_commits, 1u);
  EXPECT_EQ(enqueuer_->stats().spooled_events, 2u);
}

TEST_F(SpoolingEnqueuerTest, WhatFailsIsSpooledAndLeftToTheDrainer) {
  Start(kLong);
  auto answer = Submit(Writes({1}));
  inner_.Answer(0, Kind::kUnavailable);
  EXPECT_EQ(KindOf(answer), Kind::kSpooled);
  const auto records = spool_->Read({}, 10, 1 << 20);
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->size(), 1u);
  EXPECT_FALSE(enqueuer_->IsInDoubt(records->front().id));
  const auto back = DecodeSpooled(records->front().record);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->event.event_id, "event-1");
}

TEST_F(SpoolingEnqueuerTest, ACommitThatFailsAfterItWasSpooledEndsTheDoubt) {
  Start(milliseconds(1));
  auto answer = Submit(Writes({1}));
  EXPECT_EQ(KindOf(answer), Kind::kSpooled);
  inner_.Answer(0, Kind::kUnavailable);
  const auto records = spool_->Read({}, 10, 1 << 20);
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->size(), 1u) << "still there: Postgres may not have it";
  EXPECT_FALSE(enqueuer_->IsInDoubt(records->front().id));
}

TEST_F(SpoolingEnqueuerTest, WhilePostgresIsAwayNothingIsTriedThere) {
  Start(kLong);
  inner_.SetAway(true);
  auto answer = Submit(Writes({1}));
  EXPECT_EQ(KindOf(answer), Kind::kSpooled);
  EXPECT_EQ(inner_.submitted(), 0u);
}

TEST_F(SpoolingEnqueuerTest, AFullQueueOverflowsIntoTheSpool) {
  Start(kLong);
  inner_.Refuse(absl::ResourceExhaustedError("the queue of matched events is full"));
  auto answer = Submit(Writes({1}));
  EXPECT_EQ(KindOf(answer), Kind::kSpooled);
  EXPECT_THAT(Spooled(), ::testing::ElementsAre("event-1"));
}

TEST_F(SpoolingEnqueuerTest, WithAFullSpoolPostgresIsTriedEvenIfItSeemsToBeAway) {
  spool_options_.bytes_max = 1;
  Start(kLong);
  inner_.SetAway(true);
  auto answer = Submit(Writes({1}));
  ASSERT_EQ(inner_.submitted(), 1u);
  inner_.Answer(0, Kind::kCommitted);
  EXPECT_EQ(KindOf(answer), Kind::kCommitted);
}

TEST_F(SpoolingEnqueuerTest, WhatNeitherTakesIsRefused) {
  spool_options_.bytes_max = 1;
  Start(kLong);
  inner_.Refuse(absl::ResourceExhaustedError("the queue of matched events is full"));
  for (const bool away : {false, true}) {
    inner_.SetAway(away);
    const absl::Status taken =
        enqueuer_->Submit(Writes({1}), [](const Results&) { ADD_FAILURE() << "was not taken"; });
    EXPECT_EQ(taken.code(), absl::StatusCode::kResourceExhausted) << taken;
  }
}

TEST_F(SpoolingEnqueuerTest, WithAFullSpoolTheCommitIsTheAnswer) {
  spool_options_.bytes_max = 1;
  Start(milliseconds(1));
  auto slow = Submit(Writes({1}));
  auto lost = Submit(Writes({2}));
  ASSERT_TRUE(Eventually([this] { return enqueuer_->stats().spool_failures >= 2; }));
  EXPECT_EQ(slow.wait_for(milliseconds(0)), std::future_status::timeout);
  inner_.Answer(0, Kind::kCommitted);
  inner_.Answer(1, Kind::kUnavailable);
  EXPECT_EQ(KindOf(slow), Kind::kCommitted);
  EXPECT_EQ(KindOf(lost), Kind::kUnavailable);
}

TEST_F(SpoolingEnqueuerTest, WhatPostgresRefusesAfterItWasAnsweredIsSetAside) {
  Start(milliseconds(1));
  auto reused = Submit(Writes({1}));
  auto refused = Submit(Writes({2}));
  EXPECT_EQ(KindOf(reused), Kind::kSpooled);
  EXPECT_EQ(KindOf(refused), Kind::kSpooled);
  inner_.Answer(0, Kind::kIdReused);
  inner_.Answer(1, Kind::kRefused);
  EXPECT_TRUE(
      Eventually([this] { return spool_->stats().records == 0 && spool_->stats().refused == 2; }));
}

TEST_F(SpoolingEnqueuerTest, StopSpoolsWhatIsNotCommitted) {
  Start(kLong);
  auto answer = Submit(Writes({1}));
  enqueuer_->Stop();
  EXPECT_EQ(KindOf(answer), Kind::kSpooled);
  enqueuer_.reset();
  spool_.reset();
  auto again = spool::Spool::Open(spool_options_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->stats().records, 1);
}

// Commits, failures, the clock and the spool race for each answer: one comes, and the spool holds
// in the end exactly what Postgres did not decide.
TEST_F(SpoolingEnqueuerTest, EachSubmissionIsAnsweredOnceWhoeverWins) {
  Start(milliseconds(1));
  constexpr int kSubmissions = 400;
  std::vector<std::future<Results>> answers;
  std::thread store([this] {
    std::mt19937 random(7);
    for (size_t next = 0; next < kSubmissions;) {
      if (next >= inner_.submitted()) {
        std::this_thread::yield();
        continue;
      }
      if (random() % 3 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      inner_.Answer(next, next % 4 == 0 ? Kind::kUnavailable : Kind::kCommitted);
      ++next;
    }
  });
  for (int i = 0; i < kSubmissions; ++i) answers.push_back(Submit(Writes({i})));
  store.join();
  for (int i = 0; i < kSubmissions; ++i) {
    const Kind kind = KindOf(answers[static_cast<size_t>(i)]);
    if (i % 4 == 0) {
      EXPECT_EQ(kind, Kind::kSpooled) << i;
    } else {
      EXPECT_TRUE(kind == Kind::kCommitted || kind == Kind::kSpooled) << i;
    }
  }
  EXPECT_TRUE(Eventually([this] { return spool_->stats().records == kSubmissions / 4; }))
      << spool_->stats().records;
}

}  // namespace
}  // namespace cievents::event_matcher
