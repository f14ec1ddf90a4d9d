// Brings a database's schema to a version: the numbered files of migrations/, compiled in.
#ifndef SERVICES_LIB_STORE_MIGRATOR_H_
#define SERVICES_LIB_STORE_MIGRATOR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cievents::store {

struct MigrationStatus {
  int version = 0;                   // of the database; 0 = empty
  std::vector<std::string> pending;  // names of what `up` would run
};

// All take an advisory lock, so that several processes may start at once. kUnavailable: Postgres is
// out of reach. kFailedPrecondition: an applied migration's checksum differs from the compiled one,
// or the database is newer than this program.
absl::StatusOr<MigrationStatus> GetMigrationStatus(const std::string& dsn);
absl::Status MigrateUp(const std::string& dsn);
absl::Status MigrateDown(const std::string& dsn, int to_version);
absl::Status VerifyMigrations(const std::string& dsn);

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_MIGRATOR_H_
