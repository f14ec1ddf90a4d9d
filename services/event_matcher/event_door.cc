#include "services/event_matcher/event_door.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "services/event_matcher/batch_message.h"
#include "services/event_matcher/event_stream.h"
#include "services/event_matcher/grpc_forwarder.h"
#include "services/lib/base/grpc_status.h"

namespace cievents::event_matcher {
namespace {

using Refusal = DoorMeter::Refusal;

// What a client is asked to wait: until a small instance has loaded its subscriptions (who finds it
// still loading waits longer by its own backoff), and one round of group commits.
constexpr absl::Duration kLoadingRetryAfter = absl::Milliseconds(500);
constexpr absl::Duration kNoRoomRetryAfter = absl::Milliseconds(200);

grpc::Status NotReady(grpc::CallbackServerContext* context) {
  return RetryLater(
      absl::UnavailableError("the matcher is still loading its subscriptions; send the same events "
                             "again"),
      kLoadingRetryAfter, context);
}

// A batch of more bytes is not worth keeping memory for.
constexpr size_t kKeptBatchBytesMax = 1024 * 1024;
constexpr size_t kKeptMemoriesMax = 16;

// How long to wait before the whole batch is sent again; zero: some event has its final outcome.
absl::Duration WaitOfAll(const std::vector<Outcome>& outcomes) {
  absl::Duration longest;
  for (const Outcome& outcome : outcomes) {
    if (outcome.kind != OutcomeKind::kOverloaded) return absl::ZeroDuration();
    longest = std::max(longest, outcome.retry_after);
  }
  return longest;
}

}  // namespace

// A unary call that is under way. gRPC keeps what it points to until the reactor is finished.
struct EventDoor::UnaryCall {
  grpc::CallbackServerContext* context;
  const grpc::ByteBuffer* request;
  grpc::ByteBuffer* response;
  grpc::ServerUnaryReactor* reactor;
  std::chrono::steady_clock::time_point read = std::chrono::steady_clock::now();
};

bool EventDoor::Admit(const UnaryCall& call) {
  if (!ready()) {
    meter_.CountRefused(Refusal::kLoading);
    call.reactor->Finish(NotReady(call.context));
    return false;
  }
  // Nobody waits for the answer any more: the emitter has sent the same events again, or will.
  const bool is_late = absl::FromChrono(call.context->deadline()) <= options_.now();
  if (is_late || call.context->IsCancelled()) {
    meter_.CountRefused(is_late ? Refusal::kDeadline : Refusal::kCancelled);
    call.reactor->Finish(
        ToGrpcStatus(is_late ? absl::DeadlineExceededError("the call's deadline had passed before "
                                                           "its events were worked on")
                             : absl::CancelledError("the call was cancelled")));
    return false;
  }
  if (budget_.Enter(call.request->Length())) return true;
  meter_.CountRefused(Refusal::kNoRoom);
  call.reactor->Finish(
      RetryLater(absl::ResourceExhaustedError(
                     "too many batches are under way here; send the same events again"),
                 kNoRoomRetryAfter, call.context));
  return false;
}

// `message` is what the batch is parsed into, `decode` makes its events.
template <typename Response, typename Message, typename Decode>
void EventDoor::PublishBatch(const UnaryCall& call, EventFormat format, Message* message,
                             const Decode& decode) {
  const auto refuse = [this, call](const absl::Status& why) {
    meter_.CountRefused(Refusal::kInvalid);
    budget_.Leave(call.request->Length());
    call.reactor->Finish(ToGrpcStatus(why));
  };
  if (const absl::Status parsed = ParseBatch(*call.request, message); !parsed.ok()) {
    if (absl::IsResourceExhausted(parsed)) AskToWait(absl::InfiniteDuration(), call.context);
    refuse(parsed);
    return;
  }
  const absl::StatusOr<AckLevel> ack = DecodeAckLevel(message->ack());
  if (!ack.ok()) {
    refuse(ack.status());
    return;
  }
  const std::span<DecodedEvent> events = decode(*message);
  const bool forwarded = call.context->client_metadata().count(kHopCountKey) > 0;
  if (forwarded && message->received_time_ms_size() == message->events_size()) {
    for (size_t i = 0; i < events.size(); ++i) {
      events[i].event.received_time_ms = message->received_time_ms(static_cast<int>(i));
    }
  }
  meter_.CountReceived(events.size(),
                       forwarded ? DoorMeter::Sender::kMatcher : DoorMeter::Sender::kEmitter);
  router_.Publish(Encoded(*message), events, {*ack, format, forwarded},
                  [this, call](const std::vector<Outcome>& outcomes) {
                    meter_.CountAnswered(outcomes, std::chrono::steady_clock::now() - call.read);
                    thread_local Response answer;
                    answer.Clear();  // keeps its memory
                    EncodeOutcomes(outcomes, &answer);
                    *call.response = ToByteBuffer(answer);
                    const absl::Duration wait = WaitOfAll(outcomes);
                    if (wait > absl::ZeroDuration()) AskToWait(wait, call.context);
                    budget_.Leave(call.request->Length());
                    call.reactor->Finish(grpc::Status::OK);
                  });
}

EventDoor::EventDoor(const Options& options, const Router& router, const Catalogue& catalogue)
    : options_(options),
      router_(router),
      catalogue_(catalogue),
      budget_(options.calls_max, options.call_bytes_max),
      memory_(
          kKeptMemoriesMax, [] { return std::make_unique<BatchMemory>(); },
          [](const BatchMemory& memory) {
            return memory.decoder.capacity_bytes() + memory.cloud_event_decoder.capacity_bytes() <=
                   kKeptBatchBytesMax;
          }) {}

grpc::ServerUnaryReactor* EventDoor::PublishEvents(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  const UnaryCall call{.context = context,
                       .request = request,
                       .response = response,
                       .reactor = context->DefaultReactor()};
  if (!Admit(call)) return call.reactor;
  const BatchMemoryPool::Loan memory = memory_.Borrow();
  PublishBatch<events::v1::PublishEventsResponse>(
      call, EventFormat::kNative, &memory->publish_request,
      [&memory](const auto& message) { return memory->decoder.Decode(message.events()); });
  return call.reactor;
}

grpc::ServerUnaryReactor* EventDoor::PublishCloudEvents(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  const UnaryCall call{.context = context,
                       .request = request,
                       .response = response,
                       .reactor = context->DefaultReactor()};
  if (!Admit(call)) return call.reactor;
  const BatchMemoryPool::Loan memory = memory_.Borrow();
  PublishBatch<events::v1::PublishCloudEventsResponse>(
      call, EventFormat::kCloudEvent, &memory->cloud_events_request,
      [this, &memory](const auto& message) {
        return memory->cloud_event_decoder.Decode(message.events(), catalogue_);
      });
  return call.reactor;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EventDoor::StreamEvents(
    grpc::CallbackServerContext* context) {
  if (!ready()) {
    meter_.CountRefused(Refusal::kLoading);
    return RefuseStream(NotReady(context));
  }
  auto reactor = std::make_shared<StreamReactor>(router_, memory_, meter_);
  {
    MutexLock lock(mutex_);
    if (ending_) return RefuseStream(StreamsEnd());
    std::erase_if(streams_,
                  [](const std::weak_ptr<StreamReactor>& stream) { return stream.expired(); });
    streams_.push_back(reactor);
  }
  reactor->Begin();
  return reactor.get();
}

void EventDoor::EndStreams() {
  std::vector<std::weak_ptr<StreamReactor>> streams;
  {
    MutexLock lock(mutex_);
    ending_ = true;
    streams.swap(streams_);
  }
  for (const std::weak_ptr<StreamReactor>& stream : streams) {
    if (const std::shared_ptr<StreamReactor> live = stream.lock()) live->End();
  }
}

grpc::ServerUnaryReactor* EventDoor::GetTopology(grpc::CallbackServerContext* context,
                                                 const events::v1::GetTopologyRequest*,
                                                 events::v1::GetTopologyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (!ready()) {
    reactor->Finish(NotReady(context));
    return reactor;
  }
  EncodeLayout(router_.view()->layout, response);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace cievents::event_matcher
