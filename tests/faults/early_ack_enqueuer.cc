#include "tests/faults/early_ack_enqueuer.h"

#include <utility>

#include "services/lib/base/log.h"

namespace cievents::faults {

using event_matcher::EventWrite;
using event_matcher::EventWriteResult;

EarlyAckEnqueuer::EarlyAckEnqueuer(std::unique_ptr<event_matcher::GroupCommitEnqueuer> real)
    : real_(std::move(real)) {
  LogWarning(kMark);
}

absl::Status EarlyAckEnqueuer::Submit(event_matcher::SharedWrites writes, Done done) {
  std::vector<EventWriteResult> results;
  for (const EventWrite& write : *writes) {
    results.push_back(
        {EventWriteResult::Kind::kCommitted, static_cast<int>(write.requests.size()), ""});
  }
  done(std::move(results));
  // Too late to tell anybody that the queue is full, too.
  real_->Submit(std::move(writes), [](const std::vector<EventWriteResult>&) {}).IgnoreError();
  return absl::OkStatus();
}

void EarlyAckEnqueuer::Stop() { real_->Stop(); }

}  // namespace cievents::faults
