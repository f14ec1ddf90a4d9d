// Group commit: a writer starts a transaction whenever its connection is idle and takes all that
// has gathered, so latency is one commit, not a timer, and the load sets the batch size.
//
//   Submit --> queue (bounded in events and bytes, tenants take turns) --> writer 1..n --> Postgres
//   --> done
//
// A write whose event is already in a transaction of another writer waits for it there (the primary
// key, or the event's key), and one that is already in the same group waits for the next group, so
// that a retry that overtakes its first try is still answered by what the first one stored.
#ifndef SERVICES_EVENT_MATCHER_GROUP_COMMIT_ENQUEUER_H_
#define SERVICES_EVENT_MATCHER_GROUP_COMMIT_ENQUEUER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "matcher/base/mutex.h"
#include "services/event_matcher/enqueuer.h"
#include "services/event_matcher/fair_queue.h"

namespace cievents::event_matcher {

class GroupCommitEnqueuer final : public Enqueuer {
 public:
  struct Options {
    std::string dsn;
    int writers = 2;
    // Overload policy kReject: beyond either, Submit answers kResourceExhausted; a tenant that is
    // not alone is refused earlier (fair_queue.h).
    size_t queued_events_max = 50'000;
    size_t queued_bytes_max = 256 * 1024 * 1024;
    // A group is one statement: typically 100 to 1,000 rows.
    size_t group_requests_max = 2'000;
    // Of what one tenant has alone left, while others emit too: they wait for the groups that are
    // under way, so these must be short.
    size_t lone_tenant_requests_max = 250;
    size_t group_bytes_max = 16 * 1024 * 1024;
    // A write that Postgres has not taken after so long is answered kUnavailable: the emitter must
    // not wait for a database that is away.
    std::chrono::milliseconds give_up_after{5'000};
    std::chrono::milliseconds stop_grace{5'000};
  };

  explicit GroupCommitEnqueuer(Options options);
  ~GroupCommitEnqueuer() override;  // Stop

  // Starts the writers. They connect by themselves, with backoff. Call once.
  void Start();

  absl::Status Submit(SharedWrites writes, Done done) override;
  bool is_store_away() const override { return is_store_away_.load(std::memory_order_relaxed); }
  void Stop() override;

  struct Stats {
    size_t queued_events = 0;
    size_t queued_bytes = 0;
    size_t queued_events_max = 0;  // as in Options
    size_t queued_bytes_max = 0;
    uint64_t commits = 0;
    uint64_t committed_events = 0;
    uint64_t refused_events = 0;   // that found no room
    uint64_t given_up_events = 0;  // that were answered kUnavailable after a wait
  };
  Stats stats() const;

 private:
  struct Submission {
    SharedWrites writes;
    Done done;
    size_t bytes = 0;
    size_t requests = 0;
    int64_t tenant = 0;  // root namespace of all events; kMixed = of several
    std::chrono::steady_clock::time_point submitted;

    QueueSize size() const { return {writes->size(), bytes, requests}; }
  };
  static constexpr int64_t kMixed = -1;
  using Group = std::vector<Submission>;
  class Writer;

  void WriterLoop();
  // A writer may hang in a database that neither answers nor fails: what waits behind it is
  // answered in time all the same.
  void WatchdogLoop();
  // Waits for work; empty = stopping and nothing is left.
  Group TakeGroup();
  void PutBack(Group group);
  // Answers what has waited too long (all, if `everything`) with kUnavailable.
  enum class GiveUp { kOverdue, kEverything };
  void Fail(GiveUp which, const std::string& reason);

  const Options options_;
  std::vector<std::thread> writers_;  // set in Start, joined in Stop
  std::thread watchdog_;              // as writers_
  std::atomic<bool> is_store_away_{false};

  mutable Mutex mutex_;
  CondVar work_;
  CondVar stopping_signal_;
  CondVar backoff_;  // never signalled by Submit: new work must not turn a backoff into a spin
  FairQueue<Submission> queue_ ABSL_GUARDED_BY(mutex_);
  std::optional<int64_t> last_tenant_ ABSL_GUARDED_BY(mutex_);  // that submitted
  // Another one submitted lately.
  std::chrono::steady_clock::time_point shared_until_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point stop_deadline_ ABSL_GUARDED_BY(mutex_);
  Stats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_GROUP_COMMIT_ENQUEUER_H_
