// The doors under load, over real gRPC: what a client is told when there is no room, and what is
// not worked on any more.
#include "services/event_matcher/event_door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <set>

#include "services/event_matcher/event_codec.h"
#include "services/event_matcher/event_stream.h"
#include "services/event_matcher/grpc_forwarder.h"
#include "services/event_matcher/testing/manual_enqueuer.h"
#include "services/lib/base/grpc_server.h"
#include "services/lib/base/grpc_status.h"

namespace cievents::event_matcher {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Property;
using ::testing::SizeIs;

using events::v1::EventService;
using events::v1::PublishCloudEventsRequest;
using events::v1::PublishCloudEventsResponse;
using events::v1::PublishEventsRequest;
using events::v1::PublishEventsResponse;
using events::v1::StreamEventsRequest;
using events::v1::StreamEventsResponse;

constexpr int64_t kProject = 7;

// A call and all that its client was told.
template <typename Response>
struct Call {
  grpc::ClientContext context;
  Response response;
  grpc::Status status;

  // The trailer; absent: there is none.
  std::optional<std::string> pushback() const {
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto found = trailers.find(kRetryPushbackKey);
    if (found == trailers.end()) return std::nullopt;
    return std::string(found->second.data(), found->second.size());
  }
  // What the status alone says.
  absl::Duration retry_info() const { return RetryAfter(grpc::ClientContext(), status); }
};

class EventDoorTest : public ::testing::Test {
 protected:
  EventDoorTest() {
    matcher::ProjectSubscriptions set;
    set.project_id = kProject;
    matcher::Subscription& subscription = set.subscriptions.emplace_back();
    subscription.subscription_id = 1;
    subscription.path = "a.yml";
    subscription.entries.emplace_back().patterns.push_back(*matcher::Pattern::Parse("custom/x"));
    EXPECT_THAT(index_.ReplaceProject(set), IsEmpty());
    shards_.SetLoaded(matcher::SlotsOfShard(0, 1));
  }
  ~EventDoorTest() override {
    enqueuer_.Stop();
    if (door_ != nullptr) door_->EndStreams();
    if (server_ != nullptr) server_->Shutdown(std::chrono::seconds(10));
    forwarder_.Stop();
  }

