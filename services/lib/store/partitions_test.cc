#include "services/lib/store/partitions.h"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <thread>

#include "absl/time/clock.h"
#include "services/lib/store/migrator.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::store {
namespace {

class PartitionsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(MigrateUp(dsn_).ok()); }
  std::string Count(const std::string& table) {
    return Sql(dsn_, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'cievents." + table +
                         "'::regclass");
  }
  absl::StatusCode Enqueue(absl::Time time) {
    static int number = 0;
    const EventRow event = MakeEvent(++number, "{}", absl::ToUnixMillis(time));
    EnqueueBatch batch{{event}, {MakeRequest(event, 11)}};
    auto connection = EnqueueConnection::Connect(dsn_);
    EXPECT_TRUE(connection.ok()) << connection.status();
    return (*connection)->Enqueue(batch).status().code();
  }

  const std::string dsn_ = NewEmptyDatabase();
  const absl::Time now_ = absl::FromCivil(absl::CivilHour(2026, 3, 4, 5), absl::UTCTimeZone());
};

TEST_F(PartitionsTest, ReachFromADayBackToHalfADayAhead) {
  const absl::Status status = EnsurePartitions(dsn_, now_ + absl::Minutes(59));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Count("events"), "38");
  EXPECT_EQ(Count("pipeline_requests"), "38");
  EXPECT_EQ(Count("request_outcomes"), "2");
  EXPECT_EQ(Enqueue(now_ - absl::Hours(25)), absl::StatusCode::kOk);
  EXPECT_EQ(Enqueue(now_ + absl::Hours(13) - absl::Milliseconds(1)), absl::StatusCode::kOk);
  EXPECT_EQ(Enqueue(now_ - absl::Hours(25) - absl::Milliseconds(1)),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Enqueue(now_ + absl::Hours(13)), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Sql(dsn_, "SELECT tableoid::regclass FROM cievents.events ORDER BY event_uid"),
            "cievents.events_20260303_04\ncievents.events_20260304_17");
}

TEST_F(PartitionsTest, TheSecondTimeOnlyWhatIsMissingIsMade) {
  ASSERT_TRUE(EnsurePartitions(dsn_, now_).ok());
  const std::string before = Sql(dsn_, "SELECT max(oid) FROM pg_class");
  ASSERT_TRUE(EnsurePartitions(dsn_, now_).ok());
  EXPECT_EQ(Sql(dsn_, "SELECT max(oid) FROM pg_class"), before);
  Sql(dsn_, "DROP TABLE cievents.events_20260304_05");
  ASSERT_TRUE(EnsurePartitions(dsn_, now_ + absl::Hours(1)).ok());
  EXPECT_EQ(Count("events"), "39");
}

TEST_F(PartitionsTest, TheyAreIndexedAsTheirParentAndKeepNoCheck) {
  ASSERT_TRUE(EnsurePartitions(dsn_, now_).ok());
  EXPECT_EQ(Sql(dsn_,
                "SELECT count(*) FROM pg_index WHERE indisprimary AND indisvalid"
                " AND indrelid = 'cievents.events_20260304_05'::regclass"),
            "1");
  EXPECT_EQ(Sql(dsn_,
                "SELECT conname FROM pg_constraint WHERE contype = 'c'"
                " AND conrelid = 'cievents.pipeline_requests_20260304_05'::regclass"),
            "");
}

TEST_F(PartitionsTest, SeveralProcessesMayMakeThemAtOnce) {
  std::vector<absl::Status> statuses(4);
  std::vector<std::thread> threads;
  for (absl::Status& status : statuses) {
    threads.emplace_back([&] { status = EnsurePartitions(dsn_, now_); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Count("events"), "38");
}

TEST_F(PartitionsTest, WritersAreNotLockedOutAndDoNotLockOut) {
  ASSERT_TRUE(EnsurePartitions(dsn_, now_).ok());
  PGconn* writer = PQconnectdb(dsn_.c_str());
  PQclear(PQexec(writer,
                 "BEGIN; INSERT INTO cievents.pipeline_requests (event_uid, subscription_id,"
                 " project_id, root_namespace_id, path, ref, commit_sha, workflow_id, event_name,"
                 " entry, inputs, run_as_user_id) VALUES"
                 " (cievents.uuid7_floor('2026-03-04 05:00+00'), 1, 7, 70, '', '', '', '', '', 0,"
                 " '{}', 0)"));
  ASSERT_EQ(PQtransactionStatus(writer), PQTRANS_INTRANS) << PQerrorMessage(writer);
  const absl::Status status = EnsurePartitions(dsn_, now_ + absl::Hours(3));
  EXPECT_TRUE(status.ok()) << status;
  PQclear(PQexec(writer, "COMMIT"));
  PQfinish(writer);
  EXPECT_EQ(Count("events"), "41");
}

TEST_F(PartitionsTest, NoServerIsUnavailable) {
  EXPECT_EQ(EnsurePartitions("postgresql://nobody@%2Fnowhere/x", now_).code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cievents::store
