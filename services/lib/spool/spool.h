// Records on the local disk that wait until Postgres takes them (docs/delivery.md, "While Postgres
// is away"). Durable before it is answered, bounded, checksummed, readable with the sqlite3
// program.
//
//   DIR/lock                        held (flock) while a process has the spool open
//   DIR/segment-000001.db           SQLite, WAL, synchronous=FULL, mode 0600; the last one is
//   DIR/segment-000002.db           written, the others are read until they are empty, then deleted
//   DIR/segment-000003.db.damaged   set aside by Open: it could not be read at all
//
// A segment in which something cannot be read stays, also once all the rest is taken out: what is
// lost to us, `sqlite3 FILE .recover` may still find. A person deletes it.
//
// One thread writes: it takes all records that wait, writes them in one transaction (one fsync) and
// answers them: group commit without a timer. Another one keeps the older segments: takes records
// out of them, checkpoints, closes and deletes them, so that no append waits for that.
//
// After any failed write or fsync the segment is never written again, since what the kernel says of
// its pages cannot be trusted any more (segment.h): the records of that write are answered with the
// error, the next ones go to a new segment, and what the old one holds is still read. If no segment
// can be made, Append says so, nothing is answered as durable, and a new one is tried from time to
// time.
#ifndef SERVICES_LIB_SPOOL_SPOOL_H_
#define SERVICES_LIB_SPOOL_SPOOL_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matcher/base/mutex.h"
#include "services/lib/spool/record.h"
#include "services/lib/spool/segment.h"
#include "services/lib/spool/segment_files.h"
#include "services/lib/spool/waiting_index.h"

namespace cievents::spool {

struct Stats {
  int64_t records = 0;             // that wait
  int64_t bytes = 0;               // their bodies and columns
  int64_t oldest_received_ms = 0;  // of the first one in order; 0 = none waits
  int64_t refused = 0;             // set aside with a reason
  int64_t damaged = 0;             // records, or ranges of them, that cannot be read
  int64_t damaged_segments = 0;    // files that could not be read at all: *.damaged
  int64_t set_aside_bytes = 0;     // of what is refused, and of what was found damaged since Open
  int64_t held_bytes = 0;          // what counts against bytes_max
  int64_t segments = 0;
  bool writable = true;               // the last write succeeded
  std::string last_error;             // of a write; stays after it has healed
  uint64_t commits = 0;               // that appended, since Open
  uint64_t appended = 0;              // records, since Open
  int64_t queued_bytes = 0;           // of records that are not on the disk yet
  int64_t queued_bytes_max = 0;       // as in Options
  uint64_t turned_away_by_queue = 0;  // records that found too many bytes not on the disk yet
  uint64_t turned_away_by_size = 0;   // records that found the spool full
};

// Thread-safe.
class Spool {
 public:
  struct Options {
    std::string dir;  // made with mode 0700 if it is absent
    // Beyond it Append refuses. Of what waits, is queued or set aside; for a segment that is not
    // written any more, of its file, which may hold more than what is left in it. So the files are
    // larger by up to about one segment.
    int64_t bytes_max = int64_t{4} << 30;
    int64_t segment_bytes_max = int64_t{64} << 20;  // then a new one is begun
    // A file of so many bytes is compacted once less than half of it is left.
    int64_t compact_bytes_min = int64_t{1} << 20;
    int64_t queued_bytes_max = int64_t{64} << 20;  // not yet on the disk; beyond it Append refuses
    int64_t commit_bytes_max = int64_t{8} << 20;   // one transaction takes no more, but one Append
    // How long after a failure to make a segment the next one is tried. Append refuses meanwhile.
    std::chrono::milliseconds retry_after{1000};
    Segment::Options segment;
  };

  // kFailedPrecondition: another process has the spool open, or DIR is not a spool of this version.
  // kUnavailable: the disk does not let it be made or read. A spool with records opens also where
  // nothing can be written (`writable` is false), so that it can be drained.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const Options& options);
  ~Spool();  // Stop
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Called exactly once, from the spool's thread, without a lock; it may call the spool, but not
  // Stop. OK: on the disk. kUnavailable, kResourceExhausted: not known to be there (a later Read
  // may or may not find it); nothing may be acknowledged.
  using Done = std::function<void(absl::StatusOr<std::vector<RecordId>>)>;
  // kResourceExhausted: full; kUnavailable: stopped or the disk failed. `done` is then not called.
  absl::Status Append(std::vector<Record> records, Done done);

  // The oldest records after `after`, in order of (segment, row), at most `count_max` and about
  // `bytes_max` (at least one). Damaged ones are left out, counted and named in the log once.
  // kUnavailable: something waits, and none of it can be read now.
  absl::StatusOr<std::vector<StoredRecord>> Read(RecordId after, int count_max, size_t bytes_max);

