// EventPublisher against a server in this process that does what the test tells it.
#include "services/lib/client/event_publisher.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "services/lib/client/testing/done_log.h"
#include "services/lib/client/testing/scripted_server.h"

namespace cievents::client {
namespace {

using events::v1::Event;
using events::v1::EventOutcome;
using events::v1::StreamEventsRequest;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

Event MakeEvent(const std::string& id) {
  Event event;
  event.set_id(id);
  event.set_source("test");
  event.add_names("issue/created");
  event.set_project_id(7);
  event.add_namespace_ids(70);
  event.mutable_time()->set_seconds(1'700'000'000);
  event.set_data(R"({"title":"a"})");
  return event;
}

Reaction End(grpc::StatusCode code, const std::string& message) {
  Reaction reaction;
  reaction.kind = Reaction::Kind::kEndStream;
  reaction.status = grpc::Status(code, message);
  return reaction;
}

Reaction Do(Reaction::Kind kind, int credit_batches = 16) {
  Reaction reaction;
  reaction.kind = kind;
  reaction.credit_batches = credit_batches;
  return reaction;
}

bool Holds(const StreamEventsRequest& batch, const std::string& id) {
  return std::any_of(batch.events().begin(), batch.events().end(),
                     [&](const Event& event) { return event.id() == id; });
}

// Looks until it is so; false: not within a minute. It looks because what is waited for is spread
// over the publisher's counts (stats()), the server's and the log: there is no one place that could
// signal it, and a hook in the publisher for it would be code of the product for a test alone.
bool Eventually(const std::function<bool()>& so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!so()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class EventPublisherTest : public ::testing::Test {
 protected:
  EventPublisherTest() {
    server_.Start();
    options_.endpoint = server_.endpoint();
    options_.reconnect_wait_min = absl::Milliseconds(5);
    options_.reconnect_wait_max = absl::Milliseconds(50);
  }

  EventPublisher& publisher() {
    if (publisher_ == nullptr) publisher_ = std::make_unique<EventPublisher>(options_);
    return *publisher_;
  }
  void Publish(const std::string& id) {
    const absl::Status taken = publisher().Publish(MakeEvent(id), log_.For(id));
    EXPECT_TRUE(taken.ok()) << taken;
  }
  void PublishMany(int count, int first = 0) {
    for (int i = first; i < first + count; ++i) Publish(fmt::format("e{}", i));
  }
  // When everything is done: before that the counts are a moment behind.
  EventPublisher::Stats Stats() {
    EXPECT_TRUE(publisher().Flush(absl::Minutes(1)).ok());
    return publisher().stats();
  }
  // Exactly once for each, with this.
  void ExpectAll(int count, events::v1::OutcomeKind kind) {
    for (int i = 0; i < count; ++i) {
      const auto given = log_.Of(fmt::format("e{}", i));
      ASSERT_TRUE(given.ok()) << given.status();
      EXPECT_EQ(given->kind(), kind);
    }
  }
  // Whatever was sent again was the same.
  void ExpectSameBytes() {
    for (const auto& [id, sendings] : server_.received()) {
      EXPECT_THAT(sendings, Each(MakeEvent(id).SerializeAsString())) << id;
    }
  }

  DoneLog<EventOutcome> log_;
  ScriptedServer server_;
  EventPublisher::Options options_;
  std::unique_ptr<EventPublisher> publisher_;
};

TEST_F(EventPublisherTest, EveryEventGetsItsOutcome) {
  server_.Outcomes([](const Event& event) {
    EventOutcome outcome = Outcome(event.id() == "e3" ? events::v1::OUTCOME_KIND_REJECTED
                                                      : events::v1::OUTCOME_KIND_ACCEPTED);
    outcome.set_event_uid("uid of " + event.id());
    return outcome;
  });
  PublishMany(1000);
  ASSERT_TRUE(publisher().Flush(absl::Minutes(1)).ok());
  EXPECT_EQ(log_.count(), 1000);
  EXPECT_EQ(log_.Of("e999")->event_uid(), "uid of e999");
  EXPECT_EQ(log_.Of("e3")->kind(), events::v1::OUTCOME_KIND_REJECTED);
  EXPECT_THAT(server_.batch_sizes(), Each(Le(128)));
  const EventPublisher::Stats stats = publisher().stats();
  EXPECT_EQ(stats.published, 1000);
  EXPECT_EQ(stats.answered, 1000);
  EXPECT_EQ(stats.sent, 1000);
  EXPECT_EQ(stats.retried, 0);
  EXPECT_EQ(stats.queued_events, 0);
  EXPECT_EQ(stats.queued_bytes, 0);
  EXPECT_EQ(stats.streams_opened, 1);
}

TEST_F(EventPublisherTest, AnswersInAnotherOrderGoToTheirEvents) {
  options_.batch_events_max = 1;
  Publish("e0");
  ASSERT_TRUE(log_.Await(1));  // the server has given credit
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kHold); });
  server_.Outcomes([](const Event& event) {
    EventOutcome outcome = Outcome(events::v1::OUTCOME_KIND_ACCEPTED);
    outcome.set_event_uid("uid of " + event.id());
    return outcome;
  });
  PublishMany(8, 1);
  ASSERT_TRUE(Eventually([&] { return server_.held() == 8; }));
  server_.AnswerHeld(ScriptedServer::Order::kReversed);
  ASSERT_TRUE(log_.Await(9));
  for (int i = 1; i <= 8; ++i) {
    EXPECT_EQ(log_.Of(fmt::format("e{}", i))->event_uid(), fmt::format("uid of e{}", i));
  }
}

TEST_F(EventPublisherTest, NoMoreBatchesAreUnansweredThanTheServerAllows) {
  options_.batch_events_max = 1;
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kHold, 3); });
  PublishMany(30);
  ASSERT_TRUE(Eventually([&] { return server_.held() == 1; })) << "one, until it has said more";
  int answered = 0;
  while (answered < 30) {
    const int most = std::min(answered == 0 ? 1 : 3, 30 - answered);
    ASSERT_TRUE(Eventually([&] { return server_.held() == most; }));
    // The server has all that was written before its answer.
    EXPECT_TRUE(Eventually([&] { return publisher().stats().sent == answered + most; }));
    answered += server_.AnswerHeld(ScriptedServer::Order::kAsTheyCame);
  }
  ASSERT_TRUE(log_.Await(30));
  ExpectAll(30, events::v1::OUTCOME_KIND_ACCEPTED);
}

