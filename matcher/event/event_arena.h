// Memory for what one event's values need: decoded strings, lists. What was given stays where it is
// until Reset, which keeps a few chunks, so that a stream of usual events allocates nothing and one
// huge event does not hold its memory for ever.
#ifndef MATCHER_EVENT_EVENT_ARENA_H_
#define MATCHER_EVENT_EVENT_ARENA_H_

#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace cievents::matcher {

class EventArena {
 public:
  // Uninitialised; aligned for any type. `bytes` may be 0.
  char* Allocate(size_t bytes) {
    bytes = (bytes + kAlignment - 1) & ~(kAlignment - 1);
    if (bytes > left_) [[unlikely]] {
      return AllocateSlowly(bytes);
    }
    char* const memory = next_;
    next_ += bytes;
    left_ -= bytes;
    return memory;
  }

  template <typename T>
  T* AllocateArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= kAlignment);
    return reinterpret_cast<T*>(Allocate(count * sizeof(T)));
  }

  void Reset() {
    if (chunks_used_ > 1 || !large_.empty()) [[unlikely]] {
      ResetSlowly();
    }
    left_ += static_cast<size_t>(next_ - first_);
    next_ = first_;
  }
  size_t bytes_held() const;  // for tests

 private:
  static constexpr size_t kAlignment = alignof(std::max_align_t);
  static constexpr size_t kChunkBytes = 64 * 1024;
  static constexpr size_t kChunksKept = 4;

  char* AllocateSlowly(size_t bytes);
  void ResetSlowly();

  char* first_ = nullptr;  // where the first chunk begins
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t chunks_used_ = 0;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::vector<std::unique_ptr<char[]>> large_;  // one request each, gone at Reset
  size_t large_bytes_ = 0;
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_EVENT_ARENA_H_
