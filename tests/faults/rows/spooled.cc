#include "tests/faults/rows/spooled.h"

#include <fstream>
#include <sstream>

#include "matcher/base/status.h"
#include "services/lib/spool/listing.h"
#include "services/lib/spool/segment.h"
#include "services/lib/spool/segment_files.h"

namespace cievents::faults {

std::map<std::string, spool::Record> Spooled(const std::string& spool_dir) {
  std::map<std::string, spool::Record> spooled;
  // What cannot be read is not there.
  spool::ListRecords(spool_dir, [&spooled](const spool::Listed& listed) {
    if (listed.state == spool::RecordState::kWaiting) spooled[listed.id] = listed.record;
  }).IgnoreError();
  return spooled;
}

absl::StatusOr<std::map<int64_t, std::string>> CopyLogs(const std::string& spool_dir) {
  std::map<int64_t, std::string> paths;
  CIEVENTS_ASSIGN_OR_RETURN(const spool::FolderContents contents, spool::ListFolder(spool_dir));
  for (const spool::SegmentFile& file : contents.segments) {
    paths[file.number] = file.path;
    const auto segment = spool::Segment::Existing(file.path, file.number, {});
    CIEVENTS_RETURN_IF_ERROR(segment->Check());
    segment->Close();
  }
  return paths;
}

std::string BytesOf(const std::string& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

}  // namespace cievents::faults
