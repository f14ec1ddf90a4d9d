#include "services/lib/client/publish_queue.h"

#include <algorithm>
#include <utility>

#include "matcher/base/status.h"

namespace cievents::client {
namespace {

// A wait is cut into pieces of this, so that no timeout is too long for the clock.
constexpr std::chrono::hours kWaitMax{1};

constexpr int64_t PublisherStats::*kCounters[] = {
    &PublisherStats::queued_events,    &PublisherStats::queued_bytes,   &PublisherStats::published,
    &PublisherStats::answered,         &PublisherStats::sent,           &PublisherStats::retried,
    &PublisherStats::overloaded,       &PublisherStats::streams_opened, &PublisherStats::reconnects,
    &PublisherStats::deadline_dropped, &PublisherStats::failed,         &PublisherStats::cancelled,
    &PublisherStats::refused_full};

}  // namespace

absl::Status PublishQueue::Push(QueuedEvent event) {
  const auto bytes = static_cast<int64_t>(event.bytes.size());
  if (bytes > bytes_max_) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "the event has {} bytes, more than the {} that the publisher may keep", bytes,
                 bytes_max_);
  }
  MutexLock lock(mutex_);
  if (closed_) return absl::FailedPreconditionError("the publisher is closed");
  if (stats_.queued_events >= events_max_ || stats_.queued_bytes + bytes > bytes_max_) {
    ++stats_.refused_full;
    return Error(absl::StatusCode::kResourceExhausted,
                 "the publisher is full: {} events of {} bytes wait for their answer, of at most "
                 "{} and {}; publish it again later",
                 stats_.queued_events, stats_.queued_bytes, events_max_, bytes_max_);
  }
  ++stats_.queued_events;
  stats_.queued_bytes += bytes;
  ++stats_.published;
  event.number = next_number_++;
  work_.events.push_back(std::move(event));
  if (work_.events.size() == 1) work_arrived_.NotifyOne();
  return absl::OkStatus();
}

PublishQueue::Work PublishQueue::Take(SendClock::time_point wake) {
  MutexLock lock(mutex_);
  while (work_.events.empty() && work_.notices.empty() && !work_.cancel) {
    const SendClock::time_point now = SendClock::now();
    if (now >= wake) break;
    work_arrived_.WaitFor(mutex_, std::min<SendClock::duration>(wake - now, kWaitMax));
  }
  Work taken;
  taken.events.swap(work_.events);
  taken.notices.swap(work_.notices);
  taken.cancel = std::exchange(work_.cancel, false);
  return taken;
}

void PublishQueue::Settle(const PublisherStats& change, uint64_t oldest) {
  MutexLock lock(mutex_);
  for (const auto counter : kCounters) stats_.*counter += change.*counter;
  oldest_ = oldest;
  settled_.NotifyAll();
}

void PublishQueue::Tell(Notice notice) {
  MutexLock lock(mutex_);
  work_.notices.push_back(std::move(notice));
  work_arrived_.NotifyOne();
}

void PublishQueue::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
}

void PublishQueue::Cancel() {
  MutexLock lock(mutex_);
  closed_ = true;
  work_.cancel = true;
  work_arrived_.NotifyOne();
}

absl::Status PublishQueue::AwaitDone(absl::Duration timeout) {
  const SendClock::time_point start = SendClock::now();
  MutexLock lock(mutex_);
  const uint64_t all = next_number_;
  while (oldest_ < all) {
    const absl::Duration left = timeout - absl::FromChrono(SendClock::now() - start);
    if (left <= absl::ZeroDuration()) {
      return Error(absl::StatusCode::kDeadlineExceeded, "{} events have no answer after {}",
                   stats_.queued_events, absl::FormatDuration(timeout));
    }
    settled_.WaitFor(mutex_, absl::ToChronoNanoseconds(std::min(left, absl::FromChrono(kWaitMax))));
  }
  return absl::OkStatus();
}

PublisherStats PublishQueue::stats() const {
  MutexLock lock(mutex_);
  return stats_;
}

}  // namespace cievents::client
