// Events that are known by their keys (cievents.event_keys), through the hot write path.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/lib/store/enqueue_connection.h"
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

class EventKeysTest : public ::testing::Test {
 protected:
  std::string Query(const std::string& sql) { return Sql(database_.dsn(), sql); }
  std::string Count(const std::string& table) {
    return Query("SELECT count(*) FROM cievents." + table);
  }
  // One event with one request of subscription 11, or of those given.
  EnqueueResult Enqueue(const EventRow& event, const std::vector<int64_t>& subscriptions = {11}) {
    EnqueueBatch batch{{event}, {}};
    for (const int64_t id : subscriptions) batch.requests.push_back(MakeRequest(event, id));
    const auto result = connection_->Enqueue(batch);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : EnqueueResult();
  }

  TestDatabase database_;
  std::unique_ptr<EnqueueConnection> connection_ = Connect(database_.dsn());
};

TEST_F(EventKeysTest, AKeyIsWrittenWithTheFirstRequests) {
  EventRow event = MakeKeyedEvent(1);
  event.extensions_json = R"({"b": 1, "a": "x"})";
  const EnqueueResult result = Enqueue(event);
  EXPECT_THAT(result.stored_uids, ElementsAre(event.uid));
  EXPECT_THAT(result.inserted_requests, ElementsAre(1));
  EXPECT_EQ(Query("SELECT identity_kind, identity_id, source, event_id, event_uid,"
                  " root_namespace_id, (extract(epoch FROM first_seen_at) * 1000)::bigint"
                  " FROM cievents.event_keys"),
            fmt::format("2|7|test|event-1|{}|70|{}", event.uid.ToString(), event.received_time_ms));
  EXPECT_EQ(Query("SELECT event_uid, type, extensions FROM cievents.events"),
            event.uid.ToString() + R"(|com.example.x|{"b": 1, "a": "x"})");
}

TEST_F(EventKeysTest, ARetryThatWasReceivedLaterIsTheSameEvent) {
  const EventRow event = MakeKeyedEvent(1);
  Enqueue(event);
  for (const int64_t after_ms : {-1, 1, 7'200'000}) {
    const EventRow retry = MakeKeyedEvent(1, after_ms);
    ASSERT_NE(retry.uid, event.uid);
    const EnqueueResult result = Enqueue(retry);
    EXPECT_THAT(result.inserted_requests, ElementsAre(0));
    EXPECT_THAT(result.stored_uids, ElementsAre(event.uid));
    EXPECT_THAT(result.reused_ids, IsEmpty());
  }
  EXPECT_EQ(Count("event_keys"), "1");
  EXPECT_EQ(Count("events"), "1");
  EXPECT_EQ(Count("pipeline_requests"), "1");
  EXPECT_EQ(Query("SELECT * FROM cievents_admin.balance"), "");
}

TEST_F(EventKeysTest, ARetryThatMatchesMoreAddsThatToTheFirstEvent) {
  const EventRow event = MakeKeyedEvent(1);
  Enqueue(event);
  const EnqueueResult result = Enqueue(MakeKeyedEvent(1, 5), {11, 12});
  EXPECT_THAT(result.inserted_requests, ElementsAre(1));
  EXPECT_EQ(Query("SELECT event_uid, subscription_id FROM cievents.ready_requests ORDER BY 2"),
            fmt::format("{0}|11\n{0}|12", event.uid.ToString()));
}

TEST_F(EventKeysTest, TheSameKeyWithAnotherPayloadIsRefusedAlone) {
  const EventRow event = MakeKeyedEvent(1);
  Enqueue(event);
  const EventRow other = MakeKeyedEvent(1, 5, R"({"other": 1})");
  const EventRow innocent = MakeKeyedEvent(2);
  EnqueueBatch batch{{other, innocent}, {MakeRequest(other, 12), MakeRequest(innocent, 12)}};
  const auto result = connection_->Enqueue(batch);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->reused_ids, ElementsAre(other.uid)) << "the uid that the caller knows";
  EXPECT_EQ(Query("SELECT event_uid FROM cievents.pipeline_requests WHERE subscription_id = 12"),
            innocent.uid.ToString());
}

TEST_F(EventKeysTest, KeysOfOtherPlacesSourcesAndIdsAreOtherEvents) {
  const EventRow event = MakeKeyedEvent(1);
  std::vector<EventRow> others(4, event);
  others[0].identity_kind = 1;
  others[1].identity_id = 8;
  others[2].source = "Test";
  others[3].event_id = "event-1 ";
  Enqueue(event);
  for (EventRow& other : others) {
    other.uid.low ^= 2 + static_cast<uint64_t>(&other - others.data());
    EXPECT_THAT(Enqueue(other).stored_uids, ElementsAre(other.uid));
  }
  EXPECT_EQ(Count("event_keys"), "5");
}

