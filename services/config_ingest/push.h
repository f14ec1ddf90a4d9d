// A push as plain values, and its life: read what is known, parse what is new, plan the difference,
// write it in one transaction. No gRPC here.
#ifndef SERVICES_CONFIG_INGEST_PUSH_H_
#define SERVICES_CONFIG_INGEST_PUSH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "matcher/base/string_map.h"
#include "services/lib/base/issue.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/assemble.h"
#include "services/lib/store/config_store.h"

namespace cievents::config_ingest {

struct ManifestFile {
  std::string path;
  std::string blob_id;
};

struct Push {
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;  // root first
  std::string project_path;
  std::string ref;
  std::string default_branch;
  std::string ci_config_path;
  std::string commit_sha;
  int64_t push_sequence = 0;  // 0 = the highest stored one plus 1
  int64_t run_as_user_id = 0;
  ci_yaml::Permissions permissions;
  bool has_manifest = false;
  std::vector<ManifestFile> manifest;
  StringMap<std::string> contents;  // by path
  std::string previous_commit_sha;
  std::vector<std::string> changed_paths;
  bool dry_run = false;
};

enum class PushResult {
  kApplied,
  kAppliedWithErrors,
  kValidated,
  kUnchanged,
  kStale,
  kInvalid,
  kNeedsContent,
  kNeedsManifest,
};

std::string_view PushResultName(PushResult result);  // as in the command line's JSON: applied, ...

struct PushAnswer {
  PushResult result = PushResult::kInvalid;
  int added = 0;
  int updated = 0;
  int removed = 0;
  std::vector<Issue> issues;
  std::vector<std::string> needs_content;
  std::vector<store::StoredSubscription>
      subscriptions;          // after the push, by path; id 0 = not stored
  int64_t push_sequence = 0;  // stored after the call
};

// The project's row after a push that is applied: what newer calls said of it stays.
store::StoredProject ProjectAfter(const Push& push, const store::StoredProject& before);

class CommitFiles;
struct SubscriptionDiff;
struct AppliedPush;

// DiffSubscriptions (push_plan.h), or what a test puts in its place to see whether it is found out.
using DiffFunction = std::function<SubscriptionDiff(
    const std::vector<store::StoredSubscription>& stored,
    const std::vector<ci_yaml::SubscriptionDraft>& drafts, int64_t pusher_user_id)>;

// Thread-safe; `store` must outlive it.
class PushHandler {
 public:
  PushHandler(store::ConfigStore& store, std::shared_ptr<const Catalogue> catalogue);
  PushHandler(store::ConfigStore& store, std::shared_ptr<const Catalogue> catalogue,
              DiffFunction diff);

  // A user's mistake is in the answer; a Status is for the world (kUnavailable: try again).
  absl::StatusOr<PushAnswer> Handle(const Push& push) const;

 private:
  absl::StatusOr<PushAnswer> HandleWithoutManifest(const Push& push) const;
  // Looks at what is stored before it takes the lock: it may be needed to know the files, and for a
  // push that is only validated there is nothing else to do.
  absl::StatusOr<PushAnswer> HandleWithStored(const Push& push, CommitFiles* files) const;
  absl::StatusOr<store::PushPlan> Plan(const Push& push, CommitFiles* files,
                                       const ci_yaml::Assembly* assembled,
                                       const store::LockedProject& locked,
                                       AppliedPush* applied) const;
  // The transaction: the push is applied, or recorded as stale. `assembly` is given where nothing
  // that is stored can change it; null: it is made under the lock.
  absl::StatusOr<PushAnswer> Apply(const Push& push, CommitFiles* files,
                                   const ci_yaml::Assembly* assembly) const;

  store::ConfigStore& store_;
  const std::shared_ptr<const Catalogue> catalogue_;
  const DiffFunction diff_;
};

}  // namespace cievents::config_ingest

#endif  // SERVICES_CONFIG_INGEST_PUSH_H_
