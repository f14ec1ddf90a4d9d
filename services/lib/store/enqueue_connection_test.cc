#include "services/lib/store/enqueue_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/lib/store/partitions.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::unique_ptr<EnqueueConnection> Connect(const std::string& dsn) {
  auto connection = EnqueueConnection::Connect(dsn);
  EXPECT_TRUE(connection.ok()) << connection.status();
  return connection.ok() ? *std::move(connection) : nullptr;
}

class EnqueueConnectionTest : public ::testing::Test {
 protected:
  std::string Count(const std::string& table) {
    return Sql(database_.dsn(), "SELECT count(*) FROM cievents." + table);
  }

  TestDatabase database_;
  std::unique_ptr<EnqueueConnection> connection_ = Connect(database_.dsn());
};

TEST_F(EnqueueConnectionTest, WritesEventsRequestsReadyRowsAndTurns) {
  const EventRow first = MakeEvent(1);
  const EventRow second = MakeEvent(2);
  EnqueueBatch batch{{first, second},
                     {MakeRequest(first, 11), MakeRequest(first, 12, 80), MakeRequest(second, 11)}};
  const auto result = connection_->Enqueue(batch);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->reused_ids, IsEmpty());
  ASSERT_EQ(result->inserted_requests.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(result->inserted_requests[i], batch.events[i].uid == first.uid ? 2 : 1);
  }
  EXPECT_EQ(Count("events"), "2");
  EXPECT_EQ(Count("pipeline_requests"), "3");
  EXPECT_EQ(Count("ready_requests"), "3");
  EXPECT_EQ(Sql(database_.dsn(), "SELECT root_namespace_id FROM cievents.tenant_queues ORDER BY 1"),
            "70\n80");
  EXPECT_EQ(Sql(database_.dsn(), "SELECT * FROM cievents_admin.balance"), "");
}

TEST_F(EnqueueConnectionTest, EveryColumnArrives) {
  EventRow event = MakeEvent(1, std::string("\x7b\x00\xff\x7d", 4), 0);
  event.confidential = true;
  event.actor_user_id = 5;
  event.actor_username = "zoë";
  event.actor_access_level = 40;
  event.actor_bot = true;
  event.cause_request_id = "cause";
  event.cause_pipeline_id = 6;
  event.subject = "subject";
  event.data_schema = "schema";
  event.traceparent = "trace";
  event.correlation_id = "correlation";
  RequestRow request = MakeRequest(event, 11);
  request.entry = 4;
  EnqueueBatch batch{{event}, {request}};
  ASSERT_TRUE(connection_->Enqueue(batch).ok());
  EXPECT_EQ(
      Sql(database_.dsn(),
          "SELECT event_uid, identity_kind, identity_id, source, event_id, names, project_id,"
          " root_namespace_id, (extract(epoch FROM event_time) * 1000)::bigint,"
          " (extract(epoch FROM received_at) * 1000)::bigint, confidential, actor_user_id,"
          " actor_username, actor_access_level, actor_bot, cause_request_id, cause_pipeline_id,"
          " subject, data_schema, data, data_digest = sha256(data), traceparent, correlation_id"
          " FROM cievents.events"),
      fmt::format("{}|2|7|test|event-1|{{issue/created,issue/updated}}|7|70|{}|{}|t|5|zoë|40|t|"
                  "cause|6|subject|schema|\\x7b00ff7d|t|trace|correlation",
                  event.uid.ToString(), event.time_ms, event.received_time_ms));
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT event_uid, subscription_id, project_id, root_namespace_id, path, ref,"
                " commit_sha, workflow_id, event_name, entry, inputs, run_as_user_id"
                " FROM cievents.pipeline_requests"),
            event.uid.ToString() +
                "|11|7|70|.gitlab/ci/events/a.yml|main|c0ffee|ab12|"
                "issue/created|4|{\"b\": 1.0, \"a\": 10000000000000000000001}|3");
}

TEST_F(EnqueueConnectionTest, WhatIsAbsentIsNull) {
  EventRow event = MakeEvent(1);
  event.project_id = 0;
  EnqueueBatch batch{{event}, {MakeRequest(event, 11)}};
  ASSERT_TRUE(connection_->Enqueue(batch).ok());
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT num_nulls(project_id, actor_user_id, actor_username, actor_access_level,"
                " cause_request_id, cause_pipeline_id) FROM cievents.events"),
            "6");
}

