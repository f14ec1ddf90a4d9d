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

ci_yaml::Assembly AssembleCommit(const Push& push, const Catalogue& catalogue, CommitFiles* files) {
  ci_yaml::AssembleRequest request;
  request.ci_config_path = push.ci_config_path;
  for (const ManifestFile& file : push.manifest) request.manifest_paths.push_back(file.path);
  request.permissions = push.permissions;
  request.catalogue = &catalogue;
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

// What a push says of the project beside its files.
store::StoredProject ProjectOf(const Push& push) {
  store::StoredProject project;
  project.project_id = push.project_id;
  project.namespace_ids = push.namespace_ids;
  project.project_path = push.project_path;
  project.default_branch = push.default_branch;
  project.ci_config_path = push.ci_config_path.empty() ? std::string(ci_yaml::kDefaultCiConfigPath)
                                                       : push.ci_config_path;
  project.push_sequence = push.push_sequence;
  project.commit_sha = push.commit_sha;
  project.run_as_user_id = push.run_as_user_id;
  project.allowed_scopes = ScopeNames(push.permissions);
  return project;
}

}  // namespace

store::StoredProject ProjectAfter(const Push& push, const store::StoredProject& before) {
  const int64_t sequence =
      push.push_sequence != 0 ? push.push_sequence : before.HighestSequence() + 1;
  store::StoredProject project = ProjectOf(push);
  project.push_sequence = sequence;
  // What a newer call said stays.
  const bool is_late = before.location_sequence > sequence;
  if (is_late) project.namespace_ids = before.namespace_ids;
  if (is_late || push.project_path.empty()) project.project_path = before.project_path;
  if (push.namespace_ids != project.namespace_ids) {
    project.permission_namespace_ids = push.namespace_ids;
  }
  project.deleted = before.deleted && before.existence_sequence > sequence;
  project.archived = before.archived;
  project.ci_disabled = before.ci_disabled;
  project.location_sequence = before.location_sequence;
  project.availability_sequence = before.availability_sequence;
  project.existence_sequence = before.existence_sequence;
  return project;
}

// What the transaction leaves behind for the answer.
struct AppliedPush {
  PushAnswer answer;
  SubscriptionDiff diff;
};

namespace {

// Matchers hold the project's ancestors, whether its permissions are those of elsewhere, its
// branch, and the commit that its requests name; the last two matter only with subscriptions.
bool ChangesSet(const store::LockedProject& before, const store::StoredProject& after,
                const SubscriptionDiff& diff) {
  if (!before.exists || before.project.deleted != after.deleted) return true;
  if (before.project.namespace_ids != after.namespace_ids) return true;
  if (before.project.permission_namespace_ids.has_value() !=
      after.permission_namespace_ids.has_value()) {
    return true;
  }
  return !diff.after.empty() || !diff.ended.empty();
}

store::PushPlan PlanStale(const Push& push, const store::LockedProject& locked,
                          AppliedPush* applied) {
  applied->answer = Stale(locked);
  store::PushPlan plan;
  plan.project = locked.project;
  plan.sequence = push.push_sequence;
  plan.commit_sha = push.commit_sha;
  plan.result = PushResultName(PushResult::kStale);
  plan.write_nothing_but_record = true;
  return plan;
}

}  // namespace

PushHandler::PushHandler(store::ConfigStore& store, std::shared_ptr<const Catalogue> catalogue)
    : PushHandler(store, std::move(catalogue), DiffSubscriptions) {}

PushHandler::PushHandler(store::ConfigStore& store, std::shared_ptr<const Catalogue> catalogue,
                         DiffFunction diff)
    : store_(store), catalogue_(std::move(catalogue)), diff_(std::move(diff)) {}

