// A histogram that costs two relaxed additions: prometheus-cpp's takes a lock.
#ifndef SERVICES_EVENT_MATCHER_LATENCY_HISTOGRAM_H_
#define SERVICES_EVENT_MATCHER_LATENCY_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace cievents::event_matcher {

// Thread-safe.
class LatencyHistogram {
 public:
  // Upper bounds of the buckets; what is longer is in a last one. From an answer out of memory to
  // one for which Postgres was waited for as long as may be.
  static constexpr std::array<std::chrono::microseconds, 14> kBounds = {
      std::chrono::microseconds(100),       std::chrono::microseconds(250),
      std::chrono::microseconds(500),       std::chrono::microseconds(1'000),
      std::chrono::microseconds(2'500),     std::chrono::microseconds(5'000),
      std::chrono::microseconds(10'000),    std::chrono::microseconds(25'000),
      std::chrono::microseconds(50'000),    std::chrono::microseconds(100'000),
      std::chrono::microseconds(250'000),   std::chrono::microseconds(1'000'000),
      std::chrono::microseconds(2'500'000), std::chrono::microseconds(10'000'000)};

  // `count` events took so long.
  void Add(std::chrono::nanoseconds latency, uint64_t count) {
    size_t bucket = 0;
    while (bucket < kBounds.size() && latency > kBounds[bucket]) ++bucket;
    buckets_[bucket].fetch_add(count, std::memory_order_relaxed);
    sum_ns_.fetch_add(static_cast<uint64_t>(latency.count()) * count, std::memory_order_relaxed);
  }

  struct Counts {
    std::array<uint64_t, kBounds.size() + 1> buckets{};  // not cumulative
    double sum_seconds = 0;
  };
  Counts counts() const {
    Counts counts;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      counts.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    }
    counts.sum_seconds = static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
    return counts;
  }

 private:
  std::array<std::atomic<uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<uint64_t> sum_ns_{0};  // of 584 years
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_LATENCY_HISTOGRAM_H_
