#include "services/lib/spool/record_row.h"

#include <zlib.h>

#include <limits>

#include "matcher/base/status.h"

namespace cievents::spool {

// SQLite keeps these texts as they are, comments and all: they are what a person sees by `.schema`.
const char kRecordsSchema[] =
    R"sql(CREATE TABLE records ( -- wait for Postgres, in the order of id
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL, -- matched: an event with its requests; raw: an event as it came
  event_uid TEXT NOT NULL,
  event_id TEXT NOT NULL,
  source TEXT NOT NULL,
  event_name TEXT NOT NULL,
  project_id INTEGER NOT NULL,
  root_namespace_id INTEGER NOT NULL,
  event_time_ms INTEGER NOT NULL,
  received_time_ms INTEGER NOT NULL,
  request_count INTEGER NOT NULL, -- -1: not known
  body BLOB NOT NULL,
  checksum INTEGER NOT NULL -- CRC-32 of all columns above
) STRICT)sql";

const char kRefusedSchema[] =
    R"sql(CREATE TABLE refused ( -- set aside: Postgres refused them
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  event_uid TEXT NOT NULL,
  event_id TEXT NOT NULL,
  source TEXT NOT NULL,
  event_name TEXT NOT NULL,
  project_id INTEGER NOT NULL,
  root_namespace_id INTEGER NOT NULL,
  event_time_ms INTEGER NOT NULL,
  received_time_ms INTEGER NOT NULL,
  request_count INTEGER NOT NULL,
  body BLOB NOT NULL,
  checksum INTEGER NOT NULL, -- as in records, but of the columns below too
  reason TEXT NOT NULL,
  refused_time_ms INTEGER NOT NULL
) STRICT)sql";

const char kInsertRecord[] =
    "INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const char kInsertRefused[] =
    "INSERT OR REPLACE INTO refused VALUES "
    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const char kRecordColumns[] =
    "id, kind, event_uid, event_id, source, event_name, project_id, root_namespace_id, "
    "event_time_ms, received_time_ms, request_count, body, checksum";
const char kRefusedColumns[] =
    "id, kind, event_uid, event_id, source, event_name, project_id, root_namespace_id, "
    "event_time_ms, received_time_ms, request_count, body, checksum, reason, refused_time_ms";

namespace {

// Each value goes in with its kind and length, so that no byte can move from one column to the next
// unseen. CRC-32 finds every error of one burst up to 32 bits; zlib's is the one Debian keeps.
class Checksum {
 public:
  void Add(int64_t value) {
    unsigned char bytes[9] = {'i'};
    for (int i = 0; i < 8; ++i) {
      bytes[i + 1] = static_cast<unsigned char>(static_cast<uint64_t>(value) >> (8 * i));
    }
    crc_ = crc32_z(crc_, bytes, sizeof(bytes));
  }
  void Add(std::string_view value) {
    Add(static_cast<int64_t>(value.size()));
    crc_ = crc32_z(crc_, reinterpret_cast<const unsigned char*>(value.data()), value.size());
  }
  void Add(int64_t row, const Record& record) {
    Add(row);
    Add(NameOf(record.kind));
    for (const std::string* text :
         {&record.event_uid, &record.event_id, &record.source, &record.event_name}) {
      Add(*text);
    }
    for (const int64_t number : {record.project_id, record.root_namespace_id, record.event_time_ms,
                                 record.received_time_ms, int64_t{record.request_count}}) {
      Add(number);
    }
    Add(record.body);
  }
  void Add(const Refusal& refusal) {
    Add(refusal.reason);
    Add(refusal.refused_time_ms);
  }
  int64_t value() const { return static_cast<int64_t>(crc_); }

 private:
  unsigned long crc_ = 0;  // zlib's type
};

void BindColumns(int64_t row, const Record& record, int64_t checksum, Statement* insert) {
  insert->BindInt(1, row);
  insert->BindText(2, NameOf(record.kind));
  insert->BindText(3, record.event_uid);
  insert->BindText(4, record.event_id);
  insert->BindText(5, record.source);
  insert->BindText(6, record.event_name);
  insert->BindInt(7, record.project_id);
  insert->BindInt(8, record.root_namespace_id);
  insert->BindInt(9, record.event_time_ms);
  insert->BindInt(10, record.received_time_ms);
  insert->BindInt(11, record.request_count);
  insert->BindBlob(12, record.body);
  insert->BindInt(13, checksum);
}

absl::Status Mismatch(int64_t row) {
  return Error(absl::StatusCode::kDataLoss, "row {}: the checksum does not fit its columns", row);
}

// The columns as a record; false where they cannot be what was written.
bool ReadColumns(const Statement& row, Record* record) {
  const std::string_view kind = row.Bytes(1);
  if (kind != NameOf(RecordKind::kMatched) && kind != NameOf(RecordKind::kRaw)) return false;
  record->kind = kind == NameOf(RecordKind::kRaw) ? RecordKind::kRaw : RecordKind::kMatched;
  record->event_uid = row.Bytes(2);
  record->event_id = row.Bytes(3);
  record->source = row.Bytes(4);
  record->event_name = row.Bytes(5);
  record->project_id = row.Int(6);
  record->root_namespace_id = row.Int(7);
  record->event_time_ms = row.Int(8);
  record->received_time_ms = row.Int(9);
  const int64_t count = row.Int(10);
  if (count != static_cast<int32_t>(count)) return false;
  record->request_count = static_cast<int32_t>(count);
  record->body = row.Bytes(11);
  return true;
}

}  // namespace

void BindRecord(int64_t row, const Record& record, Statement* insert) {
  Checksum checksum;
  checksum.Add(row, record);
  BindColumns(row, record, checksum.value(), insert);
}

void BindRefused(const Record& record, const Refusal& refusal, Statement* insert) {
  Checksum checksum;
  checksum.Add(refusal.row, record);
  checksum.Add(refusal);
  BindColumns(refusal.row, record, checksum.value(), insert);
  insert->BindText(14, refusal.reason);
  insert->BindInt(15, refusal.refused_time_ms);
}

absl::StatusOr<Record> ReadRecord(const Statement& row) {
  Record record;
  const int64_t id = row.Int(0);
  if (!ReadColumns(row, &record)) return Mismatch(id);
  Checksum checksum;
  checksum.Add(id, record);
  if (checksum.value() != row.Int(12)) return Mismatch(id);
  return record;
}

absl::StatusOr<RefusedRecord> ReadRefused(const Statement& row) {
  RefusedRecord refused;
  refused.refusal.row = row.Int(0);
  refused.refusal.reason = row.Bytes(13);
  refused.refusal.refused_time_ms = row.Int(14);
  if (!ReadColumns(row, &refused.record)) return Mismatch(refused.refusal.row);
  Checksum checksum;
  checksum.Add(refused.refusal.row, refused.record);
  checksum.Add(refused.refusal);
  if (checksum.value() != row.Int(12)) return Mismatch(refused.refusal.row);
  return refused;
}

std::string_view NameOf(RecordKind kind) { return kind == RecordKind::kRaw ? "raw" : "matched"; }

}  // namespace cievents::spool
