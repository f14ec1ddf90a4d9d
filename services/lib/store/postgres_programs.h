// Finding Postgres' programs and running them as children, as a user that Postgres accepts.
#ifndef SERVICES_LIB_STORE_POSTGRES_PROGRAMS_H_
#define SERVICES_LIB_STORE_POSTGRES_PROGRAMS_H_

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cievents::store {

// The folder with initdb and postgres: PG_BINDIR, else one of PATH, else the newest of
// /usr/lib/postgresql/*/bin; `major` not empty: of this major version. kFailedPrecondition: none.
absl::StatusOr<std::string> FindPostgresPrograms(const std::string& major);

// The major version of the programs in `directory`: "15".
absl::StatusOr<std::string> PostgresMajor(const std::string& directory);

// The user that Postgres runs as. It refuses to run as root: then `postgres`, else `nobody`.
struct RunAs {
  bool change = false;  // false: as ourselves
  uid_t uid = 0;
  gid_t gid = 0;
};
absl::StatusOr<RunAs> ChooseUser();

// The command with what it takes to run as `user` and to be interrupted when our process dies.
std::vector<std::string> WithUser(const RunAs& user, std::vector<std::string> command);

// Starts children from one thread that lives as long as this object: the signal that a child gets
// at its parent's death is sent when the *thread* that made it ends.
class Spawner {
 public:
  Spawner();
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // posix_spawn of an absolute path: own process group, output appended to `log_file`, no input, no
  // other descriptor, a small fixed environment. Returns the child's id.
  absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& command, const std::string& log_file);

 private:
  void Run();

  // A plain std::mutex: one request at a time is handed over and waited for.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> task_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_POSTGRES_PROGRAMS_H_
