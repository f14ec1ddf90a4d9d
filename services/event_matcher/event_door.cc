#include "services/event_matcher/event_door.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "matcher/base/mutex.h"
#include "matcher/base/status.h"
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

const grpc::Status& Ending() {
  static const auto* status =
      new grpc::Status(grpc::StatusCode::UNAVAILABLE,
                       "the matcher is stopping; send what is not answered again on a new stream");
  return *status;
}

// A batch of more bytes is not worth keeping memory for.
constexpr size_t kKeptBatchBytesMax = 1024 * 1024;
constexpr size_t kKeptMemoriesMax = 16;

// `message` is PublishEventsRequest or StreamEventsRequest of the wire twin.
template <typename Message>
absl::Status ParseBatch(const grpc::ByteBuffer& buffer, Message* message) {
  if (buffer.Length() > kBatchBytesMax) {
    return Error(absl::StatusCode::kResourceExhausted,
                 "a batch of {} bytes is over the limit of {}: send smaller batches",
                 buffer.Length(), kBatchBytesMax);
  }
  bool parsed = false;
  if (grpc::Slice slice; buffer.TrySingleSlice(&slice).ok()) {
    parsed = message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  } else {
    if (!buffer.DumpToSingleSlice(&slice).ok()) {
      return absl::InvalidArgumentError("the message cannot be read");
    }
    parsed = message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  if (!parsed) {
    return absl::InvalidArgumentError("the message is not a batch of events of cievents.events.v1");
  }
  if (message->events_size() == 0 || message->events_size() > kBatchEventsMax) {
    return Error(absl::StatusCode::kInvalidArgument, "a batch has 1 to {} events, this one has {}",
                 kBatchEventsMax, message->events_size());
  }
  return absl::OkStatus();
}

// The events of a batch as they came.
template <typename Message>
std::span<const std::string* const> Encoded(const Message& message) {
  return {message.events().data(), static_cast<size_t>(message.events_size())};
}

template <typename Message>
void EncodeOutcomes(const std::vector<Outcome>& outcomes, Message* message) {
  for (const Outcome& outcome : outcomes) EncodeOutcome(outcome, message->add_outcomes());
}

grpc::ByteBuffer ToByteBuffer(const google::protobuf::Message& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

// A stream that is refused at once.
class RefusedStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

// One stream. gRPC calls the On... methods; outcomes come from enqueuer threads. Lives until OnDone
// and until no batch is unanswered, hence the shared_ptr that batches hold.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public std::enable_shared_from_this<StreamReactor> {
 public:
  StreamReactor(const Router& router, BatchMemoryPool& memory) : router_(router), memory_(memory) {}

  void Begin() {
    self_ = shared_from_this();
    StartRead(&read_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      StopReading(grpc::Status::OK);
      return;
    }
    const BatchMemoryPool::Loan memory = memory_.Borrow();
    events::wire::StreamEventsRequest& message = memory->stream_request;
    absl::StatusOr<AckLevel> ack = absl::InternalError("");
    if (const absl::Status parsed = ParseBatch(read_, &message); !parsed.ok()) {
      ack = parsed;
    } else {
      ack = DecodeAckLevel(message.ack());
    }
    if (!ack.ok()) {
      StopReading(ToGrpcStatus(ack.status()));
      return;
    }
    {
      MutexLock lock(mutex_);
      if (reads_done_) return;  // the stream ends: the batch stays unanswered
      ++unanswered_;
    }
    const int64_t batch_id = message.batch_id();
    router_.Publish(Encoded(message), memory->decoder.Decode(message.events()), {*ack, false},
                    [self = shared_from_this(), batch_id](const std::vector<Outcome>& outcomes) {
                      self->Answer(batch_id, outcomes);
                    });
    MutexLock lock(mutex_);
    reading_ = false;
    ResumeReading();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    writing_ = false;
    writes_.pop_front();
    if (!ok) {
      writes_.clear();  // the call is dead: OnDone follows once reads end too
      broken_ = true;
    }
    StartNextWrite();
    ResumeReading();
    FinishIfIdle();
  }

  void OnDone() override { self_.reset(); }

  // What was read is answered first.
  void End() { StopReading(Ending()); }

  void OnCancel() override {
    MutexLock lock(mutex_);
    broken_ = true;
  }

 private:
  void Answer(int64_t batch_id, const std::vector<Outcome>& outcomes) {
    thread_local events::v1::StreamEventsResponse response;
    response.Clear();  // keeps its memory
    response.set_batch_id(batch_id);
    EncodeOutcomes(outcomes, &response);
    MutexLock lock(mutex_);
    --unanswered_;
    response.set_credit_batches(kStreamBatchesInFlightMax - unanswered_);
    if (!broken_) writes_.push_back(ToByteBuffer(response));
    StartNextWrite();
    ResumeReading();
    FinishIfIdle();
  }

  // The first reason stays.
  void StopReading(const grpc::Status& status) {
    MutexLock lock(mutex_);
    if (!reads_done_) failure_ = status;
    reads_done_ = true;
    FinishIfIdle();
  }

  // A batch counts until its outcomes are written: a client that does not read them is not read
  // either.
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return unanswered_ + static_cast<int>(writes_.size()) < kStreamBatchesInFlightMax;
  }

  // As the other operations under the lock: gRPC calls back from another stack.
  void ResumeReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (reading_ || reads_done_ || !HasRoom()) return;
    reading_ = true;
    StartRead(&read_);
  }

  void StartNextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_ || writes_.empty()) return;
    writing_ = true;
    StartWrite(&writes_.front());
  }

  void FinishIfIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_ || !reads_done_ || unanswered_ > 0 || writing_ || !writes_.empty()) return;
    finished_ = true;
    Finish(failure_);
  }

  const Router& router_;
  BatchMemoryPool& memory_;
  std::shared_ptr<StreamReactor> self_;  // until OnDone
  grpc::ByteBuffer read_;                // gRPC's and OnReadDone's while `reading_`

  Mutex mutex_;
  std::deque<grpc::ByteBuffer> writes_ ABSL_GUARDED_BY(mutex_);  // the front is being written
  int unanswered_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
  bool reads_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status failure_ ABSL_GUARDED_BY(mutex_) = grpc::Status::OK;
};

