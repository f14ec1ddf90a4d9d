// Exponential backoff with full jitter: the wait before attempt n is uniform in [0, min(cap,
// base*2^n)], but at least `base` / 2, so that a loop never spins. Source: "Exponential Backoff And
// Jitter" (AWS).
#ifndef SERVICES_LIB_BASE_BACKOFF_H_
#define SERVICES_LIB_BASE_BACKOFF_H_

#include <algorithm>
#include <chrono>
#include <random>

namespace cievents {

// Not thread-safe: one per loop.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds base, std::chrono::milliseconds cap)
      : base_(base), cap_(cap), random_(std::random_device{}()) {}

  std::chrono::milliseconds Next() {
    const auto limit = std::min(cap_, base_ * (int64_t{1} << std::min(attempts_, 20)));
    ++attempts_;
    std::uniform_int_distribution<int64_t> jitter(base_.count() / 2,
                                                  std::max(limit, base_).count());
    return std::chrono::milliseconds(jitter(random_));
  }
  void Reset() { attempts_ = 0; }

 private:
  std::chrono::milliseconds base_;
  std::chrono::milliseconds cap_;
  int attempts_ = 0;
  std::mt19937_64 random_;
};

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_BACKOFF_H_
