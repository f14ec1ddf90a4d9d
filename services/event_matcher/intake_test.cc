#include "services/event_matcher/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "services/event_matcher/request_rows.h"
#include "services/event_matcher/testing/manual_enqueuer.h"

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = EventWriteResult::Kind;

constexpr int64_t kProject = 7;
constexpr int64_t kRoot = 70;

// Keeps what is submitted until the test answers it.
class FakeEnqueuer final : public Enqueuer {
 public:
  absl::Status Submit(SharedWrites writes, Done done) override {
    if (!status.ok()) return status;
    submitted.insert(submitted.end(), writes->begin(), writes->end());
    done_ = std::move(done);
    return absl::OkStatus();
  }
  bool is_store_away() const override { return false; }
  void Stop() override {}

  void Answer(std::vector<EventWriteResult> results) { done_(std::move(results)); }
  bool waits() const { return done_ != nullptr; }

  absl::Status status;  // of the next Submit
  std::vector<EventWrite> submitted;

 private:
  Done done_;
};

class IntakeTest : public ::testing::Test {
 protected:
  IntakeTest() {
    Intake::Options options;
    options.event_data_bytes_max = 1000;
    options.now = [this] { return now_; };
    intake_ = std::make_unique<Intake>(options, matchers_, enqueuer_);
    EXPECT_THAT(index_.ReplaceProject(OneSubscription(PlainEntry())), IsEmpty());
  }

  static matcher::Entry PlainEntry() {
    matcher::Entry entry;
    entry.patterns.push_back(*matcher::Pattern::Parse("custom/x"));
    return entry;
  }
  static matcher::Entry EntryIf(const std::string& condition) {
    matcher::Entry entry = PlainEntry();
    matcher::RuleClause clause;
    clause.if_text = condition;
    entry.rules.emplace().push_back(clause);
    return entry;
  }
  static matcher::ProjectSubscriptions OneSubscription(const matcher::Entry& entry) {
    matcher::ProjectSubscriptions set;
    set.project_id = kProject;
    set.namespace_ids = {kRoot, 71};
    set.default_branch = "main";
    set.commit_sha = "c0ffee";
    matcher::Subscription subscription;
    subscription.subscription_id = 1;
    subscription.path = "a.yml";
    subscription.entries.push_back(entry);
    set.subscriptions.push_back(subscription);
    return set;
  }

  Event MakeEvent(const std::string& name = "custom/x", const std::string& id = "e1") {
    Event event;
    event.id = id;
    event.source = "test";
    event.names = {name};
    event.project_id = kProject;
    event.time_ms = absl::ToUnixMillis(now_);
    event.data = R"({"n":1})";
    return event;
  }
  // An event of a door whose producers do not repeat the time.
  Event MakeKeyedEvent(const std::string& id = "e1") {
    Event event = MakeEvent("custom/x", id);
    event.retries = Retries::kMayChangeTime;
    event.time_ms = 0;
    return event;
  }
  void Publish(std::vector<absl::StatusOr<Event>> events, AckLevel ack = AckLevel::kDurable) {
    outcomes_.reset();
    std::vector<DecodedEvent> decoded;
    for (absl::StatusOr<Event>& event : events) {
      decoded.push_back({event.ok() ? *std::move(event) : Event(), event.status()});
    }
    intake_->Publish(std::span(decoded), ack, [this](std::vector<Outcome> outcomes) {
      EXPECT_FALSE(outcomes_.has_value()) << "answered twice";
      outcomes_ = std::move(outcomes);
    });
  }
  // The outcome of an event that is answered without the enqueuer.
  Outcome AnsweredAtOnce(const absl::StatusOr<Event>& event) {
    Publish({event});
    EXPECT_TRUE(outcomes_.has_value());
    EXPECT_FALSE(enqueuer_.waits());
    return outcomes_.has_value() && outcomes_->size() == 1 ? outcomes_->front() : Outcome();
  }
  // The outcome of a matching event for which the enqueuer says `result`.
  Outcome OutcomeOf(const EventWriteResult& result) {
    Publish({MakeEvent()});
    EXPECT_FALSE(outcomes_.has_value()) << "answered before it was stored";
    enqueuer_.Answer({result});
    EXPECT_TRUE(outcomes_.has_value());
    return outcomes_.has_value() ? outcomes_->at(0) : Outcome();
  }

