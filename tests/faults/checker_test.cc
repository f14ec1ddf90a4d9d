// The check that the fault test relies on, tested itself: faults are planted in a database that is
// in order.
#include "tests/faults/checker.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/store/testing/test_database.h"
#include "services/lib/store/testing/test_rows.h"

namespace cievents::faults {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Violation::Kind;

constexpr int64_t kProject = 7;
constexpr int64_t kSubscription = 11;

// A project whose subscription 11 listens to `issue/*`; events 1 and 2 were acknowledged and have
// their requests, event 3 matched and was never answered, event 4 matches nothing.
class CheckerTest : public ::testing::Test {
 protected:
  CheckerTest() {
    oracle::NaiveEntry entry;
    entry.patterns = {"issue/*"};
    AppliedPush push{kProject, 1, Clock::now(), Clock::now(), {}, {}};
    oracle::NaiveSubscription& subscription = push.subscriptions.emplace_back();
    subscription.subscription_id = kSubscription;
    subscription.project_id = kProject;
    subscription.namespace_ids = {70};
    subscription.entries = {entry};
    push.paths = {".gitlab/ci/events/a.yml"};
    ledger_.AddPush(push);
    for (const int number : {1, 2}) {
      Store(number, kSubscription);
      Send(number, "issue/created", Delivery::Answer::kAcknowledged, 1);
    }
    Send(3, "issue/created", Delivery::Answer::kUnanswered, -1);
    Send(4, "release/created", Delivery::Answer::kAcknowledged, 0);
  }

  void Store(int number, int64_t subscription_id, int64_t later_ms = 0) {
    store::EventRow event = store::MakeEvent(number);
    event = store::MakeEvent(number, "{}", event.time_ms + later_ms);
    const auto connection = store::EnqueueConnection::Connect(database_.dsn());
    ASSERT_TRUE(connection.ok()) << connection.status();
    store::EnqueueBatch batch{{event}, {store::MakeRequest(event, subscription_id)}};
    ASSERT_TRUE((*connection)->Enqueue(batch).ok());
  }

  void Send(int number, const std::string& name, Delivery::Answer answer, int count) {
    const store::EventRow row = store::MakeEvent(number);
    oracle::NaiveEvent event;
    event.names = {name, "issue/updated"};
    if (name != "issue/created") event.names.pop_back();
    event.project_id = kProject;
    event.namespace_ids = {70};
    const size_t place = ledger_.AddEvent(row.event_id, event);
    const bool answered = answer != Delivery::Answer::kUnanswered;
    ledger_.AddDelivery(place, {Clock::now(), Clock::now(), answer, count},
                        answered ? row.uid.ToString() : "");
  }

  // Plants by SQL.
  void Plant(const std::string& sql) { ASSERT_EQ(store::Sql(database_.dsn(), sql), ""); }

  std::vector<Violation> Violations() {
    counts_ = Check(database_.dsn(), {{kProject, {70}, ProjectKind::kStable}}, &ledger_);
    return ledger_.violations();
  }

  static auto Is(Kind kind, const std::string& text) {
    return AllOf(Field(&Violation::kind, kind), Field(&Violation::text, HasSubstr(text)));
  }

  store::TestDatabase database_;
  Ledger ledger_;
  Counts counts_;
};

TEST_F(CheckerTest, FindsNothingWhereAllIsInOrder) {
  EXPECT_THAT(Violations(), IsEmpty());
  EXPECT_EQ(counts_.events, 4);
  EXPECT_EQ(counts_.acknowledged, 3);
  EXPECT_EQ(counts_.acknowledged_matched, 2);
  EXPECT_EQ(counts_.exact, 3);
  EXPECT_EQ(counts_.exact_matched, 2);
  EXPECT_EQ(counts_.must, 2);
  EXPECT_EQ(counts_.requests, 2);
}

TEST_F(CheckerTest, AnUnansweredEventMayHaveItsRequest) {
  Store(3, kSubscription);
  EXPECT_THAT(Violations(), IsEmpty());
}

TEST_F(CheckerTest, FindsALostRequest) {
  Plant(
      "WITH e AS (DELETE FROM cievents.events WHERE event_id = 'event-1' RETURNING event_uid),"
      " q AS (DELETE FROM cievents.ready_requests r USING e WHERE r.event_uid = e.event_uid)"
      " DELETE FROM cievents.pipeline_requests r USING e WHERE r.event_uid = e.event_uid");
  EXPECT_THAT(Violations(), ::testing::ElementsAre(Is(Kind::kLost, "event-1 11")));
}

TEST_F(CheckerTest, WhatIsExcusedMayBeMissingAndNothingElse) {
  ledger_.Excuse({"event-1"});
  EXPECT_THAT(Violations(), IsEmpty());
  EXPECT_EQ(counts_.must, 1);
}

TEST_F(CheckerTest, FindsARequestThatNothingExplains) {
  Store(1, 12);
  EXPECT_THAT(Violations(), ::testing::ElementsAre(Is(Kind::kExtra, "event-1 12")));
}

TEST_F(CheckerTest, FindsARequestOfAnEventThatMatchesNothing) {
  Store(4, kSubscription);
  EXPECT_THAT(Violations(), ::testing::ElementsAre(Is(Kind::kExtra, "event-4 11")));
}

TEST_F(CheckerTest, FindsAnEventThatWasNeverSent) {
  Store(5, kSubscription);
  const std::vector<Violation> violations = Violations();
  EXPECT_THAT(violations, Each(Is(Kind::kExtra, "event-5")));
  EXPECT_THAT(violations, Contains(Is(Kind::kExtra, "never sent")));
}

TEST_F(CheckerTest, FindsAnEventThatIsThereTwiceUnderTwoUids) {
  Store(1, kSubscription, 1);
  const std::vector<Violation> violations = Violations();
  EXPECT_THAT(violations, Contains(Is(Kind::kDoubled, "event-1 11 2")));
  EXPECT_THAT(violations, Contains(Is(Kind::kDoubled, "an event is there more than once")));
}

TEST_F(CheckerTest, FindsARequestWithoutAState) {
  Plant(
      "DELETE FROM cievents.ready_requests WHERE event_uid ="
      " (SELECT event_uid FROM cievents.events WHERE event_id = 'event-2')");
  EXPECT_THAT(Violations(), Contains(Is(Kind::kWrong, "not in exactly one state")));
}

TEST_F(CheckerTest, FindsARequestThatAnotherEntryDecided) {
  Plant("UPDATE cievents.pipeline_requests SET entry = 1");
  EXPECT_THAT(Violations(), Contains(Is(Kind::kWrong, "another entry or name decided")).Times(2));
}

TEST_F(CheckerTest, FindsARequestThatNamesAnotherFile) {
  Plant("UPDATE cievents.pipeline_requests SET path = 'other.yml'");
  EXPECT_THAT(Violations(), Contains(Is(Kind::kWrong, "another project or file")).Times(2));
}

TEST_F(CheckerTest, FindsATenantWithoutATurn) {
  Plant("DELETE FROM cievents.tenant_queues");
  EXPECT_THAT(Violations(), ::testing::ElementsAre(Is(Kind::kWrong, "no turn: 70")));
}

TEST_F(CheckerTest, FindsACountThatWasSaidWrongly) {
  Send(1, "issue/created", Delivery::Answer::kAcknowledged, 2);
  EXPECT_THAT(Violations(), Contains(Is(Kind::kWrong, "is said to match 2")));
}

}  // namespace
}  // namespace cievents::faults
