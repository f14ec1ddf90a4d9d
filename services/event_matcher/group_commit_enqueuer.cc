#include "services/event_matcher/group_commit_enqueuer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/base/backoff.h"
#include "services/lib/base/log.h"
#include "services/lib/store/partitions.h"

namespace cievents::event_matcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWatchdogInterval{100};
constexpr std::chrono::seconds kSharedFor{
    1};  // how long one that emitted beside others is not alone

// A turn in the queue: a submission or a few, a fraction of a group.
constexpr size_t kTurnRequests = 100;

size_t EventBytes(const store::EventRow& event) {
  return sizeof(EventWrite) + event.data.size() + event.source.size() +
         event.extensions_json.size();
}

size_t RequestBytes(const store::RequestRow& request) {
  return sizeof(request) + request.inputs_json.size() + request.path.size();
}

size_t WriteBytes(const EventWrite& write) {
  size_t bytes = EventBytes(write.event);
  for (const store::RequestRow& request : write.requests) bytes += RequestBytes(request);
  return bytes;
}

std::vector<EventWriteResult> AllFailed(size_t count, const std::string& message) {
  return std::vector<EventWriteResult>(
      count, EventWriteResult{EventWriteResult::Kind::kUnavailable, 0, message});
}

}  // namespace

// One connection and the commits on it; owned by its thread.
class GroupCommitEnqueuer::Writer {
 public:
  explicit Writer(const Options& options)
      : options_(options),
        backoff_(std::chrono::milliseconds(20), std::chrono::milliseconds(500)) {}

  // Commits all writes of `group` and fills `results` (by submission). Returns kUnavailable if
  // Postgres cannot be reached or says to try again; the group is then untouched.
  absl::Status Commit(const Group& group, std::vector<std::vector<EventWriteResult>>* results) {
    CIEVENTS_RETURN_IF_ERROR(Connect());
    std::vector<const EventWrite*> writes;
    for (const Submission& submission : group) {
      for (const EventWrite& write : *submission.writes) writes.push_back(&write);
    }
    std::vector<EventWriteResult> flat(writes.size());
    CIEVENTS_RETURN_IF_ERROR(CommitRange(writes, 0, writes.size(), &flat));
    size_t next = 0;
    results->clear();
    for (const Submission& submission : group) {
      const auto begin = flat.begin() + static_cast<std::ptrdiff_t>(next);
      next += submission.writes->size();
      const auto end = flat.begin() + static_cast<std::ptrdiff_t>(next);
      results->emplace_back(std::make_move_iterator(begin), std::make_move_iterator(end));
    }
    backoff_.Reset();
    return absl::OkStatus();
  }

  std::chrono::milliseconds NextDelay() { return backoff_.Next(); }

 private:
  absl::Status Connect() {
    if (connection_ == nullptr) {
      CIEVENTS_ASSIGN_OR_RETURN(connection_, store::EnqueueConnection::Connect(options_.dsn));
      return absl::OkStatus();
    }
    return connection_->connected() ? absl::OkStatus() : connection_->Reconnect();
  }

  // One statement for [begin, end), if it is not over the bounds of a group; else, and where
  // Postgres refuses a row for itself, halves, until the event stands alone. What a half has
  // committed is absorbed by the key if the whole is sent again.
  absl::Status CommitRange(const std::vector<const EventWrite*>& writes, size_t begin, size_t end,
                           std::vector<EventWriteResult>* results) {
    const bool alone = end - begin == 1;
    absl::Status status = absl::InvalidArgumentError("over the bounds of a group");
    if (alone) {
      status = CommitEvent(*writes[begin], &(*results)[begin]);
    } else if (FitsGroup(writes, begin, end)) {
      status = CommitGroup(writes, begin, end, results);
    }
    // Only a row that is refused for itself is the row's fault: everything else (a schema that is
    // being migrated, a missing right, a damaged index) is the world, and the emitter keeps the
    // event.
    if (!status.ok() && status.code() != absl::StatusCode::kInvalidArgument) {
      return absl::UnavailableError(status.message());
    }
    if (status.ok()) return status;
    if (!alone) {
      const size_t middle = begin + (end - begin) / 2;
      CIEVENTS_RETURN_IF_ERROR(CommitRange(writes, begin, middle, results));
      return CommitRange(writes, middle, end, results);
    }
    (*results)[begin] = {EventWriteResult::Kind::kRefused, 0, std::string(status.message())};
    LogError("Postgres refuses an event", {{"event_id", writes[begin]->event.event_id},
                                           {"meta.project_id", writes[begin]->event.project_id},
                                           {"error", std::string(status.message())}});
    return absl::OkStatus();
  }

