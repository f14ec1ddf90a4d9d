#include "services/lib/spool/testing/spool_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <limits>
#include <utility>

#include "matcher/base/check.h"

namespace cievents::spool::testing {

namespace fs = std::filesystem;

SpoolFolder::SpoolFolder() {
  const fs::path base = fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
  std::string pattern = (base / "cievents-spool-XXXXXX").string();
  CIEVENTS_CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

SpoolFolder::~SpoolFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

Record MakeRecord(int n, size_t body_bytes) {
  Record record;
  record.kind = n % 3 == 0 ? RecordKind::kRaw : RecordKind::kMatched;
  record.event_uid = fmt::format("00000000-0000-4000-8000-{:012}", n);
  record.event_id = fmt::format("event \"{}\" \xFF\xFE", n) + std::string(1, '\0') + "end";
  record.source = n % 2 == 0 ? "" : "gitlab.example.com";
  record.event_name = "merge_request/opened";
  record.project_id = n;
  record.root_namespace_id = -n;
  record.event_time_ms = 1'700'000'000'000 + n;
  record.received_time_ms = 1'700'000'001'000 + n;
  record.request_count = n % 3 == 0 ? -1 : n;
  record.body = fmt::format("body {} ", n);
  uint32_t state = static_cast<uint32_t>(n) + 1;
  while (record.body.size() < body_bytes) {
    state = state * 1'664'525 + 1'013'904'223;
    record.body.push_back(static_cast<char>(state >> 24));
  }
  return record;
}

std::vector<Record> MakeRecords(int first, int count, size_t body_bytes) {
  std::vector<Record> records;
  for (int n = first; n < first + count; ++n) records.push_back(MakeRecord(n, body_bytes));
  return records;
}

absl::StatusOr<std::vector<RecordId>> AppendAndWait(Spool& spool, std::vector<Record> records) {
  using Result = absl::StatusOr<std::vector<RecordId>>;
  const auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> future = promise->get_future();
  const absl::Status status = spool.Append(
      std::move(records), [promise](Result result) { promise->set_value(std::move(result)); });
  if (!status.ok()) return status;
  return future.get();
}

std::vector<StoredRecord> ReadAll(Spool& spool) {
  std::vector<StoredRecord> all;
  RecordId after;
  for (;;) {
    auto part = spool.Read(after, 1000, std::numeric_limits<size_t>::max());
    CIEVENTS_CHECK(part.ok());
    if (part->empty()) return all;
    after = part->back().id;
    std::move(part->begin(), part->end(), std::back_inserter(all));
  }
}

std::vector<Record> RecordsOf(const std::vector<StoredRecord>& stored) {
  std::vector<Record> records;
  for (const StoredRecord& one : stored) records.push_back(one.record);
  return records;
}

std::vector<RecordId> IdsOf(const std::vector<StoredRecord>& stored) {
  std::vector<RecordId> ids;
  for (const StoredRecord& one : stored) ids.push_back(one.id);
  return ids;
}

std::vector<std::string> FileNames(const std::string& dir) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void CopyFolder(const std::string& from, const std::string& to) {
  // A spool that is open may rename or delete a file between the listing and the copy.
  constexpr int kTriesMax = 20;
  std::error_code error;
  for (int i = 0; i < kTriesMax; ++i) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive, error);
    if (!error) return;
  }
  CIEVENTS_CHECK(!error);
}

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace cievents::spool::testing
