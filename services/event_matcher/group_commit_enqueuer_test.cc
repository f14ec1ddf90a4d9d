#include "services/event_matcher/group_commit_enqueuer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "services/lib/store/libpq_connection.h"
#include "services/lib/store/migrator.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::event_matcher {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Kind = EventWriteResult::Kind;
using Results = std::vector<EventWriteResult>;
using std::chrono::milliseconds;

// Event `number` with `requests` requests.
EventWrite MakeWrite(int number, int requests = 1, const std::string& data = "{}") {
  EventWrite write;
  write.event = store::MakeEvent(number, data);
  for (int i = 1; i <= requests; ++i) {
    write.requests.push_back(store::MakeRequest(write.event, i));
  }
  return write;
}

// What a submission was answered.
class Answer {
 public:
  // Fails the test after half a minute.
  Results Get() {
    if (future_.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "never answered";
      return {};
    }
    return future_.get();
  }
  bool answered() const { return future_.wait_for(milliseconds(0)) == std::future_status::ready; }
  Enqueuer::Done Done() {
    return [promise = promise_](Results results) { promise->set_value(std::move(results)); };
  }

 private:
  // A second answer would throw.
  std::shared_ptr<std::promise<Results>> promise_ = std::make_shared<std::promise<Results>>();
  std::future<Results> future_ = promise_->get_future();
};

class GroupCommitEnqueuerTest : public ::testing::Test {
 protected:
  GroupCommitEnqueuerTest() {
    options_.dsn = database_.dsn();
    options_.writers = 1;
    options_.give_up_after = std::chrono::seconds(25);
  }
  void Start() {
    enqueuer_ = std::make_unique<GroupCommitEnqueuer>(options_);
    enqueuer_->Start();
  }
  Answer Submit(std::vector<EventWrite> writes) {
    Answer answer;
    const absl::Status taken = enqueuer_->Submit(
        std::make_shared<std::vector<EventWrite>>(std::move(writes)), answer.Done());
    EXPECT_TRUE(taken.ok()) << taken;
    return answer;
  }
  absl::Status TrySubmit(std::vector<EventWrite> writes) {
    return enqueuer_->Submit(
        std::make_shared<std::vector<EventWrite>>(std::move(writes)),
        [](const Results&) { ADD_FAILURE() << "what was not taken must not be answered"; });
  }
  std::string Count(const std::string& table) {
    return store::Sql(database_.dsn(), "SELECT count(*) FROM cievents." + table);
  }

  // Holds every writer back from `events` until Release.
  void HoldWriters() {
    auto connection =
        store::LibpqConnection::Connect(database_.dsn(), "test", "SET lock_timeout = '5s'");
    ASSERT_TRUE(connection.ok()) << connection.status();
    holder_ = std::make_unique<store::LibpqConnection>(*std::move(connection));
    ASSERT_TRUE(holder_->Exec("BEGIN", {}, absl::Seconds(5)).ok());
    ASSERT_TRUE(
        holder_->Exec("LOCK TABLE cievents.events IN EXCLUSIVE MODE", {}, absl::Seconds(5)).ok());
  }
  void Release() { holder_.reset(); }
  // Submits one write and waits until its writer is stuck behind HoldWriters.
  Answer OccupyWriter(int number) {
    Answer answer = Submit({MakeWrite(number)});
    const bool stuck = store::Eventually([this] {
      return store::Sql(database_.dsn(),
                        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                        "AND datname = current_database()") != "0";
    });
    EXPECT_TRUE(stuck);
    return answer;
  }

  store::TestDatabase database_;
  GroupCommitEnqueuer::Options options_;
  std::unique_ptr<GroupCommitEnqueuer> enqueuer_;
  std::unique_ptr<store::LibpqConnection> holder_;
};

