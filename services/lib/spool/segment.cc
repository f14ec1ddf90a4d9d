#include "services/lib/spool/segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "matcher/base/check.h"
#include "matcher/base/status.h"
#include "services/lib/spool/segment_files.h"

namespace cievents::spool {
namespace {

constexpr int64_t kApplicationId = 0x43494556;  // "CIEV"; https://sqlite.org/pragma.html
constexpr int64_t kUserVersion = 1;

absl::Status CheckTables(Connection* connection, const std::string& path) {
  CIEVENTS_ASSIGN_OR_RETURN(const int64_t id, connection->QueryInt("PRAGMA application_id"));
  CIEVENTS_ASSIGN_OR_RETURN(const int64_t version, connection->QueryInt("PRAGMA user_version"));
  CIEVENTS_ASSIGN_OR_RETURN(Statement tables,
                            connection->Prepare("SELECT sql FROM sqlite_schema ORDER BY name"));
  std::vector<std::string> found;
  for (;;) {
    CIEVENTS_ASSIGN_OR_RETURN(const bool row, tables.Step());
    if (!row) break;
    found.emplace_back(tables.Bytes(0));
  }
  const std::vector<std::string> expected = {kRecordsSchema, kRefusedSchema};
  if (id != kApplicationId || version != kUserVersion || found != expected) {
    return Error(absl::StatusCode::kDataLoss, "{}: its tables are not those of a spool's segment",
                 path);
  }
  return absl::OkStatus();
}

// By hand, since SQLite would make it readable for others.
absl::Status CreateFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Error(
        errno == ENOSPC ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
        "{}: cannot be made: {}", path, std::strerror(errno));
  }
  ::close(fd);
  return absl::OkStatus();
}

const char* SynchronousOf(const Segment::Options& options) {
  return options.unsynced_for_test ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = FULL";
}

// In a rollback journal, before there is a log: the database itself is on the disk on return.
absl::Status CreateTables(const std::string& path, const Segment::Options& options) {
  CIEVENTS_ASSIGN_OR_RETURN(auto connection,
                            Connection::Open(path, Connection::Access::kReadWrite, options.vfs));
  CIEVENTS_RETURN_IF_ERROR(connection->Execute(SynchronousOf(options)));
  CIEVENTS_RETURN_IF_ERROR(connection->Execute(
      fmt::format("PRAGMA page_size = 4096; BEGIN IMMEDIATE; PRAGMA application_id = {}; "
                  "PRAGMA user_version = {}; {}; {}; COMMIT",
                  kApplicationId, kUserVersion, kRecordsSchema, kRefusedSchema)
          .c_str()));
  CIEVENTS_RETURN_IF_ERROR(connection->Execute("PRAGMA journal_mode = WAL"));
  Connection::CloseAndCheckpoint(std::move(connection));
  return absl::OkStatus();
}

// By its name a segment is a finished one, whatever ends the process before.
absl::Status PutInPlace(const std::string& unfinished, const std::string& path) {
  if (::rename(unfinished.c_str(), path.c_str()) != 0) {
    return Error(absl::StatusCode::kUnavailable, "{}: cannot be renamed: {}", unfinished,
                 std::strerror(errno));
  }
  return SyncFolder(path.substr(0, path.find_last_of('/')));
}

}  // namespace

absl::StatusOr<std::shared_ptr<Segment>> Segment::Create(const std::string& path, int64_t number,
                                                         const Options& options) {
  const std::string unfinished = path + kUnfinishedSuffix;
  absl::Status status = CreateFile(unfinished);
  if (status.ok()) status = CreateTables(unfinished, options);
  if (status.ok()) status = PutInPlace(unfinished, path);
  if (!status.ok()) {
    DeleteSegmentFiles(unfinished).IgnoreError();  // what is left is deleted by the next Open
    return status;
  }
  std::shared_ptr<Segment> segment = Existing(path, number, options);
  status = segment->Check();
  if (status.ok()) return segment;
  segment->broken_ = true;
  segment->Delete().IgnoreError();  // it never held anything
  return status;
}

std::shared_ptr<Segment> Segment::Existing(const std::string& path, int64_t number,
                                           const Options& options, Connection::Access access) {
  return std::shared_ptr<Segment>(new Segment(path, number, options, access));
}