  absl::Time now_ = absl::FromUnixMillis(1'800'000'000'000);
  matcher::Index index_;
  MatcherPool matchers_{index_};
  FakeEnqueuer enqueuer_;
  std::unique_ptr<Intake> intake_;
  std::optional<std::vector<Outcome>> outcomes_;
};

TEST_F(IntakeTest, AnEventThatMatchesNothingIsAnsweredAtOnceAndNotStored) {
  const Outcome outcome = AnsweredAtOnce(MakeEvent("custom/y"));
  EXPECT_EQ(outcome.kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcome.reason, OutcomeReason::kNone);
  EXPECT_EQ(outcome.matched_count, 0);
  EXPECT_EQ(outcome.ack, AckLevel::kDurable) << "there is nothing to keep";
  EXPECT_EQ(outcome.event_uid, "") << "there is no request that it would be a part of";
}

TEST_F(IntakeTest, AMatchedEventIsAnsweredWhenItIsCommitted) {
  const Outcome outcome = OutcomeOf({Kind::kCommitted, 1, ""});
  EXPECT_EQ(outcome.kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcome.matched_count, 1);
  EXPECT_EQ(outcome.ack, AckLevel::kDurable);
  ASSERT_THAT(enqueuer_.submitted, SizeIs(1));
  EXPECT_EQ(enqueuer_.submitted[0].event.uid.ToString(), outcome.event_uid);
  EXPECT_EQ(enqueuer_.submitted[0].event.received_time_ms, absl::ToUnixMillis(now_));
}

TEST_F(IntakeTest, WhatTheStoreSaysBecomesTheOutcome) {
  const Outcome duplicate = OutcomeOf({Kind::kCommitted, 0, ""});
  EXPECT_EQ(duplicate.kind, OutcomeKind::kDuplicate);
  EXPECT_EQ(duplicate.ack, AckLevel::kDurable);
  EXPECT_EQ(duplicate.matched_count, 1);

  const Outcome reused = OutcomeOf({Kind::kIdReused, 0, ""});
  EXPECT_EQ(reused.kind, OutcomeKind::kRejected);
  EXPECT_EQ(reused.reason, OutcomeReason::kIdReused);
  EXPECT_EQ(reused.ack, AckLevel::kNone);
  EXPECT_EQ(reused.event_uid, "");

  const Outcome refused = OutcomeOf({Kind::kRefused, 0, "inputs are no JSON"});
  EXPECT_EQ(refused.kind, OutcomeKind::kRejected);
  EXPECT_EQ(refused.reason, OutcomeReason::kInvalid);
  EXPECT_THAT(refused.message, HasSubstr("inputs are no JSON"));

  const Outcome spooled = OutcomeOf({Kind::kSpooled, 0, ""});
  EXPECT_EQ(spooled.kind, OutcomeKind::kAccepted);
  EXPECT_EQ(spooled.ack, AckLevel::kDurableLocal);
  EXPECT_EQ(spooled.matched_count, 1);

  const Outcome away = OutcomeOf({Kind::kUnavailable, 0, "connection lost"});
  EXPECT_EQ(away.kind, OutcomeKind::kOverloaded);
  EXPECT_EQ(away.reason, OutcomeReason::kStoreUnavailable);
  EXPECT_EQ(away.ack, AckLevel::kNone);
  EXPECT_GT(away.retry_after, absl::ZeroDuration());
  EXPECT_THAT(away.message, HasSubstr("send the same event again"));
}

