// The files of a spool's folder, and the lock that one process holds on it.
#ifndef SERVICES_LIB_SPOOL_SEGMENT_FILES_H_
#define SERVICES_LIB_SPOOL_SEGMENT_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cievents::spool {

// DIR/lock, held (flock) until this is destroyed or the process ends. It also says which version of
// the format the folder has.
class FolderLock {
 public:
  // Makes the folder with mode 0700 if it is absent. kFailedPrecondition: somebody holds it, or the
  // folder is one of another version; kUnavailable: it cannot be made.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& dir);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

struct SegmentFile {
  int64_t number = 0;
  std::string path;
};

// A segment is made under its name with this, so that under its own name it is a finished one.
inline constexpr char kUnfinishedSuffix[] = ".new";

struct FolderContents {
  std::vector<SegmentFile> segments;     // ascending
  std::vector<std::string> unfinished;   // segments whose making was cut short
  std::vector<std::string> orphan_logs;  // a segment's log (-wal) without the segment
  std::vector<std::string> damaged;      // set aside earlier: *.damaged
  int64_t number_max = 0;                // that any file has
};

absl::StatusOr<FolderContents> ListFolder(const std::string& dir);
bool IsSpoolFolder(const std::string& dir);  // a spool has been opened there

std::string SegmentPath(const std::string& dir, int64_t number);  // DIR/segment-000001.db
int64_t FileBytes(const std::string& path);                       // 0 if it is not there

// Makes what was created, renamed or deleted in `dir` durable.
absl::Status SyncFolder(const std::string& dir);

// Renames PATH to PATH.damaged, and its log with it, so that SQLite still finds them together.
absl::Status SetAside(const std::string& path);
// Deletes the log first: a log without its segment would look like damage.
absl::Status DeleteSegmentFiles(const std::string& path);

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_SEGMENT_FILES_H_
