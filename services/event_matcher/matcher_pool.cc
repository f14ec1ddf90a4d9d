#include "services/event_matcher/matcher_pool.h"

namespace cievents::event_matcher {

MatcherPool::Loan MatcherPool::Borrow() {
  {
    MutexLock lock(mutex_);
    if (!idle_.empty()) {
      // The one that came back last: its memory is still in a cache.
      std::unique_ptr<matcher::Matcher> matcher = std::move(idle_.back());
      idle_.pop_back();
      return Loan(this, std::move(matcher));
    }
    ++made_;
  }
  return Loan(this, std::make_unique<matcher::Matcher>(index_));
}

void MatcherPool::TakeBack(std::unique_ptr<matcher::Matcher> matcher) {
  // A surplus one is freed with the parameter, after the lock: that takes a while.
  MutexLock lock(mutex_);
  if (idle_.size() < idle_max_) idle_.push_back(std::move(matcher));
}

MatcherPool::Stats MatcherPool::stats() const {
  MutexLock lock(mutex_);
  return {idle_.size(), made_};
}

}  // namespace cievents::event_matcher
