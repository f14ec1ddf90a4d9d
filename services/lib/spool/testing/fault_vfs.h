// An SQLite VFS over the ordinary one that fails when told to, and that knows what a power cut
// would leave of each file. https://sqlite.org/vfs.html
//
// The model of a cut: what was written and not synced may be on the disk or not, write by write and
// sector by sector. A failed sync drops what it should have written, for good, as Linux may do
// (https://lwn.net/Articles/752063/).
#ifndef SERVICES_LIB_SPOOL_TESTING_FAULT_VFS_H_
#define SERVICES_LIB_SPOOL_TESTING_FAULT_VFS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "matcher/base/mutex.h"

namespace cievents::spool::testing {

// Thread-safe. One at a time has a name; spools that use it must be gone before it is.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const { return name_; }

  // Files whose path ends in `suffix` ("" = all, "-wal" = the logs): the next `count` syncs fail
  // with EIO.
  void FailSyncs(std::string suffix, int count);
  // After `bytes` more bytes writes fail with ENOSPC; -1 = there is room.
  void SetRoom(int64_t bytes);
  // Databases open read-only.
  void SetReadOnly(bool read_only);

  int64_t syncs(std::string_view suffix) const;
  // Bytes that were written to `path` and no successful sync has covered.
  int64_t UnsyncedBytes(const std::string& path) const;

  // Writes into `to`, which must be there, what a cut at this moment leaves. Seed 0: nothing that
  // was not synced; others: by chance.
  void Cut(const std::string& to, uint64_t seed) const;

  // For the callbacks of SQLite.
  struct Hooks;

 private:
  friend struct Hooks;
  struct Change {
    int64_t offset = 0;
    std::string bytes;
    bool truncate = false;  // to `offset`
  };
  struct File {
    std::string durable;
    std::vector<Change> unsynced;
  };

  void KnowFile(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Apply(const Change& change, std::string* content);

  const std::string name_;
  struct Registration;
  std::unique_ptr<Registration> registration_;

  mutable Mutex mutex_;
  std::map<std::string, File> files_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> syncs_ ABSL_GUARDED_BY(mutex_);  // by path
  std::string failing_suffix_ ABSL_GUARDED_BY(mutex_);
  int failing_syncs_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t room_ ABSL_GUARDED_BY(mutex_) = -1;
  bool read_only_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cievents::spool::testing

#endif  // SERVICES_LIB_SPOOL_TESTING_FAULT_VFS_H_