TEST_F(IntakeTest, AFullQueueIsOverloadForTheMatchedEventsOnly) {
  enqueuer_.status = absl::ResourceExhaustedError("the queue is full");
  Publish({MakeEvent("custom/y", "e1"), MakeEvent("custom/x", "e2"), MakeEvent("Bad Name", "e3")});
  ASSERT_TRUE(outcomes_.has_value());
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kOverloaded);
  EXPECT_EQ(outcomes_->at(1).reason, OutcomeReason::kQueueFull);
  EXPECT_GT(outcomes_->at(1).retry_after, absl::ZeroDuration());
  EXPECT_EQ(outcomes_->at(1).ack, AckLevel::kNone);
  EXPECT_EQ(outcomes_->at(2).kind, OutcomeKind::kRejected);
}

TEST_F(IntakeTest, AReceivedAckDoesNotWaitForTheStoreAndSaysSo) {
  Publish({MakeEvent("custom/x", "e1"), MakeEvent("custom/y", "e2")}, AckLevel::kReceived);
  ASSERT_TRUE(outcomes_.has_value());
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(0).ack, AckLevel::kReceived);
  EXPECT_EQ(outcomes_->at(1).ack, AckLevel::kDurable) << "an unmatched event has nothing to lose";
  enqueuer_.Answer({{Kind::kUnavailable, 0, ""}});  // nobody listens any more
}

TEST_F(IntakeTest, AFullQueueIsSaidEvenWithAReceivedAck) {
  enqueuer_.status = absl::ResourceExhaustedError("full");
  Publish({MakeEvent()}, AckLevel::kReceived);
  ASSERT_TRUE(outcomes_.has_value());
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kOverloaded);
}

TEST_F(IntakeTest, TheWindowHoldsAtItsEdgesAndNotOneMillisecondBeyond) {
  struct Case {
    absl::Duration offset;
    OutcomeKind kind;
    OutcomeReason reason;
  };
  for (const Case& one : {Case{-absl::Hours(24), OutcomeKind::kAccepted, OutcomeReason::kNone},
                          Case{-absl::Hours(24) - absl::Milliseconds(1), OutcomeKind::kRejected,
                               OutcomeReason::kExpired},
                          Case{absl::Minutes(5), OutcomeKind::kAccepted, OutcomeReason::kNone},
                          Case{absl::Minutes(5) + absl::Milliseconds(1), OutcomeKind::kRejected,
                               OutcomeReason::kFromTheFuture}}) {
    Event event = MakeEvent("custom/y");
    event.time_ms = absl::ToUnixMillis(now_ + one.offset);
    const Outcome outcome = AnsweredAtOnce(event);
    EXPECT_EQ(outcome.kind, one.kind) << one.offset;
    EXPECT_EQ(outcome.reason, one.reason) << one.offset;
    EXPECT_EQ(outcome.message.empty(), one.kind == OutcomeKind::kAccepted);
  }
}

TEST_F(IntakeTest, AKeyedEventIsNeverTooOldAndATimeThatCannotBeIsThatOfItsReceipt) {
  struct Case {
    int64_t time_ms;
    int64_t taken_ms;
  };
  const int64_t now_ms = absl::ToUnixMillis(now_);
  const int64_t hour_ms = 3'600'000;
  for (const Case& one : {Case{0, now_ms}, Case{-1, now_ms}, Case{now_ms - 25 * hour_ms, now_ms},
                          Case{now_ms + hour_ms, now_ms}, Case{now_ms - hour_ms, now_ms - hour_ms},
                          Case{std::numeric_limits<int64_t>::max(), now_ms}}) {
    enqueuer_.submitted.clear();
    Event event = MakeKeyedEvent();
    event.time_ms = one.time_ms;
    Publish({event});
    ASSERT_THAT(enqueuer_.submitted, SizeIs(1)) << one.time_ms;
    const store::EventRow& row = enqueuer_.submitted[0].event;
    EXPECT_TRUE(row.keyed);
    EXPECT_EQ(row.time_ms, one.taken_ms);
    EXPECT_EQ(row.received_time_ms, now_ms);
    EXPECT_EQ(row.uid.time_ms(), now_ms) << "whatever the producer says";
    enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  }
}

