// The root namespaces of the projects whose slots are not loaded here: an event may come without
// its ancestors, and must find its shard all the same.
#ifndef SERVICES_EVENT_MATCHER_PROJECT_ROOTS_H_
#define SERVICES_EVENT_MATCHER_PROJECT_ROOTS_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/mutex.h"

namespace cievents::event_matcher {

// Thread-safe.
class ProjectRoots {
 public:
  using Roots = absl::flat_hash_map<int64_t, int64_t>;  // project id to root namespace id

  void Add(const Roots& roots) {
    MutexLock lock(mutex_);
    for (const auto& [project_id, root] : roots) roots_[project_id] = root;
  }
  void ReplaceAll(Roots roots) {
    MutexLock lock(mutex_);
    roots_ = std::move(roots);
  }
  void Set(int64_t project_id, int64_t root_namespace_id) {
    MutexLock lock(mutex_);
    roots_[project_id] = root_namespace_id;
  }
  void Remove(int64_t project_id) {
    MutexLock lock(mutex_);
    roots_.erase(project_id);
  }
  std::optional<int64_t> Find(int64_t project_id) const {
    MutexLock lock(mutex_);
    const auto it = roots_.find(project_id);
    if (it == roots_.end()) return std::nullopt;
    return it->second;
  }

 private:
  mutable Mutex mutex_;
  Roots roots_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_PROJECT_ROOTS_H_
