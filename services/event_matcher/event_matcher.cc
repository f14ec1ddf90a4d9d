#include "services/event_matcher/event_matcher.h"

#include <malloc.h>

#include <utility>

#include "absl/time/clock.h"
#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/base/log.h"
#include "services/lib/store/database_clock.h"
#include "services/lib/store/partitions.h"

namespace cievents::event_matcher {
namespace {

constexpr std::chrono::minutes kPartitionInterval{60};
constexpr std::chrono::seconds kPartitionRetry{1};
constexpr std::chrono::minutes kRetentionRetry{1};

// By default glibc gives the memory of a few batches back to the kernel, and asks for it again with
// the next ones; page faults then cost more than matching does.
void KeepMemoryOfBatches() {
  constexpr int kMmapThreshold = 4 << 20;
  constexpr int kTrimThreshold = 8 << 20;
  mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
  mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
}

std::unique_ptr<GroupCommitEnqueuer> MakeGroupCommit(const EventMatcher::Options& options) {
  GroupCommitEnqueuer::Options enqueuer_options;
  enqueuer_options.dsn = options.dsn;
  enqueuer_options.writers = options.writers;
  return std::make_unique<GroupCommitEnqueuer>(std::move(enqueuer_options));
}

Intake::Options IntakeOptions(const EventMatcher::Options& options) {
  Intake::Options intake_options;
  intake_options.admission_window = store::kAdmissionWindow;
  intake_options.event_data_bytes_max = options.event_data_bytes_max;
  intake_options.tenant_events_per_second = options.tenant_events_per_second;
  return intake_options;
}

std::unique_ptr<SpoolingEnqueuer> MakeSpooling(const EventMatcher::Options& options,
                                               Enqueuer& enqueuer, spool::Spool* spool) {
  if (spool == nullptr) return nullptr;
  SpoolingEnqueuer::Options spooling;
  spooling.ack_delay_max = options.ack_delay_max;
  return std::make_unique<SpoolingEnqueuer>(spooling, enqueuer, *spool);
}

std::unique_ptr<SpoolDrainer> MakeDrainer(const EventMatcher::Options& options, Enqueuer& enqueuer,
                                          const SpoolingEnqueuer* spooling, const Router& router,
                                          spool::Spool* spool) {
  if (spool == nullptr) return nullptr;
  SpoolDrainer::Options draining;
  draining.store_now = [dsn = options.dsn] { return store::DatabaseNow(dsn); };
  draining.publish_raw = [&router](const std::vector<spool::StoredRecord>& raw) {
    return router.PublishSpooled(raw);
  };
  draining.is_in_doubt = [spooling](const spool::RecordId& id) { return spooling->IsInDoubt(id); };
  return std::make_unique<SpoolDrainer>(std::move(draining), *spool, enqueuer);
}

Router::Decode DecodeWith(const Catalogue& catalogue) {
  return [&catalogue](EventFormat format, const std::string& encoded) {
    if (format == EventFormat::kNative) return DecodeEvent(encoded);
    return CloudEventDecoder().DecodeOne(encoded, catalogue);
  };
}

ShardKeeper::Options KeeperOptions(const EventMatcher::Options& options, const spool::Spool* spool,
                                   GrpcForwarder& forwarder) {
  ShardKeeper::Options keeping;
  keeping.dsn = options.dsn;
  // Connected before the first event is sent on, and again soon after the other one restarted.
  keeping.on_layout = [&forwarder, own = options.shard_index](const Layout& layout) {
    std::vector<std::string> others;
    for (int shard = 0; shard < layout.shard_count; ++shard) {
      const std::string& address = layout.AddressOf(shard);
      if (shard != own && !address.empty()) others.push_back(address);
    }
    forwarder.Connect(others);
  };
  if (spool != nullptr) keeping.spool_stats = [spool] { return spool->stats(); };
  return keeping;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventMatcher>> EventMatcher::Create(Options options) {
  std::unique_ptr<spool::Spool> spool;
  if (!options.spool_dir.empty()) {
    spool::Spool::Options spool_options;
    spool_options.dir = options.spool_dir;
    spool_options.bytes_max = options.spool_bytes_max;
    CIEVENTS_ASSIGN_OR_RETURN(spool, spool::Spool::Open(spool_options));
  }
  return std::unique_ptr<EventMatcher>(new EventMatcher(std::move(options), std::move(spool)));
}

EventMatcher::EventMatcher(Options options, std::unique_ptr<spool::Spool> spool)
    : options_(std::move(options)),
      matchers_(index_),
      unwrapped_(MakeGroupCommit(options_)),
      group_commit_(unwrapped_.get()),
      enqueuer_(options_.wrap_enqueuer(std::move(unwrapped_))),
      spool_(std::move(spool)),
      spooling_(MakeSpooling(options_, *enqueuer_, spool_.get())),
      shards_(options_.shard_index, options_.shard_count),
      intake_(IntakeOptions(options_), matchers_, outer_enqueuer()),
      forwarder_(GrpcForwarder::Options()),
      router_(intake_, shards_, roots_, forwarder_, spool_.get(), DecodeWith(*options_.catalogue)),
      spool_drainer_(MakeDrainer(options_, *enqueuer_, spooling_.get(), router_, spool_.get())),
      door_(EventDoor::Options(), router_, *options_.catalogue),
      explain_door_(matchers_, options_.dsn, options_.event_data_bytes_max),
      follower_({options_.dsn, options_.poll_interval,
                 [this] {
                   door_.SetReady();
                   explain_door_.SetReady();
                   options_.on_ready();
                 },
                 options_.check_interval},
                index_, shards_, roots_),
      keeper_(KeeperOptions(options_, spool_.get(), forwarder_), shards_),
      retention_(options_.dsn) {}

EventMatcher::~EventMatcher() { Stop(); }

Enqueuer& EventMatcher::outer_enqueuer() {
  if (spooling_ != nullptr) return *spooling_;
  return *enqueuer_;
}

MatcherSnapshot EventMatcher::snapshot() const {
  MatcherSnapshot snapshot;
  snapshot.now = absl::Now();
  snapshot.ready = door_.ready();
  snapshot.doors = door_.meter().counts();
  snapshot.calls = door_.budget();
  snapshot.commits = group_commit_->stats();
  snapshot.store_away = enqueuer_->is_store_away();
  snapshot.forwarder = forwarder_.stats();
  snapshot.feed = follower_.stats();
  snapshot.index = index_.stats();
  if (spooling_ != nullptr) {
    snapshot.spool = SpoolSnapshot{spooling_->stats(), spool_->stats(), options_.spool_bytes_max};
  }
  return snapshot;
}

void EventMatcher::Start() {
  KeepMemoryOfBatches();
  // What may still be drained must be told from what was stored before.
  CIEVENTS_CHECK(store::kRetention >= store::kAdmissionWindow + kSpoolAgeMax);
  group_commit_->Start();
  if (spooling_ != nullptr) {
    spooling_->Start();
    spool_drainer_->Start();
  }
  partition_maker_ = std::thread([this] { MaintainPartitions(); });
  follower_.Start();
  keeper_.Start();
}

void EventMatcher::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
  retention_.Cancel();
  if (partition_maker_.joinable()) partition_maker_.join();
  keeper_.Stop();
  follower_.Stop();
  // What is under way to other shards is spooled.
  forwarder_.Stop();
  // What is spooled by now is drained after the next start.
  if (spool_drainer_ != nullptr) spool_drainer_->Stop();
  outer_enqueuer().Stop();
}

bool EventMatcher::Wait(std::chrono::milliseconds time) {
  MutexLock lock(mutex_);
  if (!stopping_) stopped_.WaitFor(mutex_, time);
  return !stopping_;
}

void EventMatcher::MaintainPartitions() {
  bool failed_before = false;
  while (true) {
    std::chrono::milliseconds pause = kPartitionInterval;
    absl::Status status = store::EnsurePartitions(options_.dsn, absl::Now());
    if (!status.ok()) {
      pause = kPartitionRetry;
    } else {
      const auto steps = retention_.Run();
      if (steps.ok()) {
        for (const std::string& step : *steps) LogInfo("retention", {{"step", step}});
      } else {
        status = steps.status();
        pause = kRetentionRetry;
      }
    }
    if (!status.ok() && !failed_before && !Wait(std::chrono::milliseconds(0))) return;
    if (!status.ok() && !failed_before) {
      LogWarning("partitions could not be made or dropped; retrying",
                 {{"error", std::string(status.message())}});
    }
    failed_before = !status.ok();
    if (!Wait(pause)) return;
  }
}

}  // namespace cievents::event_matcher
