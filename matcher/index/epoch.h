// Epochs: how readers use memory that a writer takes away, without locks and without waiting.
//
//   reader:  Enter (pin the current epoch) ... read shared memory ... Leave
//   writer:  unlink an object, Retire it, Publish; Reclaim frees what no reader can still hold
//
// The epoch is also the version of the index: Publish makes everything that was prepared for the
// next epoch visible at once to readers that enter later, and to nobody before (see VisibleAt in
// scope_lists.h).
//
// After K. Fraser, "Practical lock-freedom" (2004), section 5.2.3, with one list of retired objects
// because there is one writer.
#ifndef MATCHER_INDEX_EPOCH_H_
#define MATCHER_INDEX_EPOCH_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "matcher/base/mutex.h"

namespace cievents::matcher {

using Epoch = uint64_t;

class EpochDomain {
 public:
  EpochDomain() = default;
  ~EpochDomain();  // REQUIRES: no reader is registered
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;

  // One thread's registration. Registering takes a lock, entering does not.
  class Reader {
   public:
    explicit Reader(EpochDomain& domain);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // Returns the epoch whose state this reader sees until Leave. REQUIRES: not entered.
    Epoch Enter() {
      pinned_->store(domain_.current_.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
      // Read again: what the writer took away before it could see the pin has an epoch no later
      // than this one, so nothing that this reader should see is gone.
      return domain_.current_.load(std::memory_order_seq_cst);
    }
    void Leave() { pinned_->store(kIdle, std::memory_order_release); }

   private:
    EpochDomain& domain_;
    std::atomic<Epoch>* pinned_;
  };

  // ---- The writer's side: one thread at a time ----

  // The epoch that the next Publish starts: what is prepared is marked with it.
  Epoch next() const { return current_.load(std::memory_order_relaxed) + 1; }
  void Publish() { current_.store(next(), std::memory_order_seq_cst); }

  // Every reader sees this epoch or a later one.
  Epoch OldestPinned() const;

  // Calls free(object, context) once no reader can hold `object`. REQUIRES: readers that enter
  // after the next Publish cannot find it.
  void Retire(void* object, void* context, void (*free)(void* object, void* context));

  // Frees what can be freed, in the order of Retire. Cheap if there is nothing to do.
  void Reclaim();
  size_t retired() const { return retired_.size(); }

 private:
  static constexpr Epoch kIdle = ~Epoch{0};
  // A cache line each: readers on different cores must not share one.
  struct alignas(64) Slot {
    std::atomic<Epoch> pinned{kIdle};
    bool used = false;
  };
  struct Retired {
    Epoch epoch;  // readers of this epoch and later ones cannot find it
    void* object;
    void* context;
    void (*free)(void* object, void* context);
  };

  alignas(64) std::atomic<Epoch> current_{1};
  std::deque<Retired> retired_;  // the writer's

  mutable Mutex slots_mutex_;
  std::vector<std::unique_ptr<Slot>> slots_ ABSL_GUARDED_BY(slots_mutex_);
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_EPOCH_H_
