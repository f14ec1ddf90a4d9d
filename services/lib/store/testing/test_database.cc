#include "services/lib/store/testing/test_database.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "matcher/base/check.h"
#include "services/lib/store/migrator.h"
#include "services/lib/store/partitions.h"

namespace cievents::store {
namespace {

constexpr char kTemplate[] = "migrated_template";

void Require(const absl::Status& status, std::string_view what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", std::string(what).c_str(), status.ToString().c_str());
  std::exit(1);
}

struct ProcessCluster {
  std::filesystem::path folder;
  std::unique_ptr<LocalPostgres> postgres;

  ProcessCluster() {
    char name[] = "/tmp/cie-test-XXXXXX";
    CIEVENTS_CHECK(mkdtemp(name) != nullptr);
    folder = name;
    LocalPostgresOptions options;
    options.data_dir = folder / "data";
    options.fsync = Fsync::kOff;
    options.settings = {"shared_buffers=32MB", "max_connections=200"};
    auto started = LocalPostgres::Start(std::move(options));
    Require(started.status(), "starting a Postgres for the tests");
    postgres = *std::move(started);
  }
  ~ProcessCluster() {
    postgres->KillAll().IgnoreError();  // quicker than a checkpoint of what is deleted next
    postgres.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
};

void MakeTemplate() {
  Require(Cluster().EnsureDatabase(kTemplate), "making the template");
  const std::string dsn = Cluster().Dsn(kTemplate);
  Require(MigrateUp(dsn), "migrating the template");
  Require(EnsurePartitions(dsn, absl::Now()), "making the template's partitions");
}

std::string Create(std::string_view template_name) {
  static std::atomic<int> count = 0;
  const std::string name = fmt::format("test_{}", ++count);
  PGconn* connection = PQconnectdb(Cluster().Dsn("postgres").c_str());
  PGresult* result = PQexec(
      connection, fmt::format("CREATE DATABASE {} TEMPLATE {}", name, template_name).c_str());
  if (PQresultStatus(result) != PGRES_COMMAND_OK) {
    Require(absl::InternalError(PQerrorMessage(connection)), "making a database");
  }
  PQclear(result);
  PQfinish(connection);
  return Cluster().Dsn(name);
}

}  // namespace

LocalPostgres& Cluster() {
  static ProcessCluster cluster;
  return *cluster.postgres;
}

std::string NewDatabase() {
  Cluster();
  static const bool made = (MakeTemplate(), true);
  CIEVENTS_CHECK(made);
  return Create(kTemplate);
}

std::string Sql(const std::string& dsn, const std::string& sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(dsn.c_str()),
                                                                &PQfinish);
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                             &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    return std::string("ERROR: ") + PQerrorMessage(connection.get());
  }
  std::string text;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    if (row > 0) text += '\n';
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (column > 0) text += '|';
      text += PQgetvalue(result.get(), row, column);
    }
  }
  return text;
}

bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::string NewEmptyDatabase() { return Create("template0"); }

}  // namespace cievents::store