  // Takes records out: Postgres has them. Reads and stats know at once; the disk with the next
  // transaction, without an fsync of its own: what a power cut brings back is absorbed by the key
  // in Postgres. Ids that do not wait are passed over.
  void Remove(std::vector<RecordId> ids);
  // Keeps a record that Postgres refuses for itself aside: Read does not return it any more.
  void Refuse(RecordId id, const std::string& reason);

  Stats stats() const;

  // Writes what was taken, then ends the threads. Twice is fine, from two threads at once is not.
  void Stop();

 private:
  struct Submission {
    std::vector<Record> records;
    Done done;
    int64_t bytes = 0;
  };

  // A segment and what is known of it.
  struct Held {
    std::shared_ptr<Segment> segment;
    WaitingIndex waiting;
    int64_t refused = 0;  // for which the file is kept
    int64_t set_aside_bytes = 0;
    int64_t file_bytes = 0;  // 0 = it is the active one
    // Places that cannot be read. `.recover` may find more there than we can: the file is neither
    // compacted nor deleted but by hand.
    int64_t damaged = 0;
    Changes pending;  // removals and refusals that the file does not know yet
    bool close_due = false;
    bool compacted = false;

    int64_t left_bytes() const { return waiting.bytes() + set_aside_bytes; }
    bool disposable() const { return waiting.empty() && refused == 0 && damaged == 0; }
  };

  struct Work {
    enum class Kind { kEnd, kBegin, kWrite } kind = Kind::kEnd;
    std::shared_ptr<Segment> segment;
    std::vector<Submission> group;
    Changes changes;
  };

  // What the keeper does with one segment.
  struct Chore {
    std::shared_ptr<Segment> segment;
    Changes changes;
    bool compact = false;
    enum class Then { kNothing, kClose, kDelete } then = Then::kNothing;
  };

  Spool(const Options& options, std::unique_ptr<FolderLock> lock)
      : options_(options), folder_lock_(std::move(lock)) {}

  // Open.
  absl::Status Load();
  absl::Status LoadSegment(const SegmentFile& file);
  absl::Status ScanInto(Segment* segment, Held* held);
  absl::Status SetSegmentAside(const std::string& path, const std::string& why);

  // The writer's thread.
  void RunWriter();
  Work NextWork();
  Work TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status BeginSegment();
  void Write(Work work);
  std::vector<std::vector<RecordId>> Written(const Work& work)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NotWritten(const Work& work, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RetireActive() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RefuseQueue(const absl::Status& status);

  // The keeper's thread.
  void RunKeeper();
  std::vector<Chore> NextChores(bool* last);
  Chore ChoreOf(Held* held) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteFileBytes(const Segment& segment);

  // Records that wait, by the index.
  struct Place {
    std::shared_ptr<Segment> segment;
    RecordId id;
  };
  std::vector<Place> Candidates(RecordId after, int count_max, size_t bytes_max);
  // Keeps open what is read, and lets the keeper close what was.
  void NoteRead(const std::shared_ptr<Segment>& segment);
  void MarkDamaged(RecordId id, const absl::Status& status);
  // Takes a record out of the index and of the sums; null if it does not wait.
  Held* TakeOut(RecordId id, int64_t* bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wake(int64_t segment) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int64_t HeldBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Set in Open.
  const Options options_;
  const std::unique_ptr<FolderLock> folder_lock_;
  std::thread writer_;
  std::thread keeper_;

  // Owned by the writer's thread after Open.
  int64_t last_number_ = 0;  // of a segment

  mutable Mutex mutex_;
  CondVar writer_due_;
  CondVar keeper_due_;
  std::map<int64_t, Held> held_ ABSL_GUARDED_BY(mutex_);        // by number
  int64_t active_ ABSL_GUARDED_BY(mutex_) = 0;                  // that is written; 0 = none
  int64_t next_row_ ABSL_GUARDED_BY(mutex_) = 1;                // of the active one
  std::shared_ptr<Segment> last_read_ ABSL_GUARDED_BY(mutex_);  // kept open
  std::deque<Submission> queue_ ABSL_GUARDED_BY(mutex_);
  int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // also of the group that is being written
  bool disk_failed_ ABSL_GUARDED_BY(mutex_) = false;  // no segment can be made
  std::chrono::steady_clock::time_point begin_after_ ABSL_GUARDED_BY(mutex_);
  Stats stats_ ABSL_GUARDED_BY(mutex_);  // but what stats() counts
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool writer_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool keeper_has_work_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_SPOOL_H_
