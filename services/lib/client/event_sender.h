// The thread behind EventPublisher: takes events from the queue, gives each to the lane of its
// endpoint, sends again what a broken stream or OVERLOADED left without a final answer, and calls
// each event's `done` exactly once.
//
// Everything but the queue belongs to that thread; streams tell it what happened through the queue.
// No gRPC here, so that ThreadSanitizer can watch it (preset tsan).
#ifndef SERVICES_LIB_CLIENT_EVENT_SENDER_H_
#define SERVICES_LIB_CLIENT_EVENT_SENDER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "matcher/base/mutex.h"
#include "services/lib/client/event_lane.h"
#include "services/lib/client/event_router.h"
#include "services/lib/client/event_stream.h"
#include "services/lib/client/publish_queue.h"

namespace cievents::client {

class EventSender {
 public:
  struct Options {
    EventLane::Options lane;
    std::chrono::nanoseconds answer_timeout{0};
    std::chrono::nanoseconds idle_timeout{0};
    std::chrono::nanoseconds retry_wait_max{0};
    std::shared_ptr<EventRouter> router;
    OpenStream open_stream;
  };

  // Starts the thread.
  EventSender(Options options, std::shared_ptr<PublishQueue> queue);
  ~EventSender();  // Stop

  // Gives up what is left (kCancelled), and returns when all callbacks have returned, all streams
  // have ended and the thread is gone. Thread-safe, but not for the thread itself (`done`); twice
  // is fine.
  void Stop();

 private:
  using TimePoint = SendClock::time_point;

  // An event that is not done.
  struct Item {
    QueuedEvent event;
    EventLane* lane = nullptr;  // null: it waits for `due`
    int64_t batch_id = 0;       // 0: it is in no batch
    TimePoint due;
    int sendings = 0;
    int overloads = 0;
    int refusals = 0;          // streams that were ended because of it, as their status says
    int falls = 0;             // streams that ended, without an answer, when it was alone on them
    absl::Status last_ending;  // of the last stream that ended under it
  };
  using Items = std::map<uint64_t, Item>;

  void Run();
  void Route(uint64_t number, Item& item);
  void Handle(PublishQueue::Notice notice);
  void HandleAnswers(EventLane& lane, StreamNotice notice);
  void HandleEnd(const std::string& endpoint, EventLane& lane, const StreamNotice& notice);
  // The event was alone on a stream that died of it.
  void HandleSuspect(Items::iterator item, EventLane::Death death, const absl::Status& status);
  // Puts an event off, for at least `wait`.
  void PutOff(uint64_t number, Item& item, std::chrono::nanoseconds wait);
  void PutOffOverloaded(uint64_t number, Item& item, absl::Duration retry_after);
  // The event is done; `done` is called by CallDone.
  void Finish(Items::iterator item, absl::StatusOr<std::string> outcome);
  void ExpireDeadlines();
  void ResumePutOff();
  void CancelAll();
  // Opens the lane's stream or writes to it, as far as may be.
  void Advance(const std::string& endpoint, EventLane& lane);
  void Open(const std::string& endpoint, EventLane& lane);
  bool WriteBatch(EventLane& lane);
  // Ends streams that do not answer, or have nothing to do.
  void Watch(EventLane& lane);
  void CallDone();
  // Run wakes then, if nothing happens before.
  void WakeAt(TimePoint time) { wake_ = std::min(wake_, time); }

  const Options options_;
  const std::shared_ptr<PublishQueue> queue_;

  // Owned by the thread.
  Items items_;
  std::set<std::pair<TimePoint, uint64_t>> deadlines_;
  std::set<std::pair<TimePoint, uint64_t>> put_off_;
  std::map<std::string, EventLane> lanes_;  // by endpoint
  std::vector<std::pair<QueuedEvent, absl::StatusOr<std::string>>> done_;
  PublisherStats change_;
  uint64_t next_number_ = 1;  // above all that were taken
  uint64_t streams_opened_ = 0;
  int64_t last_batch_id_ = 0;
  bool cancelled_ = false;
  TimePoint now_;
  TimePoint wake_;
  std::mt19937_64 random_{std::random_device{}()};

  Mutex stop_mutex_;
  std::thread thread_ ABSL_GUARDED_BY(stop_mutex_);  // the last member: it uses the others
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_EVENT_SENDER_H_
