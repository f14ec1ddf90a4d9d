// A look at a spool that takes no lock and changes no record: also while its process runs, also of
// a volume that has no process any more.
#ifndef SERVICES_LIB_SPOOL_LISTING_H_
#define SERVICES_LIB_SPOOL_LISTING_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "services/lib/spool/record.h"
#include "services/lib/spool/segment_scan.h"

namespace cievents::spool {

struct Listed {
  std::string id;  // SEGMENT/ROW, a range SEGMENT/ROW-ROW, or the name of a file that is set aside
  RecordState state = RecordState::kWaiting;
  Record record;      // empty if damaged
  int64_t bytes = 0;  // RecordBytes, or those of a file; 0 = not known
  std::string reason;
};

// In the order in which records would be read; then what is set aside as a file. kNotFound: there
// is no spool. What cannot be opened is passed over, and its error returned after all else is
// listed. SQLite may leave its own files (-wal, -shm) beside a segment that no process has open.
absl::Status ListRecords(const std::string& dir, const std::function<void(const Listed&)>& visit);

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_LISTING_H_
