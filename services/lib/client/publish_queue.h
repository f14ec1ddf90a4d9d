// What the threads that publish and the one that sends have in common: events on their way in,
// notices of streams, the bounds of both, and who waits until all is answered.
#ifndef SERVICES_LIB_CLIENT_PUBLISH_QUEUE_H_
#define SERVICES_LIB_CLIENT_PUBLISH_QUEUE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "matcher/base/mutex.h"
#include "services/lib/client/event_router.h"
#include "services/lib/client/event_stream.h"

namespace cievents::client {

using SendClock = std::chrono::steady_clock;

// Counts since the start, but for the first two. What the sender counts is there once the `done`
// that it belongs to has returned.
struct PublisherStats {
  int64_t queued_events = 0;  // now: published and not answered
  int64_t queued_bytes = 0;   // now: of those, serialized
  int64_t published = 0;      // taken by Publish
  int64_t answered = 0;       // `done` with an outcome of the server
  int64_t sent = 0;           // events given to a stream, repetitions too; it may not be connected
  int64_t retried = 0;        // repetitions: after a broken stream, or OVERLOADED
  int64_t overloaded = 0;     // OVERLOADED outcomes
  int64_t streams_opened = 0;
  int64_t reconnects = 0;        // streams opened after another one to the same endpoint had ended
  int64_t deadline_dropped = 0;  // `done` with kDeadlineExceeded
  int64_t failed = 0;            // `done` with the status that the event ended a stream with
  int64_t cancelled = 0;         // `done` with kCancelled, by Close
  int64_t refused_full = 0;      // Publish answered kResourceExhausted
};

// An event on its way.
struct QueuedEvent {
  uint64_t number = 0;  // given by the queue, ascending
  std::string bytes;    // serialized once: every sending has these
  RoutingKey key;
  SendClock::time_point deadline;
  std::function<void(absl::StatusOr<std::string> outcome)> done;  // never null
};

// Thread-safe. Overload policy: reject. An event counts against the bounds from Push until it is
// settled.
class PublishQueue {
 public:
  // Of the stream number `stream` (of the sender's counting).
  struct Notice {
    uint64_t stream = 0;
    StreamNotice notice;
  };
  struct Work {
    std::vector<QueuedEvent> events;
    std::vector<Notice> notices;
    bool cancel = false;  // give up what is left: told once
  };

  PublishQueue(int64_t events_max, int64_t bytes_max)
      : events_max_(events_max), bytes_max_(bytes_max) {}

  // kResourceExhausted: full. kInvalidArgument: it would never fit. kFailedPrecondition: closed.
  // Never blocks.
  absl::Status Push(QueuedEvent event);

  // For the sender's thread: waits until there is work, or until `wake`.
  Work Take(SendClock::time_point wake);
  // Adds what the sender counted (the first two are what it takes away: their callbacks have
  // returned). `oldest` is the lowest number that is not done; all done: one more than the highest
  // that was taken.
  void Settle(const PublisherStats& change, uint64_t oldest);

  // For streams.
  void Tell(Notice notice);

  // Nothing is taken any more.
  void Close();
  // The sender is to give up what is left.
  void Cancel();
  // Until every event that was pushed before this call is done. kDeadlineExceeded: it is not, and
  // the message says how many wait.
  absl::Status AwaitDone(absl::Duration timeout);

  PublisherStats stats() const;

 private:
  const int64_t events_max_;
  const int64_t bytes_max_;

  mutable Mutex mutex_;
  CondVar work_arrived_;
  CondVar settled_;
  Work work_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t oldest_ ABSL_GUARDED_BY(mutex_) = 1;  // all below it are done
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  PublisherStats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_PUBLISH_QUEUE_H_
