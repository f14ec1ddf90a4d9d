#include "services/event_matcher/spool_drainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "services/event_matcher/group_commit_enqueuer.h"
#include "services/event_matcher/spool_codec.h"
#include "services/lib/store/database_clock.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::event_matcher {
namespace {

class SpoolDrainerTest : public ::testing::Test {
 protected:
  SpoolDrainerTest() {
    char name[] = "/tmp/cievents-drainer-XXXXXX";
    folder_ = mkdtemp(name);
    options_.store_now = [this] { return store::DatabaseNow(database_.dsn()); };
    spool::Spool::Options options;
    options.dir = folder_ + "/spool";
    auto opened = spool::Spool::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    spool_ = *std::move(opened);
    GroupCommitEnqueuer::Options writing;
    writing.dsn = database_.dsn();
    writing.writers = 1;
    writing.give_up_after = std::chrono::milliseconds(300);
    enqueuer_ = std::make_unique<GroupCommitEnqueuer>(writing);
    enqueuer_->Start();
  }
  ~SpoolDrainerTest() override {
    drainer_.reset();
    enqueuer_.reset();
    spool_.reset();
    std::filesystem::remove_all(folder_);
  }

  static EventWrite MakeWrite(int number, const std::string& data = "{}", int64_t time_ms = 0) {
    EventWrite write;
    write.event = store::MakeEvent(number, data, time_ms);
    write.requests = {store::MakeRequest(write.event, 1), store::MakeRequest(write.event, 2)};
    return write;
  }
  // A delivery of keyed event 1.
  static EventWrite MakeDelivery(int64_t after_ms, const std::string& data = "{}") {
    EventWrite write;
    write.event = store::MakeKeyedEvent(1, after_ms, data);
    write.requests = {store::MakeRequest(write.event, 1), store::MakeRequest(write.event, 2)};
    return write;
  }
  // What a live delivery is answered.
  EventWriteResult Commit(const EventWrite& write) {
    std::promise<std::vector<EventWriteResult>> promise;
    const absl::Status taken = enqueuer_->Submit(
        std::make_shared<std::vector<EventWrite>>(std::vector<EventWrite>{write}),
        [&promise](std::vector<EventWriteResult> results) { promise.set_value(results); });
    EXPECT_TRUE(taken.ok()) << taken;
    return promise.get_future().get().front();
  }
  std::vector<spool::RecordId> Append(std::vector<spool::Record> records) {
    std::promise<absl::StatusOr<std::vector<spool::RecordId>>> promise;
    const absl::Status taken = spool_->Append(
        std::move(records), [&promise](absl::StatusOr<std::vector<spool::RecordId>> ids) {
          promise.set_value(std::move(ids));
        });
    EXPECT_TRUE(taken.ok()) << taken;
    const auto ids = promise.get_future().get();
    EXPECT_TRUE(ids.ok()) << ids.status();
    return *ids;
  }
  SpoolDrainer& Drainer() {
    if (drainer_ == nullptr) {
      drainer_ = std::make_unique<SpoolDrainer>(options_, *spool_, *enqueuer_);
    }
    return *drainer_;
  }
  SpoolDrainer::Step Drain() {
    const auto step = Drainer().DrainBatch();
    EXPECT_TRUE(step.ok()) << step.status();
    return step.ok() ? *step : SpoolDrainer::Step();
  }
  std::string Count(const std::string& table) {
    return store::Sql(database_.dsn(), "SELECT count(*) FROM cievents." + table);
  }
  // Events for a shard that is away: whoever sends them on is told so.
  void AppendForAnotherShard(int count) {
    spool::Record raw = *EncodeSpooled(MakeWrite(1));
    raw.kind = spool::RecordKind::kRaw;
    Append(std::vector<spool::Record>(static_cast<size_t>(count), raw));
    options_.publish_raw = [this](const std::vector<spool::StoredRecord>& records) {
      sent_on_ += static_cast<int>(records.size());
      if (!enqueuer_->is_store_away()) events_when_sent_on_ = Count("events");
      return std::vector<EventWriteResult>(records.size());
    };
  }
  // Postgres is away, and the enqueuer knows.
  void KillPostgres() {
    ASSERT_TRUE(store::Cluster().KillAll().ok());
    EXPECT_EQ(Commit(MakeWrite(1000)).kind, EventWriteResult::Kind::kUnavailable);
    EXPECT_TRUE(enqueuer_->is_store_away());
  }
  // How many steps it takes until the enqueuer knows that Postgres is there.
  int StepsUntilPostgresIsBack() {
    int steps = 0;
    EXPECT_TRUE(store::Eventually([&] {
      ++steps;
      Drainer().DrainBatch().status().IgnoreError();
      return !enqueuer_->is_store_away();
    }));
    return steps;
  }
  // Removals and refusals are written by the spool's own thread.
  bool EventuallyLeft(int64_t waiting, int64_t refused) {
    return store::Eventually(
        [&] { return spool_->stats().records == waiting && spool_->stats().refused == refused; });
  }