absl::Status Segment::OpenWriter() {
  if (deleted_) return Error(absl::StatusCode::kNotFound, "{}: deleted", path_);
  if (writer_.has_value()) return absl::OkStatus();
  CIEVENTS_ASSIGN_OR_RETURN(auto connection,
                            Connection::Open(path_, Connection::Access::kReadWrite, options_.vfs));
  CIEVENTS_RETURN_IF_ERROR(CheckTables(connection.get(), path_));
  CIEVENTS_RETURN_IF_ERROR(connection->Execute(SynchronousOf(options_)));
  Writer writer;
  CIEVENTS_ASSIGN_OR_RETURN(writer.insert_record, connection->Prepare(kInsertRecord));
  CIEVENTS_ASSIGN_OR_RETURN(writer.insert_refused, connection->Prepare(kInsertRefused));
  CIEVENTS_ASSIGN_OR_RETURN(writer.delete_record,
                            connection->Prepare("DELETE FROM records WHERE id = ?1"));
  CIEVENTS_ASSIGN_OR_RETURN(
      writer.select_record,
      connection->Prepare(fmt::format("SELECT {} FROM records WHERE id = ?1", kRecordColumns)));
  writer.connection = std::move(connection);
  writer_ = std::move(writer);
  open_ = true;
  return absl::OkStatus();
}

absl::Status Segment::OpenReader() {
  if (deleted_) return Error(absl::StatusCode::kNotFound, "{}: deleted", path_);
  if (reader_.has_value()) return absl::OkStatus();
  CIEVENTS_ASSIGN_OR_RETURN(auto connection,
                            Connection::Open(path_, Connection::Access::kReadOnly, options_.vfs));
  Reader reader;
  CIEVENTS_ASSIGN_OR_RETURN(
      reader.select_record,
      connection->Prepare(fmt::format("SELECT {} FROM records WHERE id = ?1", kRecordColumns)));
  reader.connection = std::move(connection);
  reader_ = std::move(reader);
  open_ = true;
  return absl::OkStatus();
}

absl::Status Segment::Check() {
  // Not to be opened: SQLite would delete the log of a database of size zero.
  if (FileBytes(path_) == 0) {
    return Error(::access(path_.c_str(), F_OK) == 0 ? absl::StatusCode::kDataLoss
                                                    : absl::StatusCode::kNotFound,
                 "{}: it is empty, or not there", path_);
  }
  if (access_ == Connection::Access::kReadWrite) {
    const MutexLock lock(write_mutex_);
    return OpenWriter();
  }
  CIEVENTS_ASSIGN_OR_RETURN(const auto connection, Connection::Open(path_, access_, options_.vfs));
  return CheckTables(connection.get(), path_);
}

absl::Status Segment::Scan(const std::function<void(const Found&)>& visit) {
  const MutexLock lock(read_mutex_);
  CIEVENTS_RETURN_IF_ERROR(OpenReader());
  Connection* connection = reader_->connection.get();
  bool damaged = false;
  const auto note = [&](const Found& found) {
    damaged = damaged || found.state == RecordState::kDamaged;
    visit(found);
  };
  CIEVENTS_RETURN_IF_ERROR(ScanTable(connection, Table::kRecords, note));
  CIEVENTS_RETURN_IF_ERROR(ScanTable(connection, Table::kRefused, note));
  return damaged ? absl::OkStatus() : CheckPages(connection, visit);
}

absl::Status Segment::Write(const Changes& changes) {
  const MutexLock lock(write_mutex_);
  if (broken_) {
    return Error(absl::StatusCode::kUnavailable, "{}: not written since an earlier error", path_);
  }
  if (absl::Status status = OpenWriter(); !status.ok()) {
    if (status.code() != absl::StatusCode::kNotFound) broken_ = true;
    return status;
  }
  const absl::Status status = Transact(changes);
  if (!status.ok()) {
    broken_ = true;
    if (writer_->connection->in_transaction()) {
      writer_->connection->Execute("ROLLBACK").IgnoreError();  // touches memory only
    }
  }
  wal_bytes_ = writer_->connection->wal_bytes();
  return status;
}

