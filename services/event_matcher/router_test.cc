// Tests services/event_matcher/router.h, and what of grpc_forwarder.h needs no other matcher.
#include "services/event_matcher/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>

#include "services/event_matcher/event_codec.h"
#include "services/event_matcher/grpc_forwarder.h"
#include "services/event_matcher/spool_codec.h"

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Commits at once, and keeps what.
class CommittingEnqueuer final : public Enqueuer {
 public:
  absl::Status Submit(SharedWrites writes, Done done) override {
    for (const EventWrite& write : *writes) committed.push_back(write.event.event_id);
    done(
        std::vector<EventWriteResult>(writes->size(), {EventWriteResult::Kind::kCommitted, 1, ""}));
    return absl::OkStatus();
  }
  bool is_store_away() const override { return false; }
  void Stop() override {}

  std::vector<std::string> committed;
};

// Keeps what is sent on until the test answers it, or answers at once with `answer`.
class FakeForwarder final : public EventForwarder {
 public:
  struct Call {
    std::string address;
    ForwardBatch batch;
    Done done;
  };
  void Forward(const std::string& address, ForwardBatch batch, Done done) override {
    calls.push_back({address, std::move(batch), std::move(done)});
    if (on_forward != nullptr) on_forward();
    if (!answer.has_value()) return;
    if (!answer->ok()) return calls.back().done(answer->status());
    calls.back().done(std::vector<Outcome>(calls.back().batch.events.size(), **answer));
  }
  void Stop() override {}

  std::deque<Call> calls;
  std::optional<absl::StatusOr<Outcome>> answer;
  std::function<void()> on_forward;
};

Outcome Accepted(AckLevel ack, int matched) {
  Outcome outcome;
  outcome.kind = OutcomeKind::kAccepted;
  outcome.ack = ack;
  outcome.matched_count = matched;
  return outcome;
}

Outcome NotOwnerOutcome() {
  Outcome outcome;
  outcome.kind = OutcomeKind::kOverloaded;
  outcome.reason = OutcomeReason::kNotOwner;
  return outcome;
}

// The n-th root namespace of a shard of two.
int64_t RootOfShard(int shard, int n = 1) {
  for (int64_t id = 1;; ++id) {
    if (matcher::ShardOfSlot(matcher::SlotOf(id), 2) == shard && --n == 0) return id;
  }
}

