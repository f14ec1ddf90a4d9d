#include "services/lib/store/config_store.h"

#include <algorithm>
#include <map>
#include <pqxx/pqxx>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/status.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/store/pqxx_pool.h"
#include "services/lib/store/project_rows.h"

namespace cievents::store {
namespace {

constexpr int kListMax = 1000;

// ---- Values to and from SQL. Sets of rows travel as one JSON parameter: one statement a table,
// whatever the number of rows, and texts arrive bit by bit.

std::string JsonStrings(const std::vector<std::string>& texts) {
  JsonWriter json;
  json.BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
  return json.Take();
}

void Member(JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

std::string FilesJson(const std::vector<StoredConfigFile>& files) {
  JsonWriter json;
  json.BeginArray();
  for (const StoredConfigFile& file : files) {
    json.BeginObject();
    Member(json, "path", file.path);
    Member(json, "role", file.role);
    Member(json, "blob_id", file.blob_id);
    Member(json, "parsed", file.parsed_json);
    Member(json, "good_blob_id", file.good_blob_id);
    Member(json, "good_parsed", file.good_parsed_json);
    json.EndObject();
  }
  json.EndArray();
  return json.Take();
}

enum class Which { kKnown, kNew };  // writes with an id, without

std::string WritesJson(const std::vector<SubscriptionWrite>& writes, Which which) {
  JsonWriter json;
  json.BeginArray();
  for (const SubscriptionWrite& write : writes) {
    if ((write.subscription_id == 0) != (which == Which::kNew)) continue;
    json.BeginObject();
    json.Key("subscription_id");
    json.Int(write.subscription_id);
    Member(json, "path", write.path);
    Member(json, "inputs_digest", write.inputs_digest);
    Member(json, "workflow_id", write.workflow_id);
    // As texts, which the server casts: JSON inside JSON would lose its digits.
    Member(json, "entries", write.entries_json);
    Member(json, "inputs", write.inputs_json);
    Member(json, "spec_inputs", write.spec_inputs_json);
    Member(json, "hoisted_rules", write.hoisted_rules_json);
    json.Key("owner_user_id");
    json.Int(write.owner_user_id);
    json.EndObject();
  }
  json.EndArray();
  return json.Take();
}

// ---- Reading

constexpr char kSubscriptionColumns[] =
    "s.subscription_id, s.path, s.inputs_digest, s.workflow_id, s.entries, s.inputs,"
    " s.spec_inputs, s.hoisted_rules, s.owner_user_id, s.ended_at IS NOT NULL";
constexpr int kSubscriptionColumnCount = 10;

StoredSubscription ToSubscription(const pqxx::row& row) {
  StoredSubscription subscription;
  subscription.subscription_id = row[0].as<int64_t>();
  subscription.path = row[1].c_str();
  subscription.inputs_digest = row[2].c_str();
  subscription.workflow_id = row[3].c_str();
  subscription.entries_json = row[4].c_str();
  subscription.inputs_json = row[5].c_str();
  subscription.spec_inputs_json = row[6].c_str();
  subscription.hoisted_rules_json = row[7].c_str();
  subscription.owner_user_id = row[8].as<int64_t>();
  subscription.ended = row[9].as<bool>();
  return subscription;
}

void ReadFilesAndSubscriptions(pqxx::transaction_base& transaction, LockedProject& locked) {
  const int64_t project_id = locked.project.project_id;
  for (const pqxx::row& row :
       ExecPrepared(transaction, "read_config_files",
                    "SELECT path, role, blob_id, parsed, good_blob_id, good_parsed"
                    " FROM cievents.config_files WHERE project_id = $1 ORDER BY path",
                    project_id)) {
    locked.files.push_back({row[0].c_str(), row[1].c_str(), row[2].c_str(), row[3].c_str(),
                            row[4].c_str(), row[5].c_str()});
  }
  static const std::string read_subscriptions = fmt::format(
      "SELECT {} FROM cievents.subscriptions s WHERE s.project_id = $1"
      // Older tombstones get their id back by their key, if it returns.
      " AND (s.ended_at IS NULL"
      "   OR s.ended_at > clock_timestamp() - interval '72 hours')"
      " ORDER BY s.path, s.subscription_id",
      kSubscriptionColumns);
  for (const pqxx::row& row :
       ExecPrepared(transaction, "read_subscriptions", read_subscriptions, project_id)) {
    locked.subscriptions.push_back(ToSubscription(row));
  }
}

// ---- Writing

void WriteFiles(pqxx::transaction_base& transaction, const PushPlan& plan) {
  ExecPrepared(
      transaction, "write_config_files",
      "WITH given AS (SELECT * FROM json_to_recordset($2::json) AS f (path text, role text,"
      "   blob_id text, parsed text, good_blob_id text, good_parsed text)),"
      " gone AS (DELETE FROM cievents.config_files c WHERE c.project_id = $1"
      "   AND NOT EXISTS (SELECT FROM given g WHERE g.path = c.path))"
      " INSERT INTO cievents.config_files AS c"
      "   (project_id, path, role, blob_id, parsed, good_blob_id, good_parsed)"
      " SELECT $1, path, role, blob_id, parsed, good_blob_id, good_parsed FROM given"
      " ON CONFLICT ON CONSTRAINT config_files_pkey DO UPDATE SET role = excluded.role,"
      "   blob_id = excluded.blob_id, parsed = excluded.parsed,"
      "   good_blob_id = excluded.good_blob_id, good_parsed = excluded.good_parsed"
      " WHERE (c.role, c.blob_id, c.parsed, c.good_blob_id, c.good_parsed) IS DISTINCT FROM"
      "   (excluded.role, excluded.blob_id, excluded.parsed, excluded.good_blob_id,"
      "    excluded.good_parsed)",
      plan.project.project_id, FilesJson(plan.files));
}

constexpr char kGivenWrites[] =
    "json_to_recordset($2::json) AS w (subscription_id bigint, path text, inputs_digest text,"
    " workflow_id text, entries text, inputs text, spec_inputs text, hoisted_rules text,"
    " owner_user_id bigint)";

// False if every write of a known id keeps the key that the row has: nearly always.
bool SomeKeyChanges(const LockedProject& before, const PushPlan& plan) {
  absl::flat_hash_map<int64_t, const StoredSubscription*> rows;
  for (const StoredSubscription& row : before.subscriptions) rows[row.subscription_id] = &row;
  for (const SubscriptionWrite& write : plan.writes) {
    if (write.subscription_id == 0) continue;
    const auto row = rows.find(write.subscription_id);
    if (row == rows.end() || row->second->path != write.path ||
        row->second->inputs_digest != write.inputs_digest) {
      return true;
    }
  }
  return false;
}

// A key may wander: from one id to another within this push, or to an id while a tombstone still
// holds it. So every key that changes is given up before any is taken.
void GiveUpKeys(pqxx::transaction_base& transaction, const PushPlan& plan,
                const std::string& writes) {
  transaction.exec_params(
      fmt::format("UPDATE cievents.subscriptions s SET inputs_digest = 'moving:' ||"
                  " s.subscription_id FROM {} WHERE s.project_id = $1"
                  " AND s.subscription_id = w.subscription_id"
                  " AND (s.path, s.inputs_digest) <> (w.path, w.inputs_digest)",
                  kGivenWrites),
      plan.project.project_id, writes);
  transaction.exec_params(
      fmt::format("UPDATE cievents.subscriptions s SET inputs_digest = 'displaced:' ||"
                  " s.subscription_id FROM {} WHERE s.project_id = $1"
                  " AND s.subscription_id <> w.subscription_id AND s.ended_at IS NOT NULL"
                  " AND (s.path, s.inputs_digest) = (w.path, w.inputs_digest)",
                  kGivenWrites),
      plan.project.project_id, writes);
}

// Writes of known ids.
absl::Status WriteKnown(pqxx::transaction_base& transaction, const LockedProject& before,
                        const PushPlan& plan) {
  const auto known = std::count_if(plan.writes.begin(), plan.writes.end(),
                                   [](const auto& write) { return write.subscription_id != 0; });
  if (known == 0) return absl::OkStatus();
  const std::string writes = WritesJson(plan.writes, Which::kKnown);
  if (SomeKeyChanges(before, plan)) GiveUpKeys(transaction, plan, writes);
  static const std::string write_subscriptions = fmt::format(
      "UPDATE cievents.subscriptions s SET path = w.path,"
      " inputs_digest = w.inputs_digest, workflow_id = w.workflow_id,"
      " entries = w.entries::json, inputs = w.inputs::json,"
      " spec_inputs = w.spec_inputs::json, hoisted_rules = w.hoisted_rules::json,"
      " owner_user_id = w.owner_user_id, root_namespace_id = $3,"
      " updated_at = clock_timestamp(), ended_at = NULL"
      " FROM {} WHERE s.project_id = $1 AND s.subscription_id = w.subscription_id",
      kGivenWrites);
  const pqxx::result written = ExecPrepared(transaction, "write_subscriptions", write_subscriptions,
                                            plan.project.project_id, writes, RootOf(plan.project));
  if (written.affected_rows() == static_cast<size_t>(known)) return absl::OkStatus();
  return Error(absl::StatusCode::kNotFound,
               "of {} subscriptions that the push changes only {} are project {}'s", known,
               written.affected_rows(), plan.project.project_id);
}

// Returns the ids of the new ones by key.
using Key = std::pair<std::string, std::string>;
std::map<Key, int64_t> WriteNew(pqxx::transaction_base& transaction, const PushPlan& plan) {
  std::map<Key, int64_t> ids;
  const std::string writes = WritesJson(plan.writes, Which::kNew);
  if (writes == "[]") return ids;
  for (const pqxx::row& row : transaction.exec_params(
           fmt::format("INSERT INTO cievents.subscriptions (project_id, root_namespace_id, path,"
                       " inputs_digest, workflow_id, entries, inputs, spec_inputs, hoisted_rules,"
                       " owner_user_id)"
                       " SELECT $1, $3, w.path, w.inputs_digest, w.workflow_id, w.entries::json,"
                       " w.inputs::json, w.spec_inputs::json, w.hoisted_rules::json,"
                       " w.owner_user_id FROM {}"
                       // A tombstone gets its id back, whether the caller knew of it or not.
                       " ON CONFLICT ON CONSTRAINT subscriptions_key DO UPDATE SET"
                       " workflow_id = excluded.workflow_id, entries = excluded.entries,"
                       " inputs = excluded.inputs, spec_inputs = excluded.spec_inputs,"
                       " hoisted_rules = excluded.hoisted_rules,"
                       " owner_user_id = excluded.owner_user_id,"
                       " updated_at = clock_timestamp(), ended_at = NULL"
                       " RETURNING path, inputs_digest, subscription_id",
                       kGivenWrites),
           plan.project.project_id, writes, RootOf(plan.project))) {
    ids[{row[0].c_str(), row[1].c_str()}] = row[2].as<int64_t>();
  }
  return ids;
}

absl::StatusOr<std::vector<int64_t>> WriteSubscriptions(pqxx::transaction_base& transaction,
                                                        const LockedProject& before,
                                                        const PushPlan& plan) {
  if (!plan.ended.empty()) {
    transaction.exec_params(
        "UPDATE cievents.subscriptions SET ended_at = clock_timestamp(),"
        " updated_at = clock_timestamp()"
        " WHERE project_id = $1 AND subscription_id = ANY ($2::bigint[]) AND ended_at IS NULL",
        plan.project.project_id, IdArray(plan.ended));
  }
  CIEVENTS_RETURN_IF_ERROR(WriteKnown(transaction, before, plan));
  const std::map<Key, int64_t> fresh = WriteNew(transaction, plan);
  std::vector<int64_t> ids;
  for (const SubscriptionWrite& write : plan.writes) {
    if (write.subscription_id != 0) {
      ids.push_back(write.subscription_id);
      continue;
    }
    const auto found = fresh.find({write.path, write.inputs_digest});
    if (found == fresh.end()) {
      return Error(absl::StatusCode::kInternal, "the new subscription {} got no id", write.path);
    }
    ids.push_back(found->second);
  }
  return ids;
}

absl::StatusOr<std::vector<int64_t>> WritePlan(pqxx::transaction_base& transaction,
                                               const LockedProject& before, const PushPlan& plan) {
  const int64_t project_id = before.project.project_id;
  if (plan.project.project_id != project_id) {
    return Error(absl::StatusCode::kInternal, "the plan is for project {}, locked is {}",
                 plan.project.project_id, project_id);
  }
  CIEVENTS_RETURN_IF_ERROR(CheckTexts(plan.project));
  WriteRecord(transaction, plan.project,
              {plan.sequence, plan.commit_sha, plan.result, plan.added, plan.updated, plan.removed,
               &plan.issues});
  if (plan.write_nothing_but_record) {
    // A project that is not known must not become known, without ancestors, by being refused.
    if (!before.exists) {
      transaction.exec_params("DELETE FROM cievents.projects WHERE project_id = $1", project_id);
    }
    return std::vector<int64_t>();
  }
  WriteProject(transaction, before.project, plan.project);
  WriteFiles(transaction, plan);
  CIEVENTS_ASSIGN_OR_RETURN(std::vector<int64_t> ids,
                            WriteSubscriptions(transaction, before, plan));
  if (plan.changes_set) MarkProjectChanged(transaction, project_id);
  return ids;
}

int CountLive(pqxx::transaction_base& transaction, int64_t project_id) {
  return transaction
      .exec_params1(
          "SELECT count(*) FROM cievents.subscriptions WHERE project_id = $1 AND ended_at IS NULL",
          project_id)[0]
      .as<int>();
}

absl::Status WriteChange(pqxx::transaction_base& transaction, const LockedProject& before,
                         const ProjectChange& change) {
  if (change.project.project_id != before.project.project_id) {
    return Error(absl::StatusCode::kInternal, "the change is for project {}, locked is {}",
                 change.project.project_id, before.project.project_id);
  }
  CIEVENTS_RETURN_IF_ERROR(CheckTexts(change.project));
  if (!change.result.empty()) {
    PushRecord record;
    record.sequence = change.sequence;
    record.result = change.result;
    if (before.project.deleted != change.project.deleted) {
      (change.project.deleted ? record.removed : record.added) =
          CountLive(transaction, change.project.project_id);
    }
    WriteRecord(transaction, change.project, record);
  }
  WriteProject(transaction, before.project, change.project);
  if (change.changes_set) MarkProjectChanged(transaction, change.project.project_id);
  return absl::OkStatus();
}

// One statement is one round trip and one commit, which need not reach the disk: if it is lost, the
// next push names a commit that is not the stored one, and is asked for its manifest. If a push of
// the same project is under way, this waits for it, and then finds another commit.
constexpr char kMoveUnchangedSql[] =
    "WITH durability AS (SELECT set_config('synchronous_commit', 'off', true))"
    " UPDATE cievents.projects p SET commit_sha = $3, push_sequence = CASE WHEN $4::bigint = 0"
    "   THEN greatest(p.push_sequence, p.location_sequence, p.availability_sequence,"
    "                 p.existence_sequence) + 1 ELSE $4::bigint END"
    " FROM durability"
    " WHERE p.project_id = $1 AND p.commit_sha = $2 AND (p.push_sequence < $4 OR $4 = 0)"
    " AND p.deleted_at IS NULL AND p.permission_namespace_ids IS NULL"
    " AND p.namespace_ids = $6::bigint[] AND p.default_branch = $7 AND p.ci_config_path = $8"
    " AND p.allowed_scopes = coalesce(string_to_array(nullif($9, ''), E'\\n'), '{}')"
    " AND (p.path = $10 OR $10 = '')"
    // Two look-ups: the first by the primary key, for each path; a project has few prefixes.
    " AND NOT EXISTS (SELECT FROM cievents.config_files f"
    "   JOIN json_array_elements_text($5::json) AS c (path) USING (path)"
    "   WHERE f.project_id = $1)"
    " AND NOT EXISTS (SELECT FROM cievents.config_files f"
    "   JOIN json_array_elements_text($5::json) AS c (path)"
    "   ON starts_with(c.path, left(f.path, -1)) AND c.path ~ '\\.ya?ml$'"
    "   WHERE f.project_id = $1 AND f.role = 'prefix')"
    " RETURNING p.push_sequence";

}  // namespace

class ConfigStore::Pool {
 public:
  explicit Pool(std::unique_ptr<PqxxPool> connections) : connections_(std::move(connections)) {}