EventDoor::EventDoor(const Router& router)
    : router_(router),
      memory_(
          kKeptMemoriesMax, [] { return std::make_unique<BatchMemory>(); },
          [](const BatchMemory& memory) {
            return memory.decoder.capacity_bytes() <= kKeptBatchBytesMax;
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
  events::wire::PublishEventsRequest& message = memory->publish_request;
  if (const absl::Status parsed = ParseBatch(*request, &message); !parsed.ok()) {
    reactor->Finish(ToGrpcStatus(parsed));
    return reactor;
  }
  const absl::StatusOr<AckLevel> ack = DecodeAckLevel(message.ack());
  if (!ack.ok()) {
    reactor->Finish(ToGrpcStatus(ack.status()));
    return reactor;
  }
  const std::span<DecodedEvent> events = memory->decoder.Decode(message.events());
  const bool forwarded = context->client_metadata().count(kHopCountKey) > 0;
  if (forwarded && message.received_time_ms_size() == message.events_size()) {
    for (size_t i = 0; i < events.size(); ++i) {
      events[i].event.received_time_ms = message.received_time_ms(static_cast<int>(i));
    }
  }
  // gRPC keeps `response` and the reactor alive until Finish.
  router_.Publish(Encoded(message), events, {*ack, forwarded},
                  [reactor, response](const std::vector<Outcome>& outcomes) {
                    thread_local events::v1::PublishEventsResponse answer;
                    answer.Clear();  // keeps its memory
                    EncodeOutcomes(outcomes, &answer);
                    *response = ToByteBuffer(answer);
                    reactor->Finish(grpc::Status::OK);
                  });
  return reactor;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EventDoor::StreamEvents(
    grpc::CallbackServerContext*) {
  if (!ready()) return new RefusedStream(NotReady());
  auto reactor = std::make_shared<StreamReactor>(router_, memory_);
  {
    MutexLock lock(mutex_);
    if (ending_) return new RefusedStream(Ending());
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