// Shard 0 of two.
class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    shards_.SetLayout({7, 2, {"zero:1", "one:1"}}, 7);
    shards_.SetLoaded(matcher::SlotsOfShard(0, 2));
    char name[] = "/tmp/cievents-router-XXXXXX";
    folder_ = mkdtemp(name);
    spool::Spool::Options options;
    options.dir = folder_ + "/spool";
    auto opened = spool::Spool::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    spool_ = *std::move(opened);
    SubscribeTo(RootOfShard(0), 7);
  }
  ~RouterTest() override {
    spool_->Stop();
    std::filesystem::remove_all(folder_);
  }

  void SubscribeTo(int64_t root, int64_t project_id) {
    matcher::ProjectSubscriptions set;
    set.project_id = project_id;
    set.namespace_ids = {root};
    matcher::Subscription& subscription = set.subscriptions.emplace_back();
    subscription.subscription_id = 1;
    subscription.path = "a.yml";
    subscription.entries.emplace_back().patterns.push_back(*matcher::Pattern::Parse("custom/x"));
    EXPECT_THAT(index_.ReplaceProject(set), IsEmpty());
  }

  static std::string Encoded(const std::string& id, int64_t root, int64_t project_id = 0) {
    events::v1::Event event;
    event.set_id(id);
    event.set_source("test");
    event.add_names("custom/x");
    event.set_project_id(project_id);
    if (root != 0) event.add_namespace_ids(root);
    event.mutable_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
    return event.SerializeAsString();
  }

  // `with_spool` false: as a matcher without one. Answered in time or not: see outcomes_.
  void Publish(const std::vector<std::string>& encoded, const Delivery& delivery = {},
               bool with_spool = true) {
    std::vector<DecodedEvent> events;
    std::vector<const std::string*> pointers;
    for (const std::string& one : encoded) {
      auto event = DecodeEvent(one);
      events.push_back({event.ok() ? *event : Event(), event.status()});
      pointers.push_back(&one);
    }
    auto answered = std::make_shared<std::promise<std::vector<Outcome>>>();
    outcomes_ = answered->get_future();
    (with_spool ? router_ : spoolless_)
        .Publish(pointers, events, delivery, [answered](std::vector<Outcome> outcomes) {
          answered->set_value(std::move(outcomes));
        });
  }
  bool answered() const {
    return outcomes_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  std::vector<spool::StoredRecord> Spooled() {
    auto records = spool_->Read({}, 100, size_t{1} << 20);
    EXPECT_TRUE(records.ok()) << records.status();
    return records.ok() ? *std::move(records) : std::vector<spool::StoredRecord>();
  }

  std::string folder_;
  matcher::Index index_;
  MatcherPool matchers_{index_};
  CommittingEnqueuer enqueuer_;
  Intake intake_{Intake::Options(), matchers_, enqueuer_};
  ShardMap shards_{0, 2};
  ProjectRoots roots_;
  FakeForwarder forwarder_;
  std::unique_ptr<spool::Spool> spool_;
  // The spool is opened in the constructor's body: the router is made at its first use.
  struct LazyRouter {
    RouterTest* test;
    bool with_spool;
    std::unique_ptr<Router> made;
    Router& get() {
      if (made == nullptr) {
        made = std::make_unique<Router>(
            test->intake_, test->shards_, test->roots_, test->forwarder_,
            with_spool ? test->spool_.get() : nullptr,
            [](EventFormat, const std::string& bytes) { return DecodeEvent(bytes); });
      }
      return *made;
    }
    template <typename... Arguments>
    void Publish(Arguments&&... arguments) {
      get().Publish(std::forward<Arguments>(arguments)...);
    }
  };
  LazyRouter router_{this, true, nullptr};
  LazyRouter spoolless_{this, false, nullptr};
  std::future<std::vector<Outcome>> outcomes_;
};

TEST_F(RouterTest, AnEventOfALoadedSlotIsMatchedHere) {
  Publish({Encoded("e1", RootOfShard(0), 7)});
  EXPECT_EQ(outcomes_.get().at(0).matched_count, 1);
  EXPECT_THAT(enqueuer_.committed, ElementsAre("e1"));
  EXPECT_THAT(forwarder_.calls, IsEmpty());
}

TEST_F(RouterTest, AnEventOfAnotherShardIsSentOnAsItCameAndTheOwnersAnswerComesBack) {
  const std::string encoded = Encoded("e1", RootOfShard(1), 8);
  Publish({encoded}, {AckLevel::kReceived, EventFormat::kNative, false});
  ASSERT_THAT(forwarder_.calls, SizeIs(1));
  EXPECT_FALSE(answered()) << "nobody but the owner answers";
  FakeForwarder::Call& call = forwarder_.calls[0];
  EXPECT_EQ(call.address, "one:1");
  EXPECT_THAT(call.batch.events, ElementsAre(encoded));
  EXPECT_EQ(call.batch.ack, AckLevel::kReceived);
  EXPECT_EQ(call.batch.topology_version, 7);
  EXPECT_FALSE(call.batch.patient);
  call.done(std::vector<Outcome>{Accepted(AckLevel::kDurableLocal, 3)});
  const Outcome outcome = outcomes_.get().at(0);
  EXPECT_EQ(outcome.matched_count, 3);
  EXPECT_EQ(outcome.ack, AckLevel::kDurableLocal);
  EXPECT_THAT(Spooled(), IsEmpty());
}