TEST_F(IntakeTest, TheUidOfAKeyedEventIsKnownOnceItIsStored) {
  Publish({MakeKeyedEvent()});
  const auto stored = matcher::EventUid::Parse("018bcfe5-687b-731b-a13d-3c119b44b3f1");
  enqueuer_.Answer({{Kind::kCommitted, 0, "", stored}});
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kDuplicate);
  EXPECT_EQ(outcomes_->at(0).event_uid, stored->ToString());
  for (const Kind kind : {Kind::kSpooled, Kind::kUnavailable, Kind::kIdReused}) {
    Publish({MakeKeyedEvent()});
    enqueuer_.Answer({{kind, 0, ""}});
    EXPECT_EQ(outcomes_->at(0).event_uid, "") << "perhaps it is stored under another one already";
  }
  Publish({MakeKeyedEvent()}, AckLevel::kReceived);
  EXPECT_EQ(outcomes_->at(0).event_uid, "");
}

TEST_F(IntakeTest, AKeyedEventTwiceInABatchIsWrittenOnceWhateverItsTimes) {
  Event later = MakeKeyedEvent();
  later.time_ms = absl::ToUnixMillis(now_) - 1000;
  Event other = MakeKeyedEvent();
  other.data = "[]";
  Publish({MakeKeyedEvent(), later, other});
  EXPECT_THAT(enqueuer_.submitted, SizeIs(1));
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kDuplicate);
  EXPECT_EQ(outcomes_->at(2).reason, OutcomeReason::kRepeatedInBatch);
}

// As spooled records of the same event come, each with the time of its first admission.
TEST_F(IntakeTest, AKeyedEventTwiceInABatchIsWrittenOnceWheneverItWasReceived) {
  Event earlier = MakeKeyedEvent();
  earlier.received_time_ms = absl::ToUnixMillis(now_) - 5000;
  Publish({earlier, MakeKeyedEvent()});
  EXPECT_THAT(enqueuer_.submitted, SizeIs(1));
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kDuplicate);
}

TEST_F(IntakeTest, AConditionSeesTheTypeOfACloudEvent) {
  EXPECT_THAT(index_.ReplaceProject(OneSubscription(EntryIf("$[[ event.type ]] == 'com.a'"))),
              IsEmpty());
  Event event = MakeKeyedEvent("e1");
  event.type = "com.a";
  Event other = MakeKeyedEvent("e2");
  other.type = "com.b";
  Publish({event, other, MakeEvent("custom/x", "e3")});
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).matched_count, 1);
  EXPECT_EQ(outcomes_->at(1).matched_count, 0);
  EXPECT_EQ(outcomes_->at(2).matched_count, 0);
}

TEST_F(IntakeTest, BytesThatWereNoEventAreRefusedWithTheReason) {
  const Outcome outcome = AnsweredAtOnce(absl::InvalidArgumentError("time is missing"));
  EXPECT_EQ(outcome.kind, OutcomeKind::kRejected);
  EXPECT_EQ(outcome.reason, OutcomeReason::kInvalid);
  EXPECT_EQ(outcome.message, "time is missing");
  EXPECT_EQ(outcome.event_uid, "");
  EXPECT_EQ(outcome.matched_count, std::nullopt);
}

TEST_F(IntakeTest, AnEventThatIsNotValidIsRefusedWithTheField) {
  Event event = MakeEvent();
  event.id = "";
  EXPECT_THAT(AnsweredAtOnce(event).message, HasSubstr("id"));
  event = MakeEvent();
  event.data.assign(1001, ' ');
  EXPECT_THAT(AnsweredAtOnce(event).message, HasSubstr("1000")) << "the configured limit";
  event = MakeEvent();
  event.names = {"custom/*"};
  EXPECT_EQ(AnsweredAtOnce(event).reason, OutcomeReason::kInvalid);
}

TEST_F(IntakeTest, AncestorsOfAKnownProjectAreFilledIn) {
  Publish({MakeEvent()});
  ASSERT_THAT(enqueuer_.submitted, SizeIs(1));
  EXPECT_EQ(enqueuer_.submitted[0].event.root_namespace_id, kRoot);
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).reason, OutcomeReason::kNone);
}

