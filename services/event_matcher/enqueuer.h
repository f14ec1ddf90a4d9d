// Where matched events go: the seam between matching and Postgres.
#ifndef SERVICES_EVENT_MATCHER_ENQUEUER_H_
#define SERVICES_EVENT_MATCHER_ENQUEUER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/lib/store/enqueue_connection.h"

namespace cievents::event_matcher {

// An event with all the requests that it fires (at least one).
struct EventWrite {
  store::EventRow event;
  std::vector<store::RequestRow> requests;
};

struct EventWriteResult {
  enum class Kind {
    kCommitted,    // every request is in Postgres
    kIdReused,     // the same identity is stored with another payload; nothing was written
    kRefused,      // Postgres refuses the row for itself; `message` says why
    kUnavailable,  // not known to be written: the emitter sends the event again
  };
  Kind kind = Kind::kUnavailable;
  int inserted = 0;  // kCommitted: how many requests were new
  std::string message;
};

// Thread-safe.
class Enqueuer {
 public:
  // Called exactly once, from any thread, with one result for each write in order.
  using Done = std::function<void(std::vector<EventWriteResult>)>;

  virtual ~Enqueuer() = default;

  // Takes the writes and returns at once. kResourceExhausted: the queue is full; nothing was taken
  // and `done` is not called. `writes` has distinct event uids.
  virtual absl::Status Submit(std::vector<EventWrite> writes, Done done) = 0;

  // Commits what was taken (for at most the implementation's grace), answers the rest kUnavailable.
  // Twice is fine. No Submit may follow.
  virtual void Stop() = 0;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_ENQUEUER_H_