TEST_F(RouterTest, ABatchIsSplitAndItsAnswersStandInItsOrder) {
  forwarder_.answer = Accepted(AckLevel::kDurable, 2);
  Publish({Encoded("far1", RootOfShard(1)), Encoded("near", RootOfShard(0), 7), "no event",
           Encoded("far2", RootOfShard(1, 2))});
  const std::vector<Outcome> outcomes = outcomes_.get();
  ASSERT_THAT(outcomes, SizeIs(4));
  EXPECT_EQ(outcomes[0].matched_count, 2);
  EXPECT_EQ(outcomes[1].matched_count, 1);
  EXPECT_EQ(outcomes[2].kind, OutcomeKind::kRejected);
  EXPECT_EQ(outcomes[3].matched_count, 2);
  ASSERT_THAT(forwarder_.calls, SizeIs(1)) << "one call a shard";
  EXPECT_THAT(forwarder_.calls[0].batch.events, SizeIs(2));
}

TEST_F(RouterTest, WhatCannotBeAcceptedAnywhereIsRefusedHere) {
  events::v1::Event old;
  ASSERT_TRUE(old.ParseFromString(Encoded("e1", RootOfShard(1))));
  old.mutable_time()->set_seconds(old.time().seconds() - 25 * 3600);
  Publish({old.SerializeAsString()});
  EXPECT_EQ(outcomes_.get().at(0).reason, OutcomeReason::kExpired);
  EXPECT_THAT(forwarder_.calls, IsEmpty());
}

TEST_F(RouterTest, AnEventWithoutAncestorsFindsTheShardOfItsProject) {
  roots_.SetProject(8, RootOfShard(1));
  Publish({Encoded("known", 0, 8)});
  ASSERT_THAT(forwarder_.calls, SizeIs(1));
  Publish({Encoded("unknown", 0, 99)});
  EXPECT_EQ(outcomes_.get().at(0).reason, OutcomeReason::kUnknownProject);
  Publish({Encoded("here", 0, 7)});
  EXPECT_EQ(outcomes_.get().at(0).matched_count, 1);
}

// What happens to a group often comes with the group's id alone.
TEST_F(RouterTest, AnEventOfASubgroupFindsTheShardOfItsRoot) {
  const int64_t subgroup = RootOfShard(0, 5);  // by itself it would be of this shard
  roots_.AddSubgroups({RootOfShard(1), 123, subgroup});
  const std::string encoded = Encoded("e1", subgroup);
  Publish({encoded});
  ASSERT_THAT(forwarder_.calls, SizeIs(1));
  EXPECT_EQ(forwarder_.calls[0].address, "one:1");
  Publish({Encoded("e2", RootOfShard(0, 6))});
  EXPECT_EQ(outcomes_.get().at(0).matched_count, 0) << "a group that is no subgroup is a root";
  const int64_t near_subgroup = RootOfShard(1, 5);
  roots_.AddSubgroups({RootOfShard(0), near_subgroup});
  Publish({Encoded("e3", near_subgroup)});
  EXPECT_EQ(outcomes_.get().at(0).kind, OutcomeKind::kAccepted);
  EXPECT_THAT(forwarder_.calls, SizeIs(1));
}

TEST_F(RouterTest, OfAProjectThatOnlyTheSenderKnowsNobodySaysNoMatch) {
  const Delivery forwarded = {AckLevel::kDurable, EventFormat::kNative, true};
  Publish({Encoded("new", 0, 99), Encoded("known", 0, 7)}, forwarded);
  auto outcomes = outcomes_.get();
  EXPECT_EQ(outcomes[0].reason, OutcomeReason::kNotOwner);
  EXPECT_EQ(outcomes[1].matched_count, 1);
  shards_.SetLoaded(matcher::SlotSet().set());
  Publish({Encoded("new", 0, 99)}, forwarded);
  EXPECT_EQ(outcomes_.get().at(0).reason, OutcomeReason::kNotOwner);
}

