#include "services/event_matcher/spool_drainer.h"

#include <fmt/format.h>
#include <algorithm>

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
namespace {

// So many records in a row fail each for itself. If more do, it is Postgres.
constexpr size_t kBlamedMax = 8;
// Said of a record from so many failures on: the first ones may be Postgres' after all.
constexpr int kSaidFrom = 3;
constexpr std::chrono::minutes kSaidEvery{1};

}  // namespace

// Writes with distinct delivery keys, and where each stands in the spool.
struct SpoolDrainer::Batch {
  std::vector<EventWrite> writes;
  std::vector<spool::RecordId> ids;
  std::vector<spool::StoredRecord> raw;  // events for other shards
  spool::RecordId last;                  // up to here all is in it, or passed over
};

SpoolDrainer::SpoolDrainer(Options options, spool::Spool& spool, Enqueuer& enqueuer)
    : options_(std::move(options)),
      spool_(spool),
      enqueuer_(enqueuer),
      writes_max_(static_cast<size_t>(options_.batch_records_max)) {}

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
  Clock::time_point said{};
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
      if (Clock::now() >= said + kSaidEvery) {
        LogWarning("the spool cannot be drained now; retrying",
                   {{"error", std::string(step.status().message())}});
        said = Clock::now();
      }
      pause = backoff.Next();
    } else {
      backoff.Reset();
      drained += step->stored;
      // What is left is in doubt, or waits for a shard that is away.
      if (step->stored + step->refused == 0) pause = options_.idle_interval;
    }
    if (!Wait(pause)) return;
  }
}

absl::StatusOr<int64_t> SpoolDrainer::OldestAllowedMs(
    const std::vector<spool::StoredRecord>& records) const {
  const int64_t own_ms = absl::ToUnixMillis(options_.now() - options_.age_max);
  const bool some_is_older =
      std::any_of(records.begin(), records.end(), [own_ms](const spool::StoredRecord& stored) {
        return stored.record.received_time_ms < own_ms;
      });
  if (!some_is_older) return own_ms;
  CIEVENTS_ASSIGN_OR_RETURN(const absl::Time store_now, options_.store_now());
  return std::min(own_ms, absl::ToUnixMillis(store_now - options_.age_max));
}

absl::StatusOr<SpoolDrainer::Batch> SpoolDrainer::MakeBatch(
    std::vector<spool::StoredRecord> records, Purpose purpose, Step* step) {
  CIEVENTS_ASSIGN_OR_RETURN(const int64_t oldest_allowed_ms, OldestAllowedMs(records));
  Batch batch;
  absl::flat_hash_set<matcher::EventUid> keys;
  const bool probe = purpose == Purpose::kProbe;
  bool full = false;
  for (spool::StoredRecord& stored : records) {
    const Turn turn = TurnOf(stored.id);
    if (!probe && (full || (turn == Turn::kAlone && !batch.writes.empty()))) break;
    batch.last = stored.id;
    if (options_.is_in_doubt(stored.id)) continue;
    if (stored.record.received_time_ms < oldest_allowed_ms) {
      spool_.Refuse(stored.id, fmt::format("expired_in_spool: it waited longer than {}",
                                           absl::FormatDuration(options_.age_max)));
      postponed_.erase(stored.id);
      ++step->refused;
      continue;
    }
    if (stored.record.kind == spool::RecordKind::kRaw) {
      batch.raw.push_back(std::move(stored));
      continue;
    }
    if (turn == Turn::kLater || (probe && (full || turn == Turn::kAlone))) continue;
    absl::StatusOr<EventWrite> write = DecodeSpooled(stored.record);
    if (!write.ok()) {
      spool_.Refuse(stored.id, std::string(write.status().message()));
      ++step->refused;
      continue;
    }
    // A repetition of an event waits for the next round.
    if (!keys.insert(DeliveryKey(write->event)).second) continue;
    batch.writes.push_back(*std::move(write));
    batch.ids.push_back(stored.id);
    full = probe || turn == Turn::kAlone || batch.writes.size() >= writes_max_;
  }
  return batch;
}

SpoolDrainer::Turn SpoolDrainer::TurnOf(const spool::RecordId& id) const {
  if (failed_alone_.contains(id)) return Turn::kLater;
  const auto found = postponed_.find(id);
  if (found == postponed_.end()) return Turn::kWithOthers;
  return found->second.until <= Clock::now() ? Turn::kAlone : Turn::kLater;
}

