#include "services/lib/store/request_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "absl/time/clock.h"
#include "matcher/base/mutex.h"
#include "matcher/base/status.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kLease = absl::Minutes(1);

using Key = std::pair<std::string, int64_t>;

Key KeyOf(const RequestRecord& record) {
  return {record.request.event_uid.ToString(), record.request.subscription_id};
}

Completion Complete(const RequestRecord& record, CompletionKind kind) {
  Completion completion;
  completion.event_uid = record.request.event_uid;
  completion.subscription_id = record.request.subscription_id;
  completion.attempt = record.attempt;
  completion.owner = record.owner;
  completion.kind = kind;
  return completion;
}

class RequestQueueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto queue = RequestQueue::Create(database_.dsn(), 8);
    ASSERT_TRUE(queue.ok()) << queue.status();
    queue_ = *std::move(queue);
    auto writer = EnqueueConnection::Connect(database_.dsn());
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
  }
  void TearDown() override {
    EXPECT_EQ(Sql(database_.dsn(), "SELECT * FROM cievents_admin.balance"), "");
  }

  // `count` events with a request each, of one tenant.
  void Enqueue(int count, int64_t tenant = 70) {
    EnqueueBatch batch;
    for (int i = 0; i < count; ++i) {
      batch.events.push_back(MakeEvent(++events_));
      batch.requests.push_back(MakeRequest(batch.events.back(), 11, tenant));
    }
    const auto result = writer_->Enqueue(batch);
    ASSERT_TRUE(result.ok()) << result.status();
  }
  void Write(const EventRow& event, const RequestRow& request) {
    EnqueueBatch batch{{event}, {request}};
    const auto result = writer_->Enqueue(batch);
    ASSERT_TRUE(result.ok()) << result.status();
  }
  std::vector<RequestRecord> Claim(const std::string& owner, int max,
                                   absl::Duration lease = kLease) {
    auto records = queue_->Claim(owner, max, lease);
    EXPECT_TRUE(records.ok()) << records.status();
    return records.ok() ? *std::move(records) : std::vector<RequestRecord>();
  }
  // Claims one request, waiting until there is one.
  RequestRecord Await(const std::string& owner, absl::Duration lease = kLease) {
    std::vector<RequestRecord> records;
    EXPECT_TRUE(Eventually([&] {
      records = Claim(owner, 1, lease);
      return !records.empty();
    }));
    return records.empty() ? RequestRecord() : records[0];
  }
  RequestRecord Find(const RequestRecord& record) {
    auto found = queue_->Find(record.request.event_uid, record.request.subscription_id);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *std::move(found) : RequestRecord();
  }

  TestDatabase database_;
  std::unique_ptr<RequestQueue> queue_;
  std::unique_ptr<EnqueueConnection> writer_;
  int events_ = 0;
};

TEST_F(RequestQueueTest, AClaimBringsAllThatAWorkerNeeds) {
  EventRow event = MakeEvent(1, std::string("{\"a\":\"\x00\xff\"}", 10));
  event.subject = "subject";
  event.traceparent = "trace";
  event.correlation_id = "correlation";
  const RequestRow request = MakeRequest(event, 11);
  EnqueueBatch batch{{event}, {request}};
  ASSERT_TRUE(writer_->Enqueue(batch).ok());
  const auto records = Claim("me", 5);
  ASSERT_THAT(records, SizeIs(1));
  const RequestRecord& record = records[0];
  EXPECT_EQ(record.request.event_uid, event.uid);
  EXPECT_EQ(record.request.subscription_id, 11);
  EXPECT_EQ(record.request.project_id, 7);
  EXPECT_EQ(record.request.root_namespace_id, 70);
  EXPECT_EQ(record.request.path, request.path);
  EXPECT_EQ(record.request.ref, "main");
  EXPECT_EQ(record.request.commit_sha, "c0ffee");
  EXPECT_EQ(record.request.workflow_id, "ab12");
  EXPECT_EQ(record.request.event_name, "issue/created");
  EXPECT_EQ(record.request.inputs_json, request.inputs_json) << "bit by bit";
  EXPECT_EQ(record.request.run_as_user_id, 3);
  EXPECT_EQ(record.event_id, "event-1");
  EXPECT_EQ(record.event_source, "test");
  EXPECT_THAT(record.event_names, ElementsAre("issue/created", "issue/updated"));
  EXPECT_EQ(record.event_project_id, 7);
  EXPECT_EQ(record.event_time_ms, event.time_ms);
  EXPECT_EQ(record.event_data, event.data) << "byte by byte";
  EXPECT_EQ(record.event_subject, "subject");
  EXPECT_EQ(record.traceparent, "trace");
  EXPECT_EQ(record.correlation_id, "correlation");
  EXPECT_EQ(record.state, "active");
  EXPECT_EQ(record.attempt, 1);
  EXPECT_EQ(record.owner, "me");
  EXPECT_GT(record.lease_end_time_ms, absl::ToUnixMillis(absl::Now() + kLease / 2));
  EXPECT_THAT(Claim("you", 5), IsEmpty());
}

