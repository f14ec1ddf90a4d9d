// SQLite behind Statuses: a connection and a prepared statement. The includes of sqlite3.h are
// behind this file (and in the tests' VFS). Result codes: https://sqlite.org/rescode.html
//
// Not thread-safe: each connection and its statements belong to one mutex of the caller's.
#ifndef SERVICES_LIB_SPOOL_SQLITE_H_
#define SERVICES_LIB_SPOOL_SQLITE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cievents::spool {

// Prepared once, run often: bind, Step until it is false, Reset.
class Statement {
 public:
  Statement() = default;

  // Indexes count from 1. Texts and blobs must live until Reset.
  void BindInt(int index, int64_t value);
  void BindText(int index, std::string_view value);
  void BindBlob(int index, std::string_view value);

  // True: a row is there. An error of an earlier Bind is returned here.
  absl::StatusOr<bool> Step();
  // Steps through a statement that gives no rows, then resets it.
  absl::Status Run();
  void Reset();

  // Columns count from 0; valid after a Step that gave a row. Bytes: until the next Step or Reset,
  // for texts and blobs alike. A damaged row may hold any type: `Bytes` of a number is its text.
  int64_t Int(int column) const;
  std::string_view Bytes(int column) const;

 private:
  friend class Connection;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, const std::string* path) : handle_(statement), path_(path) {}

  std::unique_ptr<sqlite3_stmt, Finalizer> handle_;
  const std::string* path_ = nullptr;
  int bind_code_ = 0;
};

// One database file. Closing never writes a checkpoint unless CloseAndCheckpoint is called.
class Connection {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // `vfs`: the name of a registered sqlite3_vfs; empty = SQLite's own. The file must exist.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path, Access access,
                                                          const std::string& vfs);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs statements that give no rows that matter.
  absl::Status Execute(const char* sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // The first column of the first row of `sql`; kDataLoss without a row.
  absl::StatusOr<int64_t> QueryInt(std::string_view sql);
  absl::StatusOr<std::string> QueryText(std::string_view sql);

  // Bytes of the write-ahead log as of the last commit by this connection.
  int64_t wal_bytes() const { return wal_bytes_; }
  // No transaction is open, also after an error by which SQLite has ended it.
  bool in_transaction() const;

  // REQUIRES: no statement is left. If this is the last connection, the log is copied into the
  // database, synced and removed; if that fails it stays as it is, and so does what it holds.
  static void CloseAndCheckpoint(std::unique_ptr<Connection> connection);

 private:
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  sqlite3* handle_;
  const std::string path_;  // statements hold its address
  int64_t wal_bytes_ = 0;
};

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_SQLITE_H_
