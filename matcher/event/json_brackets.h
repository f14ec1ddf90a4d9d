// The open brackets of a JSON text, a bit each, and the messages that every walk over brackets
// gives.
#ifndef MATCHER_EVENT_JSON_BRACKETS_H_
#define MATCHER_EVENT_JSON_BRACKETS_H_

#include <array>
#include <cstdint>

#include "matcher/event/json_scanner.h"

namespace cievents::matcher::json {

inline constexpr const char* kEndsInContainer = "the text ends before its objects and arrays do";
inline constexpr const char* kMismatch = "a closing bracket does not match the opening one";
inline constexpr const char* kTooDeep = "more than 1024 objects and arrays within each other";
inline constexpr const char* kNoKey = "a key in double quotes was expected";
inline constexpr const char* kNoColon = "`:` was expected behind a key";

class BracketStack {
 public:
  // `around` containers are open already and count for the limit.
  explicit BracketStack(uint32_t around)
      : depth_max_(around < kDepthMax ? kDepthMax - around : 0) {}

  // False: too deep.
  bool Push(char bracket) {
    if (depth_ >= depth_max_) return false;
    // The last 64 stand in one word; older words are put aside.
    if (depth_ % 64 == 0) older_[depth_ / 64] = kinds_;
    kinds_ = kinds_ << 1 | KindOf(bracket);
    ++depth_;
    return true;
  }
  // False: `bracket` does not match the last open one. REQUIRES: !empty().
  bool Pop(char bracket) {
    if ((kinds_ & 1) != KindOf(bracket)) return false;
    kinds_ >>= 1;
    --depth_;
    if (depth_ % 64 == 0) kinds_ = older_[depth_ / 64];
    return true;
  }
  bool empty() const { return depth_ == 0; }
  bool in_object() const { return (kinds_ & 1) != 0; }

 private:
  // { and } have this bit, [ and ] do not.
  static uint64_t KindOf(char bracket) { return (static_cast<unsigned char>(bracket) >> 5) & 1; }

  uint32_t depth_max_;
  uint32_t depth_ = 0;
  uint64_t kinds_ = 0;
  std::array<uint64_t, kDepthMax / 64 + 1> older_;  // written before it is read
};

}  // namespace cievents::matcher::json

#endif  // MATCHER_EVENT_JSON_BRACKETS_H_
