#include "services/lib/store/project_rows.h"

#include <fmt/format.h>

#include <string_view>

#include "matcher/base/status.h"
#include "matcher/slots.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/store/pqxx_pool.h"
#include "services/lib/store/sql_text.h"

namespace cievents::store {
namespace {

constexpr int kPushesKept = 20;

void Member(JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

std::string IssuesJson(const std::vector<Issue>& issues) {
  JsonWriter json;
  json.BeginArray();
  for (const Issue& issue : issues) {
    json.BeginObject();
    Member(json, "severity", SeverityName(issue.severity));
    Member(json, "code", issue.code);
    Member(json, "file", issue.file);
    json.Key("line");
    json.Int(issue.line);
    json.Key("column");
    json.Int(issue.column);
    Member(json, "message", issue.message);
    Member(json, "suggestion", issue.suggestion);
    json.EndObject();
  }
  json.EndArray();
  return json.Take();
}

}  // namespace

std::string IdArray(const std::vector<int64_t>& ids) {
  return fmt::format("{{{}}}", fmt::join(ids, ","));
}

std::string ScopeLines(const StoredProject& project) {
  return fmt::format("{}", fmt::join(project.allowed_scopes, "\n"));
}

int64_t RootOf(const StoredProject& project) {
  return project.namespace_ids.empty() ? 0 : project.namespace_ids.front();
}

absl::Status CheckTexts(const StoredProject& project) {
  for (const std::string* text : {&project.project_path, &project.default_branch,
                                  &project.ci_config_path, &project.commit_sha}) {
    CIEVENTS_RETURN_IF_ERROR(RefuseNul(*text, "a text of the project"));
  }
  for (const std::string& scope : project.allowed_scopes) {
    if (scope.empty() || scope.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
      return absl::InvalidArgumentError("an allowed scope is empty, or holds a line end or a NUL");
    }
  }
  return absl::OkStatus();
}

bool ReadProject(pqxx::transaction_base& transaction, int64_t project_id, Lock lock,
                 StoredProject& project) {
  static const std::string read =
      "SELECT array_to_string(namespace_ids, ','), path, default_branch,"
      " ci_config_path, push_sequence, commit_sha, run_as_user_id,"
      " array_to_string(allowed_scopes, E'\\n'), deleted_at IS NOT NULL,"
      " location_sequence, availability_sequence, existence_sequence, archived,"
      " ci_disabled, array_to_string(permission_namespace_ids, ',')"
      " FROM cievents.projects WHERE project_id = $1";
  const pqxx::result rows =
      lock == Lock::kForUpdate
          ? ExecPrepared(transaction, "lock_project", read + " FOR UPDATE", project_id)
          : ExecPrepared(transaction, "read_project", read, project_id);
  project = StoredProject();
  project.project_id = project_id;
  if (rows.empty()) return false;
  const pqxx::row row = rows[0];
  project.namespace_ids = ParseIds(row[0].c_str());
  project.project_path = row[1].c_str();
  project.default_branch = row[2].c_str();
  project.ci_config_path = row[3].c_str();
  project.push_sequence = row[4].as<int64_t>();
  project.commit_sha = row[5].c_str();
  project.run_as_user_id = row[6].as<int64_t>();
  project.allowed_scopes = SplitLines(row[7].c_str());
  project.deleted = row[8].as<bool>();
  project.location_sequence = row[9].as<int64_t>();
  project.availability_sequence = row[10].as<int64_t>();
  project.existence_sequence = row[11].as<int64_t>();
  project.archived = row[12].as<bool>();
  project.ci_disabled = row[13].as<bool>();
  if (!row[14].is_null()) project.permission_namespace_ids = ParseIds(row[14].c_str());
  return true;
}

bool LockProjectRow(pqxx::transaction_base& transaction, int64_t project_id,
                    StoredProject& project) {
  // Again if another transaction made the row and took it back, or made it after our look.
  while (true) {
    if (ReadProject(transaction, project_id, Lock::kForUpdate, project)) return true;
    const pqxx::result made = transaction.exec_params(
        "INSERT INTO cievents.projects (project_id) VALUES ($1) ON CONFLICT DO NOTHING"
        " RETURNING project_id",
        project_id);
    if (!made.empty()) return false;
  }
}

void WriteProject(pqxx::transaction_base& transaction, const StoredProject& before,
                  const StoredProject& after) {
  const bool has_permissions_of_elsewhere = after.permission_namespace_ids.has_value();
  ExecPrepared(transaction, "write_project",
               "UPDATE cievents.projects SET namespace_ids = $2::bigint[], slot = $3, path = $4,"
               " default_branch = $5, ci_config_path = $6, push_sequence = $7, commit_sha = $8,"
               " run_as_user_id = $9,"
               " allowed_scopes = coalesce(string_to_array(nullif($10, ''), E'\\n'), '{}'),"
               " deleted_at = CASE WHEN $11 THEN coalesce(deleted_at, clock_timestamp()) END,"
               " location_sequence = $12, availability_sequence = $13, existence_sequence = $14,"
               " archived = $15, ci_disabled = $16,"
               " permission_namespace_ids = CASE WHEN $17 THEN $18::bigint[] END"
               " WHERE project_id = $1",
               after.project_id, IdArray(after.namespace_ids), matcher::SlotOf(RootOf(after)),
               after.project_path, after.default_branch, after.ci_config_path, after.push_sequence,
               after.commit_sha, after.run_as_user_id, ScopeLines(after), after.deleted,
               after.location_sequence, after.availability_sequence, after.existence_sequence,
               after.archived, after.ci_disabled, has_permissions_of_elsewhere,
               has_permissions_of_elsewhere ? IdArray(*after.permission_namespace_ids) : "{}");
  if (RootOf(before) == RootOf(after)) return;
  // A project that moved to another root takes its subscriptions along.
  transaction.exec_params(
      "UPDATE cievents.subscriptions SET root_namespace_id = $2"
      " WHERE project_id = $1 AND root_namespace_id <> $2",
      after.project_id, RootOf(after));
}

void MarkProjectChanged(pqxx::transaction_base& transaction, int64_t project_id) {
  ExecPrepared(transaction, "mark_project_changed", "SELECT cievents.mark_project_changed($1)",
               project_id);
}

void WriteRecord(pqxx::transaction_base& transaction, const StoredProject& project,
                 const PushRecord& record) {
  // One statement: the rows to remove are counted without the one that it writes.
  ExecPrepared(
      transaction, "write_push_record",
      "WITH gone AS (DELETE FROM cievents.config_pushes WHERE project_id = $1 AND push_id <= ("
      "   SELECT push_id FROM cievents.config_pushes WHERE project_id = $1"
      "   ORDER BY push_id DESC OFFSET $10 LIMIT 1))"
      " INSERT INTO cievents.config_pushes (project_id, root_namespace_id, push_sequence,"
      " commit_sha, result, added, updated, removed, issues)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::json)",
      project.project_id, RootOf(project), record.sequence, record.commit_sha, record.result,
      record.added, record.updated, record.removed,
      record.issues == nullptr ? std::string("[]") : IssuesJson(*record.issues), kPushesKept - 1);
}

}  // namespace cievents::store