TEST_F(EventPublisherTest, WhatABrokenStreamLeftUnansweredIsSentAgainUnchanged) {
  std::atomic<int> batches{0};
  server_.Script([&](const StreamEventsRequest&) {
    const int batch = ++batches;
    if (batch % 5 == 0) return End(grpc::StatusCode::UNAVAILABLE, "going away");
    if (batch % 7 == 0) return End(grpc::StatusCode::OK, "");
    return Do(Reaction::Kind::kAnswer);
  });
  options_.batch_events_max = 10;
  PublishMany(500);
  ASSERT_TRUE(log_.Await(500));
  ExpectAll(500, events::v1::OUTCOME_KIND_ACCEPTED);
  ExpectSameBytes();
  EXPECT_GT(Stats().retried, 0);
  EXPECT_GT(Stats().reconnects, 5);
  EXPECT_EQ(Stats().failed, 0);
}

TEST_F(EventPublisherTest, AServerThatDiesAndComesBackGetsWhatItDidNotAnswer) {
  Publish("e0");
  ASSERT_TRUE(log_.Await(1));
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kHold); });
  PublishMany(300, 1);
  ASSERT_TRUE(Eventually([&] { return server_.held() > 0; }));
  server_.Kill();
  PublishMany(300, 301);
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kAnswer); });
  server_.Start();
  ASSERT_TRUE(log_.Await(601));
  ExpectAll(601, events::v1::OUTCOME_KIND_ACCEPTED);
  ExpectSameBytes();
}

TEST_F(EventPublisherTest, OverloadedIsTriedAgainAfterTheTimeThatTheServerSays) {
  std::map<std::string, std::chrono::steady_clock::time_point> first;
  std::atomic<bool> too_early{false};
  constexpr std::chrono::milliseconds kWait{150};
  server_.Outcomes([&](const Event& event) {  // one call at a time
    const auto now = std::chrono::steady_clock::now();
    if (first.emplace(event.id(), now).second) {
      EventOutcome outcome = Outcome(events::v1::OUTCOME_KIND_OVERLOADED);
      outcome.mutable_retry_after()->set_nanos(150'000'000);
      return outcome;
    }
    if (now < first[event.id()] + kWait) too_early = true;
    return Outcome(events::v1::OUTCOME_KIND_ACCEPTED);
  });
  PublishMany(50);
  ASSERT_TRUE(log_.Await(50));
  ExpectAll(50, events::v1::OUTCOME_KIND_ACCEPTED);
  ExpectSameBytes();
  EXPECT_FALSE(too_early);
  EXPECT_EQ(Stats().overloaded, 50);
  EXPECT_EQ(Stats().retried, 50);
}

