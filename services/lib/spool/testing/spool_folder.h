// What tests of the spool share: a folder, records that can be told apart, an Append that waits.
#ifndef SERVICES_LIB_SPOOL_TESTING_SPOOL_FOLDER_H_
#define SERVICES_LIB_SPOOL_TESTING_SPOOL_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/lib/spool/spool.h"

namespace cievents::spool::testing {

// Removed with all that is in it. In memory (/dev/shm) where that is there.
class SpoolFolder {
 public:
  SpoolFolder();
  ~SpoolFolder();
  SpoolFolder(const SpoolFolder&) = delete;
  SpoolFolder& operator=(const SpoolFolder&) = delete;

  // The spool's own folder, which is not there until a spool is opened.
  std::string spool() const { return path_ + "/spool"; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Record number n: all columns differ, with bytes that are no text.
Record MakeRecord(int n, size_t body_bytes = 300);
std::vector<Record> MakeRecords(int first, int count, size_t body_bytes = 300);

absl::StatusOr<std::vector<RecordId>> AppendAndWait(Spool& spool, std::vector<Record> records);
std::vector<StoredRecord> ReadAll(Spool& spool);
std::vector<Record> RecordsOf(const std::vector<StoredRecord>& stored);
std::vector<RecordId> IdsOf(const std::vector<StoredRecord>& stored);

std::vector<std::string> FileNames(const std::string& dir);  // sorted
void CopyFolder(const std::string& from, const std::string& to);
std::string ReadBytes(const std::string& path);
void WriteBytes(const std::string& path, const std::string& bytes);

}  // namespace cievents::spool::testing

#endif  // SERVICES_LIB_SPOOL_TESTING_SPOOL_FOLDER_H_
