// One project's subscriptions as the index keeps them: one immutable block of memory.
//
//   | context* | counts | bases | own postings x m | definition* x n | fields x n | commit sha |
//
// Two subscriptions of a copied template with one pattern each take some 90 bytes. A subscription
// is a pointer to its definition (6 bytes: user space addresses have no more), a posting (pattern,
// subscription, entry), and its own numbers (id, owner, creation time), each stored as the
// difference from the set's smallest, in as few bytes as the set's largest difference needs.
#ifndef MATCHER_INDEX_PROJECT_SET_H_
#define MATCHER_INDEX_PROJECT_SET_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/index/definition.h"
#include "matcher/index/pattern_table.h"

namespace cievents::matcher {

// What projects share: all projects of a group with the same default branch have one.
struct ProjectContext {
  std::vector<int64_t> namespace_ids;  // ancestors, root first; the last is the parent group
  std::string ref;                     // the default branch
  uint32_t users = 0;                  // the writer's

  int64_t root_namespace_id() const { return namespace_ids.empty() ? 0 : namespace_ids.front(); }
  // 0 = none.
  int64_t parent_group_id() const { return namespace_ids.empty() ? 0 : namespace_ids.back(); }
};

// An entry of the set that listens to the project's own events, under one of its patterns.
struct OwnPosting {
  PatternId pattern = 0;
  uint16_t subscription = 0;
  uint16_t entry = 0;
};

// Numbers that differ from subscription to subscription.
struct SubscriptionNumbers {
  int64_t subscription_id = 0;
  int64_t owner_user_id = 0;
  int64_t created_time_ms = 0;
  bool suspended = false;
};

inline constexpr size_t kSubscriptionsPerSetMax = 65'535;
inline constexpr size_t kOwnPostingsPerSetMax = 65'535;
inline constexpr size_t kCommitBytesMax = 255;

class ProjectSet {
 public:
  struct Parts {
    const ProjectContext* context = nullptr;
    std::string_view commit_sha;  // at most kCommitBytesMax
    std::span<const Definition* const> definitions;
    std::span<const SubscriptionNumbers> numbers;  // as many as definitions
    std::span<const OwnPosting> own_postings;      // by pattern
  };
  // Freed by Free. `before_bytes` of memory lie directly before the set, in the same block, for the
  // caller's own use; the same number must be given to Free. REQUIRES: a multiple of 8.
  static const ProjectSet* Make(const Parts& parts, size_t before_bytes = 0);
  static void Free(const ProjectSet* set, size_t before_bytes = 0);

  const ProjectContext& context() const {
    return *static_cast<const ProjectContext*>(ReadPointer(context_.data()));
  }
  size_t subscriptions() const { return subscriptions_; }
  bool some_suspended() const { return widths().suspended != 0; }
  bool has_memory_before() const { return has_memory_before_ != 0; }
  const Definition& definition(size_t i) const {
    return *static_cast<const Definition*>(ReadPointer(definitions() + i * kPointerBytes));
  }
  size_t own_postings() const { return own_postings_; }
  OwnPosting own_posting(size_t i) const;
  // The first whose pattern is `pattern` or greater.
  size_t FindOwnPosting(PatternId pattern) const;

  std::string commit_sha() const;
  int64_t subscription_id(size_t i) const {
    const Widths bytes = widths();
    return static_cast<int64_t>(ReadBytes(bases(), base_widths().id) +
                                ReadBytes(fields(bytes, i), bytes.id));
  }
  SubscriptionNumbers numbers(size_t i) const;

 private:
  static_assert(std::endian::native == std::endian::little);
  static constexpr size_t kPointerBytes = 6;
  static constexpr size_t kSmallPatternBytes = 3;  // with one byte each for subscription and entry

  // How many bytes each number takes: of the set's smallest values, or of a subscription's
  // differences from them.
  struct Widths {
    uint32_t id, owner, created, suspended;
    uint32_t all() const { return id + owner + created + suspended; }
  };

  ProjectSet() = default;

  // Reads eight bytes, whatever the width: Make sees to it that so many are there.
  static uint64_t ReadBytes(const uint8_t* at, size_t width) {
    if (width == 0) return 0;
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    return word & (~uint64_t{0} >> (64 - 8 * width));
  }
  // Reads two bytes more than the address has.
  static const void* ReadPointer(const uint8_t* at) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    return reinterpret_cast<const void*>(word & ((uint64_t{1} << (8 * kPointerBytes)) - 1));
  }
  size_t pattern_bytes() const { return small_postings_ != 0 ? kSmallPatternBytes : 4; }
  size_t number_bytes() const { return small_postings_ != 0 ? 1 : 2; }
  size_t posting_bytes() const { return pattern_bytes() + 2 * number_bytes(); }
  const uint8_t* bases() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  const uint8_t* postings() const { return bases() + base_widths().all(); }
  const uint8_t* definitions() const { return postings() + own_postings_ * posting_bytes(); }
  Widths widths() const {
    return {widths_ & 15u, widths_ >> 4 & 15u, widths_ >> 8 & 15u,
            (widths_ & kSomeSuspended) != 0 ? 1u : 0u};
  }
  Widths base_widths() const {
    return {base_widths_ & 15u, base_widths_ >> 4 & 15u, base_widths_ >> 8 & 15u, 0};
  }
  const uint8_t* fields(const Widths& bytes, size_t i) const {
    return definitions() + subscriptions_ * kPointerBytes + i * bytes.all();
  }

  static constexpr uint16_t kSomeSuspended = 1u << 15;

  std::array<uint8_t, kPointerBytes> context_ = {};
  uint16_t subscriptions_ = 0;
  uint16_t own_postings_ = 0;
  uint16_t widths_ = 0;       // of id, owner and time, 4 bits each; kSomeSuspended
  uint16_t base_widths_ = 0;  // the same
  uint8_t commit_bytes_ = 0;  // of the hex digits packed, or of the text
  uint8_t commit_is_packed_hex_ : 1 = 0;
  uint8_t small_postings_ : 1 = 0;
  uint8_t has_memory_before_ : 1 = 0;
};
static_assert(sizeof(ProjectSet) == 16);

inline OwnPosting ProjectSet::own_posting(size_t i) const {
  const uint8_t* const at = postings() + i * posting_bytes();
  uint32_t word;  // one byte more than a small pattern has: its numbers
  std::memcpy(&word, at, sizeof(word));
  OwnPosting posting;
  if (small_postings_ != 0) {
    posting.pattern = word & 0xffffffu;
    posting.subscription = at[kSmallPatternBytes];
    posting.entry = at[kSmallPatternBytes + 1];
  } else {
    posting.pattern = word;
    std::memcpy(&posting.subscription, at + 4, sizeof(posting.subscription));
    std::memcpy(&posting.entry, at + 6, sizeof(posting.entry));
  }
  return posting;
}

inline size_t ProjectSet::FindOwnPosting(PatternId pattern) const {
  size_t begin = 0;
  size_t end = own_postings_;
  while (begin < end) {
    const size_t middle = begin + (end - begin) / 2;
    if (own_posting(middle).pattern < pattern) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_PROJECT_SET_H_
