// Choices that a seed repeats, on every machine alike.
#ifndef TESTS_ORACLE_RANDOM_H_
#define TESTS_ORACLE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <random>

namespace cievents::oracle {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Not std::uniform_int_distribution: libraries differ in it.
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }
  bool Percent(int64_t share) { return Between(1, 100) <= share; }

  template <typename Container>
  const auto& Pick(const Container& container) {
    return container[static_cast<size_t>(
        Between(0, static_cast<int64_t>(std::size(container)) - 1))];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_RANDOM_H_