std::string Describe(const Results& results) {
  std::string text;
  for (const EventWriteResult& result : results) {
    static constexpr const char* kNames[] = {"committed", "spooled", "id-reused", "refused",
                                             "unavailable"};
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ",
                        kNames[static_cast<size_t>(result.kind)], result.inserted);
  }
  return text;
}

TEST_F(GroupCommitEnqueuerTest, AWriteIsAnsweredOnceItIsInPostgres) {
  Start();
  EXPECT_EQ(Describe(Submit({MakeWrite(1, 3), MakeWrite(2)}).Get()), "committed 3, committed 1");
  EXPECT_EQ(Count("events"), "2");
  EXPECT_EQ(Count("pipeline_requests"), "4");
  EXPECT_EQ(Count("ready_requests"), "4");
  EXPECT_EQ(enqueuer_->stats().committed_events, 2u);
}

TEST_F(GroupCommitEnqueuerTest, DeliveriesOfAKeyedEventThatGatherAreAnsweredInTurnWithOneUid) {
  const auto delivery = [](int64_t after_ms, int requests, const std::string& data = "{}") {
    EventWrite write = MakeWrite(1, requests);
    write.event = store::MakeKeyedEvent(1, after_ms, data);
    for (store::RequestRow& request : write.requests) request.event_uid = write.event.uid;
    return write;
  };
  options_.group_requests_max = 2;
  Start();
  HoldWriters();
  OccupyWriter(0);
  const EventWrite first = delivery(0, 1);
  Answer answer = Submit({first});
  Answer retry = Submit({delivery(20, 5)});
  Answer other = Submit({delivery(40, 1, "[]")});
  Release();
  const Results results = answer.Get();
  EXPECT_EQ(Describe(results), "committed 1");
  EXPECT_EQ(results.front().stored_uid, first.event.uid);
  const Results retried = retry.Get();
  EXPECT_EQ(Describe(retried), "committed 4") << "in several parts";
  EXPECT_EQ(retried.front().stored_uid, first.event.uid);
  EXPECT_EQ(Describe(other.Get()), "id-reused 0");
  EXPECT_EQ(Count("pipeline_requests"), "6");
}

TEST_F(GroupCommitEnqueuerTest, WhatGathersDuringACommitGoesIntoTheNextOne) {
  Start();
  HoldWriters();
  Answer first = OccupyWriter(0);
  std::vector<Answer> others;
  for (int i = 1; i <= 100; ++i) others.push_back(Submit({MakeWrite(i)}));
  EXPECT_EQ(enqueuer_->stats().queued_events, 100u);
  EXPECT_FALSE(first.answered());
  Release();
  EXPECT_EQ(Describe(first.Get()), "committed 1");
  for (Answer& answer : others) EXPECT_EQ(Describe(answer.Get()), "committed 1");
  EXPECT_EQ(enqueuer_->stats().commits, 2u) << "100 submissions, one transaction";
  EXPECT_EQ(enqueuer_->stats().queued_events, 0u);
}

