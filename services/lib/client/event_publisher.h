// Publishes events from within a backend: Publish never waits, a background thread sends, and sends
// again, until each event has its final outcome (docs/client.md).
//
//   EventPublisher::Options options;
//   options.endpoint = "127.0.0.1:8080";
//   EventPublisher publisher(options);
//   absl::Status taken = publisher.Publish(event, [](absl::StatusOr<EventOutcome> outcome) { ...
//   }); publisher.Close(absl::Seconds(10)).IgnoreError();
//
// Restarts of the server, broken connections and OVERLOADED outcomes are its own matter: the same
// bytes are sent again, so id, source and time never change, and the server stores each event once.
#ifndef SERVICES_LIB_CLIENT_EVENT_PUBLISHER_H_
#define SERVICES_LIB_CLIENT_EVENT_PUBLISHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cievents/events/v1/events.pb.h"
#include "services/lib/client/event_router.h"
#include "services/lib/client/publish_queue.h"

namespace cievents::client {

class EventSender;

// Thread-safe.
class EventPublisher {
 public:
  struct Options {
    std::string endpoint;  // host:port; unused if there is a router
    // Which endpoint takes which event; null: all go to `endpoint`. Each endpoint has a stream.
    std::shared_ptr<EventRouter> router;
    // What is waited for; ACK_LEVEL_UNSPECIFIED is durable.
    events::v1::AckLevel ack = events::v1::ACK_LEVEL_UNSPECIFIED;

    // Events that have no final outcome yet, wherever they are. Full: Publish refuses.
    int64_t queued_events_max = 100'000;
    int64_t queued_bytes_max = int64_t{64} * 1024 * 1024;  // serialized

    // How long an event is tried, if Publish does not say otherwise. The server takes an event
    // until 24 hours after its time.
    absl::Duration event_timeout = absl::Minutes(5);

    // What waits is sent at once, so batches are as large as the load makes them; at most (what
    // the server would refuse is brought into its limits):
    int batch_events_max = 128;                         // 1 to 1,024
    int64_t batch_bytes_max = 1024 * 1024;              // a larger event goes alone
    int unanswered_batches_max = 16;                    // a stream; the server may allow fewer
    absl::Duration answer_timeout = absl::Seconds(30);  // then the connection counts as dead
    // A stream without anything to send is closed; the next event opens another one.
    absl::Duration idle_timeout = absl::Seconds(60);
    absl::Duration connect_timeout = absl::Seconds(5);
    // Between two tries to reach a server: exponential, with jitter.
    absl::Duration reconnect_wait_min = absl::Milliseconds(50);
    absl::Duration reconnect_wait_max = absl::Seconds(5);
    // The longest wait after OVERLOADED. The server says how long; it doubles with each further one
    // of the same event, and up to half is added at random.
    absl::Duration retry_wait_max = absl::Seconds(30);
  };

  using Stats = PublisherStats;

  // Called once for each event that Publish took, on the publisher's thread, without a lock: it
  // must not block, throw, or call Flush, Close or the destructor; Publish is fine. May be null.
  //   an outcome          what the server said: accepted, duplicate, or rejected (sending it again
  //                       does not help). Never overloaded: that is retried.
  //   kDeadlineExceeded   its deadline has passed; the server may have taken it all the same
  //   kCancelled          Close gave it up; the server may have taken it all the same
  //   another code        the server ended the stream with it whenever the event was sent: it is
  //                       not taken
  using Done = std::function<void(absl::StatusOr<events::v1::EventOutcome> outcome)>;

  // Does not wait for anything, least of all for the network.
  explicit EventPublisher(const Options& options);
  // Close without a timeout: what has no outcome yet is given up.
  ~EventPublisher();
  EventPublisher(const EventPublisher&) = delete;
  EventPublisher& operator=(const EventPublisher&) = delete;

  // Never blocks. If it is not OK, the event was not taken and `done` is never called.
  //   kInvalidArgument     the event has no id, source or time (a retry must repeat them, so the
  //                        publisher cannot make them up), or is over 4 MiB or queued_bytes_max
  //   kResourceExhausted   the queue is full; counted in Stats::refused_full
  //   kFailedPrecondition  closed
  absl::Status Publish(const events::v1::Event& event, Done done);
  // For at most `timeout`, instead of Options::event_timeout.
  absl::Status Publish(const events::v1::Event& event, absl::Duration timeout, Done done);

  // Waits until every event that was published before is done. kDeadlineExceeded: not within
  // `timeout`; they are tried further.
  absl::Status Flush(absl::Duration timeout);

  // Takes nothing more, waits as Flush does, then gives up what is left (kCancelled) and ends the
  // streams. When it returns, every `done` has returned. Twice is fine.
  // kDeadlineExceeded: events were given up.
  absl::Status Close(absl::Duration timeout);

  Stats stats() const { return queue_->stats(); }

 private:
  const absl::Duration event_timeout_;
  const std::shared_ptr<PublishQueue> queue_;  // streams have it, too
  const std::unique_ptr<EventSender> sender_;
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_EVENT_PUBLISHER_H_
