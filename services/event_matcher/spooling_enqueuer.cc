#include "services/event_matcher/spooling_enqueuer.h"

#include <utility>

#include "matcher/base/check.h"
#include "services/event_matcher/spool_codec.h"
#include "services/event_matcher/spool_settlement.h"

namespace cievents::event_matcher {
namespace {

std::vector<EventWriteResult> All(EventWriteResult::Kind kind, size_t count,
                                  const std::string& message) {
  return std::vector<EventWriteResult>(count, EventWriteResult{kind, 0, message});
}

// The inner enqueuer answers a whole submission kUnavailable or decides on each of its writes.
bool IsDecided(const std::vector<EventWriteResult>& results) {
  for (const EventWriteResult& result : results) {
    if (result.kind == EventWriteResult::Kind::kUnavailable) return false;
  }
  return true;
}

}  // namespace

// A submission on its way. All but `writes` belongs to the enqueuer's mutex.
struct SpoolingEnqueuer::Entry {
  enum class Commit { kNotTried, kUnderWay, kDecided, kFailed };
  enum class Spooling { kNot, kUnderWay, kKept, kFailed };

  SharedWrites writes;
  Clock::time_point deadline;
  Done done;  // empty once it is answered
  Commit commit = Commit::kNotTried;
  Spooling spooling = Spooling::kNot;
  std::vector<EventWriteResult> results;  // kDecided
  std::vector<spool::RecordId> ids;       // kKept, in the order of the writes
};

SpoolingEnqueuer::SpoolingEnqueuer(Options options, Enqueuer& inner, spool::Spool& spool)
    : options_(options), inner_(inner), spool_(spool) {}

SpoolingEnqueuer::~SpoolingEnqueuer() { Stop(); }

void SpoolingEnqueuer::Start() {
  CIEVENTS_CHECK(!watcher_.joinable());
  watcher_ = std::thread([this] { WatchLoop(); });
}

absl::Status SpoolingEnqueuer::Submit(SharedWrites writes, Done done) {
  auto entry = std::make_shared<Entry>();
  entry->writes = std::move(writes);
  entry->done = std::move(done);
  if (inner_.is_store_away()) {
    if (Spool(entry).ok()) return absl::OkStatus();
    return Commit(entry);
  }
  if (Commit(entry).ok()) return absl::OkStatus();
  entry->commit = Entry::Commit::kFailed;  // nobody else knows the entry yet
  return Spool(entry);
}

absl::Status SpoolingEnqueuer::Commit(const EntryPtr& entry) {
  {
    MutexLock lock(mutex_);
    entry->commit = Entry::Commit::kUnderWay;
    entry->deadline = Clock::now() + options_.ack_delay_max;
  }
  const absl::Status taken =
      inner_.Submit(entry->writes, [this, entry](std::vector<EventWriteResult> results) {
        OnCommit(entry, std::move(results));
      });
  if (!taken.ok()) return taken;
  MutexLock lock(mutex_);
  if (entry->commit == Entry::Commit::kUnderWay && entry->spooling == Entry::Spooling::kNot) {
    waiting_.push_back(entry);
    if (waiting_.size() == 1) changed_.NotifyOne();
  }
  return absl::OkStatus();
}

void SpoolingEnqueuer::WatchLoop() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    const EntryPtr entry = waiting_.front();
    const Clock::time_point now = Clock::now();
    if (entry->commit == Entry::Commit::kUnderWay && now < entry->deadline) {
      changed_.WaitFor(mutex_, entry->deadline - now);
      continue;
    }
    waiting_.pop_front();
    if (entry->commit != Entry::Commit::kUnderWay) continue;  // OnCommit has seen to it
    entry->spooling = Entry::Spooling::kUnderWay;
    mutex_.unlock();
    SpoolOrFail(entry);
    mutex_.lock();
  }
}

absl::Status SpoolingEnqueuer::Spool(const EntryPtr& entry) {
  std::vector<spool::Record> records;
  records.reserve(entry->writes->size());
  absl::Status taken;
  for (const EventWrite& write : *entry->writes) {
    absl::StatusOr<spool::Record> record = EncodeSpooled(write);
    taken.Update(record.status());
    if (!taken.ok()) break;
    records.push_back(*std::move(record));
  }
  if (taken.ok()) {
    taken = spool_.Append(std::move(records),
                          [this, entry](const absl::StatusOr<std::vector<spool::RecordId>>& ids) {
                            OnSpooled(entry, ids);
                          });
  }
  if (taken.ok()) return taken;
  MutexLock lock(mutex_);
  ++stats_.spool_failures;
  return absl::ResourceExhaustedError(taken.message());
}

