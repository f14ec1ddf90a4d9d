// A small pool of libpqxx connections: the only place where its exceptions become Statuses.
#ifndef SERVICES_LIB_STORE_PQXX_POOL_H_
#define SERVICES_LIB_STORE_PQXX_POOL_H_

#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matcher/base/mutex.h"

namespace cievents::store {

// Opens a connection with our defaults (connection_string.h). kUnavailable: out of reach.
absl::StatusOr<std::unique_ptr<pqxx::connection>> OpenPqxx(const std::string& dsn,
                                                           std::string_view application_name);

// Runs `work` and turns what libpqxx throws into a Status (sql_errors.h).
absl::Status CatchPqxx(const std::function<absl::Status()>& work);

// libpqxx passes text parameters as C strings, which would silently end at a NUL: kInvalidArgument.
absl::Status RefuseNul(std::string_view text, std::string_view what);

// Runs a statement that its connection has parsed and planned before: for what every push runs.
// `name` stands for one text everywhere (pqxx::argument_error otherwise).
template <typename... Arguments>
pqxx::result ExecPrepared(pqxx::transaction_base& transaction, const char* name,
                          const std::string& sql, const Arguments&... arguments) {
  transaction.conn().prepare(name, sql);
  return transaction.exec_prepared(name, arguments...);
}

// Thread-safe.
class PqxxPool {
 public:
  // Connects once, so that a wrong `dsn` is noticed here.
  static absl::StatusOr<std::unique_ptr<PqxxPool>> Create(const std::string& dsn,
                                                          std::string_view application_name,
                                                          int connections_max);

  // Runs `work` in a transaction of READ COMMITTED and commits if it returns OK. kUnavailable: no
  // connection was free for some seconds, or Postgres is out of reach, or the connection was lost
  // (the outcome of a commit is then unknown). Connections that were lost while idle are noticed
  // before anything is sent, and replaced. Deadlocks and serialization failures are tried again:
  // `work` may be called several times.
  absl::Status Run(const std::function<absl::Status(pqxx::work&)>& work);

  // Runs `work`, which makes one statement, without BEGIN and COMMIT: one round trip. Otherwise as
  // Run.
  absl::Status RunStatement(const std::function<absl::Status(pqxx::transaction_base&)>& work);

  const std::string& dsn() const { return dsn_; }

 private:
  PqxxPool(std::string dsn, std::string_view application_name, int connections_max)
      : dsn_(std::move(dsn)), application_name_(application_name), free_(connections_max) {}

  enum class Conflict { kNo, kYes };

  // Gives `work` a connection and notes whether it ended with a conflict.
  absl::Status RunOnce(const std::function<absl::Status(pqxx::connection&)>& work,
                       Conflict& conflict);
  absl::Status RunRepeatedly(const std::function<absl::Status(pqxx::connection&)>& work);
  absl::StatusOr<std::unique_ptr<pqxx::connection>> Take();
  void Return(std::unique_ptr<pqxx::connection> connection);

  // Set in Create.
  const std::string dsn_;
  const std::string application_name_;

  Mutex mutex_;
  CondVar returned_;
  int free_ ABSL_GUARDED_BY(mutex_);  // connections that may still be taken
  std::vector<std::unique_ptr<pqxx::connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_PQXX_POOL_H_
