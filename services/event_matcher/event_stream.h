// One stream of StreamEvents.
#ifndef SERVICES_EVENT_MATCHER_EVENT_STREAM_H_
#define SERVICES_EVENT_MATCHER_EVENT_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "matcher/base/mutex.h"
#include "services/event_matcher/batch_message.h"
#include "services/event_matcher/door_meter.h"
#include "services/event_matcher/router.h"

namespace cievents::event_matcher {

// Batches of one stream that may be unanswered; beyond it the server stops reading.
inline constexpr int kStreamBatchesInFlightMax = 16;

// gRPC calls the On... methods; outcomes come from enqueuer threads. Lives until OnDone and until
// no batch is unanswered, hence the shared_ptr that batches hold.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public std::enable_shared_from_this<StreamReactor> {
 public:
  // All must outlive the stream.
  StreamReactor(const Router& router, BatchMemoryPool& memory, DoorMeter& meter)
      : router_(router), memory_(memory), meter_(meter) {}

  void Begin();
  // What was read is answered first; then the stream ends with StreamsEnd.
  void End();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;
  void OnCancel() override;

 private:
  void Answer(int64_t batch_id, std::chrono::steady_clock::time_point read,
              const std::vector<Outcome>& outcomes);
  bool IsBroken() {
    MutexLock lock(mutex_);
    return broken_;
  }
  // The first reason stays.
  void StopReading(const grpc::Status& status);
  // A batch counts until its outcomes are written: a client that does not read them is not read
  // either.
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return unanswered_ + static_cast<int>(writes_.size()) < kStreamBatchesInFlightMax;
  }
  // Operations are started under the lock: gRPC calls back from another stack.
  void ResumeReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartNextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishIfIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Router& router_;
  BatchMemoryPool& memory_;
  DoorMeter& meter_;
  std::shared_ptr<StreamReactor> self_;  // until OnDone
  grpc::ByteBuffer read_;                // gRPC's and OnReadDone's while `reading_`

  Mutex mutex_;
  std::deque<grpc::ByteBuffer> writes_ ABSL_GUARDED_BY(mutex_);  // the front is being written
  int unanswered_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
  bool reads_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // cancelled, or the connection is gone
  grpc::Status failure_ ABSL_GUARDED_BY(mutex_) = grpc::Status::OK;
};

// What a client is told when the matcher stops.
const grpc::Status& StreamsEnd();

// A stream that is refused at once.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* RefuseStream(
    const grpc::Status& status);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EVENT_STREAM_H_
