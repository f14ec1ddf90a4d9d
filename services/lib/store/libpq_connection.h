// A raw libpq connection for the paths where libpqxx costs too much: every call has a deadline, so
// a server that hangs counts as lost instead of holding its caller.
#ifndef SERVICES_LIB_STORE_LIBPQ_CONNECTION_H_
#define SERVICES_LIB_STORE_LIBPQ_CONNECTION_H_

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/lib/store/binary_array.h"
#include "services/lib/store/copy_row.h"

namespace cievents::store {

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ResultDeleter>;

// A field's text; empty for null. Valid as long as the result.
std::string_view Field(const PGresult* result, int row, int column);
int64_t IntField(const PGresult* result, int row, int column);  // 0 for null

// Not thread-safe.
class LibpqConnection {
 public:
  // `session_sql` is run once the connection is made (time-outs and the like).
  static absl::StatusOr<LibpqConnection> Connect(const std::string& dsn,
                                                 std::string_view application_name,
                                                 const std::string& session_sql);

  // False once a call has failed in a way after which the connection cannot be used.
  bool connected() const;

  absl::Status Prepare(const std::string& name, const std::string& sql,
                       const std::vector<Oid>& types, absl::Duration timeout);
  // All parameters binary, all results text.
  absl::StatusOr<Result> ExecPrepared(const std::string& name,
                                      const std::vector<BinaryArray>& parameters,
                                      absl::Duration timeout);
  // Text parameters.
  absl::StatusOr<Result> Exec(const std::string& sql, const std::vector<std::string>& parameters,
                              absl::Duration timeout);
  // Begins to read the rows of a query one by one, without holding them all, by COPY in the binary
  // format. Until NextRow has said that there is no more, nothing else may be asked.
  absl::Status BeginRows(const std::string& query, absl::Duration timeout);
  // False: that was all. `row` views what is kept until the next call.
  absl::StatusOr<bool> NextRow(CopyRow* row);

 private:
  struct ConnectionDeleter {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  struct Freer {
    void operator()(char* bytes) const { PQfreemem(bytes); }
  };
  explicit LibpqConnection(PGconn* connection) : connection_(connection) {}

  absl::Status Lost(std::string_view what);
  absl::Status Wait(short events, absl::Time deadline);
  absl::Status Flush(absl::Time deadline);
  // The next message of the COPY, into copied_; null at its end.
  absl::Status NextCopied();
  // The next result of the running command; null at its end.
  absl::StatusOr<Result> Next(absl::Time deadline);
  // Reads to the end of the command; the first error, or the last result.
  absl::StatusOr<Result> Finish(absl::Time deadline);

  std::unique_ptr<PGconn, ConnectionDeleter> connection_;
  // Of the COPY that is read.
  std::unique_ptr<char, Freer> copied_;
  size_t copied_size_ = 0;
  bool copied_some_ = false;
  absl::Time copy_deadline_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_LIBPQ_CONNECTION_H_