TEST_F(EnqueueConnectionTest, ARequestThatEndsAtOnceGetsAnOutcomeAndIsNeverReady) {
  const EventRow event = MakeEvent(1);
  RequestRow failed = MakeRequest(event, 11, 80);
  failed.end = RequestEnd::kFailedInput;
  failed.end_reason = "`iid` input: provided value is not a number";
  EnqueueBatch batch{{event}, {failed, MakeRequest(event, 12)}};
  for (const int inserted : {2, 0, 0}) {
    const auto result = connection_->Enqueue(batch);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->inserted_requests, ElementsAre(inserted));
  }
  EXPECT_EQ(Count("pipeline_requests"), "2");
  EXPECT_EQ(Sql(database_.dsn(), "SELECT subscription_id FROM cievents.ready_requests"), "12");
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT event_uid, subscription_id, project_id, root_namespace_id, attempt,"
                " owner, outcome, reason FROM cievents.request_outcomes"),
            event.uid.ToString() +
                "|11|8|80|0||failed_input|`iid` input: provided value is not a number");
  EXPECT_EQ(Sql(database_.dsn(), "SELECT root_namespace_id FROM cievents.tenant_queues"), "70")
      << "a tenant gets no turn for what is never ready";
  EXPECT_EQ(Sql(database_.dsn(), "SELECT * FROM cievents_admin.balance"), "");
}

TEST_F(EnqueueConnectionTest, WhatARetryDecidesOtherwiseChangesNothing) {
  const EventRow event = MakeEvent(1);
  EnqueueBatch batch{{event}, {MakeRequest(event, 11)}};
  ASSERT_TRUE(connection_->Enqueue(batch).ok());
  RequestRow failed = MakeRequest(event, 11);
  failed.end = RequestEnd::kFailedInput;
  failed.end_reason = "the file changed meanwhile";
  EnqueueBatch again{{event}, {failed}};
  const auto result = connection_->Enqueue(again);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->inserted_requests, ElementsAre(0));
  EXPECT_EQ(Count("ready_requests"), "1");
  EXPECT_EQ(Count("request_outcomes"), "0");
}

TEST_F(EnqueueConnectionTest, ManyRequestsThatEndAreWrittenInOneGo) {
  const EventRow event = MakeEvent(1);
  EnqueueBatch batch{{event}, {}};
  for (int i = 1; i <= 2000; ++i) {
    RequestRow request = MakeRequest(event, i);
    if (i % 2 == 0) {
      request.end = RequestEnd::kFailedInput;
      request.end_reason = "no";
    }
    batch.requests.push_back(request);
  }
  const auto result = connection_->Enqueue(batch);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->inserted_requests, ElementsAre(2000));
  EXPECT_EQ(Count("ready_requests"), "1000");
  EXPECT_EQ(Count("request_outcomes"), "1000");
  EXPECT_EQ(Sql(database_.dsn(), "SELECT * FROM cievents_admin.balance"), "");
}

TEST_F(EnqueueConnectionTest, AnEmptyBatchIsNothing) {
  EnqueueBatch batch;
  const auto result = connection_->Enqueue(batch);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->inserted_requests, IsEmpty());
}

TEST_F(EnqueueConnectionTest, SendingTheSameAgainWritesNothing) {
  const EventRow event = MakeEvent(1);
  EnqueueBatch batch{{event}, {MakeRequest(event, 11), MakeRequest(event, 12)}};
  ASSERT_TRUE(connection_->Enqueue(batch).ok());
  for (int i = 0; i < 3; ++i) {
    const auto again = connection_->Enqueue(batch);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_THAT(again->inserted_requests, ElementsAre(0));
    EXPECT_THAT(again->reused_ids, IsEmpty());
  }
  EXPECT_EQ(Count("pipeline_requests"), "2");
  EXPECT_EQ(Count("ready_requests"), "2");
}

TEST_F(EnqueueConnectionTest, ARequestThatWasTakenIsNotMadeReadyAgainByARetry) {
  const EventRow event = MakeEvent(1);
  EnqueueBatch batch{{event}, {MakeRequest(event, 11)}};
  ASSERT_TRUE(connection_->Enqueue(batch).ok());
  Sql(database_.dsn(), "SELECT * FROM cievents.claim_requests('me', 10, 60000)");
  ASSERT_TRUE(connection_->Enqueue(batch).ok());
  EXPECT_EQ(Count("ready_requests"), "0");
  EXPECT_EQ(Count("active_requests"), "1");
}