TEST_F(IntakeTest, GivenAncestorsAreNotOverwritten) {
  Event event = MakeEvent();
  event.namespace_ids = {90};
  Publish({event});
  ASSERT_THAT(enqueuer_.submitted, SizeIs(1));
  EXPECT_EQ(enqueuer_.submitted[0].event.root_namespace_id, 90);
}

TEST_F(IntakeTest, AnUnknownProjectIsAcceptedAndSaid) {
  Event event = MakeEvent();
  event.project_id = 999;
  const Outcome unknown = AnsweredAtOnce(event);
  EXPECT_EQ(unknown.kind, OutcomeKind::kAccepted);
  EXPECT_EQ(unknown.reason, OutcomeReason::kUnknownProject);
  event.namespace_ids = {70};
  EXPECT_EQ(AnsweredAtOnce(event).reason, OutcomeReason::kNone) << "its ancestors are given";
}

TEST_F(IntakeTest, AGroupEventHasAnIdentityOfItsGroup) {
  matcher::ProjectSubscriptions set = OneSubscription(PlainEntry());
  set.subscriptions[0].entries[0].scope.kind = matcher::ScopeKind::kInstance;
  EXPECT_THAT(index_.ReplaceProject(set), IsEmpty());
  Event project_event = MakeEvent();
  Event group_event = MakeEvent();
  group_event.project_id = 0;
  group_event.namespace_ids = {kRoot, kProject};  // a group with the number of the project
  Event instance_event = group_event;
  instance_event.namespace_ids.clear();
  const auto uid_of = [this](const Event& event) {
    Publish({event});
    enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
    return outcomes_.has_value() ? outcomes_->at(0).event_uid : "no answer";
  };
  const std::string project_uid = uid_of(project_event);
  const std::string group_uid = uid_of(group_event);
  const std::string instance_uid = uid_of(instance_event);
  EXPECT_THAT(project_uid, SizeIs(36));
  EXPECT_NE(project_uid, group_uid);
  EXPECT_NE(group_uid, instance_uid);
  EXPECT_EQ(uid_of(group_event), group_uid) << "a retry has the same";
}

TEST_F(IntakeTest, TheSameEventTwiceInABatchIsWrittenOnceAndAnsweredTwice) {
  Publish({MakeEvent(), MakeEvent(), MakeEvent("custom/y", "e2")});
  ASSERT_FALSE(outcomes_.has_value());
  EXPECT_THAT(enqueuer_.submitted, SizeIs(1));
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kDuplicate);
  EXPECT_EQ(outcomes_->at(1).event_uid, outcomes_->at(0).event_uid);
  EXPECT_EQ(outcomes_->at(2).kind, OutcomeKind::kAccepted);
}

TEST_F(IntakeTest, ARepeatThatMatchesOthersAddsThemToTheFirst) {
  matcher::ProjectSubscriptions set = OneSubscription(PlainEntry());
  set.subscriptions.push_back(set.subscriptions.front());
  set.subscriptions.back().subscription_id = 2;
  set.subscriptions.back().entries.front().patterns = {*matcher::Pattern::Parse("custom/y")};
  ASSERT_THAT(index_.ReplaceProject(set), ::testing::IsEmpty());
  Event other = MakeEvent();
  other.names = {"custom/x", "custom/y"};
  Publish({MakeEvent(), other, MakeEvent()});
  ASSERT_THAT(enqueuer_.submitted, SizeIs(1));
  const EventWrite& write = enqueuer_.submitted[0];
  ASSERT_THAT(write.requests, SizeIs(2));
  EXPECT_NE(write.requests[0].subscription_id, write.requests[1].subscription_id);
  EXPECT_EQ(write.requests[1].event_uid, write.event.uid);
  enqueuer_.Answer({{Kind::kCommitted, 2, ""}});
  EXPECT_EQ(outcomes_->at(0).matched_count, 1);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kDuplicate);
  EXPECT_EQ(outcomes_->at(1).matched_count, 2);
  EXPECT_EQ(outcomes_->at(2).matched_count, 1);
}

