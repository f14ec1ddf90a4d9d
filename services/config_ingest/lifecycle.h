// The life cycle of projects: where a project is, whether it is archived, whether it exists.
//
// Calls and pushes are numbered by one counter of the project and may come in any order and twice.
// Each fact keeps the highest number that said something of it, so the end is always that of the
// highest numbers, whatever came first. A push says where the project is and that it exists, an
// upsert says all facts, the other calls one each.
#ifndef SERVICES_CONFIG_INGEST_LIFECYCLE_H_
#define SERVICES_CONFIG_INGEST_LIFECYCLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/lib/store/config_store.h"

namespace cievents::config_ingest {

enum class ProjectAction { kUpsert, kTransfer, kArchive, kDelete };

struct ProjectCall {
  ProjectAction action = ProjectAction::kUpsert;
  int64_t project_id = 0;
  int64_t sequence = 0;                // 0 = the highest stored one plus 1
  std::vector<int64_t> namespace_ids;  // upsert, transfer; root first
  std::string project_path;            // upsert, transfer; empty: as stored
  bool archived = false;               // upsert, archive
  bool ci_disabled = false;            // upsert, archive
};

enum class ProjectResult {
  kApplied,
  kStale,  // a newer push or call had said all of it
};
std::string_view ProjectResultName(ProjectResult result);

struct ProjectAnswer {
  ProjectResult result = ProjectResult::kStale;
  store::StoredProject project;  // after the call
};

// kInvalidArgument with what is wrong; OK = the call may be read.
absl::Status ValidateProjectCall(const ProjectCall& call);

// The pure half: what a call makes of the row. kNotFound: only an upsert or a push makes a project
// known.
absl::StatusOr<store::ProjectChange> PlanProjectCall(const ProjectCall& call,
                                                     const store::LockedProject& before);

// Thread-safe; `store` must outlive it.
class LifecycleHandler {
 public:
  explicit LifecycleHandler(store::ConfigStore& store) : store_(store) {}

  absl::StatusOr<ProjectAnswer> Handle(const ProjectCall& call) const;

 private:
  store::ConfigStore& store_;
};

}  // namespace cievents::config_ingest

#endif  // SERVICES_CONFIG_INGEST_LIFECYCLE_H_
