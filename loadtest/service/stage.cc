#include "loadtest/service/stage.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "loadtest/harness/tool.h"
#include "loadtest/service/subscription_rows.h"
#include "loadtest/workloads/scoped_names.h"
#include "services/lib/base/log.h"
#include "services/lib/store/local_postgres.h"
#include "services/lib/store/migrator.h"
#include "services/lib/store/partitions.h"

namespace cievents::loadtest {
namespace {

void OkOrDie(std::string_view what, const absl::Status& status) {
  if (!status.ok()) Die(what, std::string(status.message()));
}

std::string ServerProgram() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "service_loadtest_server")
      .string();
}

}  // namespace

struct Stage::State {
  std::string folder;
  std::unique_ptr<store::LocalPostgres> postgres;
  std::map<int64_t, ManySubscriptions> subscriptions;  // by count
  int servers = 0;
};

Stage::Stage() : state_(std::make_unique<State>()) {
  InitLogging(LogLevel::kError, LogFormat::kJson);
  char name[] = "/tmp/cievents-load-XXXXXX";
  if (mkdtemp(name) == nullptr) Die("a folder", "mkdtemp failed");
  state_->folder = name;
  // The server may run as another user.
  std::filesystem::permissions(name, std::filesystem::perms(0755));
  store::LocalPostgresOptions options;
  options.data_dir = state_->folder + "/postgres";
  options.log_file = state_->folder + "/postgres.log";
  // All tables stay in memory, and no checkpoint falls into a window: both sides of a comparison
  // pay for their own work only.
  options.settings = {"shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min"};
  auto postgres = store::LocalPostgres::Start(options);
  OkOrDie("Postgres", postgres.status());
  state_->postgres = *std::move(postgres);
}

Stage::~Stage() {
  state_->postgres.reset();
  std::error_code ignored;
  std::filesystem::remove_all(state_->folder, ignored);
}

std::string Stage::MakeDatabase(const std::string& name) const {
  OkOrDie("a database", state_->postgres->EnsureDatabase(name));
  std::string dsn = state_->postgres->Dsn(name);
  OkOrDie("the schema", store::MigrateUp(dsn));
  OkOrDie("partitions", store::EnsurePartitions(dsn, absl::Now()));
  return dsn;
}

const ManySubscriptions& Stage::Subscriptions(int64_t count) {
  ManySubscriptions& many = state_->subscriptions[count];
  if (!many.dsn.empty()) return many;
  Progress(fmt::format("  writing {} subscriptions", count));
  many.dsn = MakeDatabase(fmt::format("subscriptions_{}", count));
  many.projects = count / 2;
  WriteProjects(many.dsn, many.projects, MakeS1Project);
  RunSql(many.dsn, "VACUUM ANALYZE cievents.projects");
  RunSql(many.dsn, "VACUUM ANALYZE cievents.subscriptions");
  RunSql(many.dsn, "CHECKPOINT");
  return many;
}

const ManySubscriptions& Stage::Million(const Options& options) {
  return Subscriptions(options.quick() ? 20'000 : 1'000'000);
}

std::unique_ptr<ServerProcess> Stage::StartMatcher(const std::string& dsn, int writers,
                                                   const std::string& spool_folder) const {
  const std::string ready = fmt::format("{}/ready{}.json", state_->folder, ++state_->servers);
  return ServerProcess::Start(
      {ServerProgram(), "matcher", dsn, ready, std::to_string(writers), spool_folder}, ready,
      state_->folder + "/servers.log");
}

std::unique_ptr<ServerProcess> Stage::StartEmpty(size_t stream_answer_bytes,
                                                 size_t unary_answer_bytes) const {
  const std::string ready = fmt::format("{}/ready{}.json", state_->folder, ++state_->servers);
  return ServerProcess::Start({ServerProgram(), "empty", ready, std::to_string(stream_answer_bytes),
                               std::to_string(unary_answer_bytes)},
                              ready, state_->folder + "/servers.log");
}

double Stage::PostgresCpuSeconds() const { return CpuSecondsOfFamily(state_->postgres->pid()); }

void Stage::StopPostgres() { OkOrDie("stopping Postgres", state_->postgres->Stop()); }
void Stage::RestartPostgres() { OkOrDie("starting Postgres", state_->postgres->Restart()); }
const std::string& Stage::folder() const { return state_->folder; }

std::string RunSql(const std::string& dsn, const std::string& sql) {
  PGconn* connection = PQconnectdb(dsn.c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    Die(sql, PQerrorMessage(connection));
  }
  std::string value;
  if (PQntuples(result) > 0 && PQnfields(result) > 0) value = PQgetvalue(result, 0, 0);
  PQclear(result);
  PQfinish(connection);
  return value;
}

void EmptyQueue(const std::string& dsn) {
  RunSql(dsn,
         "TRUNCATE cievents.events, cievents.pipeline_requests, cievents.ready_requests,"
         " cievents.request_outcomes, cievents.tenant_queues");
}

}  // namespace cievents::loadtest
