// One file of the spool: an SQLite database in WAL mode, mode 0600, readable with the sqlite3
// program. Only the newest segment of a spool gets records; older ones only lose theirs.
//
// A transaction with records is synced before Write returns (synchronous=FULL); one that only takes
// records out is not (what a power cut brings back is absorbed by the key in Postgres). No commit
// waits for a checkpoint: the log is copied into the database by Close.
//
// After any failed write the segment is `broken`: it is not written again, since nobody knows which
// of its pages the kernel still has (https://lwn.net/Articles/752063/). It can still be read.
#ifndef SERVICES_LIB_SPOOL_SEGMENT_H_
#define SERVICES_LIB_SPOOL_SEGMENT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matcher/base/mutex.h"
#include "services/lib/spool/record.h"
#include "services/lib/spool/record_row.h"
#include "services/lib/spool/segment_scan.h"
#include "services/lib/spool/sqlite.h"

namespace cievents::spool {

// What one transaction does.
struct Changes {
  int64_t first_row = 0;  // of `appended`, which get this row and the following ones
  std::vector<const Record*> appended;
  std::vector<int64_t> removed;
  std::vector<Refusal> refused;

  bool empty() const { return appended.empty() && removed.empty() && refused.empty(); }
};

// Thread-safe: writing and reading have a connection and a mutex each, and do not wait for each
// other.
class Segment {
 public:
  struct Options {
    std::string vfs;                 // of SQLite; empty = its own
    bool unsynced_for_test = false;  // never fsync: the negative control of the tests
  };

  // Makes the file, which must not be there. Its name and its tables are on the disk on return.
  static absl::StatusOr<std::shared_ptr<Segment>> Create(const std::string& path, int64_t number,
                                                         const Options& options);
  // Opens nothing yet. With kReadOnly, Check and Scan are all that may be called.
  static std::shared_ptr<Segment> Existing(
      const std::string& path, int64_t number, const Options& options,
      Connection::Access access = Connection::Access::kReadWrite);

  // Opens an existing file. kNotFound: there is none. kDataLoss: it is not a segment of this
  // version. kUnavailable: it cannot be opened.
  absl::Status Check();
  // Every record of both tables, and what is damaged; see ScanTable.
  absl::Status Scan(const std::function<void(const Found&)>& visit);

  // All or nothing. Records are synced. kUnavailable, kResourceExhausted: a later reader may or may
  // not find them, and the segment is broken.
  absl::Status Write(const Changes& changes);
  // kNotFound: no such row. kDataLoss: it cannot be read, or its checksum does not fit.
  absl::StatusOr<Record> Fetch(int64_t row);

  bool broken() const { return broken_; }
  bool open() const { return open_; }
  int64_t number() const { return number_; }
  const std::string& path() const { return path_; }
  // Bytes of the log since the file was opened for writing.
  int64_t wal_bytes() const { return wal_bytes_; }

  // Gives back the space of what was taken out. For a segment that only holds refused records.
  absl::Status Compact();
  // Copies the log into the database unless broken, and closes the files; a later call opens them
  // again.
  void Close();
  // Closes and deletes the files. Later calls give kNotFound.
  absl::Status Delete();

 private:
  struct Writer {
    std::unique_ptr<Connection> connection;  // outlives the statements
    Statement insert_record;
    Statement insert_refused;
    Statement delete_record;
    Statement select_record;
    bool synced = true;  // PRAGMA synchronous is FULL
  };
  struct Reader {
    std::unique_ptr<Connection> connection;
    Statement select_record;
  };

  Segment(std::string path, int64_t number, const Options& options, Connection::Access access)
      : path_(std::move(path)), number_(number), options_(options), access_(access) {}

  absl::Status OpenWriter() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status OpenReader() ABSL_EXCLUSIVE_LOCKS_REQUIRED(read_mutex_);
  absl::Status SetSynced(bool synced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status Transact(const Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status Apply(const Changes& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status ApplyRefusal(const Refusal& refusal) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  const std::string path_;
  const int64_t number_;
  const Options options_;
  const Connection::Access access_;

  std::atomic<bool> broken_ = false;
  std::atomic<bool> deleted_ = false;
  std::atomic<bool> open_ = false;
  std::atomic<int64_t> wal_bytes_ = 0;

  // Never held together.
  Mutex write_mutex_;
  std::optional<Writer> writer_ ABSL_GUARDED_BY(write_mutex_);
  Mutex read_mutex_;
  std::optional<Reader> reader_ ABSL_GUARDED_BY(read_mutex_);
};

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_SEGMENT_H_
