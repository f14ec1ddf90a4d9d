#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "services/lib/spool/listing.h"
#include "tests/faults/emitter.h"
#include "tests/faults/pusher.h"
#include "tests/faults/row.h"
#include "tests/faults/sweep.h"
#include "tests/faults/usage.h"
#include "tests/faults/workload.h"

namespace cievents::faults {
namespace {

using Kind = Violation::Kind;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kEmitters = 8;
constexpr int kStreamEmitters = 2;     // of them
constexpr int kPublisherEmitters = 1;  // of them: with the client library
constexpr int kPushers = 4;
// For what is not acknowledged, or not answered, when the load ends.
constexpr seconds kEmitterGrace{60};
constexpr seconds kPusherGrace{150};
constexpr milliseconds kWarmUp{1000};
constexpr seconds kWarmUpMax{5};
// On a busy machine a push needs longer than the product promises; a lost one never comes.
constexpr Expectation::Limits kLimits{seconds(4), seconds(12)};
// A process that leaks with every fault stands out by more.
constexpr int kDescriptorsMore = 20;
constexpr int kThreadsMore = 40;

// Each pusher has its share of the projects, so that nobody else pushes to them.
std::vector<Project> ShareOf(const std::vector<Project>& projects, int pusher) {
  std::vector<Project> share;
  for (size_t i = static_cast<size_t>(pusher); i < projects.size(); i += kPushers) {
    share.push_back(projects[i]);
  }
  return share;
}

void InParallel(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

EmitterMode ModeOf(int emitter) {
  if (emitter < kPublisherEmitters) return EmitterMode::kPublisher;
  return emitter < kPublisherEmitters + kStreamEmitters ? EmitterMode::kStream
                                                        : EmitterMode::kUnary;
}

// Emitters and pushers at work, from the constructor to Stop.
class Load {
 public:
  Load(const Row& row, uint64_t seed, const std::vector<Project>& projects, Roles* roles,
       Ledger* ledger)
      : projects_(projects), roles_(roles), random_(seed) {
    for (int i = 0; i < kPushers; ++i) {
      pushers_.push_back(std::make_unique<Pusher>(roles->ingest_endpoint(), NextSeed(), ledger));
    }
    std::vector<Project> emitting = OfKind(projects, ProjectKind::kStable);
    const std::vector<Project> moving = OfKind(projects, ProjectKind::kMoving);
    emitting.insert(emitting.end(), moving.begin(), moving.end());
    for (int i = 0; i < kEmitters; ++i) {
      Emitter::Options options;
      options.endpoint = row.through_door_proxy ? roles->proxied_matcher_endpoint()
                                                : roles->matcher_endpoint(i % row.shards);
      for (int shard = 0; row.shards > 1 && shard < row.shards; ++shard) {
        options.topology_endpoints.push_back(roles->matcher_endpoint(shard));
      }
      options.name = fmt::format("emitter{}", i);
      options.mode = ModeOf(i);
      options.seed = NextSeed();
      options.projects = emitting;
      options.control = &control_;
      options.calls_may_be_cancelled = row.stops_in_order;
      emitters_.push_back(std::make_unique<Emitter>(std::move(options), ledger));
    }
  }
  ~Load() { Stop(); }

  // The configurations that the matcher finds when it starts.
  void PushFirst() {
    InParallel(kPushers, [this](int i) {
      Random random(static_cast<uint64_t>(i) + static_cast<uint64_t>(NextSeedOf(i)));
      for (const ProjectKind kind : {ProjectKind::kStable, ProjectKind::kMoving}) {
        for (const Project& project : ShareOf(OfKind(projects_, kind), i)) {
          pushers_[static_cast<size_t>(i)]->Push(project, RandomConfiguration(kind, random),
                                                 Clock::now() + kPusherGrace);
        }
      }
    });
  }

  void Start() {
    for (const auto& emitter : emitters_) {
      threads_.emplace_back([&emitter] { emitter->Run(kEmitterGrace); });
    }
    const std::vector<Project> moving = OfKind(projects_, ProjectKind::kMoving);
    for (int i = 0; i < kPushers; ++i) {
      threads_.emplace_back([this, moving, i] {
        pushers_[static_cast<size_t>(i)]->Run(ShareOf(moving, i), control_, kPusherGrace);
      });
    }
  }

  // Returns when everything is acknowledged and answered, or given up.
  void Stop() {
    control_.stopping = true;
    control_.paused = false;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    // An idle client that nobody waits in does not hear that its server wants to go.
    pushers_.clear();
    emitters_.clear();
  }

  LoadControl* control() { return &control_; }

 private:
  uint64_t NextSeed() { return static_cast<uint64_t>(random_.Between(1, 1'000'000'000)); }
  uint64_t NextSeedOf(int i) const { return first_seed_ + static_cast<uint64_t>(i); }

  const std::vector<Project>& projects_;
  Roles* const roles_;
  Random random_;
  const uint64_t first_seed_ = NextSeed();
  LoadControl control_;
  std::vector<std::unique_ptr<Pusher>> pushers_;
  std::vector<std::unique_ptr<Emitter>> emitters_;
  std::vector<std::thread> threads_;
};

class OneRun {
 public:
  OneRun(const Row& row, const RunOptions& options, Report* report)
      : row_(row), options_(options), report_(report), projects_(MakeProjects()) {}

  std::vector<Violation> Do() {
    auto roles = Roles::Start(MakeOptions());
    if (roles.ok()) {
      roles_ = *std::move(roles);
      Body();
      roles_->StopPostgres();
      roles_.reset();
    } else {
      Note(roles.status());
    }
    if (row_.clean_up) row_.clean_up(report_->folder);
    return ledger_.violations();
  }

 private:
  Roles::Options MakeOptions() const {
    Roles::Options options;
    options.folder = report_->folder;
    options.product_binary = options_.product_binary;
    options.matcher_binary = options_.matcher_binary;
    options.postgres_settings = row_.postgres_settings;
    options.shards = row_.shards;
    if (row_.with_spool) options.spool_dir = FirstSpoolDir();
    if (row_.matcher_prefix) options.matcher_prefix = row_.matcher_prefix(report_->folder);
    options.prepare_data = row_.prepare_data;
    if (row_.prepare) {
      options.prepare = [this](const std::string& dsn) {
        return row_.prepare(report_->folder, dsn);
      };
    }
    options.seed = report_->seed;
    return options;
  }

  std::string FirstSpoolDir() const { return report_->folder + "/spool"; }

  // What was answered from the spool reaches Postgres by itself.
  void AwaitDrainedSpool(int shard) {
    int64_t waiting = -1;
    // On a busy machine it takes as long as it takes, as long as it goes on.
    for (TimePoint end = Clock::now() + row_.recover_max; Clock::now() < end;) {
      const int64_t before = waiting;
      waiting = 0;
      const absl::Status listed = spool::ListRecords(
          SpoolDir(FirstSpoolDir(), shard), [&waiting](const spool::Listed& record) {
            if (record.state == spool::RecordState::kWaiting) ++waiting;
          });
      if (listed.ok() && waiting == 0) return;
      if (waiting < before) end = Clock::now() + row_.recover_max;
      // The spool is another process's, a file that signals nobody: it can only be looked at.
      std::this_thread::sleep_for(milliseconds(50));
    }
    ledger_.AddViolation(
        Kind::kWrong,
        fmt::format("{} records still wait in the spool of matcher {}", waiting, shard));
  }

  bool Note(const absl::Status& status) {
    if (!status.ok()) ledger_.AddViolation(Kind::kWrong, status.ToString());
    return status.ok();
  }

  // Notes how long it took since the last one.
  void Phase(std::string_view name) {
    const TimePoint now = Clock::now();
    report_->phases +=
        fmt::format("{} {:.1f} s, ", name, std::chrono::duration<double>(now - phase_).count());
    phase_ = now;
  }

  void Body() {
    Phase("servers");
    Load load(row_, report_->seed, projects_, roles_.get(), &ledger_);
    load.PushFirst();
    if (!Note(roles_->StartMatcher())) return;
    {
      Scene scene(options_.form, report_->seed, projects_, roles_.get(), &ledger_, load.control(),
                  row_.recover_max);
      const UsageWatch watch([this] { return roles_->matcher().pid(); });
      load.Start();
      WarmUp();
      Phase("warm-up");
      const Usage before = UsageOf(roles_->matcher().pid());
      row_.inject(scene);
      Phase("fault");
      load.Stop();
      for (int i = 0; row_.with_spool && i < roles_->shards(); ++i) AwaitDrainedSpool(i);
      Phase("settling");
      SweepLastPushes(roles_->matcher_endpoint(), projects_, &ledger_);
      row_.check(scene);
      CheckUsage(before, UsageOf(roles_->matcher().pid()), watch.resident_mb_max());
      report_->recovery = scene.longest_recovery();
      report_->notes = scene.notes();
    }
    Note(roles_->StopServices());
    Phase("sweep and stop");
    report_->counts = Check(roles_->dsn(), projects_, &ledger_, kLimits);
    Phase("check");
    Drain(roles_->dsn(), &ledger_);
    Phase("drain");
    SummarizeDeliveries();
  }

  void WarmUp() {
    const TimePoint start = Clock::now();
    while (Clock::now() < start + kWarmUpMax) {
      const int64_t before = ledger_.deliveries();
      const TimePoint begin = Clock::now();
      std::this_thread::sleep_for(kWarmUp);
      const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
      report_->offered_per_second = static_cast<double>(ledger_.deliveries() - before) / elapsed;
      if (report_->offered_per_second >= kOfferedPerSecondMin) return;
    }
  }

  void CheckUsage(const Usage& before, const Usage& after, int64_t resident_mb_max) {
    report_->matcher_mb = resident_mb_max;
    if (resident_mb_max > row_.matcher_mb_max) {
      ledger_.AddViolation(Kind::kWrong, fmt::format("the matcher has taken {} MB, more than {}",
                                                     resident_mb_max, row_.matcher_mb_max));
    }
    if (after.descriptors > before.descriptors + kDescriptorsMore ||
        after.threads > before.threads + kThreadsMore) {
      ledger_.AddViolation(
          Kind::kWrong,
          fmt::format("the matcher had {} descriptors and {} "
                      "threads before the fault, and has {} and {} after the load",
                      before.descriptors, before.threads, after.descriptors, after.threads));
    }
  }

  void SummarizeDeliveries() {
    for (const SentEvent& sent : ledger_.events()) {
      for (const Delivery& delivery : sent.deliveries) {
        if (delivery.answer == Delivery::Answer::kUnanswered) continue;
        if (delivery.answer == Delivery::Answer::kPutOff) ++report_->put_off;
        report_->slowest_answer = std::max(
            report_->slowest_answer, duration_cast<milliseconds>(delivery.ended - delivery.sent));
      }
    }
    if (row_.with_spool && !row_.spool_may_refuse && report_->put_off > 0) {
      ledger_.AddViolation(
          Kind::kWrong,
          fmt::format("{} deliveries were put off although there is a spool", report_->put_off));
    }
  }

  const Row& row_;
  const RunOptions& options_;
  Report* const report_;
  const std::vector<Project> projects_;
  Ledger ledger_;
  std::unique_ptr<Roles> roles_;
  TimePoint phase_ = Clock::now();
};

}  // namespace

Report Run(const Row& row, const RunOptions& options) {
  const TimePoint begin = Clock::now();
  Report report;
  report.number = row.number;
  report.name = row.name;
  report.seed = options.seed;
  report.folder = options.folder;
  report.violations = OneRun(row, options, &report).Do();
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return report;
}

}  // namespace cievents::faults