TEST_F(EventKeysTest, ABatchMixesNativeAndKeyedEventsOldAndNew) {
  const EventRow first = MakeKeyedEvent(1);
  const EventRow native = MakeEvent(2);
  Enqueue(first);
  const EventRow retry = MakeKeyedEvent(1, 9);
  const EventRow fresh = MakeKeyedEvent(3, 4);
  EnqueueBatch batch{{fresh, retry, native},
                     {MakeRequest(retry, 12), MakeRequest(fresh, 11), MakeRequest(native, 11),
                      MakeRequest(retry, 11), MakeRequest(native, 13)}};
  const auto result = connection_->Enqueue(batch);
  ASSERT_TRUE(result.ok()) << result.status();
  for (size_t i = 0; i < batch.events.size(); ++i) {
    const EventRow& event = batch.events[i];
    EXPECT_EQ(result->stored_uids[i], event.uid == retry.uid ? first.uid : event.uid);
    EXPECT_EQ(result->inserted_requests[i], event.uid == native.uid ? 2 : 1);
  }
  EXPECT_EQ(Query("SELECT e.event_id, string_agg(r.subscription_id::text, ',' ORDER BY 1)"
                  " FROM cievents.events e JOIN cievents.pipeline_requests r USING (event_uid)"
                  " GROUP BY 1 ORDER BY 1"),
            "event-1|11,12\nevent-2|11,13\nevent-3|11");
  EXPECT_EQ(Query("SELECT event_id FROM cievents.event_keys ORDER BY 1"), "event-1\nevent-3");
}

// What is not there cannot cost anything.
TEST_F(EventKeysTest, NativeEventsDoNotTouchTheTable) {
  Query("DROP TABLE cievents.event_keys; DROP FUNCTION cievents.claim_event_keys");
  EXPECT_THAT(Enqueue(MakeEvent(1)).inserted_requests, ElementsAre(1));
  EXPECT_THAT(Enqueue(MakeEvent(1)).inserted_requests, ElementsAre(0));
}

TEST_F(EventKeysTest, AMatcherOfTheVersionBeforeStillFindsItsFunction) {
  // Their numbers of parameters, without the columns that are returned.
  EXPECT_EQ(Query("SELECT pronargs FROM pg_proc WHERE proname = 'enqueue_batch' ORDER BY 1"),
            "37\n41");
}