absl::Status Segment::Transact(const Changes& changes) {
  CIEVENTS_RETURN_IF_ERROR(SetSynced(!changes.appended.empty()));
  CIEVENTS_RETURN_IF_ERROR(writer_->connection->Execute("BEGIN IMMEDIATE"));
  CIEVENTS_RETURN_IF_ERROR(Apply(changes));
  return writer_->connection->Execute("COMMIT");
}

absl::Status Segment::SetSynced(bool synced) {
  if (options_.unsynced_for_test || writer_->synced == synced) return absl::OkStatus();
  // NORMAL does not sync a commit, but still what a checkpoint needs.
  CIEVENTS_RETURN_IF_ERROR(writer_->connection->Execute(synced ? "PRAGMA synchronous = FULL"
                                                               : "PRAGMA synchronous = NORMAL"));
  writer_->synced = synced;
  return absl::OkStatus();
}

absl::Status Segment::Apply(const Changes& changes) {
  int64_t row = changes.first_row;
  for (const Record* record : changes.appended) {
    BindRecord(row++, *record, &writer_->insert_record);
    CIEVENTS_RETURN_IF_ERROR(writer_->insert_record.Run());
  }
  for (const Refusal& refusal : changes.refused) {
    CIEVENTS_RETURN_IF_ERROR(ApplyRefusal(refusal));
  }
  for (const int64_t removed : changes.removed) {
    writer_->delete_record.BindInt(1, removed);
    CIEVENTS_RETURN_IF_ERROR(writer_->delete_record.Run());
  }
  return absl::OkStatus();
}

// Moves the row to the other table, so that those that wait stay together.
absl::Status Segment::ApplyRefusal(const Refusal& refusal) {
  Statement& select = writer_->select_record;
  select.BindInt(1, refusal.row);
  const absl::StatusOr<bool> there = select.Step();
  absl::StatusOr<Record> record = absl::NotFoundError("");
  if (there.ok() && *there) record = ReadRecord(select);
  select.Reset();
  CIEVENTS_RETURN_IF_ERROR(there.status());
  if (!record.ok()) return absl::OkStatus();  // damaged since it was read: the next Open names it
  BindRefused(*record, refusal, &writer_->insert_refused);
  CIEVENTS_RETURN_IF_ERROR(writer_->insert_refused.Run());
  writer_->delete_record.BindInt(1, refusal.row);
  return writer_->delete_record.Run();
}

absl::StatusOr<Record> Segment::Fetch(int64_t row) {
  const MutexLock lock(read_mutex_);
  CIEVENTS_RETURN_IF_ERROR(OpenReader());
  Statement& select = reader_->select_record;
  select.BindInt(1, row);
  const absl::StatusOr<bool> there = select.Step();
  absl::StatusOr<Record> record = Error(absl::StatusCode::kNotFound, "row {}: not there", row);
  if (!there.ok()) {
    record = there.status();
  } else if (*there) {
    record = ReadRecord(select);
  }
  select.Reset();
  return record;
}

absl::Status Segment::Compact() {
  const MutexLock lock(write_mutex_);
  if (broken_) return absl::OkStatus();
  CIEVENTS_RETURN_IF_ERROR(OpenWriter());
  const absl::Status status = writer_->connection->Execute("VACUUM");
  if (!status.ok()) broken_ = true;
  return status;
}

void Segment::Close() {
  bool was_read = false;
  {
    const MutexLock lock(read_mutex_);
    was_read = reader_.has_value();
    reader_.reset();
  }
  const MutexLock lock(write_mutex_);
  // A reader leaves files of SQLite's behind, which only a writer removes.
  if (was_read && !broken_ && !deleted_) OpenWriter().IgnoreError();
  open_ = false;
  if (!writer_.has_value()) return;
  std::unique_ptr<Connection> connection = std::move(writer_->connection);
  writer_.reset();
  if (!broken_ && !deleted_) Connection::CloseAndCheckpoint(std::move(connection));
}

absl::Status Segment::Delete() {
  deleted_ = true;
  Close();
  CIEVENTS_RETURN_IF_ERROR(DeleteSegmentFiles(path_));
  return absl::OkStatus();
}

}  // namespace cievents::spool
