#include "services/event_matcher/event_matcher.h"

#include <utility>

#include "absl/time/clock.h"
#include "services/lib/base/log.h"
#include "services/lib/store/partitions.h"

namespace cievents::event_matcher {
namespace {

constexpr std::chrono::minutes kPartitionInterval{60};
constexpr std::chrono::seconds kPartitionRetry{1};

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
  return intake_options;
}

}  // namespace

EventMatcher::EventMatcher(Options options)
    : options_(std::move(options)),
      matchers_(index_),
      unwrapped_(MakeGroupCommit(options_)),
      group_commit_(unwrapped_.get()),
      enqueuer_(options_.wrap_enqueuer(std::move(unwrapped_))),
      intake_(IntakeOptions(options_), matchers_, *enqueuer_),
      door_(intake_),
      explain_door_(matchers_, options_.dsn, options_.event_data_bytes_max),
      follower_({options_.dsn, options_.poll_interval,
                 [this] {
                   door_.SetReady();
                   explain_door_.SetReady();
                   options_.on_ready();
                 }},
                index_) {}

EventMatcher::~EventMatcher() { Stop(); }

void EventMatcher::Start() {
  group_commit_->Start();
  partition_maker_ = std::thread([this] { MaintainPartitions(); });
  follower_.Start();
}

void EventMatcher::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
  if (partition_maker_.joinable()) partition_maker_.join();
  follower_.Stop();
  enqueuer_->Stop();
}

void EventMatcher::MaintainPartitions() {
  bool failed_before = false;
  while (true) {
    const absl::Status status = store::EnsurePartitions(options_.dsn, absl::Now());
    if (!status.ok() && !failed_before) {
      LogWarning("partitions could not be made; retrying",
                 {{"error", std::string(status.message())}});
    }
    failed_before = !status.ok();
    MutexLock lock(mutex_);
    if (stopping_) return;
    if (status.ok()) {
      stopped_.WaitFor(mutex_, kPartitionInterval);
    } else {
      stopped_.WaitFor(mutex_, kPartitionRetry);
    }
    if (stopping_) return;
  }
}

}  // namespace cievents::event_matcher
