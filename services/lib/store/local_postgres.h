// A private Postgres server as a child process: for `cievents dev` and for the tests.
#ifndef SERVICES_LIB_STORE_LOCAL_POSTGRES_H_
#define SERVICES_LIB_STORE_LOCAL_POSTGRES_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cievents::store {

enum class Fsync { kOn, kOff };

struct LocalPostgresOptions {
  std::string data_dir;  // made by initdb at the first start, kept
  std::string
      socket_dir;  // empty: a fresh short folder under /tmp (a socket path has 107 bytes at most)
  Fsync fsync = Fsync::kOn;
  std::string log_file;               // Postgres' own log; empty = data_dir + "/../postgres.log"
  std::vector<std::string> settings;  // further "name=value"
};

// Runs initdb and postgres (found in PG_BINDIR, PATH, or /usr/lib/postgresql/*/bin). As root it
// runs them through setpriv as user `postgres`, else `nobody`, with the capability to enter the
// data folder's parents, and with pdeathsig INT, so that it stops in order when this process dies.
// posix_spawn, never fork. Unix socket only, no TCP.
class LocalPostgres {
 public:
  // Returns when the server takes connections. kFailedPrecondition: no Postgres installed, or the
  // data folder belongs to another major version, or another server runs on it (the message says
  // what to do). Retries the start while an earlier server's children still hold its shared memory.
  static absl::StatusOr<std::unique_ptr<LocalPostgres>> Start(LocalPostgresOptions options);
  ~LocalPostgres();  // Stop()

  // A libpq connection string for database `database` as a superuser of this private server.
  std::string Dsn(const std::string& database = "cievents") const;
  // Makes the database if it is not there.
  absl::Status EnsureDatabase(const std::string& database);

  pid_t pid() const;       // of the postmaster
  bool running() const;    // reaps: false once the postmaster has ended
  absl::Status Restart();  // after it ended
  // Fast shutdown (SIGINT), waits. Twice is fine.
  absl::Status Stop();
  // SIGKILL to the postmaster and all its children: what the fault tests do.
  absl::Status KillAll();

 private:
  class State;
  explicit LocalPostgres(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_LOCAL_POSTGRES_H_