TEST_F(EventPublisherTest, AnEventThatStaysOverloadedEndsAtItsDeadline) {
  server_.Outcomes([](const Event&) { return Outcome(events::v1::OUTCOME_KIND_OVERLOADED); });
  ASSERT_TRUE(publisher().Publish(MakeEvent("e0"), absl::Milliseconds(300), log_.For("e0")).ok());
  ASSERT_TRUE(log_.Await(1));
  EXPECT_EQ(log_.Of("e0").status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Stats().deadline_dropped, 1);
  EXPECT_EQ(Stats().queued_events, 0);
}

TEST_F(EventPublisherTest, AnEventThatEndsEveryStreamFailsAloneWithTheStatus) {
  server_.Script([](const StreamEventsRequest& batch) {
    if (Holds(batch, "e77") || Holds(batch, "e400")) {
      return End(grpc::StatusCode::INVALID_ARGUMENT, "this is no batch");
    }
    return Do(Reaction::Kind::kAnswer);
  });
  PublishMany(500);
  ASSERT_TRUE(log_.Await(500));
  for (int i = 0; i < 500; ++i) {
    const auto given = log_.Of(fmt::format("e{}", i));
    if (i == 77 || i == 400) {
      EXPECT_EQ(given.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(given.status().message()), HasSubstr("this is no batch"));
    } else {
      EXPECT_TRUE(given.ok()) << i << ": " << given.status();
    }
  }
  EXPECT_EQ(Stats().failed, 2);
  ExpectSameBytes();
}

TEST_F(EventPublisherTest, AnEventThatTheServerDiesOfHoldsUpNobodyForLong) {
  server_.Script([](const StreamEventsRequest& batch) {
    if (Holds(batch, "e10")) return End(grpc::StatusCode::UNAVAILABLE, "aaargh");
    return Do(Reaction::Kind::kAnswer);
  });
  options_.event_timeout = absl::Seconds(60);
  for (int i = 0; i < 200; ++i) {
    const std::string id = fmt::format("e{}", i);
    const absl::Duration timeout = i == 10 ? absl::Milliseconds(1500) : absl::Seconds(60);
    ASSERT_TRUE(publisher().Publish(MakeEvent(id), timeout, log_.For(id)).ok());
  }
  ASSERT_TRUE(log_.Await(200));
  for (int i = 0; i < 200; ++i) {
    const auto given = log_.Of(fmt::format("e{}", i));
    EXPECT_EQ(given.ok(), i != 10) << i << ": " << given.status();
  }
  EXPECT_EQ(log_.Of("e10").status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(log_.Of("e10").status().message()), HasSubstr("aaargh"));
}

TEST_F(EventPublisherTest, AServerThatDoesNotReadBlocksNobody) {
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kStopReading); });
  options_.answer_timeout = absl::Milliseconds(200);
  options_.event_timeout = absl::Milliseconds(1000);
  options_.queued_bytes_max = 20 * 1024 * 1024;
  Event large = MakeEvent("large");
  large.set_data(std::string(500'000, 'x'));
  int taken = 0;
  while (publisher().Publish(large, log_.For(fmt::format("e{}", taken))).ok()) ++taken;
  EXPECT_GT(taken, 30);
  ASSERT_TRUE(log_.Await(taken));
  for (int i = 0; i < taken; ++i) {
    EXPECT_EQ(log_.Of(fmt::format("e{}", i)).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_GT(Stats().reconnects, 0) << "the connection counts as dead";
}

TEST_F(EventPublisherTest, WithoutAServerNothingBlocksAndDeadlinesHold) {
  server_.Kill();
  const auto start = std::chrono::steady_clock::now();
  PublishMany(10);
  ASSERT_TRUE(
      publisher().Publish(MakeEvent("short"), absl::Milliseconds(200), log_.For("short")).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  ASSERT_TRUE(log_.Await(1));
  EXPECT_EQ(log_.Of("short").status().code(), absl::StatusCode::kDeadlineExceeded);
  server_.Start();
  ASSERT_TRUE(log_.Await(11));
  ExpectAll(10, events::v1::OUTCOME_KIND_ACCEPTED);
}

TEST_F(EventPublisherTest, AFullQueueRefusesAtOnceAndHasRoomAgainAfterAnswers) {
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kHold); });
  options_.queued_events_max = 20;
  PublishMany(20);
  const absl::Status full = publisher().Publish(MakeEvent("more"), log_.For("more"));
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("20 events"));
  EXPECT_EQ(publisher().stats().refused_full, 1);
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kAnswer); });
  ASSERT_TRUE(Eventually([&] {
    server_.AnswerHeld(ScriptedServer::Order::kAsTheyCame);
    return log_.count() == 20;
  }));
  ASSERT_TRUE(publisher().Flush(absl::Minutes(1)).ok());
  Publish("e20");
  ASSERT_TRUE(log_.Await(21));
  ExpectAll(21, events::v1::OUTCOME_KIND_ACCEPTED);
}