TEST_F(RequestQueueTest, BadArgumentsAreRefused) {
  EXPECT_EQ(queue_->Claim("", 1, kLease).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(queue_->Claim(std::string("a\0b", 3), 1, kLease).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(queue_->Claim(std::string(257, 'a'), 1, kLease).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(queue_->Claim("me", 1, absl::ZeroDuration()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(queue_->Claim("me", 1, absl::Hours(25)).status().code(),
            absl::StatusCode::kInvalidArgument);
  RequestFilter filter;
  filter.state = "lost";
  EXPECT_EQ(queue_->List(filter).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(queue_->Find({1, 2}, 3).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RequestQueueTest, ACreatedPipelineEndsTheRequest) {
  Enqueue(1);
  const RequestRecord record = Await("me");
  Completion completion = Complete(record, CompletionKind::kCreated);
  completion.pipeline_id = 1234;
  ASSERT_TRUE(queue_->Complete(completion).ok());
  EXPECT_EQ(Find(record).state, "created");
  EXPECT_EQ(Find(record).pipeline_id, 1234);
  EXPECT_EQ(Find(record).attempt, 1);
  EXPECT_EQ(Find(record).event_data, "") << "payloads go with leases only";
  EXPECT_EQ(queue_->Complete(completion).code(), absl::StatusCode::kFailedPrecondition) << "twice";
  EXPECT_THAT(Claim("me", 5), IsEmpty());
}

TEST_F(RequestQueueTest, ARetryWaitsItsDelayAndComesBackWithTheNextAttempt) {
  Enqueue(1);
  const RequestRecord first = Await("me");
  Completion completion = Complete(first, CompletionKind::kRetry);
  completion.reason = "503";
  completion.retry_delay = absl::Milliseconds(300);
  ASSERT_TRUE(queue_->Complete(completion).ok());
  EXPECT_EQ(Find(first).state, "deferred");
  EXPECT_EQ(Find(first).reason, "503");
  EXPECT_EQ(Find(first).attempt, 1);
  const RequestRecord second = Await("you");
  EXPECT_EQ(KeyOf(second), KeyOf(first));
  EXPECT_EQ(second.attempt, 2);
  EXPECT_GE(Sql(database_.dsn(),
                "SELECT clock_timestamp() - min(ended_at) >= interval '300 ms'"
                " FROM cievents.request_outcomes"),
            "t");
}

TEST_F(RequestQueueTest, AReleasedRequestIsReadyAgainAndItsAttemptIsNotCounted) {
  Enqueue(1);
  const RequestRecord first = Await("me");
  const auto release = [&](const std::string& owner, int32_t attempt) {
    return queue_->Release(first.request.event_uid, first.request.subscription_id, attempt, owner);
  };
  EXPECT_EQ(release("you", 1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(release("me", 2).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(release("me", 1).ok());
  EXPECT_EQ(Find(first).state, "ready");
  EXPECT_EQ(release("me", 1).code(), absl::StatusCode::kFailedPrecondition) << "only once";
  const RequestRecord second = Await("you");
  EXPECT_EQ(KeyOf(second), KeyOf(first));
  EXPECT_EQ(second.attempt, 1);
  EXPECT_EQ(Sql(database_.dsn(), "SELECT count(*) FROM cievents.request_outcomes"), "0");
}

TEST_F(RequestQueueTest, ADeadRequestIsKeptAndNeverTakenAgain) {
  Enqueue(1);
  const RequestRecord record = Await("me");
  Completion completion = Complete(record, CompletionKind::kDead);
  completion.reason = "404 project gone";
  ASSERT_TRUE(queue_->Complete(completion).ok());
  EXPECT_EQ(Find(record).state, "dead");
  EXPECT_EQ(Find(record).reason, "404 project gone");
  EXPECT_THAT(Claim("me", 5), IsEmpty());
}

TEST_F(RequestQueueTest, AnExpiredLeaseIsTakenOverAndItsOwnerFenced) {
  Enqueue(1);
  const RequestRecord first = Await("me", absl::Milliseconds(1));
  const RequestRecord second = Await("you");
  EXPECT_EQ(KeyOf(second), KeyOf(first));
  EXPECT_EQ(second.attempt, 2);
  for (const CompletionKind kind :
       {CompletionKind::kCreated, CompletionKind::kRetry, CompletionKind::kDead}) {
    EXPECT_EQ(queue_->Complete(Complete(first, kind)).code(),
              absl::StatusCode::kFailedPrecondition);
  }
  Completion forged = Complete(second, CompletionKind::kCreated);
  forged.owner = "me";
  EXPECT_EQ(queue_->Complete(forged).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Find(second).state, "active");
  EXPECT_EQ(Find(second).owner, "you");
  EXPECT_TRUE(queue_->Complete(Complete(second, CompletionKind::kCreated)).ok());
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT attempt, owner, outcome FROM cievents.request_outcomes"
                " ORDER BY attempt"),
            "1|me|lease_expired\n2|you|created");
}

TEST_F(RequestQueueTest, ALateCompletionCountsIfNobodyTookOver) {
  Enqueue(1);
  const RequestRecord record = Await("me", absl::Milliseconds(1));
  ASSERT_TRUE(
      Eventually([&] { return absl::ToUnixMillis(absl::Now()) > record.lease_end_time_ms + 1; }));
  EXPECT_TRUE(queue_->Complete(Complete(record, CompletionKind::kCreated)).ok());
  EXPECT_THAT(Claim("you", 5), IsEmpty());
}

TEST_F(RequestQueueTest, ExtendKeepsAllLeasesOfItsOwner) {
  Enqueue(3);
  const auto mine = Claim("me", 2, absl::Seconds(5));
  ASSERT_THAT(mine, SizeIs(2));
  const RequestRecord other = Await("you", absl::Seconds(5));
  const auto extended = queue_->Extend("me", absl::Hours(1));
  ASSERT_TRUE(extended.ok()) << extended.status();
  EXPECT_EQ(*extended, 2);
  const int64_t soon_ms = absl::ToUnixMillis(absl::Now() + absl::Minutes(30));
  for (const RequestRecord& record : mine) EXPECT_GT(Find(record).lease_end_time_ms, soon_ms);
  EXPECT_LT(Find(other).lease_end_time_ms, soon_ms);
  EXPECT_EQ(*queue_->Extend("nobody", kLease), 0);
}

TEST_F(RequestQueueTest, TenantsTakeTurns) {
  Enqueue(100, 70);
  Enqueue(3, 80);
  Enqueue(3, 90);
  std::map<int64_t, int> taken;
  for (const RequestRecord& record : Claim("me", 9)) ++taken[record.request.root_namespace_id];
  EXPECT_EQ(taken[70], 3);
  EXPECT_EQ(taken[80], 3);
  EXPECT_EQ(taken[90], 3);
  EXPECT_THAT(Claim("me", 50), SizeIs(50)) << "who is alone gets all";
}

TEST_F(RequestQueueTest, TenantsTakeTurnsInSmallClaimsToo) {
  Enqueue(100, 70);
  Enqueue(3, 80);
  Enqueue(3, 90);
  std::map<int64_t, int> taken;
  for (int i = 0; i < 9; ++i) ++taken[Await("me").request.root_namespace_id];
  EXPECT_EQ(taken[70], 3);
  EXPECT_EQ(taken[80], 3);
  EXPECT_EQ(taken[90], 3);
}

TEST_F(RequestQueueTest, AClaimIsFilledThoughMostTenantsHaveLittle) {
  Enqueue(40, 10);
  for (int tenant = 20; tenant <= 100; tenant += 10) Enqueue(1, tenant);
  EXPECT_THAT(Claim("me", 40), SizeIs(40));
  EXPECT_THAT(Claim("me", 40), SizeIs(9));
}

TEST_F(RequestQueueTest, WithinATenantTheOldestComesFirst) {
  Enqueue(1);
  Enqueue(1);
  Enqueue(1);
  std::vector<std::string> order;
  for (const RequestRecord& record : Claim("me", 3)) order.push_back(record.event_id);
  EXPECT_THAT(order, ElementsAre("event-1", "event-2", "event-3"));
}

TEST_F(RequestQueueTest, ATenantWithoutRequestsHasNoTurn) {
  Enqueue(3);
  EXPECT_THAT(Claim("me", 5), SizeIs(3));
  EXPECT_EQ(Sql(database_.dsn(), "SELECT count(*) FROM cievents.tenant_queues"), "0");
  Enqueue(1);
  EXPECT_THAT(Claim("me", 5), SizeIs(1)) << "and gets one with its next request";
}

TEST_F(RequestQueueTest, ALostTurnDelaysAndNeverStrands) {
  Enqueue(2, 70);
  Sql(database_.dsn(), "DELETE FROM cievents.tenant_queues");
  Enqueue(1, 80);
  std::set<Key> taken;
  while (taken.size() < 3) ASSERT_TRUE(taken.insert(KeyOf(Await("me"))).second);
}

TEST_F(RequestQueueTest, RequestsBelowTheHintAreFound) {
  Enqueue(3);
  Sql(database_.dsn(),
      "UPDATE cievents.tenant_queues SET low_water_id = 1000000,"
      " full_scan_at = 'infinity'");
  EXPECT_THAT(Claim("me", 3), SizeIs(3));
}

// A writer that is not committed yet holds the turn: it must not be deleted under its requests.
TEST_F(RequestQueueTest, ATurnIsNotDeletedUnderRequestsThatAreAboutToShow) {
  Enqueue(1);
  PGconn* slow = PQconnectdb(database_.dsn().c_str());
  const EventRow event = MakeEvent(++events_);
  const auto exec = [slow](const std::string& sql) {
    PGresult* result = PQexec(slow, sql.c_str());
    EXPECT_NE(PQresultStatus(result), PGRES_FATAL_ERROR) << PQerrorMessage(slow);
    PQclear(result);
  };
  exec("BEGIN; SELECT cievents.give_turns('{70}')");
  EXPECT_THAT(Claim("me", 5), SizeIs(1)) << "claims do not wait for the writer";
  EXPECT_THAT(Claim("me", 5), IsEmpty());
  EXPECT_EQ(Sql(database_.dsn(), "SELECT count(*) FROM cievents.tenant_queues"), "1");
  exec("COMMIT");
  PQfinish(slow);
  ASSERT_TRUE(Eventually([&] {
    EXPECT_THAT(Claim("me", 5), IsEmpty());
    return Sql(database_.dsn(), "SELECT count(*) FROM cievents.tenant_queues") == "0";
  }));
}

TEST_F(RequestQueueTest, TheOutcomesPartitionOfTodayIsMadeIfItIsMissing) {
  Enqueue(1);
  const RequestRecord record = Await("me");
  Sql(database_.dsn(),
      "DO $$ DECLARE name text; BEGIN FOR name IN SELECT inhrelid::regclass FROM pg_inherits"
      " WHERE inhparent = 'cievents.request_outcomes'::regclass"
      " LOOP EXECUTE 'DROP TABLE ' || name; END LOOP; END $$");
  const absl::Status status = queue_->Complete(Complete(record, CompletionKind::kCreated));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Find(record).state, "created");
}

TEST_F(RequestQueueTest, ListsByStateAndProjectNewestFirstInPages) {
  Enqueue(5, 70);
  Enqueue(2, 80);
  const auto claimed = Claim("me", 2);
  ASSERT_THAT(claimed, SizeIs(2));
  ASSERT_TRUE(queue_->Complete(Complete(claimed[0], CompletionKind::kCreated)).ok());
  ASSERT_TRUE(queue_->Complete(Complete(claimed[1], CompletionKind::kDead)).ok());
  const auto count = [&](std::optional<int64_t> project, std::optional<std::string> state) {
    RequestFilter filter;
    filter.project_id = project;
    filter.state = std::move(state);
    const auto records = queue_->List(filter);
    EXPECT_TRUE(records.ok()) << records.status();
    for (const RequestRecord& record : *records) {
      EXPECT_EQ(record.event_data, "");
      EXPECT_EQ(record.state, filter.state.value_or(record.state));
      EXPECT_EQ(record.request.project_id, project.value_or(record.request.project_id));
    }
    return records->size();
  };
  EXPECT_EQ(count(std::nullopt, std::nullopt), 7u);
  EXPECT_EQ(count(8, std::nullopt), 2u);
  EXPECT_EQ(count(std::nullopt, "ready"), 5u);
  EXPECT_EQ(count(std::nullopt, "created"), 1u);
  EXPECT_EQ(count(std::nullopt, "dead"), 1u);
  EXPECT_EQ(count(std::nullopt, "active"), 0u);
  EXPECT_EQ(count(std::nullopt, "deferred"), 0u);

  std::set<Key> seen;
  RequestFilter page;
  page.limit = 3;
  std::string last = "~";
  while (true) {
    const auto records = queue_->List(page);
    ASSERT_TRUE(records.ok()) << records.status();
    if (records->empty()) break;
    for (const RequestRecord& record : *records) {
      EXPECT_TRUE(seen.insert(KeyOf(record)).second);
      EXPECT_LE(KeyOf(record).first, last);
      last = KeyOf(record).first;
      page.before_uid = record.request.event_uid;
      page.before_subscription_id = record.request.subscription_id;
    }
  }
  EXPECT_EQ(seen.size(), 7u);
}

TEST_F(RequestQueueTest, ARequestThatEndedAtMatchTimeIsListedWithItsReasonAndNeverLeased) {
  const EventRow event = MakeEvent(1);
  RequestRow failed = MakeRequest(event, 11);
  failed.end = RequestEnd::kFailedInput;
  failed.end_reason = "no number";
  Write(event, failed);
  EXPECT_THAT(Claim("me", 10), IsEmpty());
  RequestFilter filter;
  filter.state = "failed_input";
  const auto listed = queue_->List(filter);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->at(0).state, "failed_input");
  EXPECT_EQ(listed->at(0).reason, "no number");
  EXPECT_EQ(listed->at(0).attempt, 0);
  filter.state = "created";
  EXPECT_THAT(*queue_->List(filter), IsEmpty());
  const auto found = queue_->Find(event.uid, 11);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->state, "failed_input");
}

TEST_F(RequestQueueTest, ADecisionBringsTheEventAndWhatStandsInItsPlaceNow) {
  EventRow event = MakeEvent(1, R"({"a": 1})");
  event.actor_user_id = 3;
  event.actor_username = "ada";
  event.actor_access_level = 40;
  event.confidential = true;
  Write(event, MakeRequest(event, 11));
  const auto gone = queue_->FindDecision(event.uid, 11);
  ASSERT_TRUE(gone.ok()) << gone.status();
  EXPECT_EQ(gone->request.workflow_id, "ab12");
  EXPECT_EQ(gone->request.commit_sha, "c0ffee");
  EXPECT_EQ(gone->current_workflow_id, "") << "there is no such subscription";
  EXPECT_EQ(gone->event.data, R"({"a": 1})");
  EXPECT_EQ(gone->event.event_id, "event-1");
  EXPECT_EQ(gone->event.names, event.names);
  EXPECT_EQ(gone->event.project_id, 7);
  EXPECT_EQ(gone->event.root_namespace_id, 70);
  EXPECT_EQ(gone->event.time_ms, event.time_ms);
  EXPECT_EQ(gone->event.actor_user_id, 3);
  EXPECT_EQ(gone->event.actor_username, "ada");
  EXPECT_EQ(gone->event.actor_access_level, 40);
  EXPECT_FALSE(gone->event.actor_bot);
  EXPECT_TRUE(gone->event.confidential);
  EXPECT_EQ(gone->event.identity_id, 7);
  EXPECT_EQ(queue_->FindDecision(event.uid, 12).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RequestQueueTest, TheOverviewCountsByTenant) {
  Enqueue(5, 70);
  const auto claimed = Claim("me", 3);
  ASSERT_TRUE(queue_->Complete(Complete(claimed[0], CompletionKind::kRetry)).ok());
  ASSERT_TRUE(queue_->Complete(Complete(claimed[1], CompletionKind::kDead)).ok());
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT root_namespace_id, ready, active, deferred, dead,"
                " oldest_ready_at IS NOT NULL, next_turn_at IS NOT NULL"
                " FROM cievents_admin.queue_overview"),
            "70|2|1|1|1|t|t");
}

TEST_F(RequestQueueTest, TheBalanceNamesWhatIsInNoStateOrInTwo) {
  Enqueue(2);
  const std::string uid = MakeEvent(1).uid.ToString();
  Sql(database_.dsn(), "DELETE FROM cievents.ready_requests WHERE event_uid = '" + uid + "'");
  Sql(database_.dsn(),
      "INSERT INTO cievents.dead_letters (event_uid, subscription_id, project_id,"
      " root_namespace_id, attempt, reason) SELECT event_uid, subscription_id,"
      " project_id, root_namespace_id, 1, '' FROM cievents.ready_requests");
  EXPECT_EQ(Sql(database_.dsn(), "SELECT stored, states FROM cievents_admin.balance ORDER BY 2"),
            "t|{}\nt|{dead,ready}");
  Sql(database_.dsn(),
      "DELETE FROM cievents.dead_letters; INSERT INTO cievents.ready_requests"
      " (event_uid, subscription_id, project_id, root_namespace_id)"
      " VALUES ('" +
          uid + "', 11, 7, 70)");
}

// Goal: no request is handed out twice or forgotten. Method: writers and claimers at the same time,
// leases that expire at random, until all that was written has ended.
TEST_F(RequestQueueTest, ConcurrentClaimersNeverShareARequestAndNoneIsLeft) {
  constexpr int kWriters = 2;
  constexpr int kBatches = 40;
  constexpr int kRequests = 25;  // a batch
  constexpr int kTotal = kWriters * kBatches * kRequests;
  Mutex mutex;
  std::map<Key, std::set<int32_t>> attempts;  // of each request: attempts handed out
  std::atomic<int> created = 0;
  std::atomic<int> shared = 0;
  const auto write = [&](int writer) {
    auto connection = EnqueueConnection::Connect(database_.dsn());
    for (int batch_number = 0; batch_number < kBatches; ++batch_number) {
      EnqueueBatch batch;
      for (int i = 0; i < kRequests; ++i) {
        batch.events.push_back(MakeEvent((writer * kBatches + batch_number) * kRequests + i));
        batch.requests.push_back(
            MakeRequest(batch.events.back(), 11, 10 * (1 + (batch_number * i) % 20)));
      }
      const auto result = (*connection)->Enqueue(batch);
      EXPECT_TRUE(result.ok()) << result.status();
    }
  };
  const auto work = [&](int worker) {
    const std::string owner = fmt::format("worker-{}", worker);
    int claims = 0;
    const absl::Time end = absl::Now() + absl::Minutes(1);
    while (created < kTotal && absl::Now() < end) {
      // Every seventh claim is abandoned: somebody else finishes it.
      const bool abandoned = ++claims % 7 == 0;
      const auto records = queue_->Claim(owner, 1 + claims % 40,
                                         abandoned ? absl::Milliseconds(1) : absl::Minutes(5));
      if (!records.ok()) {
        ADD_FAILURE() << records.status();
        return;
      }
      for (const RequestRecord& record : *records) {
        {
          MutexLock lock(mutex);
          shared += attempts[KeyOf(record)].insert(record.attempt).second ? 0 : 1;
        }
        if (abandoned) continue;
        const absl::Status status = queue_->Complete(Complete(record, CompletionKind::kCreated));
        EXPECT_TRUE(status.ok()) << status;
        ++created;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) threads.emplace_back(write, i);
  for (int i = 0; i < 4; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared, 0);
  EXPECT_EQ(attempts.size(), static_cast<size_t>(kTotal));
  EXPECT_EQ(Sql(database_.dsn(), "SELECT state, count(*) FROM cievents_admin.requests GROUP BY 1"),
            fmt::format("created|{}", kTotal));
}

}  // namespace
}  // namespace cievents::store