TEST_F(EnqueueConnectionTest, ARetryThatMatchesMoreAddsOnlyThat) {
  const EventRow event = MakeEvent(1);
  EnqueueBatch batch{{event}, {MakeRequest(event, 11)}};
  ASSERT_TRUE(connection_->Enqueue(batch).ok());
  RequestRow changed = MakeRequest(event, 11);
  changed.commit_sha = "later";
  EnqueueBatch more{{event}, {changed, MakeRequest(event, 12)}};
  const auto result = connection_->Enqueue(more);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->inserted_requests, ElementsAre(1));
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT subscription_id, commit_sha FROM"
                " cievents.pipeline_requests ORDER BY 1"),
            "11|c0ffee\n12|c0ffee")
      << "the first writer decides";
}

TEST_F(EnqueueConnectionTest, AReusedIdWithAnotherPayloadIsRefusedAlone) {
  const EventRow event = MakeEvent(1, "{}");
  EnqueueBatch first{{event}, {MakeRequest(event, 11)}};
  ASSERT_TRUE(connection_->Enqueue(first).ok());
  const EventRow other = MakeEvent(1, R"({"other": 1})");
  const EventRow innocent = MakeEvent(2);
  EnqueueBatch second{{other, innocent}, {MakeRequest(other, 12), MakeRequest(innocent, 12)}};
  const auto result = connection_->Enqueue(second);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->reused_ids, ElementsAre(event.uid));
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT event_uid FROM cievents.pipeline_requests"
                " WHERE subscription_id = 12"),
            innocent.uid.ToString());
}

TEST_F(EnqueueConnectionTest, WithoutAPartitionItSaysSoAndWritesNothing) {
  const int64_t old_ms = absl::ToUnixMillis(absl::Now() - absl::Hours(100));
  const EventRow old = MakeEvent(1, "{}", old_ms);
  const EventRow fresh = MakeEvent(2);
  EnqueueBatch batch{{old, fresh}, {MakeRequest(old, 11), MakeRequest(fresh, 11)}};
  EXPECT_EQ(connection_->Enqueue(batch).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Count("events"), "0");
  ASSERT_TRUE(connection_->connected());
  ASSERT_TRUE(EnsurePartitions(database_.dsn(), absl::FromUnixMillis(old_ms)).ok());
  const auto again = connection_->Enqueue(batch);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->inserted_requests, ElementsAre(1, 1));
}

TEST_F(EnqueueConnectionTest, ARowThatPostgresRefusesIsAnInvalidArgument) {
  const EventRow good = MakeEvent(1);
  const auto refused = [&](const EventRow& event, const RequestRow& request) {
    EnqueueBatch batch{{event, good}, {request, MakeRequest(good, 11)}};
    return connection_->Enqueue(batch).status().code();
  };
  EventRow nul = MakeEvent(2);
  nul.subject = std::string("a\0b", 3);
  EXPECT_EQ(refused(nul, MakeRequest(nul, 11)), absl::StatusCode::kInvalidArgument);
  EventRow not_utf8 = MakeEvent(3);
  not_utf8.subject = "\xff\xfe";
  EXPECT_EQ(refused(not_utf8, MakeRequest(not_utf8, 11)), absl::StatusCode::kInvalidArgument);
  EventRow nameless = MakeEvent(4);
  nameless.names.clear();
  EXPECT_EQ(refused(nameless, MakeRequest(nameless, 11)), absl::StatusCode::kInvalidArgument);
  const EventRow event = MakeEvent(5);
  RequestRow not_json = MakeRequest(event, 11);
  not_json.inputs_json = "{";
  EXPECT_EQ(refused(event, not_json), absl::StatusCode::kInvalidArgument);

  EXPECT_EQ(Count("events"), "0");
  EnqueueBatch rest{{good}, {MakeRequest(good, 11)}};
  EXPECT_TRUE(connection_->Enqueue(rest).ok()) << "the connection is as good as before";
}

