#include "services/event_matcher/event_door.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "matcher/base/mutex.h"
#include "matcher/base/status.h"
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

// `message` is a request with a batch, of the wire twin.
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

template <typename Message>
void EncodeOutcomes(const std::vector<Outcome>& outcomes, Message* message) {
  for (const Outcome& outcome : outcomes) EncodeOutcome(outcome, message->add_outcomes());
}

grpc::ByteBuffer ToByteBuffer(const google::protobuf::Message& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

// One stream. gRPC calls the On... methods; outcomes come from enqueuer threads. Lives until OnDone
// and until no batch is unanswered, hence the shared_ptr that batches hold.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public std::enable_shared_from_this<StreamReactor> {
 public:
  StreamReactor(const Intake& intake, BatchMemoryPool& memory) : intake_(intake), memory_(memory) {}

  void Begin() {
    self_ = shared_from_this();
    StartRead(&read_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      MutexLock lock(mutex_);
      reads_done_ = true;
      reading_ = false;
      FinishIfIdle();
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
      MutexLock lock(mutex_);
      reads_done_ = true;
      reading_ = false;
      failure_ = ToGrpcStatus(ack.status());
      FinishIfIdle();
      return;
    }
    bool read_more = false;  // else Answer resumes
    {
      MutexLock lock(mutex_);
      ++unanswered_;
      reading_ = HasRoom();
      read_more = reading_;
    }
    const int64_t batch_id = message.batch_id();
    intake_.Publish(memory->decoder.Decode(message.events()), *ack,
                    [self = shared_from_this(), batch_id](const std::vector<Outcome>& outcomes) {
                      self->Answer(batch_id, outcomes);
                    });
    if (read_more) StartRead(&read_);
  }

  void OnWriteDone(bool ok) override {
    bool resume_reading = false;
    {
      MutexLock lock(mutex_);
      writing_ = false;
      writes_.pop_front();
      if (!ok) {
        writes_.clear();  // the call is dead: OnDone follows once reads end too
        broken_ = true;
      }
      StartNextWrite();
      resume_reading = ResumeReading();
      FinishIfIdle();
    }
    if (resume_reading) StartRead(&read_);
  }

  void OnDone() override { self_.reset(); }

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
    bool resume_reading = false;
    {
      MutexLock lock(mutex_);
      --unanswered_;
      response.set_credit_batches(kStreamBatchesInFlightMax - unanswered_);
      if (!broken_) writes_.push_back(ToByteBuffer(response));
      StartNextWrite();
      resume_reading = ResumeReading();
      FinishIfIdle();
    }
    if (resume_reading) StartRead(&read_);
  }

  // A batch counts until its outcomes are written: a client that does not read them is not read
  // either.
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return unanswered_ + static_cast<int>(writes_.size()) < kStreamBatchesInFlightMax;
  }

  // True: the caller starts the next read, without the lock.
  bool ResumeReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (reading_ || reads_done_ || !HasRoom()) return false;
    reading_ = true;
    return true;
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

  const Intake& intake_;
  BatchMemoryPool& memory_;
  std::shared_ptr<StreamReactor> self_;  // until OnDone
  grpc::ByteBuffer read_;                // owned by whoever `reading_` says

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

// A stream that is refused at once.
class RefusedStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// A unary call with one batch: `message` is what it is parsed into, `decode` makes its events.
template <typename Response, typename Message, typename Decode>
void PublishBatch(const Intake& intake, const grpc::ByteBuffer& request, Message* message,
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
  // gRPC keeps `response` and the reactor alive until Finish.
  intake.Publish(decode(*message), *ack, [reactor, response](const std::vector<Outcome>& outcomes) {
    thread_local Response answer;
    answer.Clear();  // keeps its memory
    EncodeOutcomes(outcomes, &answer);
    *response = ToByteBuffer(answer);
    reactor->Finish(grpc::Status::OK);
  });
}

}  // namespace

EventDoor::EventDoor(const Intake& intake, const Catalogue& catalogue)
    : intake_(intake),
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
      intake_, *request, &memory->publish_request,
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
      intake_, *request, &memory->cloud_events_request,
      [this, &memory](const auto& message) {
        return memory->cloud_event_decoder.Decode(message.events(), catalogue_);
      },
      response, reactor);
  return reactor;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EventDoor::StreamEvents(
    grpc::CallbackServerContext*) {
  if (!ready()) return new RefusedStream(NotReady());
  auto reactor = std::make_shared<StreamReactor>(intake_, memory_);
  reactor->Begin();
  return reactor.get();
}

}  // namespace cievents::event_matcher