void SpoolingEnqueuer::SpoolOrFail(const EntryPtr& entry) {
  if (const absl::Status taken = Spool(entry); !taken.ok()) OnSpoolFailed(entry, taken);
}

void SpoolingEnqueuer::OnCommit(const EntryPtr& entry, std::vector<EventWriteResult> results) {
  Done done;
  bool settle = false;
  bool spool = false;
  {
    MutexLock lock(mutex_);
    if (IsDecided(results)) {
      entry->commit = Entry::Commit::kDecided;
      entry->results = results;
      done = std::exchange(entry->done, nullptr);
      settle = entry->spooling == Entry::Spooling::kKept;
      if (done == nullptr) ++stats_.late_commits;
    } else {
      entry->commit = Entry::Commit::kFailed;
      switch (entry->spooling) {
        case Entry::Spooling::kNot:
          entry->spooling = Entry::Spooling::kUnderWay;
          spool = true;
          break;
        case Entry::Spooling::kUnderWay:  // OnSpooled answers
        case Entry::Spooling::kKept:      // it is the drainer's now
          break;
        case Entry::Spooling::kFailed:
          done = std::exchange(entry->done, nullptr);
          break;
      }
    }
    for (const spool::RecordId& id : entry->ids) in_doubt_.erase(id);
  }
  if (done != nullptr) done(std::move(results));
  if (settle) SettleSpooled(entry->ids, entry->results, spool_);
  if (spool) SpoolOrFail(entry);
}

void SpoolingEnqueuer::OnSpooled(const EntryPtr& entry,
                                 const absl::StatusOr<std::vector<spool::RecordId>>& ids) {
  if (ids.ok()) {
    OnKept(entry, *ids);
  } else {
    {
      MutexLock lock(mutex_);
      ++stats_.spool_failures;
      ++stats_.write_failures;
    }
    OnSpoolFailed(entry, ids.status());
  }
}

void SpoolingEnqueuer::OnKept(const EntryPtr& entry, const std::vector<spool::RecordId>& ids) {
  const size_t count = entry->writes->size();
  CIEVENTS_CHECK(ids.size() == count);
  Done done;
  bool settle = false;
  {
    MutexLock lock(mutex_);
    entry->spooling = Entry::Spooling::kKept;
    entry->ids = ids;
    settle = entry->commit == Entry::Commit::kDecided;
    if (entry->commit == Entry::Commit::kUnderWay) in_doubt_.insert(ids.begin(), ids.end());
    done = std::exchange(entry->done, nullptr);
    if (done != nullptr) stats_.spooled_events += count;
  }
  if (settle) SettleSpooled(entry->ids, entry->results, spool_);
  if (done != nullptr) done(All(EventWriteResult::Kind::kSpooled, count, ""));
}

void SpoolingEnqueuer::OnSpoolFailed(const EntryPtr& entry, const absl::Status& why) {
  Done done;
  bool commit = false;
  {
    MutexLock lock(mutex_);
    entry->spooling = Entry::Spooling::kFailed;
    // While a commit is under way its outcome is the answer.
    commit = entry->commit == Entry::Commit::kNotTried;
    if (entry->commit == Entry::Commit::kFailed) done = std::exchange(entry->done, nullptr);
  }
  if (commit && !Commit(entry).ok()) {
    MutexLock lock(mutex_);
    entry->commit = Entry::Commit::kFailed;
    done = std::exchange(entry->done, nullptr);
  }
  if (done == nullptr) return;
  done(
      All(EventWriteResult::Kind::kUnavailable, entry->writes->size(), std::string(why.message())));
}

void SpoolingEnqueuer::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (watcher_.joinable()) watcher_.join();
  inner_.Stop();  // what it cannot commit any more comes back to OnCommit, and is spooled
  spool_.Stop();
}

bool SpoolingEnqueuer::IsInDoubt(const spool::RecordId& id) const {
  MutexLock lock(mutex_);
  return in_doubt_.contains(id);
}

SpoolingEnqueuer::Stats SpoolingEnqueuer::stats() const {
  MutexLock lock(mutex_);
  return stats_;
}

}  // namespace cievents::event_matcher