TEST_F(EventPublisherTest, AQueueThatIsFullOfBytesTakesWhatStillFits) {
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kHold); });
  options_.queued_bytes_max = 10'000;
  Event large = MakeEvent("large");
  large.set_data(std::string(6'000, 'x'));
  ASSERT_TRUE(publisher().Publish(large, log_.For("large")).ok());
  EXPECT_EQ(publisher().Publish(large, log_.For("again")).code(),
            absl::StatusCode::kResourceExhausted);
  Event too_large = large;
  too_large.set_data(std::string(11'000, 'x'));
  EXPECT_EQ(publisher().Publish(too_large, log_.For("too large")).code(),
            absl::StatusCode::kInvalidArgument);
  Publish("e0");
  EXPECT_LE(publisher().stats().queued_bytes, 10'000);
  EXPECT_EQ(publisher().stats().queued_events, 2);
}

TEST_F(EventPublisherTest, AnEventThatCannotBeRepeatedIsRefused) {
  Event no_id = MakeEvent("");
  Event no_source = MakeEvent("e");
  no_source.clear_source();
  Event no_time = MakeEvent("e");
  no_time.clear_time();
  Event huge = MakeEvent("e");
  huge.set_data(std::string(5 * 1024 * 1024, 'x'));
  for (const auto& [event, says] : std::vector<std::pair<Event, std::string>>{
           {no_id, "no id"}, {no_source, "no source"}, {no_time, "no time"}, {huge, "bytes"}}) {
    const absl::Status refused = publisher().Publish(event, log_.For("e"));
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(refused.message()), HasSubstr(says));
  }
  ASSERT_TRUE(publisher().Close(absl::Seconds(10)).ok());
  EXPECT_EQ(log_.count(), 0);
}

TEST_F(EventPublisherTest, LargeEventsGoInBatchesThatTheServerTakes) {
  server_.Script([](const StreamEventsRequest& batch) {
    EXPECT_LE(batch.ByteSizeLong(), size_t{4} * 1024 * 1024);
    return Do(Reaction::Kind::kAnswer);
  });
  Event large = MakeEvent("large");
  large.set_data(std::string(1024 * 1024, 'x'));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(publisher().Publish(large, log_.For(fmt::format("e{}", i))).ok());
  }
  ASSERT_TRUE(log_.Await(20));
  ExpectAll(20, events::v1::OUTCOME_KIND_ACCEPTED);
}

TEST_F(EventPublisherTest, CloseWaitsForTheAnswers) {
  PublishMany(2000);
  const absl::Status closed = publisher().Close(absl::Minutes(1));
  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(log_.count(), 2000);
  ExpectAll(2000, events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(publisher().Publish(MakeEvent("late"), log_.For("late")).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(publisher().Close(absl::Minutes(1)).ok()) << "twice is fine";
}

TEST_F(EventPublisherTest, CloseGivesUpWhatHasNoAnswerInTime) {
  server_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kHold); });
  PublishMany(300);
  ASSERT_TRUE(Eventually([&] { return server_.held() == 1; }));
  EXPECT_EQ(publisher().Close(absl::Milliseconds(20)).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(log_.count(), 300);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(log_.Of(fmt::format("e{}", i)).status().code(), absl::StatusCode::kCancelled);
  }
  EXPECT_EQ(Stats().cancelled, 300);
  EXPECT_EQ(Stats().queued_events, 0);
}

TEST_F(EventPublisherTest, DonePublishesTheNextEvent) {
  constexpr int kEvents = 50;
  std::function<void(int)> publish = [&](int i) {
    const std::string id = fmt::format("e{}", i);
    auto note = log_.For(id);
    EXPECT_TRUE(publisher()
                    .Publish(MakeEvent(id),
                             [&, i, note](absl::StatusOr<EventOutcome> given) {
                               if (i + 1 < kEvents) publish(i + 1);
                               note(std::move(given));
                             })
                    .ok());
  };
  publish(0);
  ASSERT_TRUE(log_.Await(kEvents));
  ExpectAll(kEvents, events::v1::OUTCOME_KIND_ACCEPTED);
}

TEST_F(EventPublisherTest, NobodyNeedsToListen) {
  ASSERT_TRUE(publisher().Publish(MakeEvent("e0"), nullptr).ok());
  EXPECT_TRUE(publisher().Flush(absl::Minutes(1)).ok());
  EXPECT_EQ(Stats().answered, 1);
}

TEST_F(EventPublisherTest, AStreamWithoutWorkIsClosedAndOpenedAgain) {
  options_.idle_timeout = absl::Milliseconds(20);
  Publish("e0");
  ASSERT_TRUE(log_.Await(1));
  ASSERT_TRUE(Eventually([&] { return server_.open_streams() == 0; }));
  EXPECT_EQ(server_.streams(), 1);
  Publish("e1");
  ASSERT_TRUE(log_.Await(2));
  EXPECT_EQ(server_.streams(), 2);
  EXPECT_EQ(Stats().retried, 0);
}

// Sends by root namespace.
class FakeRouter final : public EventRouter {
 public:
  std::string EndpointFor(const RoutingKey& key) override {
    MutexLock lock(mutex_);
    return endpoints_[key.root_namespace_id];
  }
  void StreamEnded(const std::string& endpoint, const absl::Status&) override {
    MutexLock lock(mutex_);
    ended_.insert(endpoint);
  }
  void Set(int64_t root_namespace_id, const std::string& endpoint) {
    MutexLock lock(mutex_);
    endpoints_[root_namespace_id] = endpoint;
  }
  std::set<std::string> ended() const {
    MutexLock lock(mutex_);
    return ended_;
  }

 private:
  mutable Mutex mutex_;
  std::map<int64_t, std::string> endpoints_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> ended_ ABSL_GUARDED_BY(mutex_);
};

class RoutedPublisherTest : public EventPublisherTest {
 protected:
  RoutedPublisherTest() : router_(std::make_shared<FakeRouter>()) {
    other_.Start();
    options_.router = router_;
    router_->Set(0, server_.endpoint());
    router_->Set(1, other_.endpoint());
  }
  // Event i is of namespace i % 2.
  void PublishRouted(int count, int first = 0) {
    for (int i = first; i < first + count; ++i) {
      Event event = MakeEvent(fmt::format("e{}", i));
      event.set_namespace_ids(0, i % 2);
      ASSERT_TRUE(publisher().Publish(event, log_.For(event.id())).ok());
    }
  }

  ScriptedServer other_;
  const std::shared_ptr<FakeRouter> router_;
};

TEST_F(RoutedPublisherTest, EachEventGoesToTheEndpointThatTheRouterNames) {
  PublishRouted(200);
  ASSERT_TRUE(log_.Await(200));
  ExpectAll(200, events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_THAT(server_.received(), SizeIs(100));
  EXPECT_THAT(other_.received(), SizeIs(100));
  EXPECT_EQ(server_.streams(), 1);
  EXPECT_EQ(other_.streams(), 1);
}

TEST_F(RoutedPublisherTest, AnEndpointThatIsDownHoldsUpOnlyItsOwnEvents) {
  other_.Kill();
  PublishRouted(200);
  ASSERT_TRUE(log_.Await(100));
  EXPECT_TRUE(log_.Of("e0").ok());
  EXPECT_FALSE(log_.Of("e1").ok());
  other_.Start();
  ASSERT_TRUE(log_.Await(200));
  ExpectAll(200, events::v1::OUTCOME_KIND_ACCEPTED);
}

TEST_F(RoutedPublisherTest, WhatIsSentAgainFollowsTheRouter) {
  other_.Script([](const StreamEventsRequest&) { return Do(Reaction::Kind::kHold); });
  PublishRouted(100);
  ASSERT_TRUE(Eventually([&] { return other_.held() == 1 && log_.count() == 50; }));
  router_->Set(1, server_.endpoint());
  other_.Kill();
  ASSERT_TRUE(log_.Await(100)) << "what waited for the dead endpoint has moved as well";
  ExpectAll(100, events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_THAT(server_.received(), SizeIs(100));
  EXPECT_TRUE(router_->ended().contains(other_.endpoint()));
}

}  // namespace
}  // namespace cievents::client