// Goal: two deliveries that race give one event, with one payload, whoever wins. Method: two
// writers send overlapping batches of keyed and native events, shuffled, with received times of
// their own, so that the uids that they propose are ordered differently.
TEST_F(EventKeysTest, OverlappingDeliveriesNeitherDeadlockNorDouble) {
  constexpr int kRounds = 20;
  constexpr int kEvents = 60;
  std::atomic<int> inserted = 0;
  std::atomic<int> reused = 0;
  std::atomic<int> failed = 0;
  const auto write = [&](int writer) {
    const auto connection = Connect(database_.dsn());
    std::mt19937 random(static_cast<unsigned>(writer));
    for (int round = 0; round < kRounds; ++round) {
      for (int attempt = 0; attempt < 3; ++attempt) {
        EnqueueBatch batch;
        for (int i = 0; i < kEvents; ++i) {
          const int number = round * kEvents + i;
          const std::string data = i % 10 == 0 ? fmt::format("[{}]", writer) : "{}";
          batch.events.push_back(
              i % 3 == 1 ? MakeEvent(number, data)
                         : MakeKeyedEvent(number, static_cast<int64_t>(random() % 1000), data));
          const EventRow& event = batch.events.back();
          batch.requests.push_back(MakeRequest(event, 1 + i % 3, 10 * (1 + i % 7)));
          batch.requests.push_back(MakeRequest(event, 10 + writer, 100));
          // What only a later attempt matches is new to an event that is there already.
          if (attempt > 0) batch.requests.push_back(MakeRequest(event, 20 + attempt, 100));
        }
        std::shuffle(batch.events.begin(), batch.events.end(), random);
        std::shuffle(batch.requests.begin(), batch.requests.end(), random);
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
  // Of 60 events 54 agree (a common request, one of each writer, two of later attempts), 6 clash.
  EXPECT_EQ(inserted, kRounds * (54 * 5 + 6 * 4));
  EXPECT_EQ(reused, kRounds * 6);
  EXPECT_EQ(Count("events"), std::to_string(kRounds * kEvents));
  EXPECT_EQ(Count("event_keys"), std::to_string(kRounds * kEvents * 2 / 3));
  EXPECT_EQ(Count("pipeline_requests"), std::to_string(inserted));
  EXPECT_EQ(Query("SELECT count(*) FROM cievents.event_keys k LEFT JOIN cievents.events e"
                  " USING (event_uid, event_id) WHERE e.event_uid IS NULL"),
            "0");
  EXPECT_EQ(Query("SELECT * FROM cievents_admin.balance"), "");
}

// Goal: the locks of the keys stand for an order of the rows. Method: two writers send retries of
// stored events, which propose uids in opposite orders, and match one more subscription each time.
TEST_F(EventKeysTest, RetriesThatMatchMoreInOppositeOrdersDoNotDeadlock) {
  constexpr int kRounds = 10;
  constexpr int kEvents = 500;
  const auto batch_of = [](int64_t step_ms, int64_t subscription) {
    EnqueueBatch batch;
    for (int i = 0; i < kEvents; ++i) {
      batch.events.push_back(MakeKeyedEvent(i, 10'000 + i * step_ms));
      batch.requests.push_back(MakeRequest(batch.events.back(), subscription));
    }
    return batch;
  };
  EnqueueBatch first = batch_of(0, 1);
  ASSERT_TRUE(connection_->Enqueue(first).ok());
  std::atomic<int> inserted = 0;
  std::atomic<int> at_start[kRounds] = {};
  const auto write = [&](int64_t step_ms) {
    const auto connection = Connect(database_.dsn());
    for (int round = 0; round < kRounds; ++round) {
      EnqueueBatch batch = batch_of(step_ms, 100 + round);
      ++at_start[round];
      while (at_start[round] < 2) std::this_thread::yield();
      const auto result = connection->Enqueue(batch);
      EXPECT_TRUE(result.ok()) << result.status();
      if (!result.ok()) continue;  // the other one waits at the start of the next round
      for (const int32_t count : result->inserted_requests) inserted += count;
    }
  };
  std::thread other(write, -1);
  write(1);
  other.join();
  EXPECT_EQ(inserted, kRounds * kEvents);
}

TEST_F(EventKeysTest, AKeyWhoseFirstWriterFailsBelongsToTheSecond) {
  std::thread first([&] {
    Query(
        "BEGIN; INSERT INTO cievents.event_keys VALUES"
        " (2, 7, 'test', 'event-1', '018bcfe5-687b-731b-a13d-3c119b44b3f1', 70, now());"
        " DO $$ BEGIN FOR i IN 1..3000 LOOP"
        "   PERFORM FROM pg_stat_activity WHERE datname = current_database()"
        "   AND application_name = 'cievents-enqueue' AND wait_event_type = 'Lock';"
        "   EXIT WHEN FOUND; PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot();"
        " END LOOP; END $$; ROLLBACK");
  });
  ASSERT_TRUE(Eventually([&] {
    return Query(
               "SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock'"
               " AND relation = 'cievents.event_keys'::regclass") == "1";
  }));
  const EventRow event = MakeKeyedEvent(1);
  EXPECT_THAT(Enqueue(event).stored_uids, ElementsAre(event.uid));
  first.join();
}

TEST_F(EventKeysTest, OldKeysAreForgottenInParts) {
  for (int i = 1; i <= 4; ++i) Enqueue(MakeKeyedEvent(i, i * 1000));
  const int64_t before_ms = MakeKeyedEvent(1).received_time_ms + 3500;
  const std::string forget =
      fmt::format("SELECT cievents.forget_event_keys(to_timestamp({} / 1000.0), 2)", before_ms);
  EXPECT_EQ(Query(forget), "2") << "at most two at a time, the oldest first";
  EXPECT_EQ(Query("SELECT min(event_id) FROM cievents.event_keys"), "event-3");
  EXPECT_EQ(Query(forget), "1");
  EXPECT_EQ(Query(forget), "0");
  EXPECT_EQ(Query("SELECT event_id FROM cievents.event_keys"), "event-4");
  const EventRow again = MakeKeyedEvent(1, 9000);
  EXPECT_THAT(Enqueue(again).stored_uids, ElementsAre(again.uid)) << "a new event";
}

}  // namespace
}  // namespace cievents::store
