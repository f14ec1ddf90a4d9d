// The root namespaces of the projects whose slots are not loaded here, and of all subgroups: an
// event may come without its ancestors, or with some of them (that of a group often names only the
// group), and must find its shard all the same.
#ifndef SERVICES_EVENT_MATCHER_PROJECT_ROOTS_H_
#define SERVICES_EVENT_MATCHER_PROJECT_ROOTS_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/mutex.h"

namespace cievents::event_matcher {

// Thread-safe.
class ProjectRoots {
 public:
  using Ids = absl::flat_hash_map<int64_t, int64_t>;
  struct Roots {
    Ids of_projects;   // of other shards' slots
    Ids of_subgroups;  // of all projects
    // `namespace_ids`: a project's ancestors, root first.
    void AddSubgroups(const std::vector<int64_t>& namespace_ids) {
      for (size_t i = 1; i < namespace_ids.size(); ++i) {
        of_subgroups[namespace_ids[i]] = namespace_ids.front();
      }
    }
  };

  void Add(const Roots& roots) {
    MutexLock lock(mutex_);
    for (const auto& [project_id, root] : roots.of_projects) roots_.of_projects[project_id] = root;
    for (const auto& [group_id, root] : roots.of_subgroups) roots_.of_subgroups[group_id] = root;
  }
  void ReplaceAll(Roots roots) {
    MutexLock lock(mutex_);
    roots_ = std::move(roots);
  }
  void SetProject(int64_t project_id, int64_t root_namespace_id) {
    MutexLock lock(mutex_);
    roots_.of_projects[project_id] = root_namespace_id;
  }
  void RemoveProject(int64_t project_id) {
    MutexLock lock(mutex_);
    roots_.of_projects.erase(project_id);
  }
  void AddSubgroups(const std::vector<int64_t>& namespace_ids) {
    MutexLock lock(mutex_);
    roots_.AddSubgroups(namespace_ids);
  }
  std::optional<int64_t> OfProject(int64_t project_id) const {
    MutexLock lock(mutex_);
    const auto it = roots_.of_projects.find(project_id);
    if (it == roots_.of_projects.end()) return std::nullopt;
    return it->second;
  }
  // A group that is not known as a subgroup is taken for a root.
  int64_t OfGroup(int64_t group_id) const {
    MutexLock lock(mutex_);
    const auto it = roots_.of_subgroups.find(group_id);
    return it == roots_.of_subgroups.end() ? group_id : it->second;
  }

 private:
  mutable Mutex mutex_;
  Roots roots_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_PROJECT_ROOTS_H_
