#include "services/lib/client/event_sender.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "matcher/base/check.h"
#include "matcher/base/status.h"

namespace cievents::client {
namespace {

// An event has ended so many streams, each time alone, before it is given back with their status,
// or (a server that just falls has no status) lets the others go first: one end is chance.
constexpr int kRefusalsMax = 2;
constexpr int kFallsMax = 2;
constexpr std::chrono::milliseconds kOverloadedWaitMin{100};
constexpr int kDoublingsMax = 5;

// Why an event ends without an outcome, and what is known of it.
absl::Status Unanswered(absl::StatusCode code, std::string_view why, int sendings,
                        const absl::Status& last_ending) {
  const std::string known =
      sendings == 0 ? "it was never sent"
                    : fmt::format(
                          "it was sent {} times without a final answer, and may have been "
                          "taken",
                          sendings);
  const std::string ending =
      last_ending.ok() ? "" : fmt::format("; the last stream ended: {}", last_ending.ToString());
  return Error(code, "{}; {}{}", why, known, ending);
}

}  // namespace

EventSender::EventSender(Options options, std::shared_ptr<PublishQueue> queue)
    : options_(std::move(options)), queue_(std::move(queue)), thread_([this] { Run(); }) {}

EventSender::~EventSender() { Stop(); }

void EventSender::Stop() {
  queue_->Cancel();
  MutexLock lock(stop_mutex_);
  if (!thread_.joinable()) return;
  CIEVENTS_CHECK(thread_.get_id() != std::this_thread::get_id());
  thread_.join();
}

void EventSender::Run() {
  wake_ = TimePoint::max();
  while (!cancelled_ || !lanes_.empty()) {
    PublishQueue::Work work = queue_->Take(wake_);
    now_ = SendClock::now();
    wake_ = TimePoint::max();
    cancelled_ = cancelled_ || work.cancel;
    for (QueuedEvent& event : work.events) {
      const uint64_t number = event.number;
      next_number_ = number + 1;
      deadlines_.emplace(event.deadline, number);
      Item& item = items_[number];
      item.event = std::move(event);
      Route(number, item);
    }
    for (PublishQueue::Notice& notice : work.notices) Handle(std::move(notice));
    ExpireDeadlines();
    ResumePutOff();
    if (cancelled_) CancelAll();
    for (auto lane = lanes_.begin(); lane != lanes_.end();) {
      Advance(lane->first, lane->second);
      Watch(lane->second);
      const bool over = cancelled_ || now_ >= lane->second.last_used() + options_.idle_timeout;
      lane = over && lane->second.empty() ? lanes_.erase(lane) : std::next(lane);
    }
    CallDone();
  }
}

void EventSender::Route(uint64_t number, Item& item) {
  const std::string endpoint = options_.router->EndpointFor(item.event.key);
  item.lane = &lanes_.try_emplace(endpoint, options_.lane).first->second;
  item.batch_id = 0;
  item.lane->Add(number);
}

void EventSender::Handle(PublishQueue::Notice notice) {
  const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& candidate) {
    return candidate.second.stream_number() == notice.stream;
  });
  if (lane == lanes_.end()) return;  // nothing comes after kEnded
  switch (notice.notice.kind) {
    case StreamNotice::Kind::kWritten:
      lane->second.Written();
      return;
    case StreamNotice::Kind::kAnswered:
      HandleAnswers(lane->second, std::move(notice.notice));
      return;
    case StreamNotice::Kind::kEnded:
      HandleEnd(lane->first, lane->second, notice.notice);
      return;
  }
}

void EventSender::HandleAnswers(EventLane& lane, StreamNotice notice) {
  const std::optional<std::vector<uint64_t>> events = lane.Answered(notice, now_);
  if (!events.has_value()) {
    lane.CancelStream();  // what it says cannot be trusted
    return;
  }
  for (size_t i = 0; i < events->size(); ++i) {
    const auto item = items_.find((*events)[i]);
    if (item == items_.end()) continue;  // its deadline has passed meanwhile
    Answer& answer = notice.answers[i];
    if (answer.kind == Answer::Kind::kOverloaded) {
      PutOffOverloaded(item->first, item->second, answer.retry_after);
    } else {
      ++change_.answered;
      Finish(item, std::move(answer.outcome));
    }
  }
}

void EventSender::HandleEnd(const std::string& endpoint, EventLane& lane,
                            const StreamNotice& notice) {
  const absl::Status& status = notice.status;
  const EventLane::End end = lane.Ended(status, notice.retry_after, now_);
  options_.router->StreamEnded(endpoint, status);
  for (const uint64_t number : end.waiting) {
    Item& item = items_.at(number);
    item.last_ending = status;
    Route(number, item);
  }
  for (const uint64_t number : end.again) {
    const auto item = items_.find(number);
    item->second.last_ending = status;
    if (end.suspect.has_value() && end.suspect->number == number) {
      HandleSuspect(item, end.suspect->death, status);
    } else {
      Route(number, item->second);
    }
  }
}

void EventSender::HandleSuspect(Items::iterator item, EventLane::Death death,
                                const absl::Status& status) {
  Item& suspect = item->second;
  const bool refused = death == EventLane::Death::kRefused;
  if (refused ? ++suspect.refusals < kRefusalsMax : ++suspect.falls < kFallsMax) {
    Route(item->first, suspect);
  } else if (refused) {
    ++change_.failed;
    Finish(item, Error(status.code(), "the server ends the stream because of this event: {}",
                       std::string(status.message())));
  } else {
    PutOff(item->first, suspect, options_.lane.reconnect_wait_max);
  }
}

