// Fuzzes a segment's file: whatever its bytes, reading it ends, every row is shown once, what a
// scan shows a look-up shows too, and taking all out does not fail in other ways than by a Status.
#include <fmt/format.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "matcher/base/check.h"
#include "services/lib/spool/segment.h"

namespace cievents::spool {
namespace {

// One a process, in memory where that is possible.
const std::string& FuzzPath() {
  static const std::string path = [] {
    const auto base = std::filesystem::is_directory("/dev/shm")
                          ? std::filesystem::path("/dev/shm")
                          : std::filesystem::temp_directory_path();
    return (base / fmt::format("cievents-spool-fuzz-{}.db", ::getpid())).string();
  }();
  return path;
}

void DeleteFiles() {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    std::filesystem::remove(FuzzPath() + suffix);
  }
}

void OpenAndCheck(const char* bytes, size_t size) {
  DeleteFiles();
  std::ofstream(FuzzPath(), std::ios::binary).write(bytes, static_cast<std::streamsize>(size));
  Segment::Options options;
  options.unsynced_for_test = true;
  const auto segment = Segment::Existing(FuzzPath(), 1, options);
  if (!segment->Check().ok()) return;
  std::map<int64_t, Record> waiting;
  const absl::Status scanned = segment->Scan([&](const Found& found) {
    if (found.state != RecordState::kWaiting) return;
    CIEVENTS_CHECK(found.row >= 1 && found.row <= kRowsMax && found.row == found.row_last);
    CIEVENTS_CHECK(waiting.emplace(found.row, found.record).second);
  });
  CIEVENTS_CHECK(scanned.ok());
  Changes changes;
  for (const auto& [row, record] : waiting) {
    const auto fetched = segment->Fetch(row);
    // A damaged tree may show a row to a scan that a look-up does not find.
    CIEVENTS_CHECK(!fetched.ok() || *fetched == record);
    changes.removed.push_back(row);
  }
  segment->Write(changes).IgnoreError();
  segment->Close();
}

}  // namespace
}  // namespace cievents::spool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cievents::spool::OpenAndCheck(reinterpret_cast<const char*>(data), size);
  cievents::spool::DeleteFiles();
  return 0;
}
