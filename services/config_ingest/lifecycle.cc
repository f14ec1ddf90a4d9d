#include "services/config_ingest/lifecycle.h"

#include <algorithm>
#include <utility>

#include "matcher/base/status.h"
#include "services/config_ingest/push_validation.h"

namespace cievents::config_ingest {
namespace {

bool SaysLocation(ProjectAction action) {
  return action == ProjectAction::kUpsert || action == ProjectAction::kTransfer;
}
bool SaysAvailability(ProjectAction action) {
  return action == ProjectAction::kUpsert || action == ProjectAction::kArchive;
}
bool SaysExistence(ProjectAction action) {
  return action == ProjectAction::kUpsert || action == ProjectAction::kDelete;
}

// Each returns whether the call is newer than what is known of the fact.

bool SetLocation(const ProjectCall& call, int64_t sequence, store::StoredProject* project) {
  if (sequence <= std::max(project->location_sequence, project->push_sequence)) return false;
  project->location_sequence = sequence;
  if (!call.project_path.empty()) project->project_path = call.project_path;
  if (project->namespace_ids == call.namespace_ids) return true;
  // The permissions of the last push were given for where the project was then.
  if (!project->permission_namespace_ids.has_value() && project->push_sequence > 0) {
    project->permission_namespace_ids = project->namespace_ids;
  }
  project->namespace_ids = call.namespace_ids;
  if (project->permission_namespace_ids == project->namespace_ids) {
    project->permission_namespace_ids.reset();
  }
  return true;
}

bool SetAvailability(const ProjectCall& call, int64_t sequence, store::StoredProject* project) {
  if (sequence <= project->availability_sequence) return false;
  project->availability_sequence = sequence;
  project->archived = call.archived;
  project->ci_disabled = call.ci_disabled;
  return true;
}

bool SetExistence(const ProjectCall& call, int64_t sequence, store::StoredProject* project) {
  if (sequence <= std::max(project->existence_sequence, project->push_sequence)) return false;
  project->existence_sequence = sequence;
  project->deleted = call.action == ProjectAction::kDelete;
  return true;
}

// For the record; empty = nothing has changed that anybody would ask for.
std::string Describe(const store::LockedProject& before, const store::StoredProject& after) {
  if (!before.exists) return "upserted";
  const store::StoredProject& was = before.project;
  if (was.deleted != after.deleted) return after.deleted ? "deleted" : "restored";
  if (was.namespace_ids != after.namespace_ids) return "moved";
  if (was.archived != after.archived) return after.archived ? "archived" : "reactivated";
  if (was.ci_disabled != after.ci_disabled)
    return after.ci_disabled ? "ci_disabled" : "reactivated";
  return "";
}

}  // namespace

std::string_view ProjectResultName(ProjectResult result) {
  return result == ProjectResult::kApplied ? "applied" : "stale";
}

absl::Status ValidateProjectCall(const ProjectCall& call) {
  if (call.project_id <= 0) return absl::InvalidArgumentError("project_id must be greater than 0");
  if (call.sequence < 0 || call.sequence > kPushSequenceMax) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "sequence {} is not 1 to {} (0 = the highest stored one plus 1)", call.sequence,
                 kPushSequenceMax);
  }
  if (!SaysLocation(call.action)) return absl::OkStatus();
  const bool positive = std::all_of(call.namespace_ids.begin(), call.namespace_ids.end(),
                                    [](int64_t id) { return id > 0; });
  if (call.namespace_ids.empty() || call.namespace_ids.size() > kNamespacesMax || !positive) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "namespace_ids must list the project's 1 to {} ancestor groups, root first, all "
                 "greater than 0",
                 kNamespacesMax);
  }
  if (call.project_path.size() > kPathBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument, "project_path has {} bytes; the limit is {}",
                 call.project_path.size(), kPathBytesMax);
  }
  if (call.project_path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("project_path holds a NUL character");
  }
  return absl::OkStatus();
}

absl::StatusOr<store::ProjectChange> PlanProjectCall(const ProjectCall& call,
                                                     const store::LockedProject& before) {
  if (!before.exists && call.action != ProjectAction::kUpsert) {
    return Error(absl::StatusCode::kNotFound,
                 "project {} is not known: UpsertProject or a push makes it known; if one is under "
                 "way, call again after it",
                 call.project_id);
  }
  store::ProjectChange change;
  change.project = before.project;
  change.sequence = call.sequence != 0 ? call.sequence : before.project.HighestSequence() + 1;
  bool newer = false;
  if (SaysLocation(call.action)) newer |= SetLocation(call, change.sequence, &change.project);
  if (SaysAvailability(call.action)) {
    newer |= SetAvailability(call, change.sequence, &change.project);
  }
  if (SaysExistence(call.action)) newer |= SetExistence(call, change.sequence, &change.project);
  change.writes_nothing = !newer;
  change.result = newer ? Describe(before, change.project) : "";
  change.changes_set = !change.result.empty();
  return change;
}

absl::StatusOr<ProjectAnswer> LifecycleHandler::Handle(const ProjectCall& call) const {
  CIEVENTS_RETURN_IF_ERROR(ValidateProjectCall(call));
  ProjectAnswer answer;
  const absl::Status status = store_.ChangeProject(
      call.project_id,
      [&](const store::LockedProject& before) -> absl::StatusOr<store::ProjectChange> {
        CIEVENTS_ASSIGN_OR_RETURN(store::ProjectChange change, PlanProjectCall(call, before));
        answer.result = change.writes_nothing ? ProjectResult::kStale : ProjectResult::kApplied;
        answer.project = change.project;
        return change;
      });
  if (!status.ok()) return status;
  return answer;
}

}  // namespace cievents::config_ingest
