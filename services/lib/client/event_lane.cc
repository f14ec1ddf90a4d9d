#include "services/lib/client/event_lane.h"

#include <algorithm>

namespace cievents::client {
namespace {

// Beside its own bytes, an event of a batch has a tag and a length.
constexpr int64_t kFramingBytes = 8;

// Is it the batch that the server did not want, rather than that the server, or the way to it, has
// trouble?
bool BlamesBatch(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:  // too large
      return true;
    default:
      return false;
  }
}

}  // namespace

EventLane::EventLane(const Options& options)
    : options_(options),
      backoff_(options.reconnect_wait_min, options.reconnect_wait_max),
      batch_events_(options.batch_events_max) {}

void EventLane::RemoveSent(uint64_t number, int64_t batch_id) {
  const auto batch = unanswered_.find(batch_id);
  if (batch == unanswered_.end()) return;
  std::replace(batch->second.events.begin(), batch->second.events.end(), number, uint64_t{0});
}

int64_t EventLane::Opened(uint64_t stream_number, std::shared_ptr<EventStream> stream,
                          SendClock::time_point now) {
  stream_ = std::move(stream);
  stream_number_ = stream_number;
  writing_ = wrote_ = answered_ = cancelled_ = false;
  credit_ = 1;
  last_used_ = now;
  return streams_++;
}

std::vector<uint64_t> EventLane::TakeBatch(int64_t batch_id,
                                           const std::function<int64_t(uint64_t)>& bytes_of,
                                           SendClock::time_point now) {
  std::vector<uint64_t> batch;
  if (stream_ == nullptr || writing_ || cancelled_) return batch;
  const int allowed = careful_ ? 1 : std::min(credit_, options_.unanswered_batches_max);
  if (static_cast<int>(unanswered_.size()) >= allowed) return batch;
  int64_t bytes = 0;
  while (!waiting_.empty() && static_cast<int>(batch.size()) < batch_events_) {
    const uint64_t next = *waiting_.begin();
    bytes += bytes_of(next) + kFramingBytes;
    if (!batch.empty() && bytes > options_.batch_bytes_max) break;
    batch.push_back(next);
    waiting_.erase(waiting_.begin());
  }
  if (batch.empty()) return batch;
  unanswered_[batch_id] = {batch, now};
  writing_ = true;
  last_used_ = now;
  return batch;
}

void EventLane::Written() {
  writing_ = false;
  wrote_ = true;
}

std::optional<std::vector<uint64_t>> EventLane::Answered(const StreamNotice& notice,
                                                         SendClock::time_point now) {
  const auto batch = unanswered_.find(notice.batch_id);
  if (batch == unanswered_.end() || batch->second.events.size() != notice.answers.size()) {
    return std::nullopt;
  }
  std::vector<uint64_t> events = std::move(batch->second.events);
  unanswered_.erase(batch);
  // With nothing unanswered a batch is always allowed: it brings the next credit.
  credit_ = std::max(notice.credit_batches, 1);
  answered_ = true;
  last_used_ = now;
  backoff_.Reset();
  batch_events_ = std::min(2 * batch_events_, options_.batch_events_max);
  if (batch_events_ == options_.batch_events_max) careful_ = false;
  return events;
}

void EventLane::BecomeCareful() {
  const auto largest = std::max_element(
      unanswered_.begin(), unanswered_.end(), [](const auto& left, const auto& right) {
        return left.second.events.size() < right.second.events.size();
      });
  const int size = static_cast<int>(largest->second.events.size());
  // With several batches unanswered it may have been any: they come again, one by one.
  batch_events_ = std::max(1, unanswered_.size() == 1 ? size / 2 : size);
  careful_ = true;
}

EventLane::End EventLane::Ended(const absl::Status& status, absl::Duration retry_after,
                                SendClock::time_point now) {
  End end;
  for (const auto& [id, batch] : unanswered_) {
    for (const uint64_t number : batch.events) {
      if (number != 0) end.again.push_back(number);
    }
  }
  std::sort(end.again.begin(), end.again.end());
  const bool refused = !cancelled_ && BlamesBatch(status.code());
  // A server that falls whenever it gets a certain event says nothing at all.
  const bool no_progress = wrote_ && !answered_;
  if (!end.again.empty() && (refused || no_progress)) {
    BecomeCareful();
    if (end.again.size() == 1) {
      end.suspect = Suspect{end.again.front(), refused ? Death::kRefused : Death::kFell};
    }
  }
  // It answers, so it need not be spared.
  if (refused) backoff_.Reset();
  const bool wanted = cancelled_ && end.again.empty();  // it was idle
  const std::chrono::milliseconds asked =
      std::min(absl::ToChronoMilliseconds(retry_after), options_.reconnect_wait_max);
  connect_at_ = wanted ? now : now + std::max(asked, backoff_.Next());
  end.waiting.assign(waiting_.begin(), waiting_.end());
  waiting_.clear();
  unanswered_.clear();
  stream_.reset();
  stream_number_ = 0;
  return end;
}

void EventLane::CancelStream() {
  if (stream_ == nullptr || cancelled_) return;
  cancelled_ = true;
  stream_->Cancel();
}

std::optional<SendClock::time_point> EventLane::unanswered_since() const {
  if (stream_ == nullptr || cancelled_ || unanswered_.empty()) return std::nullopt;
  return unanswered_.begin()->second.written;
}

std::optional<SendClock::time_point> EventLane::idle_since() const {
  if (stream_ == nullptr || cancelled_ || !unanswered_.empty() || !waiting_.empty()) {
    return std::nullopt;
  }
  return last_used_;
}

}  // namespace cievents::client
