#include "services/lib/store/retention.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <thread>

#include "absl/time/clock.h"
#include "services/lib/store/partitions.h"
#include "services/lib/store/request_queue.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::store {
namespace {

// A session in a transaction, which holds locks.
class OpenTransaction {
 public:
  OpenTransaction(const std::string& dsn, const std::string& sql) : pg_(PQconnectdb(dsn.c_str())) {
    PQclear(PQexec(pg_, ("BEGIN; " + sql).c_str()));
    EXPECT_EQ(PQtransactionStatus(pg_), PQTRANS_INTRANS) << PQerrorMessage(pg_);
  }
  ~OpenTransaction() { PQfinish(pg_); }

 private:
  PGconn* const pg_;
};

class RetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    writer_ = *EnqueueConnection::Connect(dsn_);
    queue_ = *RequestQueue::Create(dsn_, 4);
  }
  // At every moment: each request is in one state, and what is there and what went add up.
  void ExpectBalance() {
    EXPECT_EQ(Sql(dsn_,
                  "SELECT (SELECT count(*) FROM cievents_admin.balance),"
                  " (SELECT count(*) FROM cievents_admin.partition_totals WHERE missing <> 0),"
                  " (SELECT count(*) FROM cievents.pipeline_requests)"
                  " + (SELECT coalesce(sum(created + failed_input), 0)"
                  "    FROM cievents.partition_totals WHERE dropped_at IS NOT NULL)"),
              fmt::format("0|0|{}", requests_.load()));
  }
  void TearDown() override { ExpectBalance(); }

  void MakeHour(absl::Time hour) {
    const absl::Status made = EnsurePartitions(dsn_, absl::Now(), {hour});
    ASSERT_TRUE(made.ok()) << made;
  }
  absl::StatusCode Write(const EventRow& event, const std::vector<int64_t>& subscription_ids) {
    EnqueueBatch batch{{event}, {}};
    for (const int64_t id : subscription_ids) batch.requests.push_back(MakeRequest(event, id));
    const auto result = writer_->Enqueue(batch);
    if (!result.ok()) return result.status().code();
    requests_ += result->inserted_requests[0];
    return absl::StatusCode::kOk;
  }
  // Event `number` at `time` with one request for each state: created, dead, retry, active, ready
  // or failed_input. Nothing else may be ready.
  EventRow WriteIn(int number, absl::Time time, const std::vector<std::string>& states) {
    const EventRow event = MakeEvent(number, "{}", absl::ToUnixMillis(time));
    EnqueueBatch batch{{event}, {}};
    for (size_t i = 0; i < states.size(); ++i) {
      batch.requests.push_back(MakeRequest(event, static_cast<int64_t>(i)));
      if (states[i] == "failed_input") batch.requests.back().end = RequestEnd::kFailedInput;
    }
    EXPECT_EQ(writer_->Enqueue(batch).status(), absl::OkStatus());
    requests_ += static_cast<int>(states.size());
    auto claimed = queue_->Claim("worker", 100, absl::Hours(1));
    EXPECT_TRUE(claimed.ok()) << claimed.status();
    for (const RequestRecord& record : *claimed) {
      const std::string& state = states[static_cast<size_t>(record.request.subscription_id)];
      Completion completion;
      completion.event_uid = record.request.event_uid;
      completion.subscription_id = record.request.subscription_id;
      completion.attempt = record.attempt;
      completion.owner = record.owner;
      completion.retry_delay = absl::Hours(1);
      if (state == "dead") completion.kind = CompletionKind::kDead;
      if (state == "retry") completion.kind = CompletionKind::kRetry;
      if (state == "ready") {
        Sql(dsn_, fmt::format("SELECT cievents.release_request('{}', {}, {}, 'worker')",
                              record.request.event_uid.ToString(), completion.subscription_id,
                              completion.attempt));
      } else if (state != "active") {
        EXPECT_EQ(queue_->Complete(completion), absl::OkStatus());
      }
    }
    return event;
  }
  std::vector<std::string> Run() {
    auto steps = Retention(dsn_).Run();
    EXPECT_TRUE(steps.ok()) << steps.status();
    return steps.value_or(std::vector<std::string>());
  }
  std::string Totals() {
    return Sql(dsn_,
               "SELECT events, requests, created, failed_input, carried"
               " FROM cievents_admin.partition_totals ORDER BY from_time");
  }
  std::string OldPartitions() {
    return Sql(dsn_,
               "SELECT partition_name FROM cievents_admin.partitions"
               " WHERE from_time < clock_timestamp() - interval '74 hours' ORDER BY 1");
  }
  static std::string HourOf(absl::Time time) {
    return absl::FormatTime("%Y%m%d_%H", time, absl::UTCTimeZone());
  }

  TestDatabase database_;
  const std::string dsn_ = database_.dsn();
  // The last hour of a day that is past retention as a whole.
  const absl::Time old_ =
      absl::UnixEpoch() + absl::Hours(23) +
      absl::Floor(absl::Now() - absl::Hours(100) - absl::UnixEpoch(), absl::Hours(24));
  std::unique_ptr<EnqueueConnection> writer_;
  std::unique_ptr<RequestQueue> queue_;
  std::atomic<int> requests_ = 0;
};

