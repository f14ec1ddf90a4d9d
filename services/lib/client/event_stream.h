// A StreamEvents call as the sender sees it: batches go out, notices come back. No gRPC here, so
// that ThreadSanitizer can watch who uses it.
#ifndef SERVICES_LIB_CLIENT_EVENT_STREAM_H_
#define SERVICES_LIB_CLIENT_EVENT_STREAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cievents::client {

// The answer for one event.
struct Answer {
  enum class Kind {
    kFinal,       // accepted, duplicate, rejected
    kOverloaded,  // send it again
  };
  Kind kind = Kind::kFinal;
  absl::Duration retry_after;  // with kOverloaded; zero = not said
  std::string outcome;         // cievents.events.v1.EventOutcome, serialized
};

class EventStream;

// What happened on a stream.
struct StreamNotice {
  enum class Kind {
    kWritten,   // the last batch has left: the next one may be written. It is not acceptance.
    kAnswered,  // a batch has its answers
    kEnded,     // the stream is no more; the last notice
  };
  Kind kind = Kind::kEnded;
  int64_t batch_id = 0;         // kAnswered
  std::vector<Answer> answers;  // kAnswered: one an event, in the order of the batch
  int credit_batches = 0;       // kAnswered: how many batches may be unanswered from now on
  absl::Status status;          // kEnded; OK: the server ended it without a complaint
  // kEnded: how long the server asks to wait before the next stream; zero = it does not say.
  absl::Duration retry_after;
  // kEnded: the stream, to be destroyed by who is told, on a thread of its own.
  std::shared_ptr<EventStream> stream;
};

// For one thread, but for what `tell` says.
class EventStream {
 public:
  virtual ~EventStream() = default;

  // Starts to write a batch. `events` are serialized events; they are copied. REQUIRES: every
  // earlier write has been told as kWritten. On a stream that has ended it does nothing: kEnded
  // comes, or has come.
  virtual void Write(int64_t batch_id, const std::vector<const std::string*>& events) = 0;
  // Ends it: kEnded comes soon.
  virtual void Cancel() = 0;
};

// Called on any thread, also before OpenStream has returned. Must not block.
using TellStream = std::function<void(StreamNotice notice)>;
// Begins to connect and returns at once; that it fails is told as kEnded.
using OpenStream =
    std::function<std::shared_ptr<EventStream>(const std::string& endpoint, TellStream tell)>;

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_EVENT_STREAM_H_
