#include "services/lib/spool/sqlite.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <utility>

#include "matcher/base/check.h"
#include "matcher/base/status.h"

namespace cievents::spool {
namespace {

constexpr int kBusyTimeoutMs = 5000;          // another program reads or repairs by hand
constexpr int64_t kWalFrameHeaderBytes = 24;  // https://sqlite.org/fileformat2.html#walformat
constexpr int64_t kWalBytesMax = int64_t{256} << 20;

struct Verdict {
  absl::StatusCode code;
  const char* advice;
};

Verdict VerdictOf(int primary_code) {
  switch (primary_code) {
    case SQLITE_FULL:
      return {absl::StatusCode::kResourceExhausted, "free space on its disk"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:  // our SQL is fixed, so it is the schema that does not fit
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
      return {absl::StatusCode::kDataLoss, "the file is damaged; `sqlite3 FILE .recover` may help"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {absl::StatusCode::kUnavailable, "make the folder writable for this user"};
    case SQLITE_CANTOPEN:
      return {absl::StatusCode::kUnavailable,
              "check that the file is there, its owner, and the limit of open files"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {absl::StatusCode::kUnavailable, "another program holds its lock; end that"};
    case SQLITE_IOERR:
      return {absl::StatusCode::kUnavailable, "check the disk and the kernel's log"};
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
      return {absl::StatusCode::kInternal, "this is a bug"};
    default:
      return {absl::StatusCode::kUnavailable, "look at the disk and at memory"};
  }
}

absl::Status ErrorOf(sqlite3* handle, int code, std::string_view path) {
  const int extended = handle == nullptr ? code : sqlite3_extended_errcode(handle);
  // The handle remembers its last call, which need not be the one that failed.
  const int shown = (extended & 0xff) == (code & 0xff) ? extended : code;
  const char* text =
      shown == extended && handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(shown);
  const Verdict verdict = VerdictOf(code & 0xff);
  return Error(verdict.code, "{}: {} (SQLite {}): {}", path, text, shown, verdict.advice);
}

// The place of sqlite3_wal_autocheckpoint: a commit waits for a checkpoint only when the log has
// grown beyond reason, as by many small removals (segment.h says when there is one otherwise).
int OnCommit(void* wal_bytes, sqlite3* handle, const char* /*database*/, int pages) {
  const int64_t bytes = pages * (4096 + kWalFrameHeaderBytes);
  *static_cast<int64_t*>(wal_bytes) = bytes;
  // What it could not do is done at the next occasion; the log has everything until then.
  if (bytes > kWalBytesMax) {
    sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }
  return SQLITE_OK;
}

// A database without a log, on a disk that is read-only. SQLite opens it only if it is told that
// nobody else writes: it cannot make the file by which readers and writers of a log agree.
bool IsFrozen(const std::string& path) {
  struct statvfs disk = {};
  struct stat log = {};
  return ::statvfs(path.c_str(), &disk) == 0 && (disk.f_flag & ST_RDONLY) != 0 &&
         (::stat((path + "-wal").c_str(), &log) != 0 || log.st_size == 0);
}

// https://sqlite.org/uri.html
std::string FrozenUri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::BindInt(int index, int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), index, value);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

void Statement::BindText(int index, std::string_view value) {
  // A null pointer would be NULL, not the empty text.
  const char* bytes = value.data() == nullptr ? "" : value.data();
  const int code =
      sqlite3_bind_text64(handle_.get(), index, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

void Statement::BindBlob(int index, std::string_view value) {
  const char* bytes = value.data() == nullptr ? "" : value.data();
  const int code = sqlite3_bind_blob64(handle_.get(), index, bytes, value.size(), SQLITE_STATIC);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

absl::StatusOr<bool> Statement::Step() {
  sqlite3* connection = sqlite3_db_handle(handle_.get());
  if (bind_code_ != SQLITE_OK) return ErrorOf(connection, bind_code_, *path_);
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ErrorOf(connection, code, *path_);
}

absl::Status Statement::Run() {
  const absl::Status status = Step().status();
  Reset();
  return status;
}

void Statement::Reset() {
  sqlite3_reset(handle_.get());  // repeats the error of the last Step
  sqlite3_clear_bindings(handle_.get());
  bind_code_ = SQLITE_OK;
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string_view Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(handle_.get(), column);
  const int size = sqlite3_column_bytes(handle_.get(), column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<size_t>(size)};
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Access access,
                                                             const std::string& vfs) {
  sqlite3* handle = nullptr;
  const bool frozen = IsFrozen(path);
  const int flags = (access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    (frozen ? SQLITE_OPEN_URI : 0) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const std::string name = frozen ? FrozenUri(path) : path;
  const int code =
      sqlite3_open_v2(name.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    const absl::Status status = ErrorOf(handle, code, path);
    sqlite3_close(handle);
    return status;
  }
  std::unique_ptr<Connection> connection(new Connection(handle, path));
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // What closes must not write to a file of which an fsync has failed.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // A damaged file is not to be trusted: https://sqlite.org/security.html
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_wal_hook(handle, &OnCommit, &connection->wal_bytes_);
  CIEVENTS_RETURN_IF_ERROR(connection->Execute(
      "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY"));
  return connection;
}

Connection::~Connection() {
  const int code = sqlite3_close(handle_);
  CIEVENTS_CHECK(code == SQLITE_OK);  // anything else is a statement that is left
}

absl::Status Connection::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(handle_, code, path_);
}

absl::StatusOr<Statement> Connection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return ErrorOf(handle_, code, path_);
  return Statement(statement, &path_);
}

absl::StatusOr<int64_t> Connection::QueryInt(std::string_view sql) {
  CIEVENTS_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  CIEVENTS_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return Error(absl::StatusCode::kDataLoss, "{}: no answer to {}", path_, sql);
  return statement.Int(0);
}

absl::StatusOr<std::string> Connection::QueryText(std::string_view sql) {
  CIEVENTS_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  CIEVENTS_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return Error(absl::StatusCode::kDataLoss, "{}: no answer to {}", path_, sql);
  return std::string(statement.Bytes(0));
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Connection::CloseAndCheckpoint(std::unique_ptr<Connection> connection) {
  if (connection == nullptr) return;
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

}  // namespace cievents::spool
