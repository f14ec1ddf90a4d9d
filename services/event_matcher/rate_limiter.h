// Token buckets, one a tenant: `per_second` events a second, and two seconds' worth at once.
#ifndef SERVICES_EVENT_MATCHER_RATE_LIMITER_H_
#define SERVICES_EVENT_MATCHER_RATE_LIMITER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "matcher/base/mutex.h"

namespace cievents::event_matcher {

// Thread-safe. Buckets are kept for tenants that have emitted within the last two seconds; the rest
// are full, and need no memory.
class RateLimiter {
 public:
  // `per_second` 0 = no limit.
  explicit RateLimiter(int64_t per_second) : per_second_(per_second) {}

  // Takes a token. Zero: it was there; else it was not taken, and will be there after so long. A
  // clock that is set back gives no tokens and takes none.
  absl::Duration Take(int64_t tenant, absl::Time now);

  size_t buckets() const;

 private:
  struct Bucket {
    double tokens = 0;
    absl::Time filled;
  };
  struct Shard {
    mutable Mutex mutex;
    absl::flat_hash_map<int64_t, Bucket> buckets ABSL_GUARDED_BY(mutex);
    size_t sweep_at ABSL_GUARDED_BY(mutex) = 1024;
  };
  static constexpr size_t kShards = 16;

  double capacity() const { return 2 * static_cast<double>(per_second_); }
  void Fill(Bucket& bucket, absl::Time now) const;
  // Drops the buckets that are full; amortised over the takes.
  void Sweep(Shard& shard, absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const int64_t per_second_;
  std::array<Shard, kShards> shards_;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_RATE_LIMITER_H_
