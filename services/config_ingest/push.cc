#include "services/config_ingest/push.h"

#include <algorithm>
#include <utility>

#include "matcher/base/status.h"
#include "services/config_ingest/push_plan.h"
#include "services/config_ingest/push_validation.h"

namespace cievents::config_ingest {
namespace {

bool IsDefaultBranch(const Push& push) {
  return push.ref.empty() || push.ref == push.default_branch ||
         push.ref == "refs/heads/" + push.default_branch;
}

bool IsStale(const Push& push, const store::LockedProject& known) {
  return known.exists && push.push_sequence != 0 &&
         push.push_sequence <= known.project.push_sequence;
}

PushAnswer Stale(const store::LockedProject& known) {
  PushAnswer answer;
  answer.result = PushResult::kStale;
  answer.push_sequence = known.project.push_sequence;
  return answer;
}

ci_yaml::Assembly AssembleCommit(const Push& push, CommitFiles* files) {
  ci_yaml::AssembleRequest request;
  request.ci_config_path = push.ci_config_path;
  for (const ManifestFile& file : push.manifest) request.manifest_paths.push_back(file.path);
  request.permissions = push.permissions;
  request.lookup = [files](std::string_view path, ci_yaml::FileRole role,
                           ci_yaml::CommitFile* file) { return files->Lookup(path, role, file); };
  return ci_yaml::Assemble(request);
}

PushAnswer NeedsContent(ci_yaml::Assembly assembly, const store::LockedProject& known) {
  PushAnswer answer;
  answer.push_sequence = known.project.push_sequence;
  answer.result = PushResult::kNeedsContent;
  answer.needs_content = std::move(assembly.needs_content);
  return answer;
}

// What the answer says of a difference; ids of new rows are filled in by the caller.
PushAnswer Describe(const SubscriptionDiff& diff, std::vector<Issue> issues) {
  PushAnswer answer;
  answer.added = diff.added;
  answer.updated = diff.updated;
  answer.removed = static_cast<int>(diff.ended.size());
  answer.issues = std::move(issues);
  for (const SubscriptionDiff::After& after : diff.after) {
    answer.subscriptions.push_back(after.subscription);
  }
  return answer;
}

std::vector<std::string> ScopeNames(const ci_yaml::Permissions& permissions) {
  std::vector<std::string> names;
  if (permissions.group) names.push_back("group");
  if (permissions.instance) names.push_back("instance");
  for (const int64_t id : permissions.project_ids) names.push_back("project:" + std::to_string(id));
  if (permissions.confidential) names.push_back("confidential");
  return names;
}

store::StoredProject ProjectAfter(const Push& push, const store::LockedProject& locked) {
  store::StoredProject project = locked.project;
  project.project_id = push.project_id;
  project.namespace_ids = push.namespace_ids;
  project.project_path = push.project_path;
  project.default_branch = push.default_branch;
  project.ci_config_path = push.ci_config_path.empty() ? std::string(ci_yaml::kDefaultCiConfigPath)
                                                       : push.ci_config_path;
  project.push_sequence =
      push.push_sequence != 0 ? push.push_sequence : locked.project.push_sequence + 1;
  project.commit_sha = push.commit_sha;
  project.run_as_user_id = push.run_as_user_id;
  project.allowed_scopes = ScopeNames(push.permissions);
  project.deleted = false;
  return project;
}

// What the transaction leaves behind for the answer.
struct Applied {
  PushAnswer answer;
  SubscriptionDiff diff;
};

absl::StatusOr<store::PushPlan> PlanPush(const Push& push, CommitFiles* files,
                                         const store::LockedProject& locked, Applied* applied) {
  *applied = Applied();  // the store may call again after a serialization failure
  store::PushPlan plan;
  if (IsStale(push, locked)) {
    applied->answer = Stale(locked);
    plan.project = locked.project;
    plan.project.push_sequence = push.push_sequence;  // of the record; the row stays as it is
    plan.project.commit_sha = push.commit_sha;
    plan.result = PushResultName(PushResult::kStale);
    plan.write_nothing_but_record = true;
    return plan;
  }
  // A push without a manifest comes here only to be recorded as stale. Were it not, its empty
  // manifest would say that the commit has no files.
  if (!push.has_manifest) return absl::AbortedError("the push is not stale any more; push again");
  files->UseStored(locked.files);
  ci_yaml::Assembly assembly = AssembleCommit(push, files);
  if (!assembly.needs_content.empty()) {
    // Another push moved the cache between our look and the lock.
    applied->answer = NeedsContent(std::move(assembly), locked);
    return absl::AbortedError("contents are needed");
  }
  applied->diff = DiffSubscriptions(locked.subscriptions, assembly.drafts, push.run_as_user_id);
  const SubscriptionDiff& diff = applied->diff;
  applied->answer = Describe(diff, assembly.issues);
  applied->answer.result =
      HasErrors(assembly.issues) ? PushResult::kAppliedWithErrors : PushResult::kApplied;
  plan.project = ProjectAfter(push, locked);
  applied->answer.push_sequence = plan.project.push_sequence;
  plan.files = files->ToStore(assembly.paths_of_interest);
  plan.writes = diff.writes;
  plan.ended = diff.ended;
  plan.result = PushResultName(applied->answer.result);
  plan.added = diff.added;
  plan.updated = diff.updated;
  plan.removed = static_cast<int>(diff.ended.size());
  plan.issues = std::move(assembly.issues);
  // Requests name the commit that decided, so a project with subscriptions is always told; one
  // without is told when what matchers know of it (its ancestors) changes.
  plan.changes_set = !diff.after.empty() || !diff.ended.empty() || !locked.exists ||
                     locked.project.namespace_ids != plan.project.namespace_ids;
  return plan;
}

}  // namespace

std::string_view PushResultName(PushResult result) {
  switch (result) {
    case PushResult::kApplied:
      return "applied";
    case PushResult::kAppliedWithErrors:
      return "applied_with_errors";
    case PushResult::kValidated:
      return "validated";
    case PushResult::kUnchanged:
      return "unchanged";
    case PushResult::kStale:
      return "stale";
    case PushResult::kInvalid:
      return "invalid";
    case PushResult::kNeedsContent:
      return "needs_content";
    case PushResult::kNeedsManifest:
      break;
  }
  return "needs_manifest";
}

absl::StatusOr<PushAnswer> PushHandler::Handle(const Push& push) const {
  if (std::vector<Issue> issues = ValidatePush(push); !issues.empty()) {
    PushAnswer answer;
    answer.result = PushResult::kInvalid;
    answer.issues = std::move(issues);
    return answer;
  }
  if (!push.has_manifest) return HandleWithoutManifest(push);

  CIEVENTS_ASSIGN_OR_RETURN(const store::LockedProject known, store_.Read(push.project_id));
  const bool validate_only = push.dry_run || !IsDefaultBranch(push);
  CommitFiles files(push, *catalogue_);
  if (!validate_only && IsStale(push, known)) return Apply(push, &files);  // records it
  files.UseStored(known.files);
  ci_yaml::Assembly assembly = AssembleCommit(push, &files);
  if (!assembly.needs_content.empty()) return NeedsContent(std::move(assembly), known);
  if (validate_only) {
    PushAnswer answer =
        Describe(DiffSubscriptions(known.subscriptions, assembly.drafts, push.run_as_user_id),
                 std::move(assembly.issues));
    answer.result = PushResult::kValidated;
    answer.push_sequence = known.project.push_sequence;
    return answer;
  }

  return Apply(push, &files);
}

absl::StatusOr<PushAnswer> PushHandler::Apply(const Push& push, CommitFiles* files) const {
  Applied applied;
  const absl::StatusOr<std::vector<int64_t>> ids = store_.Transact(
      push.project_id,
      [&](const store::LockedProject& locked) { return PlanPush(push, files, locked, &applied); });
  if (!ids.ok()) {
    if (applied.answer.result == PushResult::kNeedsContent) return applied.answer;
    return ids.status();
  }
  for (size_t i = 0; i < applied.diff.after.size(); ++i) {
    const int write = applied.diff.after[i].write_index;
    if (write >= 0) {
      applied.answer.subscriptions[i].subscription_id = (*ids)[static_cast<size_t>(write)];
    }
  }
  return applied.answer;
}

absl::StatusOr<PushAnswer> PushHandler::HandleWithoutManifest(const Push& push) const {
  PushAnswer answer;
  answer.result = PushResult::kNeedsManifest;
  const bool touches_entry_point = std::any_of(
      push.changed_paths.begin(), push.changed_paths.end(),
      [&](const auto& path) { return ci_yaml::RoleByPath(path, push.ci_config_path).has_value(); });
  const bool hinted = !push.previous_commit_sha.empty() && push.push_sequence > 0;
  if (hinted && !touches_entry_point && !push.dry_run && IsDefaultBranch(push)) {
    CIEVENTS_ASSIGN_OR_RETURN(
        const bool moved,
        store_.MoveUnchanged(ProjectAfter(push, {}), push.previous_commit_sha, push.changed_paths));
    if (moved) {
      answer.result = PushResult::kUnchanged;
      answer.push_sequence = push.push_sequence;
      return answer;
    }
  }
  CIEVENTS_ASSIGN_OR_RETURN(const store::LockedProject known, store_.Read(push.project_id));
  if (!push.dry_run && IsDefaultBranch(push) && IsStale(push, known)) {
    CommitFiles files(push, *catalogue_);
    return Apply(push, &files);  // records it
  }
  answer.push_sequence = known.project.push_sequence;
  return answer;
}

}  // namespace cievents::config_ingest