TEST_F(RetentionTest, AnHourIsCountedAndLeavesAndWhatHasNotEndedStays) {
  MakeHour(old_);
  MakeHour(old_ + absl::Hours(1));
  MakeHour(old_ + absl::Hours(2));
  WriteIn(1, old_, {"created", "created"});
  WriteIn(2, old_ + absl::Minutes(59), {"failed_input"});
  WriteIn(3, old_ + absl::Hours(1), {"created"});
  WriteIn(4, absl::Now(), {"created"});
  WriteIn(5, old_, {"created", "dead", "retry", "active"});
  WriteIn(6, old_ + absl::Hours(2), {"ready"});
  ExpectBalance();
  EXPECT_THAT(Run(), ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(Totals(), "3|7|3|1|3\n1|1|1|0|0\n1|1|0|0|1");
  EXPECT_EQ(Sql(dsn_, "SELECT event_id FROM cievents.events ORDER BY 1"),
            "event-4\nevent-5\nevent-6");
  const std::string last = HourOf(old_ + absl::Hours(2));
  EXPECT_EQ(OldPartitions(), "events_kept_" + last + "\npipeline_requests_kept_" + last)
      << "one for all that is carried";
  EXPECT_THAT(Run(), ::testing::IsEmpty()) << "nothing is left to do";

  // What is carried goes on as if nothing had been.
  const auto claimed = queue_->Claim("worker", 10, absl::Minutes(1));
  ASSERT_TRUE(claimed.ok()) << claimed.status();
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ((*claimed)[0].event_id, "event-6");
  EXPECT_EQ(Sql(dsn_, "SELECT state FROM cievents_admin.requests ORDER BY 1"),
            "active\nactive\ncreated\ndead\ndeferred");
}

TEST_F(RetentionTest, NothingIsWrittenToAnHourThatIsGone) {
  MakeHour(old_);
  MakeHour(old_ + absl::Hours(1));
  const EventRow carried = WriteIn(1, old_, {"dead"});
  const EventRow gone = WriteIn(2, old_ + absl::Hours(1), {"created"});
  Run();
  // Where nothing is kept there is no partition, and none is made.
  EXPECT_EQ(Write(gone, {0}), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(EnsurePartitions(dsn_, absl::Now(), {absl::FromUnixMillis(gone.time_ms)}).code(),
            absl::StatusCode::kInvalidArgument);
  // Where something is kept it takes no more, not even what it has.
  EXPECT_EQ(Write(carried, {0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Write(MakeEvent(3, "{}", carried.time_ms), {0}), absl::StatusCode::kInvalidArgument);
  // The clock of a process that is days behind makes none either.
  EXPECT_EQ(EnsurePartitions(dsn_, old_ + absl::Hours(1)), absl::OkStatus());
  EXPECT_EQ(Sql(dsn_, fmt::format("SELECT count(*) FROM cievents_admin.partitions"
                                  " WHERE from_time < to_timestamp({}) AND NOT kept"
                                  " AND table_name <> 'request_outcomes'",
                                  absl::ToUnixSeconds(old_ + absl::Hours(2)))),
            "0");
  EXPECT_EQ(Write(MakeEvent(4), {0}), absl::StatusCode::kOk);
}

// Whose clock is ahead makes partitions that are not needed yet, and none is dropped for it.
TEST_F(RetentionTest, OnlyTheClockOfPostgresCounts) {
  ASSERT_TRUE(EnsurePartitions(dsn_, absl::Now() + absl::Hours(14)).ok());
  const absl::Time young = absl::Now() - absl::Hours(72);
  MakeHour(young);
  WriteIn(1, young, {"created"});
  EXPECT_THAT(Run(), ::testing::IsEmpty());
  const absl::Time due = absl::Now() - absl::Hours(74);
  MakeHour(due);
  WriteIn(2, due, {"created"});
  EXPECT_THAT(Run(), ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(Sql(dsn_, "SELECT event_id FROM cievents.events"), "event-1");
  EXPECT_THAT(Sql(dsn_, "SELECT cievents.retention_step('71 hours')"),
              ::testing::HasSubstr("72 hours at least"));
}

TEST_F(RetentionTest, CarriedRequestsThatEndedLeaveWithTheOutcomesOfTheirDay) {
  MakeHour(old_);
  WriteIn(2, old_ + absl::Minutes(1), {"created", "active"});
  WriteIn(1, old_, {"ready", "dead"});
  Run();
  EXPECT_EQ(Totals(), "2|4|1|0|3");
  // They end on a day that is past retention, too.
  const std::string day = absl::FormatTime("%Y%m%d", old_, absl::UTCTimeZone());
  EXPECT_EQ(
      Sql(dsn_, fmt::format("CREATE TABLE cievents.request_outcomes_{0} PARTITION OF"
                            " cievents.request_outcomes FOR VALUES FROM ('{0} 00:00+00') TO"
                            " ('{0} 24:00+00');"
                            "WITH ended AS (DELETE FROM cievents.active_requests RETURNING *)"
                            " INSERT INTO cievents.request_outcomes SELECT event_uid,"
                            " subscription_id, project_id, root_namespace_id, 1, 'w', 'created', 1,"
                            " '', '{0} 23:59+00' FROM ended",
                            day)),
      "");
  ExpectBalance();
  Run();
  EXPECT_EQ(Totals(), "2|4|2|0|2");
  EXPECT_EQ(Sql(dsn_, "SELECT event_id FROM cievents.events"), "event-1");
  EXPECT_EQ(Sql(dsn_, "SELECT state FROM cievents_admin.requests ORDER BY 1"), "dead\nready");
  EXPECT_EQ(Sql(dsn_, "SELECT to_regclass('cievents.request_outcomes_" + day + "')"), "");
}

TEST_F(RetentionTest, KeysLeaveBeforeTheHourOfTheirUids) {
  MakeHour(old_);
  const int64_t back_ms = absl::ToInt64Milliseconds(absl::Now() - old_ - absl::Minutes(30));
  const EventRow old_delivery = MakeKeyedEvent(1, -back_ms);
  EXPECT_EQ(Write(old_delivery, {1}), absl::StatusCode::kOk);
  EXPECT_EQ(Write(MakeKeyedEvent(2), {1}), absl::StatusCode::kOk);
  {
    const OpenTransaction delivery(dsn_, "SELECT FROM cievents.event_keys FOR UPDATE");
    EXPECT_THAT(Sql(dsn_, "SELECT cievents.retention_step('73 hours')"),
                ::testing::HasSubstr("keys of the hour"));
    EXPECT_EQ(Totals(), "") << "it is not closed before";
  }
  Run();
  EXPECT_EQ(Sql(dsn_, "SELECT event_id FROM cievents.event_keys"), "event-2");
  EXPECT_EQ(Totals(), "1|1|0|0|1");
  // The same event again is a new one: nothing tells it any more.
  EXPECT_EQ(Write(MakeKeyedEvent(1), {1}), absl::StatusCode::kOk);
}

TEST_F(RetentionTest, ItMayBeBrokenOffAfterAndWithinEveryStep) {
  MakeHour(old_);
  MakeHour(old_ + absl::Hours(1));
  WriteIn(1, old_, {"created", "dead"});
  WriteIn(2, old_ + absl::Hours(1), {"created", "retry"});
  int steps = 0;
  while (true) {
    ExpectBalance();
    const std::string step = "SELECT cievents.retention_step('73 hours')";
    if (Sql(dsn_, "BEGIN; " + step + "; ROLLBACK; " + step).empty()) break;
    ASSERT_LT(++steps, 30);
  }
  EXPECT_EQ(Totals(), "1|2|1|0|1\n1|2|1|0|1");
  EXPECT_EQ(Sql(dsn_, "SELECT count(*) FROM cievents.events"), "2");
  // What would be said if a carried request had been lost (rolled back when the session ends).
  EXPECT_EQ(Sql(dsn_,
                "BEGIN; DELETE FROM cievents.pipeline_requests r USING cievents.dead_letters d"
                " WHERE r.event_uid = d.event_uid;"
                " SELECT missing, (SELECT states FROM cievents_admin.balance)"
                " FROM cievents_admin.partition_totals WHERE missing <> 0"),
            "1|{dead}");
}

// A reader that does not end: retention waits for it, a fifth of a second at a time, and whoever
// kills or cancels it leaves nothing half done.
TEST_F(RetentionTest, WhileSomebodyReadsItNeitherWorksNorLocksOut) {
  MakeHour(old_);
  WriteIn(1, old_, {"created", "dead"});
  Retention retention(dsn_);
  absl::StatusOr<std::vector<std::string>> ended;
  {
    const OpenTransaction reader(dsn_, "LOCK TABLE cievents.events IN ACCESS SHARE MODE");
    std::thread runner([&] { ended = retention.Run(); });
    EXPECT_TRUE(Eventually([this] {
      return Sql(dsn_,
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type ="
                 " 'Lock' AND application_name = 'cievents-retention'") == "t";
    }));
    runner.join();
    EXPECT_EQ(ended.status().code(), absl::StatusCode::kUnavailable);
    runner = std::thread([&] { ended = retention.Run(); });
    EXPECT_TRUE(Eventually([this] {
      return Sql(dsn_,
                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                 " AND application_name = 'cievents-retention'") == "1";
    }));
    EXPECT_EQ(Write(MakeEvent(2), {1}), absl::StatusCode::kOk) << "waits a fifth of a second";
    retention.Cancel();
    runner.join();
    EXPECT_EQ(ended.status().code(), absl::StatusCode::kUnavailable);
  }
  ExpectBalance();
  EXPECT_EQ(retention.Run().status().code(), absl::StatusCode::kUnavailable)
      << "cancelled for good";
  Run();
  EXPECT_EQ(Totals(), "1|2|1|0|1");
}

TEST_F(RetentionTest, TwoAtOnceWhileWritersWriteDropEachHourOnce) {
  std::string expected;
  for (int hour = 0; hour < 4; ++hour) {
    MakeHour(old_ + absl::Hours(hour));
    WriteIn(100 + hour, old_ + absl::Hours(hour), {"created", "dead"});
    expected += std::string(expected.empty() ? "" : "\n") + "1|2|1|0|1";
  }
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {
    for (int number = 1000; !stop; ++number) {
      EXPECT_EQ(Write(MakeEvent(number), {1, 2}), absl::StatusCode::kOk);
      ++written;
    }
  });
  std::atomic<size_t> steps = 0;
  std::vector<std::thread> runners;
  for (int i = 0; i < 2; ++i) {
    runners.emplace_back([&] {
      while (Totals() != expected) steps += Run().size();
    });
  }
  for (std::thread& runner : runners) runner.join();
  stop = true;
  writer.join();
  Run();
  EXPECT_GT(written, 0);
  EXPECT_GT(steps, 0u);
  EXPECT_EQ(Totals(), expected);
  EXPECT_THAT(OldPartitions(), ::testing::Not(::testing::HasSubstr("requests_2")));
}

}  // namespace
}  // namespace cievents::store
