// Answers in time whatever Postgres does (delivery.md, "The emitter never waits"): what is not
// committed after `ack_delay_max` is fsynced to the local spool and answered from there.
//
//   Submit --> Postgres is known to be away? --yes-----------------------+
//                |no                                                      |
//                v                                                        v
//              inner --> not done after ack_delay_max, or failed? ----> spool --> kSpooled
//                |                                                        |
//                v                                     drained later (spool_drainer.h),
//            kCommitted                                once the inner commit is not in doubt
//
// If the spool fails, the commit is the only hope: it is tried even while Postgres seems to be
// away. A write whose commit succeeds after it was spooled is taken out of the spool again. An
// answer is given exactly once, by whichever comes first; what comes second only settles the spool.
#ifndef SERVICES_EVENT_MATCHER_SPOOLING_ENQUEUER_H_
#define SERVICES_EVENT_MATCHER_SPOOLING_ENQUEUER_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "matcher/base/mutex.h"
#include "services/event_matcher/enqueuer.h"
#include "services/lib/spool/spool.h"

namespace cievents::event_matcher {

class SpoolingEnqueuer final : public Enqueuer {
 public:
  struct Options {
    std::chrono::milliseconds ack_delay_max{10};
  };

  // Both must outlive this; Stop stops both.
  SpoolingEnqueuer(Options options, Enqueuer& inner, spool::Spool& spool);
  ~SpoolingEnqueuer() override;  // Stop

  // Starts the thread that watches over `ack_delay_max`. Call once.
  void Start();

  // kResourceExhausted: neither the inner queue nor the spool takes it.
  absl::Status Submit(SharedWrites writes, Done done) override;
  bool is_store_away() const override { return inner_.is_store_away(); }
  void Stop() override;

  // True while a commit of the record is under way: it must not be drained yet. Thread-safe.
  bool IsInDoubt(const spool::RecordId& id) const;

  struct Stats {
    uint64_t spooled_events = 0;  // answered from the spool
    uint64_t late_commits = 0;    // submissions that were committed after they had been spooled
    uint64_t spool_failures = 0;  // submissions that the spool did not take
    uint64_t write_failures = 0;  // of those: its disk failed
  };
  Stats stats() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry;
  using EntryPtr = std::shared_ptr<Entry>;

  void WatchLoop();
  // Hands the entry to the inner enqueuer. Not OK: it was not taken, and OnCommit is not called.
  absl::Status Commit(const EntryPtr& entry);
  // Hands the entry to the spool. Not OK: it was not taken, and OnSpooled is not called.
  absl::Status Spool(const EntryPtr& entry);
  // As Spool; what is not taken is settled as a failure.
  void SpoolOrFail(const EntryPtr& entry);
  void OnCommit(const EntryPtr& entry, std::vector<EventWriteResult> results);
  void OnSpooled(const EntryPtr& entry, const absl::StatusOr<std::vector<spool::RecordId>>& ids);
  void OnKept(const EntryPtr& entry, const std::vector<spool::RecordId>& ids);
  void OnSpoolFailed(const EntryPtr& entry, const absl::Status& why);

  const Options options_;
  Enqueuer& inner_;
  spool::Spool& spool_;
  std::thread watcher_;

  mutable Mutex mutex_;
  CondVar changed_;
  // In order of submission, which is the order of their deadlines; settled ones go when they come
  // to the front.
  std::deque<EntryPtr> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<spool::RecordId> in_doubt_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Stats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_SPOOLING_ENQUEUER_H_