  absl::Status Run(const std::function<absl::Status(pqxx::work&)>& work) {
    return connections_->Run(work);
  }
  absl::Status RunStatement(const std::function<absl::Status(pqxx::transaction_base&)>& work) {
    return connections_->RunStatement(work);
  }

 private:
  std::unique_ptr<PqxxPool> connections_;
};

ConfigStore::ConfigStore(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
ConfigStore::~ConfigStore() = default;

absl::StatusOr<std::unique_ptr<ConfigStore>> ConfigStore::Create(const std::string& dsn,
                                                                 int connections_max) {
  CIEVENTS_ASSIGN_OR_RETURN(std::unique_ptr<PqxxPool> connections,
                            PqxxPool::Create(dsn, "cievents-config", connections_max));
  return std::unique_ptr<ConfigStore>(
      new ConfigStore(std::make_unique<Pool>(std::move(connections))));
}

absl::StatusOr<LockedProject> ConfigStore::Read(int64_t project_id) {
  LockedProject found;
  const absl::Status status = pool_->Run([&found, project_id](pqxx::work& transaction) {
    found = LockedProject();
    found.exists = ReadProject(transaction, project_id, Lock::kNone, found.project);
    if (found.exists) ReadFilesAndSubscriptions(transaction, found);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return found;
}

absl::StatusOr<std::optional<int64_t>> ConfigStore::MoveUnchanged(
    const StoredProject& project, const std::string& previous_commit_sha,
    const std::vector<std::string>& changed_paths) {
  CIEVENTS_RETURN_IF_ERROR(RefuseNul(previous_commit_sha, "the previous commit"));
  CIEVENTS_RETURN_IF_ERROR(CheckTexts(project));
  std::optional<int64_t> sequence;
  const absl::Status status = pool_->RunStatement([&](pqxx::transaction_base& transaction) {
    const pqxx::result moved = ExecPrepared(
        transaction, "move_unchanged", kMoveUnchangedSql, project.project_id, previous_commit_sha,
        project.commit_sha, project.push_sequence, JsonStrings(changed_paths),
        IdArray(project.namespace_ids), project.default_branch, project.ci_config_path,
        ScopeLines(project), project.project_path);
    if (!moved.empty()) sequence = moved[0][0].as<int64_t>();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return sequence;
}

absl::StatusOr<std::vector<int64_t>> ConfigStore::Transact(
    int64_t project_id, const std::function<absl::StatusOr<PushPlan>(const LockedProject&)>& plan) {
  std::vector<int64_t> ids;
  const absl::Status status =
      pool_->Run([&ids, &plan, project_id](pqxx::work& transaction) -> absl::Status {
        LockedProject before;
        before.exists = LockProjectRow(transaction, project_id, before.project);
        if (before.exists) ReadFilesAndSubscriptions(transaction, before);
        CIEVENTS_ASSIGN_OR_RETURN(const PushPlan planned, plan(before));
        CIEVENTS_ASSIGN_OR_RETURN(ids, WritePlan(transaction, before, planned));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return ids;
}

absl::Status ConfigStore::ChangeProject(
    int64_t project_id,
    const std::function<absl::StatusOr<ProjectChange>(const LockedProject&)>& plan) {
  return pool_->Run([&plan, project_id](pqxx::work& transaction) -> absl::Status {
    LockedProject before;
    before.exists = LockProjectRow(transaction, project_id, before.project);
    CIEVENTS_ASSIGN_OR_RETURN(const ProjectChange change, plan(before));
    if (change.writes_nothing && before.exists) return absl::OkStatus();
    return WriteChange(transaction, before, change);
  });
}

absl::StatusOr<std::vector<SubscriptionListing>> ConfigStore::ListSubscriptions(
    std::optional<int64_t> project_id, int64_t after_subscription_id, int limit) {
  std::string where = "s.ended_at IS NULL AND p.deleted_at IS NULL";
  if (project_id.has_value()) where += fmt::format(" AND s.project_id = {}", *project_id);
  if (after_subscription_id != 0) {
    where += fmt::format(
        " AND (s.project_id, s.path, s.subscription_id) > (SELECT a.project_id, a.path,"
        " a.subscription_id FROM cievents.subscriptions a WHERE a.subscription_id = {})",
        after_subscription_id);
  }
  const std::string sql = fmt::format(
      "SELECT {}, s.project_id, s.suspended OR p.archived OR p.ci_disabled"
      " FROM cievents.subscriptions s JOIN cievents.projects p USING (project_id) WHERE {}"
      " ORDER BY s.project_id, s.path, s.subscription_id LIMIT {}",
      kSubscriptionColumns, where, std::clamp(limit, 1, kListMax));
  std::vector<SubscriptionListing> listings;
  const absl::Status status = pool_->Run([&listings, &sql](pqxx::work& transaction) {
    listings.clear();
    for (const pqxx::row& row : transaction.exec(sql)) {
      listings.push_back({ToSubscription(row), row[kSubscriptionColumnCount].as<int64_t>(),
                          row[kSubscriptionColumnCount + 1].as<bool>()});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return listings;
}

}  // namespace cievents::store
