// What the client does when a server asks it to wait: unary calls, and the publisher's streams.
#include "services/lib/client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "absl/time/clock.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/client/event_publisher.h"
#include "services/lib/client/testing/scripted_server.h"

namespace cievents::client {
namespace {

using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::SizeIs;

// Longer than what the client waits by itself after its first tries.
constexpr absl::Duration kAsked = absl::Milliseconds(200);

// Answers PublishEvents as the test says, and notes when it was called.
class RefusingServer final : public events::v1::EventService::Service {
 public:
  using Script = std::function<grpc::Status(int call, grpc::ServerContext* context,
                                            const events::v1::PublishEventsRequest& request,
                                            events::v1::PublishEventsResponse* response)>;
  struct Call {
    absl::Time time;
    std::vector<std::string> ids;
  };

  explicit RefusingServer(Script script) : script_(std::move(script)) {
    auto server = GrpcServer::Start(GrpcServer::Options(), {this});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~RefusingServer() override { server_->Shutdown(std::chrono::seconds(5)); }

  Client MakeClient(absl::Duration retry_for) const {
    Client::Options options;
    options.endpoint = server_->address();
    options.retry_for = retry_for;
    return Client(std::move(options));
  }
  std::vector<Call> calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }

 private:
  grpc::Status PublishEvents(grpc::ServerContext* context,
                             const events::v1::PublishEventsRequest* request,
                             events::v1::PublishEventsResponse* response) override {
    int number = 0;
    {
      MutexLock lock(mutex_);
      number = static_cast<int>(calls_.size());
      Call& call = calls_.emplace_back();
      call.time = absl::Now();
      for (const events::v1::Event& event : request->events()) call.ids.push_back(event.id());
    }
    return script_(number, context, *request, response);
  }

  const Script script_;
  std::unique_ptr<GrpcServer> server_;
  mutable Mutex mutex_;
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
};

grpc::Status AcceptAll(const events::v1::PublishEventsRequest& request,
                       events::v1::PublishEventsResponse* response) {
  for (int i = 0; i < request.events_size(); ++i) {
    *response->add_outcomes() = Outcome(events::v1::OUTCOME_KIND_ACCEPTED);
  }
  return grpc::Status::OK;
}

// The first call ends with `refusal`, the others are accepted.
RefusingServer::Script RefuseOnce(
    const std::function<grpc::Status(grpc::ServerContext* context)>& refusal) {
  return [refusal](int call, grpc::ServerContext* context,
                   const events::v1::PublishEventsRequest& request,
                   events::v1::PublishEventsResponse* response) {
    return call == 0 ? refusal(context) : AcceptAll(request, response);
  };
}

std::vector<events::v1::Event> Events(const std::vector<std::string>& ids) {
  std::vector<events::v1::Event> events;
  for (const std::string& id : ids) events.emplace_back().set_id(id);
  return events;
}

// The status alone says it: no trailer.
grpc::Status WithRetryInfo(absl::StatusCode code, absl::Duration wait) {
  grpc::ServerContext unused;
  return RetryLater(absl::Status(code, "full"), wait, &unused);
}

TEST(ClientTest, ACallIsRepeatedWhenTheServerSaysWhetherItIsDownOrFull) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kResourceExhausted}) {
    for (const bool in_trailer : {false, true}) {
      RefusingServer server(RefuseOnce([=](grpc::ServerContext* context) {
        if (!in_trailer) return WithRetryInfo(code, kAsked);
        AskToWait(kAsked, context);
        return ToGrpcStatus(absl::Status(code, "full"));
      }));
      const auto outcomes = server.MakeClient(absl::Seconds(20)).PublishEvents(Events({"a"}));
      ASSERT_TRUE(outcomes.ok()) << outcomes.status();
      const auto calls = server.calls();
      ASSERT_THAT(calls, SizeIs(2));
      EXPECT_THAT(calls[1].time - calls[0].time, Ge(kAsked)) << in_trailer;
    }
  }
}

TEST(ClientTest, WithoutATimeToWaitOnlyAServerThatIsDownIsTriedAgain) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kResourceExhausted}) {
    RefusingServer server(RefuseOnce(
        [=](grpc::ServerContext*) { return ToGrpcStatus(absl::Status(code, "no hint")); }));
    const bool repeated = code == absl::StatusCode::kUnavailable;
    const auto outcomes = server.MakeClient(absl::Seconds(20)).PublishEvents(Events({"a"}));
    EXPECT_EQ(outcomes.ok(), repeated);
    EXPECT_THAT(server.calls(), SizeIs(repeated ? 2 : 1));
  }
}

