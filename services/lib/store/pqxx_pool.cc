#include "services/lib/store/pqxx_pool.h"

#include <poll.h>

#include <chrono>
#include <utility>

#include "matcher/base/status.h"
#include "services/lib/store/connection_string.h"
#include "services/lib/store/sql_errors.h"

#if defined(__SANITIZE_ADDRESS__)
// libpqxx 6.4.5 loses the last result of a connection that breaks: make_result() asks for the
// encoding, which throws, before anything owns the result. Some hundred bytes a lost connection.
// The functions that call libpq have no symbols, hence the whole library.
extern "C" __attribute__((weak, used)) const char* __lsan_default_suppressions() {
  return "leak:libpqxx-6\n";
}
extern "C" __attribute__((weak, used)) const char* __lsan_default_options() {
  return "print_suppressions=0";
}
#endif

namespace cievents::store {
namespace {

constexpr std::chrono::seconds kWaitMax{3};
constexpr char kSessionSql[] =
    "SET statement_timeout = '30s'; SET lock_timeout = '5s';"
    " SET idle_in_transaction_session_timeout = '30s';"
    " SET default_transaction_isolation = 'read committed'";

// An idle connection is silent. Whatever can be read from it is the end of it, or a notice that is
// not worth more than a new connection.
bool IsStale(const pqxx::connection& connection) {
  if (!connection.is_open()) return true;
  pollfd waited = {connection.sock(), POLLIN, 0};
  return poll(&waited, 1, 0) != 0;
}

std::string Trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

absl::Status CatchPqxx(const std::function<absl::Status()>& work) {
  try {
    return work();
  } catch (const pqxx::broken_connection& error) {
    return absl::UnavailableError("the connection to Postgres is lost: " + Trimmed(error.what()));
  } catch (const pqxx::in_doubt_error& error) {
    return absl::UnavailableError("the connection to Postgres was lost at commit: " +
                                  Trimmed(error.what()));
  } catch (const pqxx::sql_error& error) {
    const std::string message = Trimmed(error.what());
    // libpqxx does not tell the constraint. Of what runs here only request_outcomes has partitions,
    // and a CHECK that is violated names the partition, not the table.
    const ConstraintName constraint = message.find("\"request_outcomes\"") == std::string::npos
                                          ? ConstraintName::kNamed
                                          : ConstraintName::kAbsent;
    if (error.sqlstate().empty()) return absl::UnavailableError(message);
    return Error(CodeOfSqlState(error.sqlstate(), constraint), "Postgres says {}: {}",
                 error.sqlstate(), message);
  } catch (const std::exception& error) {
    return absl::InternalError(std::string("libpqxx: ") + error.what());
  }
}

absl::StatusOr<std::unique_ptr<pqxx::connection>> OpenPqxx(const std::string& dsn,
                                                           std::string_view application_name) {
  CIEVENTS_ASSIGN_OR_RETURN(const std::string conninfo,
                            WithConnectionDefaults(dsn, application_name));
  std::unique_ptr<pqxx::connection> connection;
  const absl::Status status = CatchPqxx([&connection, &conninfo] {
    connection = std::make_unique<pqxx::connection>(conninfo);
    connection->set_verbosity(pqxx::connection_base::terse);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return connection;
}

absl::Status RefuseNul(std::string_view text, std::string_view what) {
  if (text.find('\0') == std::string_view::npos) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "{} holds a NUL character", what);
}

absl::StatusOr<std::unique_ptr<PqxxPool>> PqxxPool::Create(const std::string& dsn,
                                                           std::string_view application_name,
                                                           int connections_max) {
  if (connections_max < 1) {
    return absl::InvalidArgumentError("a pool needs at least one connection");
  }
  std::unique_ptr<PqxxPool> pool(new PqxxPool(dsn, application_name, connections_max));
  CIEVENTS_RETURN_IF_ERROR(pool->Run([](pqxx::work&) { return absl::OkStatus(); }));
  return pool;
}

absl::StatusOr<std::unique_ptr<pqxx::connection>> PqxxPool::Take() {
  const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
  {
    MutexLock lock(mutex_);
    while (free_ == 0) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) {
        return absl::UnavailableError("all connections to Postgres are busy: try again");
      }
      returned_.WaitFor(mutex_, left);
    }
    --free_;
    while (!idle_.empty()) {
      std::unique_ptr<pqxx::connection> connection = std::move(idle_.back());
      idle_.pop_back();
      if (!IsStale(*connection)) return connection;
    }
  }
  auto opened = OpenPqxx(dsn_, application_name_);
  absl::Status status = opened.status();
  if (status.ok()) {
    status = CatchPqxx([&opened] {
      pqxx::nontransaction session(**opened);
      session.exec(kSessionSql);
      return absl::OkStatus();
    });
    if (status.ok()) return opened;
  }
  Return(nullptr);
  return status;
}

void PqxxPool::Return(std::unique_ptr<pqxx::connection> connection) {
  MutexLock lock(mutex_);
  ++free_;
  if (connection != nullptr && connection->is_open()) idle_.push_back(std::move(connection));
  returned_.NotifyOne();
}

absl::Status PqxxPool::RunOnce(const std::function<absl::Status(pqxx::connection&)>& work,
                               Conflict& conflict) {
  CIEVENTS_ASSIGN_OR_RETURN(std::unique_ptr<pqxx::connection> connection, Take());
  const absl::Status status = CatchPqxx([&connection, &work, &conflict] {
    try {
      return work(*connection);
    } catch (const pqxx::statement_completion_unknown&) {
      throw;  // libpqxx counts it among the next, but its outcome is not known
    } catch (const pqxx::transaction_rollback&) {  // 40xxx: certainly nothing was written
      conflict = Conflict::kYes;
      throw;
    }
  });
  Return(std::move(connection));
  return status;
}

absl::Status PqxxPool::RunRepeatedly(const std::function<absl::Status(pqxx::connection&)>& work) {
  constexpr int kTriesMax = 5;
  absl::Status status;
  for (int attempt = 0; attempt < kTriesMax; ++attempt) {
    Conflict conflict = Conflict::kNo;
    status = RunOnce(work, conflict);
    if (conflict == Conflict::kNo) break;
  }
  return status;
}

absl::Status PqxxPool::Run(const std::function<absl::Status(pqxx::work&)>& work) {
  return RunRepeatedly([&work](pqxx::connection& connection) {
    pqxx::work transaction(connection);
    CIEVENTS_RETURN_IF_ERROR(work(transaction));  // the destructor rolls back
    transaction.commit();
    return absl::OkStatus();
  });
}

absl::Status PqxxPool::RunStatement(
    const std::function<absl::Status(pqxx::transaction_base&)>& work) {
  return RunRepeatedly([&work](pqxx::connection& connection) {
    pqxx::nontransaction statement(connection);
    return work(statement);
  });
}

}  // namespace cievents::store