  enum class Loaded { kNo, kYes };
  void Serve(const EventDoor::Options& options, Loaded loaded = Loaded::kYes) {
    door_ = std::make_unique<EventDoor>(options, router_, *catalogue_);
    if (loaded == Loaded::kYes) door_->SetReady();
    auto server = GrpcServer::Start(GrpcServer::Options(), {door_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = EventService::NewStub(
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }

  // `custom/x` matches, everything else does not.
  static PublishEventsRequest Batch(const std::vector<std::string>& names) {
    PublishEventsRequest request;
    for (const std::string& name : names) {
      events::v1::Event* event = request.add_events();
      event->set_id("e" + std::to_string(request.events_size()));
      event->set_source("test");
      event->add_names(name);
      event->set_project_id(kProject);
      event->mutable_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
    }
    return request;
  }
  static std::unique_ptr<Call<PublishEventsResponse>> Publish(EventService::Stub& stub,
                                                              const PublishEventsRequest& request) {
    auto call = std::make_unique<Call<PublishEventsResponse>>();
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    call->status = stub.PublishEvents(&call->context, request, &call->response);
    return call;
  }
  std::unique_ptr<Call<PublishEventsResponse>> Publish(const PublishEventsRequest& request) {
    return Publish(*stub_, request);
  }
  std::unique_ptr<Call<PublishCloudEventsResponse>> PublishCloudEvent() {
    PublishCloudEventsRequest request;
    auto* event = request.add_events();
    event->set_id("c1");
    event->set_source("test");
    event->set_spec_version("1.0");
    event->set_type("other.thing");
    auto call = std::make_unique<Call<PublishCloudEventsResponse>>();
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    call->status = stub_->PublishCloudEvents(&call->context, request, &call->response);
    return call;
  }
  // A call that waits for the enqueuer.
  std::future<std::unique_ptr<Call<PublishEventsResponse>>> PublishAndWait() {
    const size_t before = enqueuer_.submitted();
    auto call = std::async(std::launch::async,
                           [stub = stub_.get()] { return Publish(*stub, Batch({"custom/x"})); });
    while (enqueuer_.submitted() == before) std::this_thread::yield();
    return call;
  }

  matcher::Index index_;
  MatcherPool matchers_{index_};
  ManualEnqueuer enqueuer_;
  Intake intake_{Intake::Options(), matchers_, enqueuer_};
  ShardMap shards_{0, 1};
  ProjectRoots roots_;
  GrpcForwarder forwarder_{GrpcForwarder::Options()};
  Router router_{intake_, shards_,
                 roots_,  forwarder_,
                 nullptr, [](EventFormat, const std::string& bytes) {
                   return DecodeEvent(bytes); }};
  const std::shared_ptr<const Catalogue> catalogue_ = Catalogue::BuiltIn();
  std::unique_ptr<EventDoor> door_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<EventService::Stub> stub_;
};

TEST_F(EventDoorTest, ACallBeyondTheBoundIsRefusedWithATimeToWaitAndTakenOnceThereIsRoom) {
  EventDoor::Options options;
  options.calls_max = 1;
  Serve(options);
  auto first = PublishAndWait();

  const auto native = Publish(Batch({"custom/y"}));
  EXPECT_EQ(native->status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(native->pushback(), "200");
  EXPECT_EQ(native->retry_info(), absl::Milliseconds(200));
  const auto cloud_event = PublishCloudEvent();
  EXPECT_EQ(cloud_event->status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(cloud_event->pushback(), "200");
  EXPECT_EQ(cloud_event->retry_info(), absl::Milliseconds(200));
  EXPECT_EQ(door_->budget().refused, 2u);

  enqueuer_.Answer(0, EventWriteResult::Kind::kCommitted);
  EXPECT_TRUE(first.get()->status.ok());
  for (int i = 0; i < 3; ++i) {
    const auto later = Publish(Batch({"custom/y"}));
    EXPECT_TRUE(later->status.ok()) << later->status.error_message();
    EXPECT_EQ(later->pushback(), std::nullopt);
  }
  EXPECT_TRUE(PublishCloudEvent()->status.ok());
  EXPECT_EQ(door_->budget().calls, 0u);
  EXPECT_EQ(door_->budget().bytes, 0u);
}

TEST_F(EventDoorTest, TheRequestsOfUnansweredCallsAreBoundedInBytes) {
  EventDoor::Options options;
  const PublishEventsRequest small = Batch({"custom/y"});
  options.call_bytes_max = 2 * small.ByteSizeLong();
  Serve(options);
  auto first = PublishAndWait();
  EXPECT_TRUE(Publish(small)->status.ok());
  const auto refused = Publish(Batch({"custom/y", "custom/y"}));
  EXPECT_EQ(refused->status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused->retry_info(), absl::Milliseconds(200));
  enqueuer_.Answer(0, EventWriteResult::Kind::kCommitted);
  EXPECT_TRUE(first.get()->status.ok());
  EXPECT_TRUE(Publish(Batch({"custom/y", "custom/y"}))->status.ok());
}

TEST_F(EventDoorTest, CallsThatAreRefusedForThemselvesLeaveTheirRoomAndSayThatARepeatIsNoUse) {
  EventDoor::Options options;
  options.calls_max = 1;
  Serve(options);
  PublishEventsRequest oversized = Batch({"custom/y"});
  oversized.mutable_events(0)->set_data(std::string(kBatchBytesMax, ' '));
  for (int i = 0; i < 2; ++i) {
    const auto refused = Publish(oversized);
    EXPECT_EQ(refused->status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(refused->pushback(), "-1");
    EXPECT_EQ(refused->retry_info(), absl::ZeroDuration());
    EXPECT_EQ(Publish(PublishEventsRequest())->status.error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
  EXPECT_EQ(door_->budget().bytes, 0u);
}

TEST_F(EventDoorTest, AMatcherThatIsStillLoadingSaysWhenToComeAgain) {
  Serve(EventDoor::Options(), Loaded::kNo);
  const auto call = Publish(Batch({"custom/y"}));
  EXPECT_EQ(call->status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(call->pushback(), "500");
  EXPECT_EQ(call->retry_info(), absl::Milliseconds(500));

  Call<StreamEventsResponse> stream;
  const auto opened = stub_->StreamEvents(&stream.context);
  EXPECT_FALSE(opened->Read(&stream.response));
  stream.status = opened->Finish();
  EXPECT_EQ(stream.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(stream.pushback(), "500");
  EXPECT_EQ(stream.retry_info(), absl::Milliseconds(500));

  door_->SetReady();
  EXPECT_TRUE(Publish(Batch({"custom/y"}))->status.ok());
}

TEST_F(EventDoorTest, ABatchThatIsPutOffAsAWholeHasItsOutcomesAndTheTrailer) {
  Serve(EventDoor::Options());
  enqueuer_.Refuse(absl::ResourceExhaustedError("the queue of matched events is full"));
  const auto whole = Publish(Batch({"custom/x", "custom/x"}));
  ASSERT_TRUE(whole->status.ok()) << whole->status.error_message();
  ASSERT_THAT(whole->response.outcomes(), SizeIs(2));
  EXPECT_THAT(whole->response.outcomes(),
              Each(Property(&events::v1::EventOutcome::kind, events::v1::OUTCOME_KIND_OVERLOADED)));
  EXPECT_EQ(whole->pushback(), "200");

  const auto part = Publish(Batch({"custom/x", "custom/y"}));
  ASSERT_TRUE(part->status.ok()) << part->status.error_message();
  EXPECT_EQ(part->response.outcomes(0).kind(), events::v1::OUTCOME_KIND_OVERLOADED);
  EXPECT_EQ(part->response.outcomes(1).kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(part->pushback(), std::nullopt) << "one event has its final outcome";
}

TEST_F(EventDoorTest, ACallWhoseDeadlineHasPassedIsNotWorkedOn) {
  std::atomic<bool> hours_later{true};
  EventDoor::Options options;
  options.now = [&] { return absl::Now() + absl::Hours(hours_later ? 1 : 0); };
  Serve(options);
  EXPECT_EQ(Publish(Batch({"custom/x", "custom/y"}))->status.error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(PublishCloudEvent()->status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(enqueuer_.submitted(), 0u);
  EXPECT_EQ(door_->meter().refused(DoorMeter::Refusal::kDeadline), 2u);
  EXPECT_EQ(door_->meter().refused(DoorMeter::Refusal::kCancelled), 0u);
  EXPECT_EQ(door_->budget().calls, 0u);

  // A call without a deadline is never late, and one that has time left is not yet.
  Call<PublishEventsResponse> endless;
  endless.status = stub_->PublishEvents(&endless.context, Batch({"custom/y"}), &endless.response);
  EXPECT_TRUE(endless.status.ok()) << endless.status.error_message();
  hours_later = false;
  EXPECT_TRUE(Publish(Batch({"custom/y"}))->status.ok());
  EXPECT_EQ(door_->meter().refused(DoorMeter::Refusal::kDeadline), 2u);
}

TEST_F(EventDoorTest, EveryEventIsCountedOnceByWhatBecameOfIt) {
  Serve(EventDoor::Options());
  auto waiting = PublishAndWait();
  enqueuer_.Answer(0, EventWriteResult::Kind::kCommitted);
  EXPECT_TRUE(waiting.get()->status.ok());
  PublishEventsRequest mixed = Batch({"custom/y", "custom/y", "", "custom/y"});
  mixed.set_ack(events::v1::ACK_LEVEL_RECEIVED);
  EXPECT_TRUE(Publish(mixed)->status.ok());
  enqueuer_.Refuse(absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(Publish(Batch({"custom/x", "custom/y"}))->status.ok());
  EXPECT_EQ(Publish(PublishEventsRequest())->status.error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);

  Call<StreamEventsResponse> call;
  const auto stream = stub_->StreamEvents(&call.context);
  StreamEventsRequest batch;
  *batch.add_events() = Batch({"custom/y"}).events(0);
  ASSERT_TRUE(stream->Write(batch));
  ASSERT_TRUE(stream->Read(&call.response));
  DoorMeter::Counts counts = door_->meter().counts();
  EXPECT_EQ(counts.streams, 1);
  EXPECT_EQ(counts.stream_batches, 0);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&call.response));
  EXPECT_TRUE(stream->Finish().ok());

  counts = door_->meter().counts();
  EXPECT_EQ(counts.received[0], 8u);
  EXPECT_EQ(counts.received[1], 0u);
  EXPECT_EQ(counts.of(OutcomeKind::kAccepted), 6u);
  EXPECT_EQ(counts.of(OutcomeKind::kAccepted, AckLevel::kDurable), 6u)
      << "what matches nothing has nothing to keep";
  EXPECT_EQ(counts.of(OutcomeKind::kRejected, OutcomeReason::kInvalid), 1u);
  EXPECT_EQ(counts.of(OutcomeKind::kOverloaded, OutcomeReason::kQueueFull), 1u);
  EXPECT_EQ(counts.of(OutcomeKind::kDuplicate), 0u);
  EXPECT_EQ(counts.matched_events, 1u);
  EXPECT_EQ(counts.matches, 1u);
  EXPECT_EQ(door_->meter().refused(DoorMeter::Refusal::kInvalid), 1u);
  uint64_t timed = 0;
  for (const uint64_t count : counts.latency.buckets) timed += count;
  EXPECT_EQ(timed, 8u);
  EXPECT_GT(counts.latency.sum_seconds, 0);
}

// An answer that is kept for a next one that does not come would hang here.
TEST_F(EventDoorTest, AnswersThatAreReadyTogetherAllArriveWhileTheStreamStaysOpen) {
  Serve(EventDoor::Options());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto stream = stub_->StreamEvents(&context);
  StreamEventsRequest batch;
  *batch.add_events() = Batch({"custom/x"}).events(0);
  for (int round = 0; round < 20; ++round) {
    const size_t before = enqueuer_.submitted();
    for (int i = 0; i < kStreamBatchesInFlightMax; ++i) {
      batch.set_batch_id(i);
      ASSERT_TRUE(stream->Write(batch));
    }
    while (enqueuer_.submitted() < before + kStreamBatchesInFlightMax) std::this_thread::yield();
    EXPECT_EQ(door_->meter().counts().stream_batches, kStreamBatchesInFlightMax);
    for (size_t i = 0; i < kStreamBatchesInFlightMax; ++i) {
      enqueuer_.Answer(before + i, EventWriteResult::Kind::kCommitted);
    }
    std::set<int64_t> answered;
    StreamEventsResponse response;
    for (int i = 0; i < kStreamBatchesInFlightMax; ++i) {
      ASSERT_TRUE(stream->Read(&response)) << stream->Finish().error_message();
      answered.insert(response.batch_id());
    }
    EXPECT_THAT(answered, SizeIs(kStreamBatchesInFlightMax));
  }
  EXPECT_GE(door_->meter().counts().stream_pauses, 20u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// Without a call behind it: a message that is read as its stream is cancelled is a matter of
// microseconds.
TEST_F(EventDoorTest, AMessageOfACancelledStreamIsNotWorkedOn) {
  for (const bool cancelled : {true, false}) {
    BatchMemoryPool memory(1, [] { return std::make_unique<BatchMemory>(); });
    DoorMeter meter;
    auto stream = std::make_shared<StreamReactor>(router_, memory, meter);
    stream->Begin();
    if (cancelled) stream->OnCancel();
    stream->OnReadDone(true);
    EXPECT_EQ(meter.refused(DoorMeter::Refusal::kCancelled), cancelled ? 1u : 0u);
    EXPECT_EQ(memory.stats().made, cancelled ? 0u : 1u) << "it was parsed";
    stream->OnDone();
  }
}

}  // namespace
}  // namespace cievents::event_matcher
