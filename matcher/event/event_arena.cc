#include "matcher/event/event_arena.h"

namespace cievents::matcher {

char* EventArena::AllocateSlowly(size_t bytes) {
  if (bytes > kChunkBytes / 4) {
    // In a chunk it could waste most of one.
    large_.emplace_back(new char[bytes]);
    large_bytes_ += bytes;
    return large_.back().get();
  }
  if (chunks_used_ == chunks_.size()) chunks_.emplace_back(new char[kChunkBytes]);
  char* const chunk = chunks_[chunks_used_++].get();
  next_ = chunk + bytes;
  left_ = kChunkBytes - bytes;
  if (chunks_used_ == 1) first_ = chunk;
  return chunk;
}

void EventArena::ResetSlowly() {
  large_.clear();
  large_bytes_ = 0;
  if (chunks_.size() > kChunksKept) chunks_.resize(kChunksKept);
  if (chunks_used_ == 0) return;
  chunks_used_ = 1;
  next_ = first_;
  left_ = kChunkBytes;
}

size_t EventArena::bytes_held() const { return chunks_.size() * kChunkBytes + large_bytes_; }

}  // namespace cievents::matcher
