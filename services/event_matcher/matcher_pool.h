// Lends matchers: each holds the working memory of one thread that asks the index, and calls come
// from whatever thread gRPC chooses.
#ifndef SERVICES_EVENT_MATCHER_MATCHER_POOL_H_
#define SERVICES_EVENT_MATCHER_MATCHER_POOL_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "matcher/base/mutex.h"
#include "matcher/index/index.h"

namespace cievents::event_matcher {

// Thread-safe.
class MatcherPool {
 public:
  // `index` must outlive the pool. Of matchers that are given back at most `idle_max` are kept.
  explicit MatcherPool(const matcher::Index& index, size_t idle_max = 64)
      : index_(index), idle_max_(idle_max) {}
  MatcherPool(const MatcherPool&) = delete;
  MatcherPool& operator=(const MatcherPool&) = delete;

  // A matcher for one caller; goes back when it is destroyed. The pool must outlive it.
  class Loan {
   public:
    Loan(Loan&& other) noexcept : pool_(other.pool_), matcher_(std::move(other.matcher_)) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (matcher_ != nullptr) pool_->TakeBack(std::move(matcher_));
    }

    matcher::Matcher& operator*() const { return *matcher_; }
    matcher::Matcher* operator->() const { return matcher_.get(); }

   private:
    friend class MatcherPool;
    Loan(MatcherPool* pool, std::unique_ptr<matcher::Matcher> matcher)
        : pool_(pool), matcher_(std::move(matcher)) {}

    MatcherPool* pool_;
    std::unique_ptr<matcher::Matcher> matcher_;
  };

  // Never waits for other loans: if none is idle, one is made.
  Loan Borrow();

  struct Stats {
    size_t idle = 0;
    size_t made = 0;
  };
  Stats stats() const;

 private:
  void TakeBack(std::unique_ptr<matcher::Matcher> matcher);

  const matcher::Index& index_;
  const size_t idle_max_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<matcher::Matcher>> idle_ ABSL_GUARDED_BY(mutex_);
  size_t made_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_MATCHER_POOL_H_