  bool FitsGroup(const std::vector<const EventWrite*>& writes, size_t begin, size_t end) const {
    size_t requests = 0;
    size_t bytes = 0;
    for (size_t i = begin; i < end; ++i) {
      requests += writes[i]->requests.size();
      bytes += WriteBytes(*writes[i]);
    }
    return requests <= options_.group_requests_max && bytes <= options_.group_bytes_max;
  }

  absl::Status CommitGroup(const std::vector<const EventWrite*>& writes, size_t begin, size_t end,
                           std::vector<EventWriteResult>* results) {
    store::EnqueueBatch batch;
    for (size_t i = begin; i < end; ++i) {
      batch.events.push_back(writes[i]->event);
      batch.requests.insert(batch.requests.end(), writes[i]->requests.begin(),
                            writes[i]->requests.end());
    }
    CIEVENTS_ASSIGN_OR_RETURN(const store::EnqueueResult result, EnqueueWithPartitions(batch));
    FillResults(writes, begin, end, batch, result, results);
    return absl::OkStatus();
  }

  // An event that fires more subscriptions than a group holds is written in parts; it is answered
  // after the last one.
  absl::Status CommitEvent(const EventWrite& write, EventWriteResult* result) {
    *result = {EventWriteResult::Kind::kCommitted, 0, ""};
    size_t next = 0;
    do {
      const size_t end = PartEnd(write, next);
      const auto first = write.requests.begin();
      store::EnqueueBatch batch;
      batch.events.push_back(write.event);
      batch.requests.assign(first + static_cast<std::ptrdiff_t>(next),
                            first + static_cast<std::ptrdiff_t>(end));
      CIEVENTS_ASSIGN_OR_RETURN(const store::EnqueueResult part, EnqueueWithPartitions(batch));
      if (!part.reused_ids.empty()) {
        *result = {EventWriteResult::Kind::kIdReused, 0, ""};
        return absl::OkStatus();
      }
      result->inserted += part.inserted_requests.front();
      result->stored_uid = part.stored_uids.front();
      next = end;
    } while (next < write.requests.size());
    return absl::OkStatus();
  }

  // As many requests from `begin` on as a group holds, by their number and their bytes; one at
  // least.
  size_t PartEnd(const EventWrite& write, size_t begin) const {
    size_t bytes = EventBytes(write.event);
    size_t end = begin;
    while (end < write.requests.size() && end - begin < options_.group_requests_max) {
      bytes += RequestBytes(write.requests[end]);
      if (end > begin && bytes > options_.group_bytes_max) break;
      ++end;
    }
    return end;
  }

  // "No partition" is never the row's fault, but past retention: the partition is made and the
  // batch sent again.
  absl::StatusOr<store::EnqueueResult> EnqueueWithPartitions(store::EnqueueBatch& batch) {
    absl::StatusOr<store::EnqueueResult> result = connection_->Enqueue(batch);
    if (result.ok() || result.status().code() != absl::StatusCode::kFailedPrecondition) {
      return result;
    }
    LogWarning("a partition is missing; making it",
               {{"error", std::string(result.status().message())}});
    std::vector<absl::Time> times;
    for (const store::EventRow& event : batch.events) {
      times.push_back(absl::FromUnixMillis(event.uid.time_ms()));
    }
    const absl::Status made = store::EnsurePartitions(options_.dsn, absl::Now(), times);
    if (made.code() == absl::StatusCode::kInvalidArgument) return made;  // past retention
    if (!made.ok()) return absl::UnavailableError(made.message());
    result = connection_->Enqueue(batch);
    if (!result.ok() && result.status().code() == absl::StatusCode::kFailedPrecondition) {
      return absl::UnavailableError(result.status().message());
    }
    return result;
  }