void EventSender::PutOff(uint64_t number, Item& item, std::chrono::nanoseconds wait) {
  // Up to half as much again, so that what was put off together does not come back together.
  std::uniform_int_distribution<int64_t> jitter(0, wait.count() / 2);
  item.lane = nullptr;
  item.batch_id = 0;
  item.due = now_ + wait + std::chrono::nanoseconds(jitter(random_));
  put_off_.emplace(item.due, number);
}

void EventSender::PutOffOverloaded(uint64_t number, Item& item, absl::Duration retry_after) {
  ++change_.overloaded;
  const auto asked = std::max<std::chrono::nanoseconds>(absl::ToChronoNanoseconds(retry_after),
                                                        kOverloadedWaitMin);
  const int doublings = std::min(item.overloads++, kDoublingsMax);
  PutOff(number, item,
         std::min(asked, options_.retry_wait_max / (1 << doublings)) * (1 << doublings));
}

void EventSender::Finish(Items::iterator item, absl::StatusOr<std::string> outcome) {
  Item& finished = item->second;
  deadlines_.erase({finished.event.deadline, item->first});
  if (finished.lane == nullptr) {
    put_off_.erase({finished.due, item->first});
  } else if (finished.batch_id == 0) {
    finished.lane->RemoveWaiting(item->first);
  } else {
    finished.lane->RemoveSent(item->first, finished.batch_id);
  }
  done_.emplace_back(std::move(finished.event), std::move(outcome));
  items_.erase(item);
}

void EventSender::ExpireDeadlines() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    const auto item = items_.find(deadlines_.begin()->second);
    ++change_.deadline_dropped;
    Finish(item, Unanswered(absl::StatusCode::kDeadlineExceeded, "the event's deadline has passed",
                            item->second.sendings, item->second.last_ending));
  }
  if (!deadlines_.empty()) WakeAt(deadlines_.begin()->first);
}

void EventSender::ResumePutOff() {
  while (!put_off_.empty() && put_off_.begin()->first <= now_) {
    const uint64_t number = put_off_.begin()->second;
    put_off_.erase(put_off_.begin());
    Route(number, items_[number]);
  }
  if (!put_off_.empty()) WakeAt(put_off_.begin()->first);
}

void EventSender::CancelAll() {
  while (!items_.empty()) {
    const auto item = items_.begin();
    ++change_.cancelled;
    Finish(item,
           Unanswered(absl::StatusCode::kCancelled, "the publisher was closed before the answer",
                      item->second.sendings, item->second.last_ending));
  }
  for (auto& [endpoint, lane] : lanes_) lane.CancelStream();
}

void EventSender::Advance(const std::string& endpoint, EventLane& lane) {
  if (lane.wants_stream()) {
    if (now_ < lane.connect_at()) {
      WakeAt(lane.connect_at());
      return;
    }
    Open(endpoint, lane);
  }
  while (WriteBatch(lane)) {
  }
}

void EventSender::Open(const std::string& endpoint, EventLane& lane) {
  const uint64_t number = ++streams_opened_;
  // The stream may say something before it is returned: the notice waits in the queue.
  auto stream = options_.open_stream(endpoint, [queue = queue_, number](StreamNotice notice) {
    queue->Tell({number, std::move(notice)});
  });
  if (lane.Opened(number, std::move(stream), now_) > 0) ++change_.reconnects;
  ++change_.streams_opened;
}

bool EventSender::WriteBatch(EventLane& lane) {
  const std::vector<uint64_t> batch = lane.TakeBatch(
      last_batch_id_ + 1,
      [this](uint64_t number) {
        return static_cast<int64_t>(items_.at(number).event.bytes.size());
      },
      now_);
  if (batch.empty()) return false;
  ++last_batch_id_;
  std::vector<const std::string*> events;
  events.reserve(batch.size());
  for (const uint64_t number : batch) {
    Item& item = items_.at(number);
    item.batch_id = last_batch_id_;
    if (item.sendings++ > 0) ++change_.retried;
    ++change_.sent;
    events.push_back(&item.event.bytes);
  }
  lane.stream().Write(last_batch_id_, events);
  return true;
}

void EventSender::Watch(EventLane& lane) {
  if (const auto since = lane.unanswered_since(); since.has_value()) {
    if (now_ >= *since + options_.answer_timeout) {
      lane.CancelStream();
    } else {
      WakeAt(*since + options_.answer_timeout);
    }
  } else if (const auto idle = lane.idle_since(); idle.has_value()) {
    if (now_ >= *idle + options_.idle_timeout) {
      lane.CancelStream();
    } else {
      WakeAt(*idle + options_.idle_timeout);
    }
  }
}

void EventSender::CallDone() {
  for (auto& [event, outcome] : done_) {
    change_.queued_events -= 1;
    change_.queued_bytes -= static_cast<int64_t>(event.bytes.size());
    event.done(std::move(outcome));
  }
  done_.clear();
  queue_->Settle(change_, items_.empty() ? next_number_ : items_.begin()->first);
  change_ = PublisherStats();
}

}  // namespace cievents::client
