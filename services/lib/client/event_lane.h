// The events of one endpoint and the stream to it: what waits, which batches are unanswered, how
// many may be, and - after a stream has died of a batch - which event of it is to blame.
//
// A stream that ends tells nothing about which batch it died of. So the lane becomes careful: one
// batch at a time, half as large after each further death, until one event is alone. What is
// answered makes batches larger again.
#ifndef SERVICES_LIB_CLIENT_EVENT_LANE_H_
#define SERVICES_LIB_CLIENT_EVENT_LANE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/lib/base/backoff.h"
#include "services/lib/client/event_stream.h"
#include "services/lib/client/publish_queue.h"

namespace cievents::client {

// For one thread. Events are known by their numbers.
class EventLane {
 public:
  struct Options {
    int batch_events_max = 0;
    int64_t batch_bytes_max = 0;
    int unanswered_batches_max = 0;
    std::chrono::milliseconds reconnect_wait_min{0};
    std::chrono::milliseconds reconnect_wait_max{0};
  };

  enum class Death {
    kRefused,  // the status says that the batch is at fault
    kFell,     // the server, or the way to it, ended without having answered anything
  };
  // The only event that was unanswered when a stream died.
  struct Suspect {
    uint64_t number = 0;
    Death death = Death::kFell;
  };
  // What the end of a stream means for its events.
  struct End {
    std::vector<uint64_t> again;    // to be sent again, in the order of their numbers
    std::vector<uint64_t> waiting;  // never were on this stream: they wait no longer here
    std::optional<Suspect> suspect;
  };

  explicit EventLane(const Options& options);

  // An event waits for its turn: events go out in the order of their numbers.
  void Add(uint64_t number) { waiting_.insert(number); }
  // An event that waits, or is in that unanswered batch, is done by other means.
  void RemoveWaiting(uint64_t number) { waiting_.erase(number); }
  void RemoveSent(uint64_t number, int64_t batch_id);

  bool wants_stream() const { return stream_ == nullptr && !waiting_.empty(); }
  SendClock::time_point connect_at() const { return connect_at_; }
  // Returns how many streams there were before.
  int64_t Opened(uint64_t stream_number, std::shared_ptr<EventStream> stream,
                 SendClock::time_point now);
  // The stream that notices must be from; 0 = there is none.
  uint64_t stream_number() const { return stream_number_; }

  // Takes the next batch from what waits, and notes that it is on its way. Empty: nothing may be
  // written now.
  std::vector<uint64_t> TakeBatch(int64_t batch_id,
                                  const std::function<int64_t(uint64_t)>& bytes_of,
                                  SendClock::time_point now);
  EventStream& stream() { return *stream_; }
  void Written();
  // The batch's events, 0 for those that are done already; nothing: no such batch is unanswered.
  std::optional<std::vector<uint64_t>> Answered(const StreamNotice& notice,
                                                SendClock::time_point now);
  // The stream has ended; the next one may be opened at connect_at(), which is `retry_after` (at
  // most reconnect_wait_max) from now or later.
  End Ended(const absl::Status& status, absl::Duration retry_after, SendClock::time_point now);

  // Ends the stream for a reason of ours: what is unanswered is sent again.
  void CancelStream();
  // When the oldest unanswered batch was written; nothing: none is unanswered, or the stream is
  // cancelled already.
  std::optional<SendClock::time_point> unanswered_since() const;
  // Since when there is a stream without anything to do.
  std::optional<SendClock::time_point> idle_since() const;
  // Nothing waits, and there is no stream.
  bool empty() const { return stream_ == nullptr && waiting_.empty(); }
  // When a stream was opened, or a batch written or answered, for the last time.
  SendClock::time_point last_used() const { return last_used_; }

 private:
  struct Batch {
    std::vector<uint64_t> events;  // 0: done already
    SendClock::time_point written;
  };

  // The stream died of what is unanswered.
  void BecomeCareful();

  const Options options_;
  std::set<uint64_t> waiting_;
  std::map<int64_t, Batch> unanswered_;
  Backoff backoff_;
  SendClock::time_point connect_at_;  // the earliest time
  int64_t streams_ = 0;               // opened

  // Of the stream:
  std::shared_ptr<EventStream> stream_;  // null: there is none
  uint64_t stream_number_ = 0;
  bool writing_ = false;
  bool wrote_ = false;      // a batch has left
  bool answered_ = false;   // a batch was answered
  bool cancelled_ = false;  // by us
  int credit_ = 1;          // batches that may be unanswered; one until the server has said more
  SendClock::time_point last_used_;

  bool careful_ = false;
  int batch_events_ = 0;  // at most so many in the next batch
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_EVENT_LANE_H_
