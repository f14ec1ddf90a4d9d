#include "loadtest/service/empty_door.h"

#include <string>

#include "matcher/base/mutex.h"

namespace cievents::loadtest {
namespace {

grpc::ByteBuffer ToByteBuffer(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// One answer a message, in order; reads go on while answers are written.
class EmptyStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit EmptyStream(const std::string& answer) : answer_(answer) { StartRead(&read_); }

  void OnReadDone(bool ok) override {
    {
      MutexLock lock(mutex_);
      if (ok) {
        ++owed_;
      } else {
        reads_done_ = true;
      }
      Continue();
    }
    if (ok) StartRead(&read_);
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    writing_ = false;
    if (!ok) owed_ = 0;
    Continue();
  }

  void OnDone() override { delete this; }

 private:
  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_) return;
    if (owed_ > 0) {
      --owed_;
      writing_ = true;
      write_ = ToByteBuffer(answer_);
      StartWrite(&write_);
    } else if (reads_done_) {
      Finish(grpc::Status::OK);
    }
  }

  const std::string& answer_;
  grpc::ByteBuffer read_;
  Mutex mutex_;
  grpc::ByteBuffer write_ ABSL_GUARDED_BY(mutex_);
  int owed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

EmptyDoor::EmptyDoor(size_t stream_answer_bytes, size_t unary_answer_bytes)
    : stream_answer_(stream_answer_bytes, 'x'), unary_answer_(unary_answer_bytes, 'x') {}

grpc::ServerUnaryReactor* EmptyDoor::PublishEvents(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* /*request*/,
                                                   grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  *response = ToByteBuffer(unary_answer_);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EmptyDoor::StreamEvents(
    grpc::CallbackServerContext* /*context*/) {
  return new EmptyStream(stream_answer_);
}

}  // namespace cievents::loadtest