  // `batch` was sorted by Enqueue: results go back by uid.
  static void FillResults(const std::vector<const EventWrite*>& writes, size_t begin, size_t end,
                          const store::EnqueueBatch& batch, const store::EnqueueResult& result,
                          std::vector<EventWriteResult>* results) {
    CIEVENTS_CHECK(result.inserted_requests.size() == batch.events.size());
    absl::flat_hash_map<matcher::EventUid, size_t> places;
    for (size_t i = 0; i < batch.events.size(); ++i) places[batch.events[i].uid] = i;
    const absl::flat_hash_set<matcher::EventUid> reused(result.reused_ids.begin(),
                                                        result.reused_ids.end());
    for (size_t i = begin; i < end; ++i) {
      const matcher::EventUid& uid = writes[i]->event.uid;
      if (reused.contains(uid)) {
        (*results)[i] = {EventWriteResult::Kind::kIdReused, 0, ""};
      } else {
        const size_t place = places[uid];
        (*results)[i] = {EventWriteResult::Kind::kCommitted, result.inserted_requests[place], "",
                         result.stored_uids[place]};
      }
    }
  }

  const Options& options_;
  std::unique_ptr<store::EnqueueConnection> connection_;
  Backoff backoff_;
};

GroupCommitEnqueuer::GroupCommitEnqueuer(Options options)
    : options_(std::move(options)),
      queue_({options_.queued_events_max, options_.queued_bytes_max, kTurnRequests}) {}

GroupCommitEnqueuer::~GroupCommitEnqueuer() { Stop(); }

void GroupCommitEnqueuer::Start() {
  CIEVENTS_CHECK(writers_.empty());
  for (int i = 0; i < options_.writers; ++i) {
    writers_.emplace_back([this] { WriterLoop(); });
  }
  watchdog_ = std::thread([this] { WatchdogLoop(); });
}

absl::Status GroupCommitEnqueuer::Submit(SharedWrites writes, Done done) {
  Submission submission;
  if (!writes->empty()) submission.tenant = writes->front().event.root_namespace_id;
  for (const EventWrite& write : *writes) {
    submission.bytes += WriteBytes(write);
    submission.requests += write.requests.size();
    if (write.event.root_namespace_id != submission.tenant) submission.tenant = kMixed;
  }
  submission.writes = std::move(writes);
  submission.done = std::move(done);
  submission.submitted = Clock::now();
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::ResourceExhaustedError("the matcher is shutting down");
    const int64_t tenant = submission.tenant;
    if (last_tenant_.has_value() && last_tenant_ != tenant) {
      shared_until_ = Clock::now() + kSharedFor;
    }
    last_tenant_ = tenant;
    const QueueSize size = submission.size();
    if (!queue_.Push(tenant, size, std::move(submission))) {
      stats_.refused_events += size.events;
      return absl::ResourceExhaustedError("the queue of matched events is full");
    }
  }
  work_.NotifyOne();
  return absl::OkStatus();
}

