#include "services/event_matcher/event_door.h"

#include <grpcpp/grpcpp.h>

#include <span>
#include <utility>

#include "services/event_matcher/batch_message.h"
#include "services/event_matcher/event_stream.h"
#include "services/event_matcher/grpc_forwarder.h"
#include "services/lib/base/grpc_status.h"

namespace cievents::event_matcher {
namespace {

const grpc::Status& NotReady() {
  static const auto* status = new grpc::Status(
      grpc::StatusCode::UNAVAILABLE,
      "the matcher is still loading its subscriptions; send the same events again in a second");
  return *status;
}

// A batch of more bytes is not worth keeping memory for.
constexpr size_t kKeptBatchBytesMax = 1024 * 1024;
constexpr size_t kKeptMemoriesMax = 16;

// A unary call with one batch: `message` is what it is parsed into, `decode` makes its events.
template <typename Response, typename Message, typename Decode>
void PublishBatch(const Router& router, const grpc::CallbackServerContext& context,
                  const grpc::ByteBuffer& request, EventFormat format, Message* message,
                  const Decode& decode, grpc::ByteBuffer* response,
                  grpc::ServerUnaryReactor* reactor) {
  if (const absl::Status parsed = ParseBatch(request, message); !parsed.ok()) {
    reactor->Finish(ToGrpcStatus(parsed));
    return;
  }
  const absl::StatusOr<AckLevel> ack = DecodeAckLevel(message->ack());
  if (!ack.ok()) {
    reactor->Finish(ToGrpcStatus(ack.status()));
    return;
  }
  const std::span<DecodedEvent> events = decode(*message);
  const bool forwarded = context.client_metadata().count(kHopCountKey) > 0;
  if (forwarded && message->received_time_ms_size() == message->events_size()) {
    for (size_t i = 0; i < events.size(); ++i) {
      events[i].event.received_time_ms = message->received_time_ms(static_cast<int>(i));
    }
  }
  // gRPC keeps `response` and the reactor alive until Finish.
  router.Publish(Encoded(*message), events, {*ack, format, forwarded},
                 [reactor, response](const std::vector<Outcome>& outcomes) {
                   thread_local Response answer;
                   answer.Clear();  // keeps its memory
                   EncodeOutcomes(outcomes, &answer);
                   *response = ToByteBuffer(answer);
                   reactor->Finish(grpc::Status::OK);
                 });
}

}  // namespace

EventDoor::EventDoor(const Router& router, const Catalogue& catalogue)
    : router_(router),
      catalogue_(catalogue),
      memory_(
          kKeptMemoriesMax, [] { return std::make_unique<BatchMemory>(); },
          [](const BatchMemory& memory) {
            return memory.decoder.capacity_bytes() + memory.cloud_event_decoder.capacity_bytes() <=
                   kKeptBatchBytesMax;
          }) {}

grpc::ServerUnaryReactor* EventDoor::PublishEvents(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (!ready()) {
    reactor->Finish(NotReady());
    return reactor;
  }
  const BatchMemoryPool::Loan memory = memory_.Borrow();
  PublishBatch<events::v1::PublishEventsResponse>(
      router_, *context, *request, EventFormat::kNative, &memory->publish_request,
      [&memory](const auto& message) { return memory->decoder.Decode(message.events()); }, response,
      reactor);
  return reactor;
}

grpc::ServerUnaryReactor* EventDoor::PublishCloudEvents(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (!ready()) {
    reactor->Finish(NotReady());
    return reactor;
  }
  const BatchMemoryPool::Loan memory = memory_.Borrow();
  PublishBatch<events::v1::PublishCloudEventsResponse>(
      router_, *context, *request, EventFormat::kCloudEvent, &memory->cloud_events_request,
      [this, &memory](const auto& message) {
        return memory->cloud_event_decoder.Decode(message.events(), catalogue_);
      },
      response, reactor);
  return reactor;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EventDoor::StreamEvents(
    grpc::CallbackServerContext*) {
  if (!ready()) return RefuseStream(NotReady());
  auto reactor = std::make_shared<StreamReactor>(router_, memory_);
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
    reactor->Finish(NotReady());
    return reactor;
  }
  EncodeLayout(router_.view()->layout, response);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace cievents::event_matcher
