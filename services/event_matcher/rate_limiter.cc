#include "services/event_matcher/rate_limiter.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace cievents::event_matcher {
namespace {

// A clock that is behind by more has been set back.
constexpr double kClockSetBackSeconds = 2;

}  // namespace

void RateLimiter::Fill(Bucket& bucket, absl::Time now) const {
  const double seconds = absl::ToDoubleSeconds(now - bucket.filled);
  // Batches that are taken in at once have read the clock at slightly different times: none of them
  // moves it back, or the next would be given the time between twice.
  if (seconds <= 0 && seconds > -kClockSetBackSeconds) return;
  bucket.filled = now;
  if (seconds <= 0) return;
  bucket.tokens = std::min(capacity(), bucket.tokens + seconds * static_cast<double>(per_second_));
}

void RateLimiter::Sweep(Shard& shard, absl::Time now) const {
  absl::erase_if(shard.buckets, [this, now](auto& entry) {
    Fill(entry.second, now);
    return entry.second.tokens >= capacity();
  });
  shard.sweep_at = std::max<size_t>(1024, 2 * shard.buckets.size());
}

absl::Duration RateLimiter::Take(int64_t tenant, absl::Time now) {
  if (per_second_ == 0) return absl::ZeroDuration();
  Shard& shard = shards_[absl::HashOf(tenant) % kShards];
  MutexLock lock(shard.mutex);
  if (shard.buckets.size() >= shard.sweep_at) Sweep(shard, now);
  const auto [it, is_new] = shard.buckets.try_emplace(tenant, Bucket{capacity(), now});
  Bucket& bucket = it->second;
  if (!is_new) Fill(bucket, now);
  if (bucket.tokens < 1) {
    return absl::Seconds((1 - bucket.tokens) / static_cast<double>(per_second_));
  }
  bucket.tokens -= 1;
  return absl::ZeroDuration();
}

size_t RateLimiter::buckets() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    count += shard.buckets.size();
  }
  return count;
}

}  // namespace cievents::event_matcher
