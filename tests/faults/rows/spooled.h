// What a matcher's spool holds, as a row looks at it.
#ifndef TESTS_FAULTS_ROWS_SPOOLED_H_
#define TESTS_FAULTS_ROWS_SPOOLED_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "services/lib/spool/record.h"

namespace cievents::faults {

// Those that wait, by SEGMENT/ROW.
std::map<std::string, spool::Record> Spooled(const std::string& spool_dir);

// Copies the logs of the segments into their databases, as a matcher does that stops in order.
// Returns the paths by number. REQUIRES: no process has the spool open.
absl::StatusOr<std::map<int64_t, std::string>> CopyLogs(const std::string& spool_dir);

// All of a file; empty: it is not there.
std::string BytesOf(const std::string& file);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROWS_SPOOLED_H_