  store::TestDatabase database_;
  std::string folder_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<GroupCommitEnqueuer> enqueuer_;
  SpoolDrainer::Options options_;
  std::unique_ptr<SpoolDrainer> drainer_;
  int sent_on_ = 0;
  std::string events_when_sent_on_;  // in Postgres, at the last time
};

TEST_F(SpoolDrainerTest, WhatWaitsComesToPostgresAndLeavesTheSpool) {
  Append({*EncodeSpooled(MakeWrite(1)), *EncodeSpooled(MakeWrite(2))});
  const SpoolDrainer::Step step = Drain();
  EXPECT_EQ(step.read, 2);
  EXPECT_EQ(step.stored, 2);
  EXPECT_EQ(Count("events"), "2");
  EXPECT_EQ(Count("pipeline_requests"), "4");
  EXPECT_EQ(Count("ready_requests"), "4");
  EXPECT_TRUE(EventuallyLeft(0, 0));
  EXPECT_EQ(Drain().read, 0);
}

TEST_F(SpoolDrainerTest, WhatPostgresHasAlreadyIsNotStoredTwice) {
  Append({*EncodeSpooled(MakeWrite(1))});
  Drain();
  EventWrite more = MakeWrite(1);  // the same event met another set in the meantime
  more.requests.push_back(store::MakeRequest(more.event, 3));
  Append({*EncodeSpooled(more)});
  EXPECT_EQ(Drain().stored, 1);
  EXPECT_EQ(Count("events"), "1");
  EXPECT_EQ(Count("pipeline_requests"), "3") << "the union";
  EXPECT_TRUE(EventuallyLeft(0, 0));
}

TEST_F(SpoolDrainerTest, AnEventThatWasSpooledTwiceIsDrainedTwice) {
  Append(
      {*EncodeSpooled(MakeWrite(1)), *EncodeSpooled(MakeWrite(1)), *EncodeSpooled(MakeWrite(2))});
  EXPECT_EQ(Drain().stored, 2) << "one submission holds an event once";
  ASSERT_TRUE(EventuallyLeft(1, 0));
  EXPECT_EQ(Drain().read, 0) << "the end; the next step starts again with the oldest";
  EXPECT_EQ(Drain().stored, 1);
  EXPECT_TRUE(EventuallyLeft(0, 0));
  EXPECT_EQ(Count("pipeline_requests"), "4");
}

TEST_F(SpoolDrainerTest, WhatCannotBeStoredIsSetAsideAndTheRestGoesOn) {
  Append({*EncodeSpooled(MakeWrite(1))});
  Drain();
  spool::Record garbage = *EncodeSpooled(MakeWrite(2));
  garbage.body = "no protobuf";
  EventWrite poison = MakeWrite(3);
  poison.event.source = std::string("nul\0", 4);
  Append({*EncodeSpooled(MakeWrite(1, R"({"other": 1})")), garbage, *EncodeSpooled(poison),
          *EncodeSpooled(MakeWrite(4))});
  const SpoolDrainer::Step step = Drain();
  EXPECT_EQ(step.stored, 1);
  EXPECT_EQ(step.refused, 3);
  EXPECT_EQ(Count("events"), "2");
  EXPECT_TRUE(EventuallyLeft(0, 3));
}

TEST_F(SpoolDrainerTest, WhatWaitedTooLongIsSetAside) {
  Append({*EncodeSpooled(MakeWrite(1))});
  options_.now = [] { return absl::Now() + absl::Hours(49); };
  options_.store_now = options_.now;
  const SpoolDrainer::Step step = Drain();
  EXPECT_EQ(step.refused, 1);
  EXPECT_EQ(step.stored, 0);
  EXPECT_TRUE(EventuallyLeft(0, 1));
  EXPECT_EQ(Count("events"), "0");
}

TEST_F(SpoolDrainerTest, AClockThatJumpsSetsNothingAside) {
  Append({*EncodeSpooled(MakeWrite(1))});
  options_.now = [] { return absl::Now() + absl::Hours(24 * 365); };
  EXPECT_EQ(Drain().stored, 1);
  EXPECT_TRUE(EventuallyLeft(0, 0));
}

TEST_F(SpoolDrainerTest, WhileTheAgeCannotBeFoundOutNothingIsSetAside) {
  Append({*EncodeSpooled(MakeWrite(1))});
  options_.now = [] { return absl::Now() + absl::Hours(49); };
  options_.store_now = [] { return absl::InternalError("no clock"); };
  EXPECT_EQ(Drainer().DrainBatch().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(spool_->stats().records, 1);
  EXPECT_EQ(spool_->stats().refused, 0);
}

TEST_F(SpoolDrainerTest, ThePartitionOfAnOldEventIsMade) {
  const int64_t old_ms = absl::ToUnixMillis(absl::Now() - absl::Hours(60));
  Append({*EncodeSpooled(MakeWrite(1, "{}", old_ms)), *EncodeSpooled(MakeWrite(2))});
  // First admitted when it was young enough, spooled since: still within the spool's age.
  options_.age_max = absl::Hours(72);
  EXPECT_EQ(Drain().stored, 2);
  EXPECT_EQ(Count("events"), "2");
}

TEST_F(SpoolDrainerTest, AKeyedEventThatIsStoredSinceItWasSpooledIsTheSameEvent) {
  Append({*EncodeSpooled(MakeDelivery(0))});
  EventWrite retry = MakeDelivery(1000);
  retry.requests.push_back(store::MakeRequest(retry.event, 3));
  EXPECT_EQ(Commit(retry).stored_uid, retry.event.uid);
  EXPECT_EQ(Drain().stored, 1);
  EXPECT_TRUE(EventuallyLeft(0, 0));
  EXPECT_EQ(Count("events"), "1");
  EXPECT_EQ(Count("pipeline_requests"), "3");
  EXPECT_EQ(store::Sql(database_.dsn(), "SELECT event_uid FROM cievents.event_keys"),
            retry.event.uid.ToString())
      << "whoever comes to Postgres first";
}

TEST_F(SpoolDrainerTest, AKeyedEventGetsItsKeyWhenItIsDrained) {
  const EventWrite first = MakeDelivery(0);
  Append({*EncodeSpooled(first), *EncodeSpooled(MakeDelivery(1000)),
          *EncodeSpooled(MakeDelivery(2000, R"({"other": 1})"))});
  EXPECT_EQ(Count("event_keys"), "0");
  EXPECT_EQ(Drain().stored, 1) << "one submission holds an event once, whatever its times";
  ASSERT_TRUE(EventuallyLeft(2, 0));
  EXPECT_EQ(Drain().read, 0);
  EXPECT_EQ(Drain().stored, 1);
  ASSERT_TRUE(EventuallyLeft(1, 0));
  EXPECT_EQ(Drain().read, 0);
  EXPECT_EQ(Drain().refused, 1) << "another payload";
  EXPECT_TRUE(EventuallyLeft(0, 1));
  EXPECT_EQ(Count("pipeline_requests"), "2");
  const EventWriteResult late = Commit(MakeDelivery(5000));
  EXPECT_EQ(late.inserted, 0);
  EXPECT_EQ(late.stored_uid, first.event.uid);
}

// The partition is that of the uid, not of the time that the producer says.
TEST_F(SpoolDrainerTest, ThePartitionOfAnOldKeyedEventIsMade) {
  const EventWrite old = MakeDelivery(-absl::ToInt64Milliseconds(absl::Hours(40)));
  Append({*EncodeSpooled(old)});
  EXPECT_EQ(Drain().stored, 1);
  EXPECT_EQ(store::Sql(database_.dsn(), "SELECT event_uid FROM cievents.events"),
            old.event.uid.ToString());
}

TEST_F(SpoolDrainerTest, WhatIsInDoubtIsPassedOver) {
  const auto ids = Append({*EncodeSpooled(MakeWrite(1)), *EncodeSpooled(MakeWrite(2))});
  bool in_doubt = true;
  options_.is_in_doubt = [&](const spool::RecordId& id) { return in_doubt && id == ids[0]; };
  EXPECT_EQ(Drain().stored, 1);
  EXPECT_EQ(Count("events"), "1");
  in_doubt = false;
  ASSERT_TRUE(EventuallyLeft(1, 0));
  EXPECT_EQ(Drain().read, 0);
  EXPECT_EQ(Drain().stored, 1);
}

TEST_F(SpoolDrainerTest, WhilePostgresIsAwayNothingIsLostAndAfterwardsAllIsDrained) {
  Append({*EncodeSpooled(MakeWrite(1)), *EncodeSpooled(MakeWrite(2))});
  ASSERT_TRUE(store::Cluster().KillAll().ok());
  EXPECT_EQ(Drainer().DrainBatch().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(spool_->stats().records, 2);
  Drainer().Start();
  ASSERT_TRUE(store::Cluster().Restart().ok());
  EXPECT_TRUE(EventuallyLeft(0, 0));
  Drainer().Stop();
  EXPECT_EQ(Count("pipeline_requests"), "4");
}

TEST_F(SpoolDrainerTest, WhatWaitsForAnotherShardDoesNotHideThatPostgresIsBack) {
  AppendForAnotherShard(200);
  Append({*EncodeSpooled(MakeWrite(1)), *EncodeSpooled(MakeWrite(2))});
  KillPostgres();
  EXPECT_EQ(Drainer().DrainBatch().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(sent_on_, 200) << "the other shard may be there all the same";
  ASSERT_TRUE(store::Cluster().Restart().ok());
  EXPECT_LT(StepsUntilPostgresIsBack(), 10);
  EXPECT_TRUE(store::Eventually([this] {
    Drainer().DrainBatch().status().IgnoreError();
    return spool_->stats().records == 200;
  }));
}

TEST_F(SpoolDrainerTest, EventsAreWrittenBeforeThoseForAnotherShardAreSentOn) {
  AppendForAnotherShard(1);
  Append({*EncodeSpooled(MakeWrite(1))});
  EXPECT_EQ(Drain().stored, 1);
  EXPECT_EQ(sent_on_, 1);
  EXPECT_EQ(events_when_sent_on_, "1");
}

TEST_F(SpoolDrainerTest, WithNothingToWriteItIsNoticedAllTheSameThatPostgresIsBack) {
  AppendForAnotherShard(1);
  const auto ids = Append({*EncodeSpooled(MakeWrite(1))});
  options_.is_in_doubt = [&](const spool::RecordId& id) { return id == ids[0]; };
  KillPostgres();
  EXPECT_EQ(Drainer().DrainBatch().status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(store::Cluster().Restart().ok());
  EXPECT_LT(StepsUntilPostgresIsBack(), 10);
  EXPECT_EQ(Count("events"), "0");
}

// Postgres answers it with an error that is not the row's, for ever.
TEST_F(SpoolDrainerTest, ARecordThatAlwaysFailsDoesNotHoldUpTheOthers) {
  options_.postpone_min = std::chrono::milliseconds(1);
  options_.postpone_max = std::chrono::milliseconds(1);
  store::Sql(database_.dsn(),
             "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
             "IF NEW.event_id = 'event-20' THEN RAISE 'canceled' USING ERRCODE = '57014'; END IF; "
             "RETURN NEW; END $$; "
             "CREATE TRIGGER fail BEFORE INSERT ON cievents.events FOR EACH ROW "
             "EXECUTE FUNCTION fail()");
  std::vector<spool::Record> records;
  for (int i = 1; i <= 32; ++i) records.push_back(*EncodeSpooled(MakeWrite(i)));
  Append(std::move(records));
  const auto drain_to = [this](int64_t left) {
    for (int step = 0; step < 30 && spool_->stats().records > left; ++step) {
      Drainer().DrainBatch().status().IgnoreError();
    }
    EXPECT_EQ(spool_->stats().records, left);
  };
  drain_to(1);
  EXPECT_EQ(Count("events"), "31");
  Append({*EncodeSpooled(MakeWrite(33))});
  drain_to(1);
  EXPECT_EQ(Count("events"), "32");
  EXPECT_EQ(spool_->stats().refused, 0);
  store::Sql(database_.dsn(), "DROP TRIGGER fail ON cievents.events");
  drain_to(0);
  EXPECT_EQ(Count("events"), "33");
}

TEST_F(SpoolDrainerTest, ARecordThatFailedAloneIsNotTriedAgainAtOnce) {
  options_.postpone_min = std::chrono::hours(1);
  options_.postpone_max = std::chrono::hours(1);
  store::Sql(database_.dsn(), "ALTER TABLE cievents.ready_requests RENAME TO elsewhere");
  Append({*EncodeSpooled(MakeWrite(1))});
  EXPECT_FALSE(Drainer().DrainBatch().ok());
  store::Sql(database_.dsn(), "ALTER TABLE cievents.elsewhere RENAME TO ready_requests");
  EXPECT_TRUE(store::Eventually([this] {  // the end, then a probe without it
    Drainer().DrainBatch().status().IgnoreError();
    return !enqueuer_->is_store_away();
  }));
  for (int step = 0; step < 4; ++step) EXPECT_EQ(Drain().stored, 0);
  EXPECT_EQ(Count("events"), "0");
  Append({*EncodeSpooled(MakeWrite(2))});
  EXPECT_EQ(Drain().stored + Drain().stored, 1) << "the others go on";
}

}  // namespace
}  // namespace cievents::event_matcher
