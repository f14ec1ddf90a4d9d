#include "services/event_matcher/event_stream.h"

#include <utility>

#include "matcher/base/status.h"
#include "services/lib/base/grpc_status.h"

namespace cievents::event_matcher {

const grpc::Status& StreamsEnd() {
  static const auto* status =
      new grpc::Status(grpc::StatusCode::UNAVAILABLE,
                       "the matcher is stopping; send what is not answered again on a new stream");
  return *status;
}

void StreamReactor::Begin() {
  self_ = shared_from_this();
  meter_.CountStream(1);
  StartRead(&read_);
}

void StreamReactor::OnDone() {
  meter_.CountStream(-1);
  self_.reset();
}

void StreamReactor::OnReadDone(bool ok) {
  if (!ok) {
    StopReading(grpc::Status::OK);
    return;
  }
  if (IsBroken()) {
    // Nobody would see the answer: the emitter sends the batch again on another stream.
    meter_.CountRefused(DoorMeter::Refusal::kCancelled);
    StopReading(grpc::Status::CANCELLED);
    return;
  }
  const auto read = std::chrono::steady_clock::now();
  const BatchMemoryPool::Loan memory = memory_.Borrow();
  events::wire::StreamEventsRequest& message = memory->stream_request;
  absl::StatusOr<AckLevel> ack = absl::InternalError("");
  if (const absl::Status parsed = ParseBatch(read_, &message); !parsed.ok()) {
    ack = parsed;
  } else {
    ack = DecodeAckLevel(message.ack());
  }
  if (!ack.ok()) {
    meter_.CountRefused(DoorMeter::Refusal::kInvalid);
    StopReading(ToGrpcStatus(ack.status()));
    return;
  }
  {
    MutexLock lock(mutex_);
    if (reads_done_) return;  // the stream ends: the batch stays unanswered
    ++unanswered_;
  }
  meter_.CountStreamBatches(1);
  meter_.CountReceived(static_cast<size_t>(message.events_size()), DoorMeter::Sender::kEmitter);
  const int64_t batch_id = message.batch_id();
  router_.Publish(
      Encoded(message), memory->decoder.Decode(message.events()),
      {*ack, EventFormat::kNative, false},
      [self = shared_from_this(), batch_id, read](const std::vector<Outcome>& outcomes) {
        self->Answer(batch_id, read, outcomes);
      });
  MutexLock lock(mutex_);
  reading_ = false;
  if (!reads_done_ && !HasRoom()) meter_.CountStreamPause();
  ResumeReading();
}

void StreamReactor::OnWriteDone(bool ok) {
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

void StreamReactor::End() { StopReading(StreamsEnd()); }

void StreamReactor::OnCancel() {
  MutexLock lock(mutex_);
  broken_ = true;
}

void StreamReactor::Answer(int64_t batch_id, std::chrono::steady_clock::time_point read,
                           const std::vector<Outcome>& outcomes) {
  meter_.CountStreamBatches(-1);
  meter_.CountAnswered(outcomes, std::chrono::steady_clock::now() - read);
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

void StreamReactor::StopReading(const grpc::Status& status) {
  MutexLock lock(mutex_);
  if (!reads_done_) failure_ = status;
  reads_done_ = true;
  FinishIfIdle();
}

void StreamReactor::ResumeReading() {
  if (reading_ || reads_done_ || !HasRoom()) return;
  reading_ = true;
  StartRead(&read_);
}

void StreamReactor::StartNextWrite() {
  if (writing_ || finished_ || writes_.empty()) return;
  writing_ = true;
  // With the hint gRPC keeps the answer for the next one, which follows at once: what is ready at
  // the same time leaves in one write to the socket.
  grpc::WriteOptions options;
  if (writes_.size() > 1) options.set_buffer_hint();
  StartWrite(&writes_.front(), options);
}

void StreamReactor::FinishIfIdle() {
  if (finished_ || !reads_done_ || unanswered_ > 0 || writing_ || !writes_.empty()) return;
  finished_ = true;
  Finish(failure_);
}

namespace {

class RefusedStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RefusedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* RefuseStream(
    const grpc::Status& status) {
  return new RefusedStream(status);
}

}  // namespace cievents::event_matcher
