// Opening a spool: what earlier processes left.
#include <algorithm>
#include <utility>

#include "matcher/base/status.h"
#include "services/lib/base/log.h"
#include "services/lib/spool/spool.h"

namespace cievents::spool {
namespace {

constexpr int kDamagedNamedMax = 100;  // a segment, in the log; `cievents spool list` names all

void LogDamage(const std::string& path, const Found& found, int named) {
  if (named < kDamagedNamedMax) {
    LogError("a record of the spool is damaged; it is left where it is",
             {{"file", path},
              {"row", found.row},
              {"row_last", found.row_last},
              {"error", found.reason}});
  } else if (named == kDamagedNamedMax) {
    LogError("more records of this segment are damaged; `cievents spool list` names them",
             {{"file", path}});
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const Options& options) {
  CIEVENTS_ASSIGN_OR_RETURN(auto folder_lock, FolderLock::Take(options.dir));
  std::unique_ptr<Spool> spool(new Spool(options, std::move(folder_lock)));
  CIEVENTS_RETURN_IF_ERROR(spool->Load());
  if (const absl::Status status = spool->BeginSegment(); !status.ok()) {
    if (spool->stats().segments == 0) return status;
    LogError("the spool cannot be written; what it holds can be drained",
             {{"dir", options.dir}, {"error", std::string(status.message())}});
  }
  spool->writer_ = std::thread([&spool = *spool] { spool.RunWriter(); });
  spool->keeper_ = std::thread([&spool = *spool] { spool.RunKeeper(); });
  return spool;
}

absl::Status Spool::Load() {
  CIEVENTS_ASSIGN_OR_RETURN(const FolderContents contents, ListFolder(options_.dir));
  last_number_ = contents.number_max;
  {
    const MutexLock lock(mutex_);
    stats_.damaged_segments = static_cast<int64_t>(contents.damaged.size());
  }
  for (const std::string& path : contents.unfinished) {
    DeleteSegmentFiles(path).IgnoreError();  // they never held anything; their names are not reused
  }
  for (const std::string& log : contents.orphan_logs) {
    CIEVENTS_RETURN_IF_ERROR(SetSegmentAside(log.substr(0, log.size() - 4),
                                             "its database is gone, only its log is there"));
  }
  for (const SegmentFile& file : contents.segments) {
    CIEVENTS_RETURN_IF_ERROR(LoadSegment(file));
  }
  return absl::OkStatus();
}

absl::Status Spool::LoadSegment(const SegmentFile& file) {
  Held held;
  held.segment = Segment::Existing(file.path, file.number, options_.segment);
  const absl::Status checked = held.segment->Check();
  if (checked.code() == absl::StatusCode::kDataLoss) {
    held.segment->Close();
    return SetSegmentAside(file.path, std::string(checked.message()));
  }
  CIEVENTS_RETURN_IF_ERROR(checked);
  CIEVENTS_RETURN_IF_ERROR(ScanInto(held.segment.get(), &held));
  if (held.disposable()) {
    // One that cannot be deleted now is found by the next Open; its number is not used again.
    if (const absl::Status deleted = held.segment->Delete(); !deleted.ok()) {
      LogWarning("an empty segment of the spool cannot be deleted",
                 {{"file", file.path}, {"error", std::string(deleted.message())}});
    }
    return absl::OkStatus();
  }
  held.segment->Close();
  held.file_bytes = std::max<int64_t>(FileBytes(file.path) + FileBytes(file.path + "-wal"), 1);
  const MutexLock lock(mutex_);
  held_.emplace(file.number, std::move(held));
  return absl::OkStatus();
}

absl::Status Spool::ScanInto(Segment* segment, Held* held) {
  std::vector<WaitingIndex::Entry> waiting;
  Stats found_stats;
  int damaged_named = 0;
  CIEVENTS_RETURN_IF_ERROR(segment->Scan([&](const Found& found) {
    const int64_t bytes = RecordBytes(found.record);
    switch (found.state) {
      case RecordState::kWaiting:
        waiting.push_back({found.row, found.record.received_time_ms, bytes});
        found_stats.bytes += bytes;
        return;
      case RecordState::kRefused:
        ++found_stats.refused;
        found_stats.set_aside_bytes += bytes;
        return;
      case RecordState::kDamaged:
        ++found_stats.damaged;
        LogDamage(segment->path(), found, damaged_named++);
    }
  }));
  // A damaged tree may give its rows out of order.
  std::sort(waiting.begin(), waiting.end(),
            [](const auto& a, const auto& b) { return a.row < b.row; });
  for (const auto& entry : waiting) {
    held->waiting.Add(entry.row, entry.received_time_ms, entry.bytes);
  }
  held->refused = found_stats.refused;
  held->set_aside_bytes = found_stats.set_aside_bytes;
  held->damaged = found_stats.damaged;
  if (held->damaged > 0) {
    LogError(
        "a segment of the spool is damaged; what can be read is drained, and the file stays: "
        "`sqlite3 FILE .recover` may find more; then delete it",
        {{"file", segment->path()}});
  }
  const MutexLock lock(mutex_);
  stats_.records += held->waiting.records();
  stats_.bytes += found_stats.bytes;
  stats_.refused += found_stats.refused;
  stats_.damaged += found_stats.damaged;
  stats_.set_aside_bytes += found_stats.set_aside_bytes;
  return absl::OkStatus();
}

absl::Status Spool::SetSegmentAside(const std::string& path, const std::string& why) {
  CIEVENTS_RETURN_IF_ERROR(SetAside(path));
  LogError("a segment of the spool cannot be read; it is set aside as *.damaged",
           {{"file", path}, {"error", why}});
  const MutexLock lock(mutex_);
  ++stats_.damaged_segments;
  return absl::OkStatus();
}

}  // namespace cievents::spool
