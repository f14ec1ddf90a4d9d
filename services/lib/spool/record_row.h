// A record as columns, with a checksum over all of them.
#ifndef SERVICES_LIB_SPOOL_RECORD_ROW_H_
#define SERVICES_LIB_SPOOL_RECORD_ROW_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/lib/spool/record.h"
#include "services/lib/spool/sqlite.h"

namespace cievents::spool {

// A record that is set aside carries these too.
struct Refusal {
  int64_t row = 0;
  std::string reason;
  int64_t refused_time_ms = 0;
};

// The tables of a segment, exactly as sqlite_schema must show them.
extern const char kRecordsSchema[];
extern const char kRefusedSchema[];

// Of `records` and of `refused`; parameters and columns are in the order of the schema.
extern const char kInsertRecord[];
extern const char kInsertRefused[];
extern const char kRecordColumns[];   // "id, kind, ..., checksum"
extern const char kRefusedColumns[];  // those, then "reason, refused_time_ms"

// Binds all parameters of kInsertRecord, or of kInsertRefused. What is passed must live until
// Reset.
void BindRecord(int64_t row, const Record& record, Statement* insert);
void BindRefused(const Record& record, const Refusal& refusal, Statement* insert);

// Reads the columns of a row. kDataLoss: the checksum does not fit, and the row is not used.
absl::StatusOr<Record> ReadRecord(const Statement& row);
struct RefusedRecord {
  Record record;
  Refusal refusal;
};
absl::StatusOr<RefusedRecord> ReadRefused(const Statement& row);

std::string_view NameOf(RecordKind kind);  // matched, raw

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_RECORD_ROW_H_
