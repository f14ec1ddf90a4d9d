// What the feed said of each project when it was last read, as a digest: for comparing the index
// with Postgres.
#ifndef SERVICES_EVENT_MATCHER_PROJECT_DIGESTS_H_
#define SERVICES_EVENT_MATCHER_PROJECT_DIGESTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "services/lib/store/subscription_feed.h"

namespace cievents::event_matcher {

// About 18 to 24 bytes a project: nodes of 16 bytes an entry, mostly full since a load brings
// projects in their order. Not thread-safe.
class ProjectDigests {
 public:
  void Clear() { digests_.clear(); }
  void Note(const store::FeedProject& project) {
    if (project.deleted) {
      digests_.erase(project.project_id);
    } else {
      digests_[project.project_id] = project.digest;
    }
  }
  size_t size() const { return digests_.size(); }

  // The projects of the check's range that are not what Postgres had: changed, missing here, or
  // gone there; ascending. The check's changes must have been noted.
  std::vector<int64_t> Differing(const store::FeedCheck& check) const {
    std::vector<int64_t> differing;
    auto here = digests_.upper_bound(check.after_project_id);
    auto there = check.digests.begin();
    const auto here_in_range = [&] {
      return here != digests_.end() && here->first <= check.through_project_id;
    };
    while (here_in_range() || there != check.digests.end()) {
      if (there == check.digests.end() || (here_in_range() && here->first < there->project_id)) {
        differing.push_back((here++)->first);
      } else if (!here_in_range() || there->project_id < here->first) {
        differing.push_back((there++)->project_id);
      } else {
        if (here->second != there->digest) differing.push_back(here->first);
        ++here;
        ++there;
      }
    }
    return differing;
  }

 private:
  absl::btree_map<int64_t, uint64_t> digests_;  // by project id
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_PROJECT_DIGESTS_H_
