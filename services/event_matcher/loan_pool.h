// Lends objects that hold working memory to calls, which come from whatever thread gRPC chooses.
#ifndef SERVICES_EVENT_MATCHER_LOAN_POOL_H_
#define SERVICES_EVENT_MATCHER_LOAN_POOL_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "matcher/base/mutex.h"

namespace cievents::event_matcher {

// Thread-safe.
template <typename T>
class LoanPool {
 public:
  // Of objects that are given back at most `idle_max` are kept, and of those that `worth_keeping`.
  LoanPool(
      size_t idle_max, std::function<std::unique_ptr<T>()> make,
      std::function<bool(const T&)> worth_keeping = [](const T&) { return true; })
      : idle_max_(idle_max), make_(std::move(make)), worth_keeping_(std::move(worth_keeping)) {}
  LoanPool(const LoanPool&) = delete;
  LoanPool& operator=(const LoanPool&) = delete;

  // For one caller; goes back when it is destroyed. The pool must outlive it.
  class Loan {
   public:
    Loan(Loan&& other) noexcept : pool_(other.pool_), object_(std::move(other.object_)) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (object_ != nullptr) pool_->TakeBack(std::move(object_));
    }

    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }

   private:
    friend class LoanPool;
    Loan(LoanPool* pool, std::unique_ptr<T> object) : pool_(pool), object_(std::move(object)) {}

    LoanPool* pool_;
    std::unique_ptr<T> object_;
  };

  // Never waits for other loans: if none is idle, one is made.
  Loan Borrow() {
    {
      MutexLock lock(mutex_);
      if (!idle_.empty()) {
        // The one that came back last: its memory is still in a cache.
        std::unique_ptr<T> object = std::move(idle_.back());
        idle_.pop_back();
        return Loan(this, std::move(object));
      }
      ++made_;
    }
    return Loan(this, make_());
  }

  struct Stats {
    size_t idle = 0;
    size_t made = 0;
  };
  Stats stats() const {
    MutexLock lock(mutex_);
    return {idle_.size(), made_};
  }

 private:
  void TakeBack(std::unique_ptr<T> object) {
    if (!worth_keeping_(*object)) return;
    // A surplus one is freed with the parameter, after the lock: that takes a while.
    MutexLock lock(mutex_);
    if (idle_.size() < idle_max_) idle_.push_back(std::move(object));
  }

  const size_t idle_max_;
  const std::function<std::unique_ptr<T>()> make_;
  const std::function<bool(const T&)> worth_keeping_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_ ABSL_GUARDED_BY(mutex_);
  size_t made_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_LOAN_POOL_H_