void SpoolDrainer::NoteStored(const Batch& batch, Purpose purpose) {
  // Within what failed nothing grows: the halves find what it was.
  if (purpose == Purpose::kDrain && batch.last >= failed_to_) {
    writes_max_ = std::min(2 * writes_max_, static_cast<size_t>(options_.batch_records_max));
  }
  for (const spool::RecordId& id : batch.ids) postponed_.erase(id);
  BlameFailed();
}

void SpoolDrainer::BlameFailed() {
  if (failed_alone_.size() <= kBlamedMax) {
    for (const auto& [id, error] : failed_alone_) Postpone(id, error);
  }
  failed_alone_.clear();
}

void SpoolDrainer::NoteFailed(const Batch& batch, const std::string& error) {
  if (batch.ids.size() == 1) {
    failed_alone_[batch.ids.front()] = error;
  } else if (!batch.ids.empty()) {
    writes_max_ = batch.ids.size() / 2;
    failed_to_ = std::max(failed_to_, batch.last);
  }
}

void SpoolDrainer::Postpone(const spool::RecordId& id, const std::string& error) {
  Postponed& postponed = postponed_[id];
  const std::chrono::milliseconds wait = options_.postpone_min * (int64_t{1} << postponed.failures);
  postponed.until = Clock::now() + std::min(wait, options_.postpone_max);
  postponed.failures = std::min(postponed.failures + 1, 20);
  if (postponed.failures < kSaidFrom) return;
  LogWarning("Postgres takes others, but not this record of the spool; it is tried again later",
             {{"segment", id.segment}, {"row", id.row}, {"error", error}});
}

absl::StatusOr<SpoolDrainer::Step> SpoolDrainer::DrainBatch() {
  const Purpose purpose = enqueuer_.is_store_away() ? Purpose::kProbe : Purpose::kDrain;
  CIEVENTS_ASSIGN_OR_RETURN(
      std::vector<spool::StoredRecord> records,
      spool_.Read(after_, options_.batch_records_max, options_.batch_bytes_max));
  Step step;
  step.read = static_cast<int>(records.size());
  if (records.empty()) {
    after_ = failed_to_ = {};
    if (!enqueuer_.is_store_away()) BlameFailed();
    return step;
  }
  absl::StatusOr<Batch> made = MakeBatch(std::move(records), purpose, &step);
  if (!made.ok()) return absl::UnavailableError(made.status().message());
  // Events for other shards come last: their owner may be slow, or away.
  const absl::Status status = Store(&*made, purpose, &step);
  PublishRaw(made->raw, &step);
  // After a failure less is tried in the same place, and what failed alone is passed over. After a
  // probe that succeeded the place is drained.
  const bool passed_over = made->ids.size() == 1 || purpose == Purpose::kProbe;
  if (status.ok() ? purpose == Purpose::kDrain : passed_over) after_ = made->last;
  if (!status.ok()) return status;
  return step;
}

void SpoolDrainer::PublishRaw(const std::vector<spool::StoredRecord>& raw, Step* step) {
  if (options_.publish_raw == nullptr) step->raw = static_cast<int>(raw.size());
  if (raw.empty() || options_.publish_raw == nullptr) return;
  std::vector<spool::RecordId> ids;
  ids.reserve(raw.size());
  for (const spool::StoredRecord& stored : raw) ids.push_back(stored.id);
  step->Add(SettleSpooled(ids, options_.publish_raw(raw), spool_));
}

absl::Status SpoolDrainer::Store(Batch* batch, Purpose purpose, Step* step) {
  if (batch->writes.empty() && purpose == Purpose::kDrain) return absl::OkStatus();
  const auto answer = std::make_shared<std::promise<std::vector<EventWriteResult>>>();
  std::future<std::vector<EventWriteResult>> answered = answer->get_future();
  const absl::Status taken = enqueuer_.Submit(
      std::make_shared<const std::vector<EventWrite>>(std::move(batch->writes)),
      [answer](std::vector<EventWriteResult> results) { answer->set_value(std::move(results)); });
  if (!taken.ok()) return absl::UnavailableError(taken.message());  // nobody's fault
  const std::vector<EventWriteResult> results = answered.get();
  const Settlement settlement = SettleSpooled(batch->ids, results, spool_);
  step->Add(settlement);
  // A probe without a record has no result.
  const bool stored =
      results.empty() ? !enqueuer_.is_store_away() : settlement.stored + settlement.refused > 0;
  if (stored) {
    NoteStored(*batch, purpose);
    return absl::OkStatus();
  }
  const std::string error = results.empty() ? "Postgres is still away" : results.front().message;
  NoteFailed(*batch, error);
  return absl::UnavailableError(error);
}

}  // namespace cievents::event_matcher