// The drainer may wait for an owner for seconds; the change feed must not wait for the drainer.
TEST_F(RouterTest, WhoWaitsForAnOwnerHoldsUpNoChangeOfTheIndex) {
  forwarder_.answer = absl::UnavailableError("no route");
  Publish({Encoded("far", RootOfShard(1))});
  outcomes_.wait();
  const auto records = Spooled();
  ASSERT_THAT(records, SizeIs(1));
  forwarder_.answer.reset();
  std::promise<void> forwarded;
  forwarder_.on_forward = [&forwarded] { forwarded.set_value(); };
  auto drained = std::async(std::launch::async, [&] {
    return router_.get().PublishSpooled(records);  // until the owner answers
  });
  forwarded.get_future().wait();
  shards_.AwaitReaders();  // or the test hangs
  forwarder_.calls.back().done(std::vector<Outcome>{Accepted(AckLevel::kDurable, 1)});
  EXPECT_EQ(drained.get()[0].kind, EventWriteResult::Kind::kCommitted);
}

TEST_F(RouterTest, AnOwnerThatDoesNotAnswerMeansTheEventIsKeptRaw) {
  forwarder_.answer = absl::DeadlineExceededError("too late");
  const std::string encoded = Encoded("e1", RootOfShard(1), 8);
  Publish({encoded});
  const Outcome outcome = outcomes_.get().at(0);
  EXPECT_EQ(outcome.kind, OutcomeKind::kAccepted);
  EXPECT_EQ(outcome.ack, AckLevel::kDurableLocal);
  EXPECT_FALSE(outcome.matched_count.has_value()) << "not known: never `no match`";
  const auto records = Spooled();
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].record.kind, spool::RecordKind::kRaw);
  EXPECT_EQ(records[0].record.root_namespace_id, RootOfShard(1));
  EXPECT_EQ(DecodeRaw(records[0].record)->bytes, encoded);
}

TEST_F(RouterTest, AnOwnerThatIsItNotAnyMoreMeansTheSame) {
  forwarder_.answer = NotOwnerOutcome();
  Publish({Encoded("e1", RootOfShard(1))});
  EXPECT_EQ(outcomes_.get().at(0).ack, AckLevel::kDurableLocal);
  EXPECT_THAT(Spooled(), SizeIs(1));
}

TEST_F(RouterTest, AnOwnerWhoseAddressIsNotKnownMeansTheSame) {
  shards_.SetLayout({8, 2, {"zero:1", ""}}, 8);
  Publish({Encoded("e1", RootOfShard(1))});
  EXPECT_EQ(outcomes_.get().at(0).ack, AckLevel::kDurableLocal);
  EXPECT_THAT(forwarder_.calls, IsEmpty());
}

TEST_F(RouterTest, WithoutASpoolTheEmitterKeepsIt) {
  forwarder_.answer = absl::UnavailableError("no route");
  Publish({Encoded("e1", RootOfShard(1))}, {}, false);
  const Outcome outcome = outcomes_.get().at(0);
  EXPECT_EQ(outcome.kind, OutcomeKind::kOverloaded);
  EXPECT_EQ(outcome.reason, OutcomeReason::kNotOwner);
  EXPECT_EQ(outcome.topology_version, 7);
  EXPECT_GT(outcome.retry_after, absl::ZeroDuration());
  EXPECT_THAT(outcome.message, HasSubstr("no spool"));
}

TEST_F(RouterTest, ASpoolThatDoesNotTakeItIsNoAcknowledgement) {
  forwarder_.answer = absl::UnavailableError("no route");
  spool_->Stop();
  Publish({Encoded("e1", RootOfShard(1))});
  EXPECT_EQ(outcomes_.get().at(0).reason, OutcomeReason::kNotOwner);
}