GroupCommitEnqueuer::Group GroupCommitEnqueuer::TakeGroup() {
  MutexLock lock(mutex_);
  while (queue_.empty() && !stopping_) work_.Wait(mutex_);
  Group group;
  size_t requests = 0;
  size_t bytes = 0;
  absl::flat_hash_set<matcher::EventUid> keys;
  const bool shared = Clock::now() < shared_until_;
  while (const Submission* next = queue_.Peek()) {
    const bool alone = shared && queue_.tenants() == 1;
    if (alone && requests >= options_.lone_tenant_requests_max) break;
    const bool fits = group.empty() || (requests + next->requests <= options_.group_requests_max &&
                                        bytes + next->bytes <= options_.group_bytes_max);
    const bool distinct = std::none_of(
        next->writes->begin(), next->writes->end(),
        [&](const EventWrite& write) { return keys.contains(DeliveryKey(write.event)); });
    if (!fits || !distinct) break;
    requests += next->requests;
    bytes += next->bytes;
    for (const EventWrite& write : *next->writes) keys.insert(DeliveryKey(write.event));
    group.push_back(queue_.Pop());
  }
  return group;
}

void GroupCommitEnqueuer::PutBack(Group group) {
  MutexLock lock(mutex_);
  for (auto it = group.rbegin(); it != group.rend(); ++it) {
    const QueueSize size = it->size();
    queue_.PutBack(it->tenant, size, std::move(*it));
  }
}

void GroupCommitEnqueuer::Fail(GiveUp which, const std::string& reason) {
  std::vector<Submission> failed;
  {
    MutexLock lock(mutex_);
    const Clock::time_point overdue = Clock::now() - options_.give_up_after;
    failed = queue_.RemoveIf([which, overdue](const Submission& submission) {
      return which == GiveUp::kEverything || submission.submitted <= overdue;
    });
    for (const Submission& submission : failed) {
      stats_.given_up_events += submission.writes->size();
    }
  }
  for (Submission& submission : failed) {
    submission.done(AllFailed(submission.writes->size(), reason));
  }
}

void GroupCommitEnqueuer::WriterLoop() {
  Writer writer(options_);
  bool was_away = false;
  while (true) {
    Group group = TakeGroup();
    if (group.empty()) return;
    std::vector<std::vector<EventWriteResult>> results;
    const absl::Status status = writer.Commit(group, &results);
    is_store_away_.store(!status.ok(), std::memory_order_relaxed);
    if (status.ok()) {
      if (was_away) LogInfo("Postgres takes matched events again");
      was_away = false;
      {
        MutexLock lock(mutex_);
        ++stats_.commits;
        for (const Submission& submission : group) {
          stats_.committed_events += submission.writes->size();
        }
      }
      for (size_t i = 0; i < group.size(); ++i) group[i].done(std::move(results[i]));
      continue;
    }
    const std::string reason(status.message());
    if (!was_away)
      LogWarning("Postgres does not take matched events; retrying", {{"error", reason}});
    was_away = true;
    PutBack(std::move(group));
    bool over = false;
    {
      MutexLock lock(mutex_);
      backoff_.WaitFor(mutex_, writer.NextDelay());
      over = stopping_ && Clock::now() >= stop_deadline_;
    }
    Fail(over ? GiveUp::kEverything : GiveUp::kOverdue, reason);
  }
}

void GroupCommitEnqueuer::WatchdogLoop() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) stopping_signal_.WaitFor(mutex_, kWatchdogInterval);
      if (stopping_) return;
    }
    Fail(GiveUp::kOverdue, "Postgres does not take matched events in time");
  }
}

void GroupCommitEnqueuer::Stop() {
  {
    MutexLock lock(mutex_);
    if (!stopping_) stop_deadline_ = Clock::now() + options_.stop_grace;
    stopping_ = true;
  }
  work_.NotifyAll();
  stopping_signal_.NotifyAll();
  if (watchdog_.joinable()) watchdog_.join();
  for (std::thread& writer : writers_) {
    if (writer.joinable()) writer.join();
  }
  Fail(GiveUp::kEverything, "the matcher is shutting down");
}

GroupCommitEnqueuer::Stats GroupCommitEnqueuer::stats() const {
  MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.queued_events = queue_.events();
  stats.queued_bytes = queue_.bytes();
  stats.queued_events_max = options_.queued_events_max;
  stats.queued_bytes_max = options_.queued_bytes_max;
  return stats;
}

}  // namespace cievents::event_matcher
