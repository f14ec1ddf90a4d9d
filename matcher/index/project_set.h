// One project's subscriptions as the index keeps them: one immutable block of memory.
//
//   | context* | counts | own postings x m | definition* x n | fields x n | bases | commit sha |
//
// Two subscriptions of a copied template with one pattern each take some 90 bytes. A subscription
// is a pointer to its definition (6 bytes: user space addresses have no more), a posting (pattern,
// subscription, entry), and its own numbers (id, owner, creation time), each stored as the
// difference from the set's smallest, in as few bytes as the set's largest difference needs.
#ifndef MATCHER_INDEX_PROJECT_SET_H_
#define MATCHER_INDEX_PROJECT_SET_H_

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
    int64_t project_id = 0;
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

  bool some_suspended() const { return widths().suspended != 0; }
  const ProjectContext& context() const { return *context_; }
  size_t subscriptions() const { return subscriptions_; }
  const Definition& definition(size_t i) const {
    uint64_t word;  // two bytes more than the address: bases always follow
    std::memcpy(&word, definitions() + i * kPointerBytes, sizeof(word));
    return *reinterpret_cast<const Definition*>(word & ((uint64_t{1} << (8 * kPointerBytes)) - 1));
  }
  // Calls visit(posting) for each, by pattern, until it returns false.
  template <typename Visit>
  void ForEachOwnPosting(const Visit& visit) const;

  int64_t project_id() const { return static_cast<int64_t>(ReadBases().project_id); }
  std::string commit_sha() const;
  int64_t subscription_id(size_t i) const;
  SubscriptionNumbers numbers(size_t i) const;

 private:
  static_assert(std::endian::native == std::endian::little);
  static constexpr size_t kPointerBytes = 6;

  // The smallest values of the set, and where they end.
  struct Bases {
    uint64_t project_id = 0;
    uint64_t id = 0;
    uint64_t owner = 0;
    uint64_t created = 0;
    const uint8_t* end = nullptr;
  };
  // How many bytes of a subscription's fields each difference takes.
  struct Widths {
    uint32_t id, owner, created, suspended;
    uint32_t all() const { return id + owner + created + suspended; }
  };

  ProjectSet() = default;

  static uint64_t ReadBytes(const uint8_t* at, size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value |= uint64_t{at[i]} << (8 * i);
    return value;
  }
  size_t posting_bytes() const { return small_postings_ != 0 ? 6 : 8; }
  const uint8_t* postings() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  const uint8_t* definitions() const { return postings() + own_postings_ * posting_bytes(); }
  Bases ReadBases() const;
  Widths widths() const;
  const uint8_t* fields(const Widths& bytes, size_t i) const {
    return definitions() + subscriptions_ * kPointerBytes + i * bytes.all();
  }

  const ProjectContext* context_ = nullptr;
  uint16_t subscriptions_ = 0;
  uint16_t own_postings_ = 0;
  uint16_t widths_ = 0;       // 3 x 4 bits: of id, owner and time; bit 15: some are suspended
  uint8_t commit_bytes_ = 0;  // of the hex digits packed, or of the text
  uint8_t commit_is_packed_hex_ : 1 = 0;
  uint8_t small_postings_ : 1 = 0;  // subscription and entry take a byte each
};

template <typename Visit>
void ProjectSet::ForEachOwnPosting(const Visit& visit) const {
  const uint8_t* at = postings();
  const size_t bytes = posting_bytes();
  const size_t number_bytes = (bytes - sizeof(PatternId)) / 2;
  for (size_t i = 0; i < own_postings_; ++i, at += bytes) {
    OwnPosting posting;
    posting.pattern = static_cast<PatternId>(ReadBytes(at, sizeof(PatternId)));
    posting.subscription = static_cast<uint16_t>(ReadBytes(at + 4, number_bytes));
    posting.entry = static_cast<uint16_t>(ReadBytes(at + 4 + number_bytes, number_bytes));
    if (!visit(posting)) return;
  }
}

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_PROJECT_SET_H_
