#include "services/event_matcher/unusable_log.h"

#include <utility>

#include "services/lib/base/log.h"

namespace cievents::event_matcher {

void UnusableLog::Report(std::span<const matcher::UnusableSubscription> unusable) {
  StartIntervalIfDue();
  for (const matcher::UnusableSubscription& subscription : unusable) {
    if (said_.size() >= options_.remembered_max) said_.clear();
    std::string& said = said_[subscription.subscription_id];
    if (said == subscription.reason && !said.empty()) continue;
    said = subscription.reason;
    if (lines_ >= options_.lines_max) {
      ++left_out_;
      continue;
    }
    ++lines_;
    options_.write_line(subscription);
  }
}

void UnusableLog::StartIntervalIfDue() {
  const Clock::time_point now = options_.now();
  if (now - interval_start_ < options_.interval) return;
  interval_start_ = now;
  lines_ = 0;
  if (left_out_ > 0) options_.write_left_out(std::exchange(left_out_, 0));
}

void UnusableLog::WriteLine(const matcher::UnusableSubscription& subscription) {
  LogWarning("a subscription cannot be evaluated; it does not fire",
             {{"subscription_id", subscription.subscription_id},
              {"meta.project_id", subscription.project_id},
              {"path", subscription.path},
              {"reason", subscription.reason}});
}

void UnusableLog::WriteLeftOut(uint64_t left_out) {
  LogWarning("further subscriptions cannot be evaluated; they do not fire",
             {{"subscriptions", static_cast<int64_t>(left_out)}});
}

}  // namespace cievents::event_matcher