absl::StatusOr<store::PushPlan> PushHandler::Plan(const Push& push, CommitFiles* files,
                                                  const ci_yaml::Assembly* assembled,
                                                  const store::LockedProject& locked,
                                                  AppliedPush* applied) const {
  *applied = AppliedPush();  // the store may call again after a serialization failure
  if (IsStale(push, locked)) return PlanStale(push, locked, applied);
  // A push without a manifest comes here only to be recorded as stale. Were it not, its empty
  // manifest would say that the commit has no files.
  if (!push.has_manifest) return absl::AbortedError("the push is not stale any more; push again");
  ci_yaml::Assembly assembly;
  if (assembled != nullptr) {
    assembly = *assembled;
  } else {
    files->UseStored(locked.files);
    assembly = AssembleCommit(push, *catalogue_, files);
  }
  if (!assembly.needs_content.empty()) {
    // Another push moved the cache between our look and the lock.
    applied->answer = NeedsContent(std::move(assembly), locked);
    return absl::AbortedError("contents are needed");
  }
  applied->diff = diff_(locked.subscriptions, assembly.drafts, push.run_as_user_id);
  SubscriptionDiff& diff = applied->diff;
  store::PushPlan plan;
  plan.project = ProjectAfter(push, locked.project);
  if (locked.project.deleted) {
    // None of them was live before the push.
    diff.added = static_cast<int>(diff.after.size());
    diff.updated = 0;
  }
  PushAnswer& answer = applied->answer;
  if (plan.project.deleted) {
    // Older than the project's deletion: it is kept for the case that the project returns.
    answer.result = PushResult::kStale;
  } else {
    answer = Describe(diff, assembly.issues);
    if (locked.project.deleted) answer.removed = 0;
    answer.result =
        HasErrors(assembly.issues) ? PushResult::kAppliedWithErrors : PushResult::kApplied;
  }
  answer.push_sequence = plan.project.push_sequence;
  plan.files = files->ToStore(assembly.paths_of_interest);
  plan.writes = diff.writes;
  plan.ended = diff.ended;
  plan.sequence = plan.project.push_sequence;
  plan.commit_sha = push.commit_sha;
  plan.result = PushResultName(answer.result);
  plan.added = answer.added;
  plan.updated = answer.updated;
  plan.removed = answer.removed;
  plan.issues = std::move(assembly.issues);
  plan.changes_set = ChangesSet(locked, plan.project, diff);
  return plan;
}

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

  CommitFiles files(push, *catalogue_);
  if (!push.dry_run && IsDefaultBranch(push) && !push.contents.empty()) {
    // Most pushes bring all that counts: what is stored need not be read before the lock is taken.
    // The files are parsed here, outside the lock.
    ci_yaml::Assembly assembly = AssembleCommit(push, *catalogue_, &files);
    // Where a file is broken, its last good version counts, which is stored.
    if (!HasErrors(assembly.issues) && assembly.needs_content.empty()) {
      return Apply(push, &files, &assembly);
    }
  }
  return HandleWithStored(push, &files);
}

absl::StatusOr<PushAnswer> PushHandler::HandleWithStored(const Push& push,
                                                         CommitFiles* files) const {
  CIEVENTS_ASSIGN_OR_RETURN(const store::LockedProject known, store_.Read(push.project_id));
  const bool validate_only = push.dry_run || !IsDefaultBranch(push);
  if (!validate_only && IsStale(push, known)) return Apply(push, files, nullptr);  // records it
  files->UseStored(known.files);
  ci_yaml::Assembly assembly = AssembleCommit(push, *catalogue_, files);
  if (!assembly.needs_content.empty()) return NeedsContent(std::move(assembly), known);
  if (!validate_only) return Apply(push, files, nullptr);
  PushAnswer answer = Describe(diff_(known.subscriptions, assembly.drafts, push.run_as_user_id),
                               std::move(assembly.issues));
  answer.result = PushResult::kValidated;
  answer.push_sequence = known.project.push_sequence;
  return answer;
}

absl::StatusOr<PushAnswer> PushHandler::Apply(const Push& push, CommitFiles* files,
                                              const ci_yaml::Assembly* assembly) const {
  AppliedPush applied;
  const absl::StatusOr<std::vector<int64_t>> ids =
      store_.Transact(push.project_id, [&](const store::LockedProject& locked) {
        return Plan(push, files, assembly, locked, &applied);
      });
  if (!ids.ok()) {
    if (applied.answer.result == PushResult::kNeedsContent) return applied.answer;
    return ids.status();
  }
  for (size_t i = 0; i < applied.answer.subscriptions.size(); ++i) {
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
  if (!push.previous_commit_sha.empty() && !touches_entry_point && !push.dry_run &&
      IsDefaultBranch(push)) {
    CIEVENTS_ASSIGN_OR_RETURN(
        const std::optional<int64_t> sequence,
        store_.MoveUnchanged(ProjectOf(push), push.previous_commit_sha, push.changed_paths));
    if (sequence.has_value()) {
      answer.result = PushResult::kUnchanged;
      answer.push_sequence = *sequence;
      return answer;
    }
  }
  CIEVENTS_ASSIGN_OR_RETURN(const store::LockedProject known, store_.Read(push.project_id));
  if (!push.dry_run && IsDefaultBranch(push) && IsStale(push, known)) {
    CommitFiles files(push, *catalogue_);
    return Apply(push, &files, nullptr);  // records it
  }
  answer.push_sequence = known.project.push_sequence;
  return answer;
}

}  // namespace cievents::config_ingest