TEST_F(EnqueueConnectionTest, AConnectionKilledMidwayIsUnavailableAndTheBatchCanBeSentAgain) {
  const EventRow event = MakeEvent(1);
  EnqueueBatch batch{{event}, {MakeRequest(event, 11)}};
  absl::Status status;
  {
    // The statement waits for this lock, so that it can be killed in the middle.
    std::thread writer;
    std::atomic<bool> killed = false;
    std::thread blocker([&] {
      Sql(database_.dsn(),
          "BEGIN; LOCK TABLE cievents.ready_requests IN EXCLUSIVE MODE;"
          " DO $$ BEGIN FOR i IN 1..3000 LOOP"
          "   PERFORM pg_terminate_backend(pid) FROM pg_stat_activity"
          "   WHERE datname = current_database() AND application_name = 'cievents-enqueue'"
          "   AND wait_event_type = 'Lock';"
          "   EXIT WHEN FOUND; PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot();"
          " END LOOP; END $$; COMMIT");
      killed = true;
    });
    ASSERT_TRUE(Eventually([&] {
      return Sql(database_.dsn(),
                 "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock'"
                 " AND relation = 'cievents.ready_requests'::regclass") == "1";
    }));
    status = connection_->Enqueue(batch).status();
    blocker.join();
    EXPECT_TRUE(killed);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_FALSE(connection_->connected());
  EXPECT_EQ(connection_->Enqueue(batch).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Count("events"), "0");
  ASSERT_TRUE(connection_->Reconnect().ok());
  const auto again = connection_->Enqueue(batch);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->inserted_requests, ElementsAre(1));
}

// Goal: retries and clashes of several writers leave exactly one request a key, of one payload.
// Method: two writers send overlapping batches, shuffled, each event with one of two payloads.
TEST_F(EnqueueConnectionTest, OverlappingWritersNeitherDeadlockNorDouble) {
  constexpr int kRounds = 20;
  constexpr int kEvents = 100;
  std::atomic<int> inserted = 0;
  std::atomic<int> reused = 0;
  std::atomic<int> failed = 0;
  const auto write = [&](int writer) {
    const auto connection = Connect(database_.dsn());
    std::mt19937 random(static_cast<unsigned>(writer));
    for (int round = 0; round < kRounds; ++round) {
      EnqueueBatch batch;
      for (int i = 0; i < kEvents; ++i) {
        // Every tenth event clashes.
        const std::string data = i % 10 == 0 ? fmt::format("[{}]", writer) : "{}";
        batch.events.push_back(MakeEvent(round * kEvents + i, data));
        const EventRow& event = batch.events.back();
        batch.requests.push_back(MakeRequest(event, 1 + i % 3, 10 * (1 + i % 7)));
        batch.requests.push_back(MakeRequest(event, 10 + writer, 100));
      }
      std::shuffle(batch.events.begin(), batch.events.end(), random);
      std::shuffle(batch.requests.begin(), batch.requests.end(), random);
      for (int attempt = 0; attempt < 2; ++attempt) {  // every batch is sent twice
        const auto result = connection->Enqueue(batch);
        if (!result.ok()) {
          ADD_FAILURE() << result.status();
          ++failed;
          continue;
        }
        for (const int32_t count : result->inserted_requests) inserted += count;
        if (attempt == 0) reused += static_cast<int>(result->reused_ids.size());
      }
    }
  };
  std::thread other(write, 2);
  write(1);
  other.join();
  EXPECT_EQ(failed, 0);
  // Of 100 events 90 agree (3 requests: the common one and one of each writer), 10 clash (2).
  EXPECT_EQ(inserted, kRounds * (90 * 3 + 10 * 2));
  EXPECT_EQ(reused, kRounds * 10);
  EXPECT_EQ(Count("events"), std::to_string(kRounds * kEvents));
  EXPECT_EQ(Count("pipeline_requests"), std::to_string(inserted));
  EXPECT_EQ(Sql(database_.dsn(), "SELECT * FROM cievents_admin.balance"), "");
  // Of a clashing event only the requests of the writer that won are there.
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT count(*) FROM cievents.events e JOIN cievents.pipeline_requests r"
                " USING (event_uid) WHERE r.subscription_id >= 10 AND e.data <> '{}'"
                " AND convert_from(e.data, 'UTF8') <> format('[%s]', r.subscription_id - 10)"),
            "0");
}

TEST(EnqueueConnectTest, NoServerIsUnavailableAndNoConnectionStringInvalid) {
  EXPECT_EQ(EnqueueConnection::Connect("postgresql://nobody@%2Fnowhere/x").status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(EnqueueConnection::Connect("what=ever").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cievents::store
