#include "services/lib/store/libpq_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/lib/store/connection_string.h"
#include "services/lib/store/sql_errors.h"

namespace cievents::store {
namespace {

std::string_view Trimmed(const char* message) {
  std::string_view text = message == nullptr ? "" : message;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return text;
}

absl::Status StatusOf(const PGresult* result) {
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
      return absl::OkStatus();
    default:
      break;
  }
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view message = Trimmed(PQresultErrorMessage(result));
  // libpq makes results of its own, without a state, when the connection breaks.
  if (sqlstate == nullptr) return absl::UnavailableError(std::string(message));
  const ConstraintName constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) == nullptr
                                        ? ConstraintName::kAbsent
                                        : ConstraintName::kNamed;
  return Error(CodeOfSqlState(sqlstate, constraint), "Postgres says {}: {}", sqlstate, message);
}

}  // namespace

std::string_view Field(const PGresult* result, int row, int column) {
  return {PQgetvalue(result, row, column), static_cast<size_t>(PQgetlength(result, row, column))};
}

int64_t IntField(const PGresult* result, int row, int column) {
  const std::string_view text = Field(result, row, column);
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

absl::StatusOr<LibpqConnection> LibpqConnection::Connect(const std::string& dsn,
                                                         std::string_view application_name,
                                                         const std::string& session_sql) {
  CIEVENTS_ASSIGN_OR_RETURN(const std::string conninfo,
                            WithConnectionDefaults(dsn, application_name));
  LibpqConnection connection(PQconnectdb(conninfo.c_str()));
  PGconn* raw = connection.connection_.get();
  if (raw == nullptr) return absl::ResourceExhaustedError("out of memory for a connection");
  if (PQstatus(raw) != CONNECTION_OK) {
    return Error(absl::StatusCode::kUnavailable, "cannot connect to Postgres: {}",
                 Trimmed(PQerrorMessage(raw)));
  }
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(raw, 1) != 0) return connection.Lost("making the connection non-blocking");
  const auto ready = connection.Exec(session_sql, {}, absl::Seconds(5));
  if (!ready.ok()) return ready.status();
  return connection;
}

bool LibpqConnection::connected() const {
  return connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK;
}

absl::Status LibpqConnection::Lost(std::string_view what) {
  const absl::Status status =
      Error(absl::StatusCode::kUnavailable, "{}: the connection to Postgres is lost: {}", what,
            Trimmed(PQerrorMessage(connection_.get())));
  connection_.reset();
  return status;
}

absl::Status LibpqConnection::Wait(short events, absl::Time deadline) {
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    pollfd waited = {PQsocket(connection_.get()), events, 0};
    const int ready = left <= absl::ZeroDuration()
                          ? 0
                          : poll(&waited, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno == EINTR) continue;
    connection_.reset();  // What the server does with the command is unknown from here on.
    return absl::UnavailableError("Postgres did not answer in time; the connection is given up");
  }
}

absl::Status LibpqConnection::Flush(absl::Time deadline) {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left == 0) return absl::OkStatus();
    if (left < 0) return Lost("sending");
    CIEVENTS_RETURN_IF_ERROR(Wait(POLLIN | POLLOUT, deadline));
    // The server may be unable to read on before its own output is taken.
    if (PQconsumeInput(connection_.get()) == 0) return Lost("sending");
  }
}

absl::StatusOr<Result> LibpqConnection::Next(absl::Time deadline) {
  while (PQisBusy(connection_.get()) != 0) {
    CIEVENTS_RETURN_IF_ERROR(Wait(POLLIN, deadline));
    if (PQconsumeInput(connection_.get()) == 0) return Lost("waiting for the answer");
  }
  return Result(PQgetResult(connection_.get()));
}

absl::StatusOr<Result> LibpqConnection::Finish(absl::Time deadline) {
  CIEVENTS_RETURN_IF_ERROR(Flush(deadline));
  absl::Status status;
  Result last;
  while (true) {
    CIEVENTS_ASSIGN_OR_RETURN(Result result, Next(deadline));
    if (result == nullptr) break;
    if (status.ok()) status = StatusOf(result.get());
    last = std::move(result);
  }
  if (!status.ok()) return status;
  return last;
}

