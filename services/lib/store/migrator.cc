#include "services/lib/store/migrator.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <span>

#include "matcher/base/status.h"
#include "migrations/migrations.h"
#include "services/lib/base/sha256.h"
#include "services/lib/store/pqxx_pool.h"

namespace cievents::store {
namespace {

// "cievents" in hexadecimal: one migrator at a time in a database.
constexpr char kTakeLock[] = "SELECT pg_advisory_lock(7163368241491768435)";

std::string Label(const Migration& migration) {
  return fmt::format("{:04}_{}", migration.version, migration.name);
}

int NewestVersion() { return AllMigrations().back().version; }

// Reads what is applied and compares it with what is compiled in; returns the database's version.
absl::StatusOr<int> AppliedVersion(pqxx::transaction_base& transaction) {
  const pqxx::result exists =
      transaction.exec("SELECT to_regclass('cievents.schema_migrations') IS NOT NULL");
  if (!exists[0][0].as<bool>()) return 0;
  const pqxx::result rows = transaction.exec(
      "SELECT version, name, checksum FROM cievents.schema_migrations ORDER BY version");
  const std::span<const Migration> migrations = AllMigrations();
  int version = 0;
  for (const pqxx::row& row : rows) {
    version = row[0].as<int>();
    if (version > NewestVersion()) {
      return Error(absl::StatusCode::kFailedPrecondition,
                   "the database is at migration {:04}_{}, this program knows {} and no more: use "
                   "a newer program, or migrate down with the one that migrated up",
                   version, row[1].c_str(), Label(migrations.back()));
    }
    const Migration& migration = migrations[version - 1];
    if (Sha256Hex(migration.up_sql) != row[2].c_str()) {
      return Error(absl::StatusCode::kFailedPrecondition,
                   "migration {} was applied to the database with another text (checksum {}): one "
                   "of the two was changed afterwards; use the program that applied it",
                   Label(migration), row[2].c_str());
    }
  }
  if (version != static_cast<int>(rows.size())) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "cievents.schema_migrations has {} rows up to version {}: some are missing",
                 rows.size(), version);
  }
  return version;
}

// Runs `work` under the lock, on a connection of its own (whose end releases the lock).
absl::Status Locked(const std::string& dsn,
                    const std::function<absl::Status(pqxx::connection&)>& work) {
  CIEVENTS_ASSIGN_OR_RETURN(const std::unique_ptr<pqxx::connection> connection,
                            OpenPqxx(dsn, "cievents-migrate"));
  return CatchPqxx([&connection, &work] {
    {
      pqxx::nontransaction session(*connection);
      session.exec(kTakeLock);
    }
    return work(*connection);
  });
}

absl::StatusOr<int> AppliedVersion(pqxx::connection& connection) {
  pqxx::read_transaction transaction(connection);
  return AppliedVersion(transaction);
}

absl::Status Apply(pqxx::connection& connection, const Migration& migration) {
  pqxx::work transaction(connection);
  transaction.exec(std::string(migration.up_sql));
  transaction.exec_params(
      "INSERT INTO cievents.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
      migration.version, std::string(migration.name), Sha256Hex(migration.up_sql));
  transaction.commit();
  return absl::OkStatus();
}

absl::Status Revert(pqxx::connection& connection, const Migration& migration) {
  pqxx::work transaction(connection);
  // First the row: the first migration takes the table with it.
  transaction.exec_params("DELETE FROM cievents.schema_migrations WHERE version = $1",
                          migration.version);
  transaction.exec(std::string(migration.down_sql));
  transaction.commit();
  return absl::OkStatus();
}

// Says which migration failed.
absl::Status Named(const Migration& migration, const absl::Status& status) {
  if (status.ok()) return status;
  return Error(status.code(), "migration {}: {}", Label(migration), std::string(status.message()));
}

}  // namespace

absl::StatusOr<MigrationStatus> GetMigrationStatus(const std::string& dsn) {
  MigrationStatus result;
  const absl::Status status = Locked(dsn, [&result](pqxx::connection& connection) -> absl::Status {
    CIEVENTS_ASSIGN_OR_RETURN(result.version, AppliedVersion(connection));
    for (const Migration& migration : AllMigrations()) {
      if (migration.version > result.version) result.pending.push_back(Label(migration));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return result;
}

absl::Status MigrateUp(const std::string& dsn) {
  return Locked(dsn, [](pqxx::connection& connection) -> absl::Status {
    CIEVENTS_ASSIGN_OR_RETURN(const int version, AppliedVersion(connection));
    for (const Migration& migration : AllMigrations()) {
      if (migration.version <= version) continue;
      CIEVENTS_RETURN_IF_ERROR(Named(migration, CatchPqxx([&connection, &migration] {
                                       return Apply(connection, migration);
                                     })));
    }
    return absl::OkStatus();
  });
}

absl::Status MigrateDown(const std::string& dsn, int to_version) {
  if (to_version < 0 || to_version > NewestVersion()) {
    return Error(absl::StatusCode::kInvalidArgument, "there is no version {}: 0 to {}", to_version,
                 NewestVersion());
  }
  return Locked(dsn, [to_version](pqxx::connection& connection) -> absl::Status {
    CIEVENTS_ASSIGN_OR_RETURN(const int version, AppliedVersion(connection));
    for (int at = version; at > to_version; --at) {
      const Migration& migration = AllMigrations()[at - 1];
      CIEVENTS_RETURN_IF_ERROR(Named(migration, CatchPqxx([&connection, &migration] {
                                       return Revert(connection, migration);
                                     })));
    }
    return absl::OkStatus();
  });
}

absl::Status VerifyMigrations(const std::string& dsn) {
  CIEVENTS_ASSIGN_OR_RETURN(const MigrationStatus status, GetMigrationStatus(dsn));
  if (status.pending.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition,
               "the database is at version {}, this program needs {}: run `cievents migrate up`",
               status.version, NewestVersion());
}

}  // namespace cievents::store
