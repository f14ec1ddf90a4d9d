// The index: all subscriptions of a shard, by scope and pattern, in memory.
//
// An event is matched against its project (if it has one), each ancestor group, and the instance.
// Scopes come first (a project without subscriptions costs one missed probe a scope), then the
// patterns of that scope, then an entry's remaining conditions.
//
// Threads: any number of threads may call MatchEvent at the same time as another replaces or
// removes; an event sees a project's old set or its new one, never a mix.
#ifndef MATCHER_INDEX_H_
#define MATCHER_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "matcher/base/mutex.h"
#include "matcher/postings.h"
#include "matcher/subscription.h"

namespace cievents::matcher {

// What matching reads of an event. Views must outlive the call only.
struct EventView {
  std::span<const std::string> names;      // canonical, 1 to 8, in the catalogue's order
  int64_t project_id = 0;                  // 0 = none (a group or instance event)
  std::span<const int64_t> namespace_ids;  // ancestors, root first
  bool confidential = false;
  int64_t time_ms = 0;  // when it happened; 0 = unknown
  bool replayed = false;
};

// One subscription that an event fires, and what decided it.
struct Match {
  std::shared_ptr<const ProjectSubscriptions> project;
  uint32_t subscription = 0;  // into project->subscriptions
  uint32_t entry = 0;         // the deciding entry
  uint32_t name = 0;          // into EventView::names: the first that the deciding entry matches

  const Subscription& subscription_ref() const { return project->subscriptions[subscription]; }
};

// An event older than this before a subscription's creation does not fire it, unless replayed
// (delivery rules: producers' clocks differ a little from ours).
inline constexpr int64_t kBeforeCreationToleranceMs = 5 * 60 * 1000;

class Index {
 public:
  Index() = default;
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  // Replaces all that is known of set.project_id in one step. An empty set keeps the project known
  // (its ancestors), see FindNamespaces.
  void ReplaceProject(ProjectSubscriptions set);
  void RemoveProject(int64_t project_id);
  // Replaces everything: a full load.
  void ReplaceAll(std::vector<ProjectSubscriptions> sets);

  // Appends to `out` one Match for each subscription that `event` fires, ordered by subscription
  // id. The first entry whose scope covers the event, that may see it and one of whose patterns
  // matches one of its names decides. Suspended subscriptions, those that need evaluation and those
  // created later than the event (see kBeforeCreationToleranceMs) do not match.
  void MatchEvent(const EventView& event, std::vector<Match>* out) const;

  // The ancestors of a project (root first); false if the project is unknown.
  bool FindNamespaces(int64_t project_id, std::vector<int64_t>* namespace_ids) const;

  struct Stats {
    size_t projects = 0;
    size_t subscriptions = 0;
  };
  Stats stats() const;

 private:
  mutable SharedMutex mutex_;
  Postings postings_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_H_
