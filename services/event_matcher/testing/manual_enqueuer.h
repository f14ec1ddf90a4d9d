// An enqueuer that answers when the test says so.
#ifndef SERVICES_EVENT_MATCHER_TESTING_MANUAL_ENQUEUER_H_
#define SERVICES_EVENT_MATCHER_TESTING_MANUAL_ENQUEUER_H_

#include <atomic>
#include <utility>
#include <vector>

#include "matcher/base/mutex.h"
#include "services/event_matcher/enqueuer.h"

namespace cievents::event_matcher {

// Thread-safe.
class ManualEnqueuer final : public Enqueuer {
 public:
  absl::Status Submit(SharedWrites writes, Done done) override {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return refusal_;
    submissions_.push_back({std::move(writes), std::move(done)});
    return absl::OkStatus();
  }
  bool is_store_away() const override { return away_; }
  // Answers what is left kUnavailable, as the real one.
  void Stop() override {
    for (size_t i = 0; i < submitted(); ++i) Answer(i, EventWriteResult::Kind::kUnavailable);
  }

  void SetAway(bool away) { away_ = away; }
  // Of the next Submit; OK: takes it.
  void Refuse(absl::Status refusal) {
    MutexLock lock(mutex_);
    refusal_ = std::move(refusal);
  }
  size_t submitted() const {
    MutexLock lock(mutex_);
    return submissions_.size();
  }
  // Answers submission `i` (in order, from 0); nothing if it was answered before.
  void Answer(size_t i, EventWriteResult::Kind kind) {
    Done done;
    std::vector<EventWriteResult> results;
    {
      MutexLock lock(mutex_);
      done = std::exchange(submissions_[i].done, nullptr);
      results.assign(submissions_[i].writes->size(), EventWriteResult{kind, 1, "as told"});
    }
    if (done != nullptr) done(std::move(results));
  }

 private:
  struct Submission {
    SharedWrites writes;
    Done done;
  };
  mutable Mutex mutex_;
  std::vector<Submission> submissions_ ABSL_GUARDED_BY(mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> away_{false};
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_TESTING_MANUAL_ENQUEUER_H_
