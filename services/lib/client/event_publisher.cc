#include "services/lib/client/event_publisher.h"

#include <algorithm>
#include <utility>

#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/client/event_sender.h"
#include "services/lib/client/grpc_event_stream.h"

namespace cievents::client {
namespace {

// The server's limits of a batch, and so of an event.
constexpr int kBatchEventsMax = 1024;
constexpr int64_t kBatchBytesMax = 4 * 1024 * 1024;
// No deadline is further away: the clock ends somewhere.
constexpr absl::Duration kTimeoutMax = absl::Hours(24 * 365);

std::chrono::milliseconds Milliseconds(absl::Duration duration) {
  return absl::ToChronoMilliseconds(std::min(duration, kTimeoutMax));
}

EventSender::Options SenderOptions(const EventPublisher::Options& options) {
  EventSender::Options made;
  made.lane.batch_events_max = std::clamp(options.batch_events_max, 1, kBatchEventsMax);
  made.lane.batch_bytes_max = std::clamp<int64_t>(options.batch_bytes_max, 1, kBatchBytesMax);
  made.lane.unanswered_batches_max = std::max(options.unanswered_batches_max, 1);
  made.lane.reconnect_wait_min = Milliseconds(options.reconnect_wait_min);
  made.lane.reconnect_wait_max = Milliseconds(options.reconnect_wait_max);
  made.answer_timeout = Milliseconds(options.answer_timeout);
  made.idle_timeout = Milliseconds(options.idle_timeout);
  made.retry_wait_max = Milliseconds(options.retry_wait_max);
  made.router = options.router != nullptr ? options.router
                                          : std::make_shared<SingleEndpoint>(options.endpoint);
  made.open_stream = [ack = options.ack, timeout = Milliseconds(options.connect_timeout)](
                         const std::string& endpoint, TellStream tell) {
    return OpenGrpcEventStream(endpoint, ack, timeout, std::move(tell));
  };
  return made;
}

absl::Status CheckIdentity(const events::v1::Event& event) {
  if (event.id().empty()) {
    return absl::InvalidArgumentError(
        "the event has no id: give each event one of its own, such as a UUID, that retries repeat");
  }
  if (event.source().empty()) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "event {} has no source: say who emits it, such as gitlab", event.id());
  }
  if (!event.has_time()) {
    return Error(absl::StatusCode::kInvalidArgument, "event {} has no time: say when it happened",
                 event.id());
  }
  return absl::OkStatus();
}

void CallDone(const EventPublisher::Done& done, const absl::StatusOr<std::string>& answer) {
  if (done == nullptr) return;
  if (!answer.ok()) {
    done(answer.status());
    return;
  }
  events::v1::EventOutcome outcome;
  CIEVENTS_CHECK(outcome.ParseFromString(*answer));  // our own serialization
  done(std::move(outcome));
}

}  // namespace

EventPublisher::EventPublisher(const Options& options)
    : event_timeout_(options.event_timeout),
      queue_(std::make_shared<PublishQueue>(options.queued_events_max, options.queued_bytes_max)),
      sender_(std::make_unique<EventSender>(SenderOptions(options), queue_)) {}

EventPublisher::~EventPublisher() { Close(absl::ZeroDuration()).IgnoreError(); }

absl::Status EventPublisher::Publish(const events::v1::Event& event, Done done) {
  return Publish(event, event_timeout_, std::move(done));
}

absl::Status EventPublisher::Publish(const events::v1::Event& event, absl::Duration timeout,
                                     Done done) {
  CIEVENTS_RETURN_IF_ERROR(CheckIdentity(event));
  QueuedEvent queued;
  event.SerializeToString(&queued.bytes);
  if (queued.bytes.size() > static_cast<size_t>(kBatchBytesMax)) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "event {} has {} bytes, more than the {} that a server takes", event.id(),
                 queued.bytes.size(), kBatchBytesMax);
  }
  queued.key.root_namespace_id = event.namespace_ids_size() == 0 ? 0 : event.namespace_ids(0);
  queued.key.project_id = event.project_id();
  queued.deadline = SendClock::now() + Milliseconds(timeout);
  queued.done = [done = std::move(done)](const absl::StatusOr<std::string>& answer) {
    CallDone(done, answer);
  };
  return queue_->Push(std::move(queued));
}

absl::Status EventPublisher::Flush(absl::Duration timeout) { return queue_->AwaitDone(timeout); }

absl::Status EventPublisher::Close(absl::Duration timeout) {
  queue_->Close();
  absl::Status flushed = queue_->AwaitDone(timeout);
  sender_->Stop();
  return flushed;
}

}  // namespace cievents::client
