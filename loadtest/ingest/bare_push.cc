#include "loadtest/ingest/bare_push.h"

#include <fmt/format.h>

#include <pqxx/pqxx>

namespace cievents::loadtest {
namespace {

constexpr char kReadFiles[] =
    "SELECT path, role, blob_id, parsed, good_blob_id, good_parsed FROM cievents.config_files"
    " WHERE project_id = $1 ORDER BY path";
constexpr char kReadSubscriptions[] =
    "SELECT subscription_id, path, inputs_digest, workflow_id, entries, inputs, spec_inputs,"
    " hoisted_rules, owner_user_id, ended_at IS NOT NULL FROM cievents.subscriptions"
    " WHERE project_id = $1 AND (ended_at IS NULL"
    "   OR ended_at > clock_timestamp() - interval '72 hours') ORDER BY path, subscription_id";
constexpr char kWriteRecord[] =
    "WITH gone AS (DELETE FROM cievents.config_pushes WHERE project_id = $1 AND push_id <= ("
    "   SELECT push_id FROM cievents.config_pushes WHERE project_id = $1"
    "   ORDER BY push_id DESC OFFSET 19 LIMIT 1))"
    " INSERT INTO cievents.config_pushes (project_id, root_namespace_id, push_sequence,"
    " commit_sha, result, added, updated, removed, issues)"
    " VALUES ($1, $1, $2, $3, 'applied', 0, 10, 0, '[]')";
constexpr char kWriteProject[] =
    "UPDATE cievents.projects SET push_sequence = $2, commit_sha = $3 WHERE project_id = $1";
constexpr char kWriteFiles[] =
    "INSERT INTO cievents.config_files AS c"
    " (project_id, path, role, blob_id, parsed, good_blob_id, good_parsed)"
    " SELECT $1, path, role, blob_id, parsed, good_blob_id, good_parsed"
    " FROM json_to_recordset($2::json) AS f (path text, role text, blob_id text, parsed text,"
    "   good_blob_id text, good_parsed text)"
    " ON CONFLICT ON CONSTRAINT config_files_pkey DO UPDATE SET role = excluded.role,"
    "   blob_id = excluded.blob_id, parsed = excluded.parsed,"
    "   good_blob_id = excluded.good_blob_id, good_parsed = excluded.good_parsed";
constexpr char kWriteSubscriptions[] =
    "UPDATE cievents.subscriptions s SET workflow_id = w.workflow_id, entries = w.entries::json,"
    " inputs = w.inputs::json, spec_inputs = w.spec_inputs::json,"
    " hoisted_rules = w.hoisted_rules::json, updated_at = clock_timestamp(), ended_at = NULL"
    " FROM json_to_recordset($2::json) AS w (subscription_id bigint, workflow_id text,"
    "   entries text, inputs text, spec_inputs text, hoisted_rules text)"
    " WHERE s.project_id = $1 AND s.subscription_id = w.subscription_id";

}  // namespace

struct BarePush::State {
  State(const std::string& dsn, int64_t id) : connection(dsn), project_id(id) {}
  pqxx::connection connection;
  int64_t project_id;
  std::string files[2];
  std::string subscriptions[2];
};

BarePush::BarePush(const std::string& dsn, int64_t project_id)
    : state_(std::make_unique<State>(dsn, project_id)) {}
BarePush::~BarePush() = default;

void BarePush::Remember(int version) {
  pqxx::work work(state_->connection);
  state_->files[version] = work.exec_params1(
                                   "SELECT json_agg(f)::text FROM cievents.config_files f"
                                   " WHERE project_id = $1",
                                   state_->project_id)[0]
                               .c_str();
  state_->subscriptions[version] =
      work.exec_params1(
              "SELECT json_agg(s)::text FROM (SELECT subscription_id, workflow_id, entries::text,"
              " inputs::text, spec_inputs::text, hoisted_rules::text FROM cievents.subscriptions"
              " WHERE project_id = $1) s",
              state_->project_id)[0]
          .c_str();
}

void BarePush::Push(int version) {
  const int64_t project_id = state_->project_id;
  const std::string commit = fmt::format("{:040}", version);
  pqxx::work work(state_->connection);
  const int64_t sequence =
      work.exec_params1(
              "SELECT push_sequence FROM cievents.projects WHERE project_id = $1 FOR UPDATE",
              project_id)[0]
          .as<int64_t>() +
      1;
  work.exec_params(kReadFiles, project_id);
  work.exec_params(kReadSubscriptions, project_id);
  work.exec_params(kWriteRecord, project_id, sequence, commit);
  work.exec_params(kWriteProject, project_id, sequence, commit);
  work.exec_params(kWriteFiles, project_id, state_->files[version]);
  work.exec_params(kWriteSubscriptions, project_id, state_->subscriptions[version]);
  work.exec_params("SELECT cievents.mark_project_changed($1)", project_id);
  work.commit();
}

}  // namespace cievents::loadtest