TEST_F(RouterTest, WhatCameFromAnotherMatcherIsNotSentOn) {
  Publish({Encoded("far", RootOfShard(1)), Encoded("near", RootOfShard(0), 7)},
          {AckLevel::kDurable, EventFormat::kNative, true});
  const std::vector<Outcome> outcomes = outcomes_.get();
  EXPECT_EQ(outcomes[0].reason, OutcomeReason::kNotOwner);
  EXPECT_EQ(outcomes[0].topology_version, 7);
  EXPECT_EQ(outcomes[1].matched_count, 1);
  EXPECT_THAT(forwarder_.calls, IsEmpty());
  EXPECT_THAT(Spooled(), IsEmpty());
}

TEST_F(RouterTest, BeforeItsOwnSlotsAreLoadedItNeverSaysNoMatch) {
  shards_.KeepOnly(matcher::SlotSet());
  Publish({Encoded("e1", RootOfShard(0), 7)});
  const Outcome outcome = outcomes_.get().at(0);
  EXPECT_EQ(outcome.ack, AckLevel::kDurableLocal);
  EXPECT_FALSE(outcome.matched_count.has_value());
  EXPECT_THAT(forwarder_.calls, IsEmpty()) << "not to itself";
}

TEST_F(RouterTest, SpooledEventsArePublishedWhereTheyBelongByThen) {
  forwarder_.answer = absl::UnavailableError("no route");
  Publish({Encoded("far", RootOfShard(1)), Encoded("also far", RootOfShard(1, 2))});
  outcomes_.wait();
  auto records = Spooled();
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_THAT(
      router_.get().PublishSpooled(records),
      ElementsAre(::testing::Field(&EventWriteResult::kind, EventWriteResult::Kind::kUnavailable),
                  ::testing::Field(&EventWriteResult::kind, EventWriteResult::Kind::kUnavailable)));
  EXPECT_THAT(Spooled(), SizeIs(2)) << "never spooled anew";

  Outcome rejected;
  rejected.message = "not like this";
  forwarder_.answer = rejected;
  EXPECT_EQ(router_.get().PublishSpooled(records)[0].kind, EventWriteResult::Kind::kRefused);
  const ForwardBatch& batch = forwarder_.calls.back().batch;
  EXPECT_TRUE(batch.patient);
  EXPECT_EQ(batch.received_times_ms.at(0), records[0].record.received_time_ms);

  SubscribeTo(RootOfShard(1), 8);
  shards_.SetLoaded(matcher::SlotSet().set());
  records[1].record.body = "damaged";
  const auto results = router_.get().PublishSpooled(records);
  EXPECT_EQ(results[0].kind, EventWriteResult::Kind::kCommitted);
  EXPECT_EQ(results[1].kind, EventWriteResult::Kind::kRefused);
}

TEST_F(RouterTest, TheAgeOfASpooledEventIsJudgedByItsFirstAdmission) {
  events::v1::Event old;
  ASSERT_TRUE(old.ParseFromString(Encoded("e1", RootOfShard(0), 7)));
  old.mutable_time()->set_seconds(old.time().seconds() - 30 * 3600);
  const std::string encoded = old.SerializeAsString();
  spool::StoredRecord stored;
  stored.record = EncodeRaw({EventFormat::kNative, encoded}, *DecodeEvent(encoded), RootOfShard(0),
                            absl::ToUnixMillis(absl::Now() - absl::Hours(30)));
  EXPECT_EQ(router_.get().PublishSpooled({&stored, 1})[0].kind, EventWriteResult::Kind::kCommitted);
  EXPECT_THAT(enqueuer_.committed, ElementsAre("e1"));
}

TEST(GrpcForwarderTest, ConnectsBeforeAnythingIsSentOn) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string peer = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  pollfd waited = {listener, POLLIN, 0};
  {
    GrpcForwarder stopped{GrpcForwarder::Options()};
    stopped.Stop();
    stopped.Connect({peer});
    EXPECT_EQ(poll(&waited, 1, 100), 0);
  }
  GrpcForwarder forwarder{GrpcForwarder::Options()};
  forwarder.Connect({peer});
  EXPECT_EQ(poll(&waited, 1, 30'000), 1);
  close(listener);
}

}  // namespace
}  // namespace cievents::event_matcher