TEST_F(IntakeTest, ARepeatSharesTheFateOfTheFirst) {
  Publish({MakeEvent(), MakeEvent()});
  enqueuer_.Answer({{Kind::kUnavailable, 0, ""}});
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kOverloaded);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kOverloaded);
}

TEST_F(IntakeTest, TheSameIdWithOtherDataInABatchIsRefused) {
  Event other = MakeEvent();
  other.data = R"({"n":2})";
  Publish({MakeEvent(), other});
  EXPECT_THAT(enqueuer_.submitted, SizeIs(1));
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kRejected);
  EXPECT_EQ(outcomes_->at(1).reason, OutcomeReason::kRepeatedInBatch);
  EXPECT_EQ(outcomes_->at(1).event_uid, "") << "empty if rejected";
}

TEST_F(IntakeTest, OutcomesStandInTheOrderOfTheEvents) {
  Event expired = MakeEvent("custom/x", "e4");
  expired.time_ms -= 100 * 3'600'000;
  Publish({MakeEvent("custom/x", "e1"), absl::InvalidArgumentError("bad"),
           MakeEvent("custom/y", "e3"), expired, MakeEvent("custom/x", "e5")});
  ASSERT_THAT(enqueuer_.submitted, SizeIs(2));
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}, {Kind::kIdReused, 0, ""}});
  std::vector<OutcomeReason> reasons;
  for (const Outcome& outcome : *outcomes_) reasons.push_back(outcome.reason);
  EXPECT_THAT(reasons,
              ElementsAre(OutcomeReason::kNone, OutcomeReason::kInvalid, OutcomeReason::kNone,
                          OutcomeReason::kExpired, OutcomeReason::kIdReused));
}

TEST_F(IntakeTest, AConditionDecidesFromThePayload) {
  EXPECT_THAT(index_.ReplaceProject(OneSubscription(EntryIf("$[[ event.payload.n ]] == '1'"))),
              IsEmpty());
  Event other = MakeEvent("custom/x", "e2");
  other.data = R"({"n":2})";
  Publish({MakeEvent(), other});
  ASSERT_THAT(enqueuer_.submitted, SizeIs(1));
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).matched_count, 1);
  EXPECT_EQ(outcomes_->at(1).matched_count, 0);
  EXPECT_EQ(outcomes_->at(1).failed_payload_count, 0);
}

TEST_F(IntakeTest, APayloadThatIsNoJsonFiresNothingAndIsCounted) {
  EXPECT_THAT(index_.ReplaceProject(OneSubscription(EntryIf("$[[ event.payload.n ]] == '1'"))),
              IsEmpty());
  Event broken = MakeEvent();
  broken.data = "not json";
  const Outcome outcome = AnsweredAtOnce(broken);
  EXPECT_EQ(outcome.kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcome.matched_count, 0);
  EXPECT_EQ(outcome.failed_payload_count, 1);
}

TEST_F(IntakeTest, ASuspendedSubscriptionIsCountedAndDoesNotFire) {
  matcher::ProjectSubscriptions set = OneSubscription(PlainEntry());
  set.subscriptions[0].suspended = true;
  EXPECT_THAT(index_.ReplaceProject(set), IsEmpty());
  const Outcome outcome = AnsweredAtOnce(MakeEvent());
  EXPECT_EQ(outcome.matched_count, 0);
  EXPECT_EQ(outcome.suspended_count, 1);
}

TEST_F(IntakeTest, ASubscriptionWhoseCiFileLetsNothingRunIsCountedAndDoesNotFire) {
  matcher::ProjectSubscriptions set = OneSubscription(PlainEntry());
  set.subscriptions[0].hoisted_rules.jobs.emplace();
  EXPECT_THAT(index_.ReplaceProject(set), IsEmpty());
  const Outcome outcome = AnsweredAtOnce(MakeEvent());
  EXPECT_EQ(outcome.matched_count, 0);
  EXPECT_EQ(outcome.filtered_by_rules_count, 1);
}