TEST_F(GroupCommitEnqueuerTest, AGroupIsBoundedInRequestsAndBytes) {
  options_.group_requests_max = 10;
  options_.group_bytes_max = 1'000'000;
  Start();
  HoldWriters();
  Answer first = OccupyWriter(0);
  std::vector<Answer> others;
  for (int i = 1; i <= 5; ++i) others.push_back(Submit({MakeWrite(i, 4)}));  // 2, 2, 1
  for (int i = 6; i <= 8; ++i) {  // by bytes: with the last one above, then each alone
    others.push_back(Submit({MakeWrite(i, 1, "\"" + std::string(600'000, 'x') + "\"")}));
  }
  others.push_back(Submit({MakeWrite(9, 50)}));  // alone, although it is over the bound
  Release();
  for (Answer& answer : others) EXPECT_THAT(answer.Get(), SizeIs(1));
  EXPECT_EQ(enqueuer_->stats().commits, 1u + 3 + 2 + 1);
  EXPECT_EQ(Count("events"), "10");
}

TEST_F(GroupCommitEnqueuerTest, AnEventIsWrittenInPartsThatAreBoundedInBytes) {
  options_.group_bytes_max = 1'000'000;
  EventWrite large = MakeWrite(1, 8);
  for (store::RequestRow& request : large.requests) {
    request.inputs_json = R"({"text": ")" + std::string(300'000, 'x') + "\"}";
  }
  EventWrite alone = MakeWrite(2, 2);  // each is over the bound by itself
  for (store::RequestRow& request : alone.requests) {
    request.inputs_json = R"({"text": ")" + std::string(1'100'000, 'x') + "\"}";
  }
  Start();
  EXPECT_EQ(Describe(Submit({large}).Get()), "committed 8");
  const auto transactions = [this] {
    return store::Sql(database_.dsn(),
                      "SELECT count(DISTINCT xmin::text) FROM cievents.pipeline_requests");
  };
  EXPECT_EQ(transactions(), "3");
  EXPECT_EQ(Describe(Submit({alone}).Get()), "committed 2");
  EXPECT_EQ(transactions(), "5");
}

// While others emit, what a tenant alone has left goes in short groups: they must not wait for it.
TEST_F(GroupCommitEnqueuerTest, AHeavyTenantsGroupsAreShortWhileOthersEmit) {
  options_.lone_tenant_requests_max = 50;
  Start();
  HoldWriters();
  Answer first = OccupyWriter(0);
  std::vector<Answer> heavy;
  for (int i = 1; i <= 60; ++i) heavy.push_back(Submit({MakeWrite(i, 5)}));
  EventWrite other = MakeWrite(61);
  other.event.root_namespace_id = 99;
  Answer light = Submit({other});
  Release();
  for (Answer& answer : heavy) EXPECT_THAT(answer.Get(), SizeIs(1));
  EXPECT_THAT(light.Get(), SizeIs(1));
  // The first; a turn of 100 with the other tenant's one; four times 50.
  EXPECT_EQ(enqueuer_->stats().commits, 1u + 1 + 4);
}

TEST_F(GroupCommitEnqueuerTest, ATenantThatIsAloneFillsItsGroups) {
  options_.lone_tenant_requests_max = 10;
  Start();
  HoldWriters();
  Answer first = OccupyWriter(0);
  std::vector<Answer> heavy;
  for (int i = 1; i <= 10; ++i) heavy.push_back(Submit({MakeWrite(i, 5)}));
  Release();
  for (Answer& answer : heavy) EXPECT_THAT(answer.Get(), SizeIs(1));
  EXPECT_EQ(enqueuer_->stats().commits, 2u);
}

TEST_F(GroupCommitEnqueuerTest, TheSameEventTwiceInFlightIsAnsweredByWhatTheFirstStored) {
  Start();
  HoldWriters();
  Answer blocker = OccupyWriter(0);
  Answer first = Submit({MakeWrite(1, 2)});
  Answer retry = Submit({MakeWrite(1, 2)});
  Answer reused = Submit({MakeWrite(1, 2, R"({"other": 1})")});
  Release();
  EXPECT_EQ(Describe(first.Get()), "committed 2");
  EXPECT_EQ(Describe(retry.Get()), "committed 0") << "a duplicate";
  EXPECT_EQ(Describe(reused.Get()), "id-reused 0");
  EXPECT_EQ(Count("pipeline_requests"), "3");
}

TEST_F(GroupCommitEnqueuerTest, TwoWritersWithTheSameEventsMakeEachRequestOnce) {
  options_.writers = 4;
  options_.group_requests_max = 20;
  Start();
  std::vector<Answer> answers;
  for (int round = 0; round < 4; ++round) {
    // Each round in another order, so that groups of several writers overlap.
    for (int i = 0; i < 100; ++i) {
      answers.push_back(Submit({MakeWrite(round % 2 == 0 ? i : 99 - i, 2)}));
    }
  }
  int inserted = 0;
  for (Answer& answer : answers) {
    const Results results = answer.Get();
    ASSERT_THAT(results, SizeIs(1));
    EXPECT_EQ(results[0].kind, Kind::kCommitted);
    inserted += results[0].inserted;
  }
  EXPECT_EQ(inserted, 200);
  EXPECT_EQ(Count("pipeline_requests"), "200");
}

TEST_F(GroupCommitEnqueuerTest, APoisonRowIsFoundByHalvingAndRefusedAlone) {
  Start();
  HoldWriters();
  Answer blocker = OccupyWriter(1000);
  std::vector<Answer> answers;
  for (int i = 0; i < 9; ++i) {
    EventWrite write = MakeWrite(i, 2);
    if (i == 5) write.requests[1].inputs_json = "{not json";
    answers.push_back(Submit({std::move(write)}));
  }
  Release();
  for (int i = 0; i < 9; ++i) {
    const Results results = answers[static_cast<size_t>(i)].Get();
    ASSERT_THAT(results, SizeIs(1));
    if (i != 5) {
      EXPECT_EQ(Describe(results), "committed 2") << i;
      continue;
    }
    EXPECT_EQ(results[0].kind, Kind::kRefused);
    EXPECT_THAT(results[0].message, HasSubstr("json"));
  }
  EXPECT_EQ(Count("events"), "9") << "8 and the first one: nothing of the poisoned event is left";
  EXPECT_EQ(Describe(Submit({MakeWrite(50)}).Get()), "committed 1");
}

TEST_F(GroupCommitEnqueuerTest, AFullQueueRefusesAndTakesAgainOnceThereIsRoom) {
  options_.queued_events_max = 6;  // of which a tenant may hold as much as is still free
  Start();
  HoldWriters();
  Answer first = OccupyWriter(0);  // taken by the writer: not in the queue any more
  Answer second = Submit({MakeWrite(1), MakeWrite(2)});
  const absl::Status too_many = TrySubmit({MakeWrite(3), MakeWrite(4), MakeWrite(6)});
  EXPECT_EQ(too_many.code(), absl::StatusCode::kResourceExhausted) << too_many;
  Answer third = Submit({MakeWrite(5)});
  EXPECT_EQ(TrySubmit({MakeWrite(6)}).code(), absl::StatusCode::kResourceExhausted);
  EventWrite of_another = MakeWrite(7);
  of_another.event.root_namespace_id = 71;
  Answer fourth = Submit({of_another});
  Release();
  EXPECT_EQ(Describe(second.Get()), "committed 1, committed 1");
  EXPECT_EQ(Describe(third.Get()), "committed 1");
  EXPECT_EQ(Describe(fourth.Get()), "committed 1");
  EXPECT_EQ(Describe(Submit({MakeWrite(3), MakeWrite(4), MakeWrite(6)}).Get()),
            "committed 1, committed 1, committed 1");
}

TEST_F(GroupCommitEnqueuerTest, TheQueueIsBoundedInBytesTooButAnEmptyOneTakesAnyBatch) {
  options_.queued_bytes_max = 100'000;
  Start();
  HoldWriters();
  Answer first = OccupyWriter(0);
  Answer small = Submit({MakeWrite(1)});
  const std::string large = "\"" + std::string(100'000, 'x') + "\"";
  EXPECT_EQ(TrySubmit({MakeWrite(2, 1, large)}).code(), absl::StatusCode::kResourceExhausted);
  Release();
  EXPECT_EQ(Describe(small.Get()), "committed 1");
  EXPECT_EQ(Describe(Submit({MakeWrite(2, 1, large)}).Get()), "committed 1")
      << "refused by an empty queue it would be refused for ever";
}

// The whole of a submission is never one statement beyond the bounds of a group: it would time out,
// be sent again, and time out again.
TEST_F(GroupCommitEnqueuerTest, WhatFiresMoreThanAGroupHoldsIsWrittenInParts) {
  options_.group_requests_max = 10;
  Start();
  EXPECT_EQ(
      Describe(
          Submit({MakeWrite(1, 35), MakeWrite(2, 4), MakeWrite(3, 10), MakeWrite(4, 11)}).Get()),
      "committed 35, committed 4, committed 10, committed 11");
  EXPECT_EQ(Count("events"), "4");
  EXPECT_EQ(Count("pipeline_requests"), "60");
  EXPECT_EQ(Describe(Submit({MakeWrite(1, 35)}).Get()), "committed 0") << "sent again: all there";
  EXPECT_THAT(Describe(Submit({MakeWrite(1, 35, "[]")}).Get()), ::testing::HasSubstr("reused"));
}

// A schema that is being migrated, a right that is missing: not the event's fault.
TEST_F(GroupCommitEnqueuerTest, WhatIsNotTheRowsFaultIsNeverRefused) {
  options_.give_up_after = milliseconds(300);
  Start();
  EXPECT_EQ(Describe(Submit({MakeWrite(1)}).Get()), "committed 1");
  store::Sql(options_.dsn, "ALTER TABLE cievents.ready_requests RENAME TO away");
  EXPECT_EQ(Describe(Submit({MakeWrite(2)}).Get()), "unavailable 0");
  store::Sql(options_.dsn, "ALTER TABLE cievents.away RENAME TO ready_requests");
  EXPECT_TRUE(store::Eventually(
      [this] { return Describe(Submit({MakeWrite(2)}).Get()) == "committed 1"; }));
}

TEST_F(GroupCommitEnqueuerTest, AMissingPartitionIsMadeAndNotTakenForPoison) {
  const std::string dsn = store::NewEmptyDatabase();
  ASSERT_TRUE(store::MigrateUp(dsn).ok());
  options_.dsn = dsn;
  Start();
  EXPECT_EQ(Describe(Submit({MakeWrite(1)}).Get()), "committed 1");
}

TEST_F(GroupCommitEnqueuerTest, AnEventOfAnHourPastRetentionIsRefusedAloneAndItsPartitionNotMade) {
  const absl::Time gone = absl::Now() - absl::Hours(100);
  store::Sql(options_.dsn,
             "INSERT INTO cievents.partition_totals (from_time) VALUES ("
             "date_trunc('hour', clock_timestamp() - interval '90 hours', 'UTC'))");
  EventWrite late;
  late.event = store::MakeEvent(7, "{}", absl::ToUnixMillis(gone));
  late.requests.push_back(store::MakeRequest(late.event, 1));
  Start();
  const Results results = Submit({MakeWrite(1), late, MakeWrite(2)}).Get();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].kind, Kind::kCommitted);
  EXPECT_EQ(results[1].kind, Kind::kRefused);
  EXPECT_THAT(results[1].message, ::testing::HasSubstr("expired"));
  EXPECT_EQ(results[2].kind, Kind::kCommitted);
  EXPECT_EQ(Count("events"), "2");
}

TEST_F(GroupCommitEnqueuerTest, WhilePostgresIsAwayItGivesUpAndAfterwardsItWorksAgain) {
  options_.give_up_after = milliseconds(300);
  Start();
  EXPECT_EQ(Describe(Submit({MakeWrite(1)}).Get()), "committed 1");
  ASSERT_TRUE(store::Cluster().KillAll().ok());
  Answer away = Submit({MakeWrite(2), MakeWrite(3)});
  EXPECT_EQ(Describe(away.Get()), "unavailable 0, unavailable 0");
  EXPECT_EQ(enqueuer_->stats().queued_events, 0u) << "what was given up takes no room";
  ASSERT_TRUE(store::Cluster().Restart().ok());
  // The emitter sends it again.
  Results results;
  ASSERT_TRUE(store::Eventually([&] {
    results = Submit({MakeWrite(2), MakeWrite(3)}).Get();
    return Describe(results).find("unavailable") == std::string::npos;
  }));
  EXPECT_THAT(results, Each(::testing::Field(&EventWriteResult::kind, Kind::kCommitted)));
  EXPECT_EQ(Count("events"), "3");
}

// A database that neither answers nor fails: here the table is locked by another session.
TEST_F(GroupCommitEnqueuerTest, WhatWaitsBehindAHangingWriterIsAnsweredInTime) {
  options_.writers = 1;
  options_.give_up_after = milliseconds(300);
  Start();
  EXPECT_EQ(Describe(Submit({MakeWrite(1)}).Get()), "committed 1");
  std::thread locker([this] {
    store::Sql(options_.dsn, "BEGIN; LOCK TABLE cievents.events; SELECT pg_sleep(1.5); COMMIT");
  });
  ASSERT_TRUE(store::Eventually([this] {
    return store::Sql(options_.dsn,
                      "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'"
                      " AND relation = 'cievents.events'::regclass") == "1";
  }));
  Answer hanging = Submit({MakeWrite(2)});
  ASSERT_TRUE(store::Eventually([this] { return enqueuer_->stats().queued_events == 0; }));
  Answer waiting = Submit({MakeWrite(3)});
  EXPECT_EQ(Describe(waiting.Get()), "unavailable 0");
  EXPECT_FALSE(hanging.answered()) << "the first one still hangs when the second is answered";
  hanging.Get();
  locker.join();
}

TEST_F(GroupCommitEnqueuerTest, AShortAbsenceIsWaitedOut) {
  options_.writers = 2;
  Start();
  EXPECT_EQ(Describe(Submit({MakeWrite(1)}).Get()), "committed 1");
  ASSERT_TRUE(store::Cluster().KillAll().ok());
  std::vector<Answer> answers;
  for (int i = 2; i < 20; ++i) answers.push_back(Submit({MakeWrite(i)}));
  ASSERT_TRUE(store::Cluster().Restart().ok());
  for (Answer& answer : answers) EXPECT_EQ(Describe(answer.Get()), "committed 1");
  EXPECT_EQ(Count("events"), "19");
}

TEST_F(GroupCommitEnqueuerTest, StopCommitsWhatWasTaken) {
  options_.group_requests_max = 5;
  Start();
  std::vector<Answer> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(Submit({MakeWrite(i)}));
  enqueuer_->Stop();
  for (Answer& answer : answers) {
    ASSERT_TRUE(answer.answered());
    EXPECT_EQ(Describe(answer.Get()), "committed 1");
  }
  EXPECT_EQ(Count("events"), "200");
  enqueuer_->Stop();  // twice is fine
  EXPECT_EQ(TrySubmit({MakeWrite(500)}).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(GroupCommitEnqueuerTest, StopWithoutPostgresAnswersEverythingAfterItsGrace) {
  options_.stop_grace = milliseconds(200);
  Start();
  ASSERT_TRUE(store::Cluster().KillAll().ok());
  std::vector<Answer> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(Submit({MakeWrite(i)}));
  const auto start = std::chrono::steady_clock::now();
  enqueuer_->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  for (Answer& answer : answers) {
    ASSERT_TRUE(answer.answered());
    EXPECT_EQ(Describe(answer.Get()), "unavailable 0");
  }
  ASSERT_TRUE(store::Cluster().Restart().ok());
}

TEST_F(GroupCommitEnqueuerTest, WhatWasNeverStartedStopsAndAnswers) {
  enqueuer_ = std::make_unique<GroupCommitEnqueuer>(options_);
  Answer answer = Submit({MakeWrite(1)});
  enqueuer_->Stop();
  EXPECT_EQ(Describe(answer.Get()), "unavailable 0");
}

}  // namespace
}  // namespace cievents::event_matcher
