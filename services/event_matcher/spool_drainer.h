// Brings what is spooled to Postgres, and events that wait for another shard to it: the oldest
// first, one batch at a time, and then as long a pause as the batch took, so that live events keep
// half of the writers' time. Idempotent: what Postgres has already is absorbed by its key.
//
// While Postgres is away a step writes one event, to find out whether it is back: the first one of
// its batch, the next step that of another batch. Where the batch has none (all wait for another
// shard, or are in doubt) nothing but a connection is asked for.
//
// A batch that Postgres does not take although it is there is halved until the record that it does
// not take stands alone. That one is passed over and tried again later, alone: it would take what
// is written with it along.
#ifndef SERVICES_EVENT_MATCHER_SPOOL_DRAINER_H_
#define SERVICES_EVENT_MATCHER_SPOOL_DRAINER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "matcher/base/mutex.h"
#include "services/event_matcher/enqueuer.h"
#include "services/event_matcher/spool_settlement.h"
#include "services/lib/spool/spool.h"

namespace cievents::event_matcher {

// A record that waited longer is set aside, not stored: its partition may be gone, and with it the
// key that tells a repetition.
inline constexpr absl::Duration kSpoolAgeMax = absl::Hours(48);

class SpoolDrainer {
 public:
  struct Options {
    int batch_records_max = 500;
    size_t batch_bytes_max = size_t{4} << 20;
    std::chrono::milliseconds idle_interval{100};  // how often an empty spool is looked at
    absl::Duration age_max = kSpoolAgeMax;
    // How long a record that failed alone waits: doubled each time.
    std::chrono::milliseconds postpone_min{1'000};
    std::chrono::milliseconds postpone_max{60'000};
    std::function<absl::Time()> now = [] { return absl::Now(); };
    // Postgres' clock: a record is set aside for its age only if both clocks say so, since what was
    // acknowledged must not hang on a clock that jumps.
    std::function<absl::StatusOr<absl::Time>()> store_now;
    // Records whose commit may still succeed: they are passed over.
    std::function<bool(const spool::RecordId&)> is_in_doubt = [](const spool::RecordId&) {
      return false;
    };
    // Publishes records of kind kRaw, with a result for each (Router::PublishSpooled); absent: they
    // stay.
    std::function<std::vector<EventWriteResult>(const std::vector<spool::StoredRecord>&)>
        publish_raw;
  };

  // `spool` and `enqueuer` must outlive the drainer.
  SpoolDrainer(Options options, spool::Spool& spool, Enqueuer& enqueuer);
  ~SpoolDrainer();  // Stop

  // Drains from a thread of its own until Stop.
  void Start();
  void Stop();  // twice or unstarted is fine

  // One batch, of the records after the last one; for callers without Start.
  struct Step {
    int read = 0;     // records; 0 = the end: the next step starts again with the oldest
    int stored = 0;   // Postgres has them
    int refused = 0;  // set aside
    int raw = 0;      // stay as they came: for a matcher, which this drainer has none of

    void Add(const Settlement& settlement) {
      stored += settlement.stored;
      refused += settlement.refused;
    }
  };
  // kUnavailable: Postgres does not take it now. The next step tries less of it, or goes on with
  // what comes after it.
  absl::StatusOr<Step> DrainBatch();

 private:
  using Clock = std::chrono::steady_clock;
  struct Batch;
  enum class Purpose { kDrain, kProbe };
  enum class Turn { kWithOthers, kAlone, kLater };
  struct Postponed {
    int failures = 0;
    Clock::time_point until;
  };

  void Run();
  // False: Stop was called meanwhile.
  bool Wait(std::chrono::nanoseconds time);
  // Received before this, a record waited too long. Asks Postgres only if one seems to have.
  absl::StatusOr<int64_t> OldestAllowedMs(const std::vector<spool::StoredRecord>& records) const;
  // kUnavailable: whether a record is too old could not be found out.
  absl::StatusOr<Batch> MakeBatch(std::vector<spool::StoredRecord> records, Purpose purpose,
                                  Step* step);
  // Adds what became of the batch to `step`. kUnavailable: Postgres took none of its writes.
  absl::Status Store(Batch* batch, Purpose purpose, Step* step);
  Turn TurnOf(const spool::RecordId& id) const;
  void NoteStored(const Batch& batch, Purpose purpose);
  void NoteFailed(const Batch& batch, const std::string& error);
  // Postgres is there: those that failed alone failed for themselves, unless they are many.
  void BlameFailed();
  void Postpone(const spool::RecordId& id, const std::string& error);
  void PublishRaw(const std::vector<spool::StoredRecord>& raw, Step* step);

  const Options options_;
  spool::Spool& spool_;
  Enqueuer& enqueuer_;
  std::thread thread_;

  // Owned by the thread that drains.
  spool::RecordId after_;
  size_t writes_max_;  // of a batch: halved by failures, doubled by successes behind failed_to_
  spool::RecordId failed_to_;  // the last one of what failed together
  std::map<spool::RecordId, Postponed> postponed_;
  std::map<spool::RecordId, std::string> failed_alone_;  // since the last success, with the error

  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_SPOOL_DRAINER_H_
