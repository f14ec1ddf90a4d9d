#include "services/event_matcher/shard_keeper.h"

#include <cstddef>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/base/log.h"

namespace cievents::event_matcher {

ShardKeeper::ShardKeeper(Options options, ShardMap& shards)
    : options_(std::move(options)),
      shards_(shards),
      started_ms_(absl::ToUnixMillis(absl::Now())),
      store_(options_.dsn) {}

ShardKeeper::~ShardKeeper() { Stop(); }

void ShardKeeper::SetAddress(const std::string& address) {
  MutexLock lock(mutex_);
  address_ = address;
  report_due_ = true;
}

void ShardKeeper::Start() {
  CIEVENTS_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void ShardKeeper::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void ShardKeeper::Run() {
  // What this shard has loaded, and where it listens, the others are to know soon.
  constexpr std::chrono::milliseconds kSoon{20};
  bool failed_before = false;
  size_t loaded_before = 0;
  while (true) {
    const absl::Status status = ReportOnce();
    if (!status.ok() && !failed_before) {
      LogWarning("this shard cannot be reported; the layout stays as it is",
                 {{"error", std::string(status.message())}});
    }
    failed_before = !status.ok();
    const auto next = std::chrono::steady_clock::now() + options_.interval;
    MutexLock lock(mutex_);
    while (!stopping_ && !report_due_ && std::chrono::steady_clock::now() < next) {
      stopped_.WaitFor(mutex_, kSoon);
      const size_t loaded = shards_.view()->loaded.count();
      report_due_ |= status.ok() && loaded != loaded_before;
      loaded_before = loaded;
    }
    if (stopping_) return;
    report_due_ = false;
  }
}

absl::Status ShardKeeper::ReportOnce() {
  const std::shared_ptr<const ShardView> view = shards_.view();
  const spool::Stats spool = options_.spool_stats();
  store::ShardReport report;
  report.shard_index = shards_.shard_index();
  report.shard_count = shards_.shard_count();
  {
    MutexLock lock(mutex_);
    report.address = address_;
  }
  report.topology_version = view->layout.version;
  report.loaded_counts = shards_.loaded_shard_counts();
  report.loaded_slots = static_cast<int>(view->loaded.count());
  report.spool_records = spool.records;
  report.spool_bytes = spool.bytes;
  report.spool_oldest_ms = spool.oldest_received_ms;
  report.started_ms = started_ms_;
  CIEVENTS_ASSIGN_OR_RETURN(store::StoredTopology stored, store_.Report(report));
  if (stored.version != view->layout.version) {
    LogInfo("the layout of the shards",
            {{"version", stored.version}, {"shards", stored.shard_count}});
  }
  const Layout layout = {stored.version, stored.shard_count, std::move(stored.addresses)};
  options_.on_layout(layout);
  shards_.SetLayout(layout, stored.oldest_version_in_use);
  return absl::OkStatus();
}

}  // namespace cievents::event_matcher
