// EventPublisher over real gRPC while everything goes wrong at random: streams break with any
// status, answers come late and in another order, events are put off, the server dies and comes
// back. CIEVENTS_TEST_SEED repeats a run as far as threads let it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "services/lib/client/event_publisher.h"
#include "services/lib/client/testing/done_log.h"
#include "services/lib/client/testing/scripted_server.h"

namespace cievents::client {
namespace {

using events::v1::Event;
using events::v1::EventOutcome;
using events::v1::StreamEventsRequest;
using ::testing::Each;

constexpr int kEvents = 4000;
constexpr int kPoisonEach = 1500;  // such an event ends its stream
constexpr int kRejectedEach = 50;
constexpr int kRestartEach = 1000;

uint64_t Seed() {
  const char* given = std::getenv("CIEVENTS_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

Event MakeEvent(int i) {
  Event event;
  event.set_id(std::to_string(i));
  event.set_source("random");
  event.add_names("issue/created");
  event.mutable_time()->set_seconds(1'700'000'000 + i);
  event.set_data(std::string(static_cast<size_t>(i % 700), 'x'));
  return event;
}

bool IsPoison(const Event& event) { return std::stoi(event.id()) % kPoisonEach == kPoisonEach - 1; }
bool IsRejected(const Event& event) { return std::stoi(event.id()) % kRejectedEach == 1; }

// A server that does anything that is allowed.
class Chaos {
 public:
  Chaos(ScriptedServer* server, uint64_t seed) : server_(server), random_(seed) {
    // Both are called one at a time.
    server_->Script([this](const StreamEventsRequest& batch) { return React(batch); });
    server_->Outcomes([this](const Event& event) { return Judge(event); });
    late_ = std::thread([this] {
      while (!stopping_) {
        server_->AnswerHeld(ScriptedServer::Order::kReversed);
        std::this_thread::yield();
      }
    });
  }
  ~Chaos() {
    stopping_ = true;
    late_.join();
  }

 private:
  Reaction React(const StreamEventsRequest& batch) {
    Reaction reaction;
    reaction.credit_batches = static_cast<int>(random_() % 9);
    for (const Event& event : batch.events()) {
      if (!IsPoison(event)) continue;
      reaction.kind = Reaction::Kind::kEndStream;
      reaction.status = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "poison");
      return reaction;
    }
    constexpr grpc::StatusCode kEnds[] = {grpc::StatusCode::OK, grpc::StatusCode::UNAVAILABLE,
                                          grpc::StatusCode::INTERNAL, grpc::StatusCode::CANCELLED};
    const uint64_t dice = random_() % 100;
    if (dice < 4) {
      reaction.kind = Reaction::Kind::kEndStream;
      reaction.status = grpc::Status(kEnds[dice], "chance");
    } else if (dice < 40) {
      reaction.kind = Reaction::Kind::kHold;
    }
    return reaction;
  }
  EventOutcome Judge(const Event& event) {
    if (random_() % 20 == 0) {
      EventOutcome outcome = Outcome(events::v1::OUTCOME_KIND_OVERLOADED);
      outcome.mutable_retry_after()->set_nanos(1'000'000);
      return outcome;
    }
    EventOutcome outcome = Outcome(IsRejected(event) ? events::v1::OUTCOME_KIND_REJECTED
                                                     : events::v1::OUTCOME_KIND_ACCEPTED);
    outcome.set_event_uid("uid of " + event.id());
    return outcome;
  }

  ScriptedServer* const server_;
  std::mt19937_64 random_;
  std::atomic<bool> stopping_{false};
  std::thread late_;
};

void ExpectOutcome(const Event& event, const absl::StatusOr<EventOutcome>& given) {
  if (IsPoison(event)) {
    EXPECT_EQ(given.status().code(), absl::StatusCode::kInvalidArgument) << event.id();
    return;
  }
  ASSERT_TRUE(given.ok()) << event.id() << ": " << given.status();
  EXPECT_EQ(given->event_uid(), "uid of " + event.id());
  EXPECT_EQ(given->kind(), IsRejected(event) ? events::v1::OUTCOME_KIND_REJECTED
                                             : events::v1::OUTCOME_KIND_ACCEPTED);
}

TEST(EventPublisherRandomTest, EachEventHasOneOutcomeAndTheSameBytesInEverySending) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(fmt::format("CIEVENTS_TEST_SEED={}", seed));
  DoneLog<EventOutcome> log;
  ScriptedServer server;
  server.Start();
  const Chaos chaos(&server, seed);
  EventPublisher::Options options;
  options.endpoint = server.endpoint();
  options.queued_events_max = 700;
  options.batch_events_max = 20;
  options.reconnect_wait_min = absl::Milliseconds(1);
  options.reconnect_wait_max = absl::Milliseconds(10);
  options.retry_wait_max = absl::Milliseconds(20);
  EventPublisher publisher(options);
  for (int i = 0; i < kEvents; ++i) {
    const Event event = MakeEvent(i);
    while (!publisher.Publish(event, log.For(event.id())).ok()) {
      EXPECT_LE(publisher.stats().queued_events, options.queued_events_max);
      ASSERT_TRUE(log.Await(log.count() + 1));  // there is room again soon
    }
    if (i % kRestartEach == kRestartEach - 1) {
      server.Kill();
      server.Start();
    }
  }
  const absl::Status closed = publisher.Close(absl::Minutes(2));
  ASSERT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(log.count(), kEvents);
  const auto received = server.received();
  for (int i = 0; i < kEvents; ++i) {
    const Event event = MakeEvent(i);
    ExpectOutcome(event, log.Of(event.id()));
    EXPECT_THAT(received.at(event.id()), Each(event.SerializeAsString())) << event.id();
  }
  const EventPublisher::Stats stats = publisher.stats();
  EXPECT_EQ(stats.answered + stats.failed, kEvents);
  EXPECT_GT(stats.reconnects, 10);
  EXPECT_GT(stats.retried, 100);
}

}  // namespace
}  // namespace cievents::client