absl::Status LibpqConnection::Prepare(const std::string& name, const std::string& sql,
                                      const std::vector<Oid>& types, absl::Duration timeout) {
  if (!connected()) return absl::UnavailableError("not connected to Postgres");
  const absl::Time deadline = absl::Now() + timeout;
  if (PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), static_cast<int>(types.size()),
                    types.data()) == 0) {
    return Lost("preparing a statement");
  }
  return Finish(deadline).status();
}

absl::StatusOr<Result> LibpqConnection::ExecPrepared(const std::string& name,
                                                     const std::vector<BinaryArray>& parameters,
                                                     absl::Duration timeout) {
  if (!connected()) return absl::UnavailableError("not connected to Postgres");
  const absl::Time deadline = absl::Now() + timeout;
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const BinaryArray& parameter : parameters) {
    values.push_back(parameter.bytes().data());
    lengths.push_back(static_cast<int>(parameter.bytes().size()));
  }
  const std::vector<int> formats(parameters.size(), 1);
  if (PQsendQueryPrepared(connection_.get(), name.c_str(), static_cast<int>(parameters.size()),
                          values.data(), lengths.data(), formats.data(), 0) == 0) {
    return Lost("sending a batch");
  }
  return Finish(deadline);
}

absl::StatusOr<Result> LibpqConnection::Exec(const std::string& sql,
                                             const std::vector<std::string>& parameters,
                                             absl::Duration timeout) {
  if (!connected()) return absl::UnavailableError("not connected to Postgres");
  const absl::Time deadline = absl::Now() + timeout;
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  const int sent =
      parameters.empty()
          ? PQsendQuery(connection_.get(), sql.c_str())  // takes several statements
          : PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                              nullptr, values.data(), nullptr, nullptr, 0);
  if (sent == 0) return Lost("sending a query");
  return Finish(deadline);
}

absl::Status LibpqConnection::BeginRows(const std::string& query, absl::Duration timeout) {
  if (!connected()) return absl::UnavailableError("not connected to Postgres");
  copy_deadline_ = absl::Now() + timeout;
  copied_some_ = false;
  const std::string copy = fmt::format("COPY ({}) TO STDOUT (FORMAT binary)", query);
  if (PQsendQuery(connection_.get(), copy.c_str()) == 0) return Lost("sending a query");
  CIEVENTS_RETURN_IF_ERROR(Flush(copy_deadline_));
  CIEVENTS_ASSIGN_OR_RETURN(const Result begun, Next(copy_deadline_));
  if (PQresultStatus(begun.get()) == PGRES_COPY_OUT) return absl::OkStatus();
  CIEVENTS_RETURN_IF_ERROR(Finish(copy_deadline_).status());
  return StatusOf(begun.get());
}

absl::Status LibpqConnection::NextCopied() {
  while (true) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection_.get(), &bytes, /*async=*/1);
    copied_.reset(bytes);
    if (size > 0) copied_size_ = static_cast<size_t>(size);
    if (size > 0 || size == -1) return absl::OkStatus();
    if (size < -1) return Lost("copying rows");
    CIEVENTS_RETURN_IF_ERROR(Wait(POLLIN, copy_deadline_));
    if (PQconsumeInput(connection_.get()) == 0) return Lost("copying rows");
  }
}

absl::StatusOr<bool> LibpqConnection::NextRow(CopyRow* row) {
  if (!connected()) return absl::UnavailableError("not connected to Postgres");
  CIEVENTS_RETURN_IF_ERROR(NextCopied());
  if (copied_ == nullptr) {
    // An error that came in the middle (a time-out, a crash) stands in what follows.
    CIEVENTS_RETURN_IF_ERROR(Finish(copy_deadline_).status());
    return absl::DataLossError("a COPY from Postgres ended without its trailer");
  }
  std::string_view bytes(copied_.get(), copied_size_);
  if (!copied_some_) CIEVENTS_RETURN_IF_ERROR(TakeCopyHeader(&bytes));
  copied_some_ = true;
  CIEVENTS_ASSIGN_OR_RETURN(const bool is_row, row->Read(bytes));
  if (is_row) return true;
  CIEVENTS_RETURN_IF_ERROR(NextCopied());
  if (copied_ != nullptr) return absl::DataLossError("a COPY from Postgres goes on after its end");
  CIEVENTS_RETURN_IF_ERROR(Finish(copy_deadline_).status());
  return false;
}

}  // namespace cievents::store
