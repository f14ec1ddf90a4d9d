// Where matched events go: the seam between matching and Postgres.
#ifndef SERVICES_EVENT_MATCHER_ENQUEUER_H_
#define SERVICES_EVENT_MATCHER_ENQUEUER_H_

#include <functional>
#include <memory>
#include <optional>
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

// Shared, for who commits them and who spools them may be at work at the same time.
using SharedWrites = std::shared_ptr<const std::vector<EventWrite>>;

struct EventWriteResult {
  enum class Kind {
    kCommitted,    // every request is in Postgres
    kSpooled,      // every request is on the local disk, and on its way to Postgres
    kIdReused,     // the same identity is stored with another payload; nothing was written
    kRefused,      // Postgres refuses the row for itself; `message` says why
    kUnavailable,  // not known to be written: the emitter sends the event again
  };
  Kind kind = Kind::kUnavailable;
  int inserted = 0;  // kCommitted: how many requests were new
  std::string message;
  // kCommitted, of an enqueuer that writes to Postgres: the event's uid there; of a keyed event
  // perhaps that of an earlier delivery.
  std::optional<matcher::EventUid> stored_uid = std::nullopt;
};

// Thread-safe.
class Enqueuer {
 public:
  // Called exactly once, from any thread, with one result for each write in order.
  using Done = std::function<void(std::vector<EventWriteResult>)>;

  virtual ~Enqueuer() = default;

  // Takes the writes and returns at once. kResourceExhausted: the queue is full; nothing was taken
  // and `done` is not called. `writes` has distinct delivery keys; without any, `done` is called
  // once a connection was there, or was given up: is_store_away() then says which.
  virtual absl::Status Submit(SharedWrites writes, Done done) = 0;

  // True: the last write failed because Postgres could not be reached, and none has succeeded
  // since. What is submitted would wait.
  virtual bool is_store_away() const = 0;

  // Commits what was taken (for at most the implementation's grace), answers the rest kUnavailable.
  // Twice is fine. No Submit may follow.
  virtual void Stop() = 0;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_ENQUEUER_H_