TEST(ClientTest, ACallIsNotRepeatedWhereTheServerForbidsItOrAsksForTooLongAWait) {
  for (const std::string pushback : {"-1", "soon", "60000"}) {
    RefusingServer server(RefuseOnce([&](grpc::ServerContext* context) {
      context->AddTrailingMetadata(kRetryPushbackKey, pushback);
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now");
    }));
    const auto outcomes = server.MakeClient(absl::Seconds(20)).PublishEvents(Events({"a"}));
    EXPECT_EQ(outcomes.status().code(), absl::StatusCode::kUnavailable) << pushback;
    EXPECT_THAT(std::string(outcomes.status().message()), HasSubstr("not now"));
    EXPECT_THAT(server.calls(), SizeIs(1)) << pushback;
  }
}

TEST(ClientTest, AnEventThatIsPutOffComesAgainNotBeforeItsTimeAndHoldsNoOtherBack) {
  RefusingServer server([](int call, grpc::ServerContext*,
                           const events::v1::PublishEventsRequest& request,
                           events::v1::PublishEventsResponse* response) {
    if (call > 0) return AcceptAll(request, response);
    for (int i = 0; i < request.events_size(); ++i) {
      events::v1::EventOutcome outcome = Outcome(events::v1::OUTCOME_KIND_OVERLOADED);
      if (request.events(i).id() == "late") outcome.mutable_retry_after()->set_nanos(300'000'000);
      *response->add_outcomes() = outcome;
    }
    return grpc::Status::OK;
  });
  const auto outcomes =
      server.MakeClient(absl::Seconds(20)).PublishEvents(Events({"late", "soon"}));
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  for (const auto& outcome : *outcomes) {
    EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  }
  const auto calls = server.calls();
  ASSERT_THAT(calls, SizeIs(3));
  EXPECT_THAT(calls[1].ids, ::testing::ElementsAre("soon"));
  EXPECT_THAT(calls[2].ids, ::testing::ElementsAre("late"));
  EXPECT_THAT(calls[2].time - calls[0].time, Ge(absl::Milliseconds(300)));
}

TEST(ClientTest, WhatIsPutOffForLongerThanTheClientTriesStaysOverloaded) {
  RefusingServer server([](int, grpc::ServerContext*, const events::v1::PublishEventsRequest&,
                           events::v1::PublishEventsResponse* response) {
    events::v1::EventOutcome outcome = Outcome(events::v1::OUTCOME_KIND_OVERLOADED);
    outcome.mutable_retry_after()->set_seconds(60);
    *response->add_outcomes() = outcome;
    return grpc::Status::OK;
  });
  const absl::Time start = absl::Now();
  const auto outcomes = server.MakeClient(absl::Seconds(20)).PublishEvents(Events({"a"}));
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  EXPECT_EQ(outcomes->at(0).kind(), events::v1::OUTCOME_KIND_OVERLOADED);
  EXPECT_THAT(server.calls(), SizeIs(1));
  EXPECT_THAT(absl::Now() - start, Lt(absl::Seconds(20)));
}

TEST(ClientTest, ThePublisherOpensItsNextStreamNotBeforeTheServerSays) {
  ScriptedServer server;
  std::atomic<int> batches{0};
  Mutex mutex;
  std::deque<absl::Time> times;
  server.Script([&](const events::v1::StreamEventsRequest&) {
    MutexLock lock(mutex);
    times.push_back(absl::Now());
    Reaction reaction;
    if (batches++ > 0) return reaction;
    reaction.kind = Reaction::Kind::kEndStream;
    reaction.status = WithRetryInfo(absl::StatusCode::kUnavailable, kAsked);
    return reaction;
  });
  server.Start();
  EventPublisher::Options options;
  options.endpoint = server.endpoint();
  options.reconnect_wait_min = absl::Milliseconds(1);
  EventPublisher publisher(options);
  std::atomic<int> accepted{0};
  events::v1::Event event;
  event.set_id("a");
  event.set_source("test");
  event.add_names("custom/x");
  event.mutable_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  const absl::Status taken =
      publisher.Publish(event, [&](const absl::StatusOr<events::v1::EventOutcome>& outcome) {
        if (outcome.ok()) ++accepted;
      });
  ASSERT_TRUE(taken.ok()) << taken;
  const absl::Status done = publisher.Close(absl::Seconds(30));
  EXPECT_TRUE(done.ok()) << done;
  EXPECT_EQ(accepted, 1);
  MutexLock lock(mutex);
  ASSERT_THAT(times, SizeIs(2));
  EXPECT_THAT(times[1] - times[0], Ge(kAsked));
}

}  // namespace
}  // namespace cievents::client
