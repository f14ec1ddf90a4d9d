#include "tests/faults/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace cievents::faults {
size_t Ledger::AddEvent(std::string event_id, oracle::NaiveEvent event) {
  MutexLock lock(mutex_);
  events_.push_back({std::move(event_id), std::move(event), "", {}, false});
  return events_.size() - 1;
}

void Ledger::AddDelivery(size_t place, const Delivery& delivery, const std::string& uid) {
  MutexLock lock(mutex_);
  SentEvent& sent = events_[place];
  sent.deliveries.push_back(delivery);
  ++deliveries_;
  if (uid.empty()) return;
  if (!sent.uid.empty() && sent.uid != uid) {
    violations_.push_back({Violation::Kind::kWrong, fmt::format("event {} is called {}, then {}",
                                                                sent.event_id, sent.uid, uid)});
  }
  sent.uid = uid;
}

void Ledger::AddPush(AppliedPush push) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < push.subscriptions.size(); ++i) {
    const int64_t id = push.subscriptions[i].subscription_id;
    const auto owner = std::make_pair(push.project_id, push.paths[i]);
    const auto [it, is_new] = owners_.try_emplace(id, owner);
    if (is_new || it->second == owner) continue;
    violations_.push_back(
        {Violation::Kind::kWrong,
         fmt::format("subscription {} belonged to project {} "
                     "{} and now to project {} {}",
                     id, it->second.first, it->second.second, owner.first, owner.second)});
  }
  pushes_.push_back(std::move(push));
}

void Ledger::SetDown() {
  MutexLock lock(mutex_);
  if (faults_++ == 0) down_since_ = Clock::now();
}

void Ledger::SetUp() {
  MutexLock lock(mutex_);
  if (--faults_ == 0) outages_.push_back({down_since_, Clock::now()});
}

int64_t Ledger::deliveries() const {
  MutexLock lock(mutex_);
  return deliveries_;
}

void Ledger::Excuse(const std::set<std::string>& event_ids) {
  MutexLock lock(mutex_);
  for (SentEvent& sent : events_) sent.excused = sent.excused || event_ids.count(sent.event_id) > 0;
}

void Ledger::AddViolation(Violation::Kind kind, std::string text) {
  MutexLock lock(mutex_);
  violations_.push_back({kind, std::move(text)});
}

std::vector<SentEvent> Ledger::events() const {
  MutexLock lock(mutex_);
  return {events_.begin(), events_.end()};
}

std::vector<AppliedPush> Ledger::pushes() const {
  MutexLock lock(mutex_);
  std::vector<AppliedPush> sorted = pushes_;
  std::sort(sorted.begin(), sorted.end(), [](const AppliedPush& a, const AppliedPush& b) {
    return std::tie(a.project_id, a.sequence) < std::tie(b.project_id, b.sequence);
  });
  return sorted;
}

std::vector<Outage> Ledger::outages() const {
  MutexLock lock(mutex_);
  return outages_;
}

std::vector<Violation> Ledger::violations() const {
  MutexLock lock(mutex_);
  return violations_;
}

}  // namespace cievents::faults
