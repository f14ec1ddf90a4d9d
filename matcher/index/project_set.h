// One project's subscriptions as the index keeps them: one immutable block of memory.
//
//   | context* | counts | definition* x n | own postings x m | commit sha | bases | n x fields |
//
// Two subscriptions of a copied template with one pattern each take some 90 bytes. A subscription
// is a pointer to its definition, a posting (pattern, subscription, entry), and its own numbers
// (id, owner, creation time), each stored as the difference from the set's smallest, in as few
// bytes as the set's largest difference needs.
#ifndef MATCHER_INDEX_PROJECT_SET_H_
#define MATCHER_INDEX_PROJECT_SET_H_

#include <cstdint>
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
inline constexpr size_t kEntriesPerSubscriptionMax = 65'535;

class ProjectSet {
 public:
  struct Parts {
    int64_t project_id = 0;
    const ProjectContext* context = nullptr;
    std::string_view commit_sha;  // at most 255 bytes
    std::span<const Definition* const> definitions;
    std::span<const SubscriptionNumbers> numbers;  // as many as definitions
    std::span<const OwnPosting> own_postings;      // by pattern
  };
  // Freed by Free.
  static const ProjectSet* Make(const Parts& parts);
  static void Free(const ProjectSet* set);

  const ProjectContext& context() const { return *context_; }
  size_t subscriptions() const { return subscriptions_; }
  const Definition& definition(size_t i) const { return *definitions()[i]; }
  std::span<const Definition* const> all_definitions() const {
    return {definitions(), subscriptions_};
  }
  std::span<const OwnPosting> own_postings() const { return {postings(), own_postings_}; }
  int64_t project_id() const;
  std::string commit_sha() const;
  SubscriptionNumbers numbers(size_t i) const;

 private:
  ProjectSet() = default;

  const Definition* const* definitions() const {
    return reinterpret_cast<const Definition* const*>(this + 1);
  }
  const OwnPosting* postings() const {
    return reinterpret_cast<const OwnPosting*>(definitions() + subscriptions_);
  }
  const uint8_t* bytes() const {
    return reinterpret_cast<const uint8_t*>(postings() + own_postings_);
  }

  const ProjectContext* context_ = nullptr;
  uint16_t subscriptions_ = 0;
  uint16_t own_postings_ = 0;
  uint8_t commit_bytes_ = 0;  // of the hex digits packed, or of the text
  uint8_t commit_is_packed_hex_ = 0;
  uint8_t widths_ = 0;  // of the differences of id, owner and time: two bits each, see kWidths
  uint8_t unused_ = 0;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_PROJECT_SET_H_
