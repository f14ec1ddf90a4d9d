#include "services/lib/spool/listing.h"

#include <utility>

#include "matcher/base/status.h"
#include "services/lib/spool/segment.h"
#include "services/lib/spool/segment_files.h"

namespace cievents::spool {
namespace {

Listed ListedOf(int64_t segment, const Found& found) {
  Listed listed;
  listed.state = found.state;
  listed.reason = found.reason;
  if (found.row == 0) {
    listed.id = fmt::format("{}", segment);
  } else if (found.row_last == found.row) {
    listed.id = fmt::format("{}/{}", segment, found.row);
  } else if (found.row_last >= kRowsMax) {
    listed.id = fmt::format("{}/{}-", segment, found.row);
  } else {
    listed.id = fmt::format("{}/{}-{}", segment, found.row, found.row_last);
  }
  if (found.state != RecordState::kDamaged) {
    listed.record = found.record;
    listed.bytes = RecordBytes(found.record);
  }
  return listed;
}

void VisitFile(const std::string& path, std::string reason,
               const std::function<void(const Listed&)>& visit) {
  Listed listed;
  listed.id = path.substr(path.find_last_of('/') + 1);
  listed.state = RecordState::kDamaged;
  listed.bytes = FileBytes(path);
  listed.reason = std::move(reason);
  visit(listed);
}

absl::Status ListSegment(const SegmentFile& file, const std::function<void(const Listed&)>& visit) {
  const auto segment =
      Segment::Existing(file.path, file.number, Segment::Options(), Connection::Access::kReadOnly);
  const absl::Status checked = segment->Check();
  if (checked.code() == absl::StatusCode::kNotFound) return absl::OkStatus();  // deleted meanwhile
  if (checked.code() == absl::StatusCode::kDataLoss) {
    VisitFile(file.path, std::string(checked.message()), visit);
    return absl::OkStatus();
  }
  CIEVENTS_RETURN_IF_ERROR(checked);
  return segment->Scan([&](const Found& found) { visit(ListedOf(file.number, found)); });
}

}  // namespace

absl::Status ListRecords(const std::string& dir, const std::function<void(const Listed&)>& visit) {
  const auto contents = ListFolder(dir);
  if (!contents.ok()) return absl::NotFoundError(contents.status().message());
  if (contents->number_max == 0 && !IsSpoolFolder(dir)) {
    return Error(absl::StatusCode::kNotFound, "{}: there is no spool in this folder", dir);
  }
  absl::Status result;
  for (const SegmentFile& file : contents->segments) {
    const absl::Status status = ListSegment(file, visit);
    if (result.ok()) result = status;
  }
  for (const std::string& path : contents->damaged) {
    VisitFile(path, "set aside: it could not be read at all", visit);
  }
  for (const std::string& path : contents->orphan_logs) {
    VisitFile(path, "its database is gone, only its log is there", visit);
  }
  return result;
}

}  // namespace cievents::spool
