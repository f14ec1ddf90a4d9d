// Projects, their files and subscriptions: what a push reads and writes, in one transaction.
#ifndef SERVICES_LIB_STORE_CONFIG_STORE_H_
#define SERVICES_LIB_STORE_CONFIG_STORE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/lib/base/issue.h"

namespace cievents::store {

struct StoredProject {
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;  // root first
  std::string project_path;            // full path, for people; may be empty
  std::string default_branch;
  std::string ci_config_path;
  int64_t push_sequence = 0;  // of the last applied push; 0 = none yet
  std::string commit_sha;     // of the last applied push
  int64_t run_as_user_id = 0;
  std::vector<std::string> allowed_scopes;
  bool deleted = false;
  bool archived = false;
  bool ci_disabled = false;
  // Ancestors for which the last applied push gave `allowed_scopes`, if they are not those of now:
  // then entries with other scopes than `project` are suspended.
  std::optional<std::vector<int64_t>> permission_namespace_ids;
  // Calls and pushes are numbered by one counter of the project and come in any order. These are
  // the highest numbers that said something, beside pushes (which say where the project is, and
  // that it exists): where it is; whether it is archived or its CI disabled; whether it exists.
  int64_t location_sequence = 0;
  int64_t availability_sequence = 0;
  int64_t existence_sequence = 0;

  int64_t HighestSequence() const {
    return std::max({push_sequence, location_sequence, availability_sequence, existence_sequence});
  }
};

// A YAML file that decided something in the last applied push.
struct StoredConfigFile {
  std::string path;
  std::string role;          // ci_file, event_list, header_only, included
  std::string blob_id;       // of the last applied commit; empty = named by an include, not there
  std::string parsed_json;   // of blob_id
  std::string good_blob_id;  // last version without errors; empty = none
  std::string good_parsed_json;  // of good_blob_id
};

struct StoredSubscription {
  int64_t subscription_id = 0;
  std::string path;
  std::string inputs_digest;
  std::string workflow_id;
  std::string entries_json;
  std::string inputs_json;              // canonical JSON of the include inputs
  std::string spec_inputs_json = "{}";  // canonical JSON of the file's `spec: inputs`
  std::string hoisted_rules_json = "{}";
  int64_t owner_user_id = 0;
  bool ended = false;  // a tombstone: gets its id back when the key returns
};

// What a push finds under the lock of its project's row.
struct LockedProject {
  bool exists = false;
  StoredProject project;
  std::vector<StoredConfigFile> files;
  std::vector<StoredSubscription> subscriptions;  // tombstones too
};

struct SubscriptionWrite {
  int64_t subscription_id = 0;  // 0 = new
  std::string path;
  std::string inputs_digest;
  std::string workflow_id;
  std::string entries_json;
  std::string inputs_json;
  std::string spec_inputs_json = "{}";
  std::string hoisted_rules_json = "{}";
  int64_t owner_user_id = 0;
};

// The difference that a push makes.
struct PushPlan {
  StoredProject project;                  // the row after the push
  std::vector<StoredConfigFile> files;    // replaces all files of the project
  std::vector<SubscriptionWrite> writes;  // new, changed or returning; unchanged ones are not here
  std::vector<int64_t> ended;             // become tombstones
  bool changes_set = false;               // matchers must see it: the feed's mark is set
  // For config_pushes ("what happened to my push?"):
  int64_t sequence = 0;  // the push's own
  std::string commit_sha;
  std::string result;  // applied, applied_with_errors, stale, ...
  int added = 0;
  int updated = 0;
  int removed = 0;
  std::vector<Issue> issues;
  bool write_nothing_but_record = false;  // stale: only the record is written
};

// The difference that a call of the project's life cycle makes.
struct ProjectChange {
  StoredProject project;        // the row after the call
  bool changes_set = false;     // matchers must see it
  bool writes_nothing = false;  // a project that is there stays as it is
  std::string result;           // for config_pushes; empty = no record
  int64_t sequence = 0;         // the call's own, for the record
};

struct SubscriptionListing {
  StoredSubscription subscription;
  int64_t project_id = 0;
  bool suspended = false;  // matches are counted and make no requests
};

// A small pool of libpqxx connections. Thread-safe.
class ConfigStore {
 public:
  static absl::StatusOr<std::unique_ptr<ConfigStore>> Create(const std::string& dsn,
                                                             int connections_max);
  ~ConfigStore();

  // The project's row and files, without a lock: to decide which contents are needed.
  absl::StatusOr<LockedProject> Read(int64_t project_id);

  // The push that touches nothing of interest, in one statement with an asynchronous commit: moves
  // commit and sequence (0 = the highest plus 1) to those of `project` if the stored commit is
  // `previous_commit_sha`, the sequence is newer, what else a push says of the project (ancestors,
  // path, default branch, CI file, allowed scopes) is as stored, it has not moved since the last
  // push, and none of `changed_paths` is a file of interest. Returns the sequence that is stored
  // now. Nothing: none of that; a manifest is needed (or it is stale).
  absl::StatusOr<std::optional<int64_t>> MoveUnchanged(
      const StoredProject& project, const std::string& previous_commit_sha,
      const std::vector<std::string>& changed_paths);

  // One transaction: locks the project's row (making it if it is new), calls `plan` with what is
  // there, writes what it returns, commits. An error of `plan` rolls back and is returned. Retries
  // serialization failures and deadlocks itself; kUnavailable when Postgres is out of reach.
  // Fills each write's id; returns the ids of `writes` in their order.
  absl::StatusOr<std::vector<int64_t>> Transact(
      int64_t project_id,
      const std::function<absl::StatusOr<PushPlan>(const LockedProject&)>& plan);

  // The same for the project's row alone: `plan` sees it without files and subscriptions. What an
  // unknown project's row would be is rolled back if `plan` returns an error.
  absl::Status ChangeProject(
      int64_t project_id,
      const std::function<absl::StatusOr<ProjectChange>(const LockedProject&)>& plan);

  // Live subscriptions, by (project, path), at most `limit`, after the cursor
  // `after_subscription_id`.
  absl::StatusOr<std::vector<SubscriptionListing>> ListSubscriptions(
      std::optional<int64_t> project_id, int64_t after_subscription_id, int limit);

 private:
  class Pool;
  explicit ConfigStore(std::unique_ptr<Pool> pool);
  std::unique_ptr<Pool> pool_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_CONFIG_STORE_H_