TEST_F(IntakeTest, ARequestWhoseInputsDoNotFitIsWrittenAsEnded) {
  matcher::Entry entry = PlainEntry();
  entry.inputs = {{"iid", R"("$[[ event.payload.text ]]")", {}}};
  matcher::ProjectSubscriptions set = OneSubscription(entry);
  set.subscriptions[0].spec_inputs_json = R"({"iid":{"type":"number"}})";
  EXPECT_THAT(index_.ReplaceProject(set), IsEmpty());
  Event event = MakeEvent();
  event.data = R"({"text":"seven"})";
  Publish({event});
  ASSERT_THAT(enqueuer_.submitted, SizeIs(1));
  ASSERT_THAT(enqueuer_.submitted[0].requests, SizeIs(1));
  const store::RequestRow& request = enqueuer_.submitted[0].requests[0];
  EXPECT_EQ(request.end, store::RequestEnd::kFailedInput);
  EXPECT_THAT(request.end_reason, HasSubstr("iid"));
  enqueuer_.Answer({{Kind::kCommitted, 1, ""}});
  EXPECT_EQ(outcomes_->at(0).matched_count, 1) << "it matched; the request says what came of it";
}

// A subscription of each of two tenants.
TEST_F(IntakeTest, EachTenantIsSubmittedByItselfAndTheBatchIsAnsweredOnce) {
  matcher::ProjectSubscriptions other = OneSubscription(PlainEntry());
  other.project_id = kProject + 1;
  other.namespace_ids = {kRoot + 1};
  other.subscriptions[0].subscription_id = 2;
  EXPECT_THAT(index_.ReplaceProject(other), IsEmpty());
  ManualEnqueuer enqueuer;
  intake_ = std::make_unique<Intake>(Intake::Options{.now = [this] { return now_; }}, matchers_,
                                     enqueuer);
  Event second = MakeEvent("custom/x", "e2");
  second.project_id = kProject + 1;
  Publish({MakeEvent("custom/x", "e1"), second, MakeEvent("custom/x", "e3"),
           MakeEvent("custom/y", "e4")});
  ASSERT_EQ(enqueuer.submitted(), 2u);
  enqueuer.Answer(1, Kind::kUnavailable);
  EXPECT_FALSE(outcomes_.has_value()) << "the other tenant's events are not stored yet";
  enqueuer.Answer(0, Kind::kCommitted);
  ASSERT_TRUE(outcomes_.has_value());
  EXPECT_EQ(outcomes_->at(0).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kOverloaded);
  EXPECT_EQ(outcomes_->at(2).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(3).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(3).matched_count, 0);
}

TEST_F(IntakeTest, ATenantOverItsRateIsPutOffAlone) {
  intake_ = std::make_unique<Intake>(
      Intake::Options{.tenant_events_per_second = 1, .now = [this] { return now_; }}, matchers_,
      enqueuer_);
  Event other = MakeEvent("custom/y", "e4");
  other.project_id = 0;
  other.namespace_ids = {kRoot + 1};
  Publish({MakeEvent("custom/y", "e1"), MakeEvent("custom/y", "e2"), MakeEvent("custom/y", "e3"),
           other});
  ASSERT_TRUE(outcomes_.has_value());
  EXPECT_EQ(outcomes_->at(1).kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcomes_->at(2).kind, OutcomeKind::kOverloaded);
  EXPECT_EQ(outcomes_->at(2).reason, OutcomeReason::kRateLimited);
  EXPECT_EQ(outcomes_->at(2).retry_after, absl::Seconds(1));
  EXPECT_THAT(outcomes_->at(2).message, HasSubstr("more than 1 events a second"));
  EXPECT_EQ(outcomes_->at(3).kind, OutcomeKind::kAccepted);
  now_ += absl::Seconds(1);
  EXPECT_EQ(AnsweredAtOnce(MakeEvent("custom/y", "e3")).kind, OutcomeKind::kAccepted);
}

TEST_F(IntakeTest, AnEmptyBatchIsAnsweredWithNothing) {
  Publish({});
  ASSERT_TRUE(outcomes_.has_value());
  EXPECT_THAT(*outcomes_, IsEmpty());
}

}  // namespace
}  // namespace cievents::event_matcher
