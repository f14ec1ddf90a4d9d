#include "services/event_matcher/spool_drainer.h"

#include <fmt/format.h>

#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/event_matcher/spool_codec.h"
#include "services/lib/base/backoff.h"
#include "services/lib/base/log.h"

namespace cievents::event_matcher {

// Writes with distinct uids, and where each stands in the spool.
struct SpoolDrainer::Batch {
  std::vector<EventWrite> writes;
  std::vector<spool::RecordId> ids;
};

SpoolDrainer::SpoolDrainer(Options options, spool::Spool& spool, Enqueuer& enqueuer)
    : options_(std::move(options)), spool_(spool), enqueuer_(enqueuer) {}

SpoolDrainer::~SpoolDrainer() { Stop(); }

void SpoolDrainer::Start() {
  CIEVENTS_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void SpoolDrainer::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

bool SpoolDrainer::Wait(std::chrono::nanoseconds time) {
  MutexLock lock(mutex_);
  if (!stopping_) stopped_.WaitFor(mutex_, time);
  return !stopping_;
}

void SpoolDrainer::Run() {
  Backoff backoff(std::chrono::milliseconds(20), std::chrono::milliseconds(500));
  int64_t drained = 0;
  while (true) {
    if (spool_.stats().records == 0) {
      if (drained > 0) LogInfo("the spool is drained", {{"events", drained}});
      drained = 0;
      if (!Wait(options_.idle_interval)) return;
      continue;
    }
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<Step> step = DrainBatch();
    std::chrono::nanoseconds pause = std::chrono::steady_clock::now() - start;
    if (!step.ok()) {
      pause = backoff.Next();
    } else {
      backoff.Reset();
      drained += step->stored;
      if (step->read == 0) pause = options_.idle_interval;  // what is left is in doubt
    }
    if (!Wait(pause)) return;
  }
}

SpoolDrainer::Batch SpoolDrainer::MakeBatch(std::vector<spool::StoredRecord> records,
                                            Step* step) const {
  Batch batch;
  absl::flat_hash_set<matcher::EventUid> uids;
  const int64_t expired_ms = absl::ToUnixMillis(options_.now() - options_.age_max);
  for (const spool::StoredRecord& stored : records) {
    if (options_.is_in_doubt(stored.id)) continue;
    if (stored.record.kind != spool::RecordKind::kMatched) continue;
    if (stored.record.received_time_ms < expired_ms) {
      spool_.Refuse(stored.id, fmt::format("expired_in_spool: it waited longer than {}",
                                           absl::FormatDuration(options_.age_max)));
      ++step->refused;
      continue;
    }
    absl::StatusOr<EventWrite> write = DecodeSpooled(stored.record);
    if (!write.ok()) {
      spool_.Refuse(stored.id, std::string(write.status().message()));
      ++step->refused;
      continue;
    }
    // A repetition of an event waits for the next round.
    if (!uids.insert(write->event.uid).second) continue;
    batch.writes.push_back(*std::move(write));
    batch.ids.push_back(stored.id);
  }
  return batch;
}

absl::StatusOr<SpoolDrainer::Step> SpoolDrainer::DrainBatch() {
  // While Postgres is away one record is enough to find out.
  const int count_max = enqueuer_.is_store_away() ? 1 : options_.batch_records_max;
  CIEVENTS_ASSIGN_OR_RETURN(std::vector<spool::StoredRecord> records,
                            spool_.Read(after_, count_max, options_.batch_bytes_max));
  Step step;
  step.read = static_cast<int>(records.size());
  after_ = records.empty() ? spool::RecordId{} : records.back().id;
  Batch batch = MakeBatch(std::move(records), &step);
  if (batch.writes.empty()) return step;
  const auto answer = std::make_shared<std::promise<std::vector<EventWriteResult>>>();
  std::future<std::vector<EventWriteResult>> answered = answer->get_future();
  const absl::Status taken = enqueuer_.Submit(
      std::make_shared<const std::vector<EventWrite>>(std::move(batch.writes)),
      [answer](std::vector<EventWriteResult> results) { answer->set_value(std::move(results)); });
  if (!taken.ok()) {
    after_ = {};
    return absl::UnavailableError(taken.message());
  }
  const std::vector<EventWriteResult> results = answered.get();
  Settle(batch, results, &step);
  if (step.stored + step.refused > 0) return step;
  after_ = {};
  return absl::UnavailableError(results.front().message);
}

void SpoolDrainer::Settle(const Batch& batch, const std::vector<EventWriteResult>& results,
                          Step* step) const {
  CIEVENTS_CHECK(results.size() == batch.ids.size());
  std::vector<spool::RecordId> stored;
  for (size_t i = 0; i < results.size(); ++i) {
    switch (results[i].kind) {
      case EventWriteResult::Kind::kCommitted:
        stored.push_back(batch.ids[i]);
        break;
      case EventWriteResult::Kind::kIdReused:
        spool_.Refuse(batch.ids[i],
                      "id_reused: another event with this id, source and time, but "
                      "other data, was stored before");
        ++step->refused;
        break;
      case EventWriteResult::Kind::kRefused:
        spool_.Refuse(batch.ids[i], results[i].message);
        ++step->refused;
        break;
      case EventWriteResult::Kind::kSpooled:  // not of an enqueuer that writes to Postgres
      case EventWriteResult::Kind::kUnavailable:
        break;
    }
  }
  step->stored += static_cast<int>(stored.size());
  if (!stored.empty()) spool_.Remove(std::move(stored));
}

}  // namespace cievents::event_matcher
