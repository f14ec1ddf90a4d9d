// Reads all that can be read of a segment's tables, past what is damaged.
#ifndef SERVICES_LIB_SPOOL_SEGMENT_SCAN_H_
#define SERVICES_LIB_SPOOL_SEGMENT_SCAN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/lib/spool/record.h"
#include "services/lib/spool/sqlite.h"

namespace cievents::spool {

// Rows of a segment count from 1 to this. A damaged file may show any number.
inline constexpr int64_t kRowsMax = int64_t{1} << 20;

enum class RecordState { kWaiting, kRefused, kDamaged };

std::string_view NameOf(RecordState state);  // waiting, refused, damaged

struct Found {
  RecordState state = RecordState::kWaiting;
  int64_t row = 0;       // 0: damage in no row of its own
  int64_t row_last = 0;  // damaged: of a range in which nothing can be read; kRowsMax = to the end
  Record record;         // empty if damaged
  std::string reason;    // why it was refused, or what is damaged
};

enum class Table { kRecords, kRefused };

// Asks SQLite whether the pages fit together (PRAGMA quick_check), which finds rows that have
// silently gone missing, and visits one kDamaged without a row if they do not.
absl::Status CheckPages(Connection* connection, const std::function<void(const Found&)>& visit);

// Visits every row whose checksum fits exactly once, in ascending order where the file is sound,
// and every row or range of rows that cannot be read as kDamaged. A range may cover rows that had
// been removed. Other errors than damage (a file that cannot be opened, memory) are returned.
absl::Status ScanTable(Connection* connection, Table table,
                       const std::function<void(const Found&)>& visit);

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_SEGMENT_SCAN_H_
