// What the spool holds.
#ifndef SERVICES_LIB_SPOOL_RECORD_H_
#define SERVICES_LIB_SPOOL_RECORD_H_

#include <compare>
#include <cstdint>
#include <string>

namespace cievents::spool {

enum class RecordKind {
  kMatched,  // an event with its requests
  kRaw,      // an event as it came, to be matched by the shard that owns it
};

// What one event needs. All but `body` is for people and for bounds; `body` is the owner's. Texts
// are kept byte for byte, whatever they hold.
struct Record {
  RecordKind kind = RecordKind::kMatched;
  std::string event_uid;  // UUID text
  std::string event_id;
  std::string source;
  std::string event_name;  // the first one
  int64_t project_id = 0;
  int64_t root_namespace_id = 0;
  int64_t event_time_ms = 0;
  int64_t received_time_ms = 0;  // first admission
  int32_t request_count = -1;    // -1 = not known
  std::string body;

  friend bool operator==(const Record&, const Record&) = default;
};

// What a record counts for in bounds: its body, its texts, and 64 for the columns of fixed size.
inline int64_t RecordBytes(const Record& record) {
  return static_cast<int64_t>(record.body.size() + record.event_uid.size() +
                              record.event_id.size() + record.source.size() +
                              record.event_name.size() + 64);
}

// A record's place, never given twice in the life of a spool's folder.
struct RecordId {
  int64_t segment = 0;
  int64_t row = 0;
  friend auto operator<=>(const RecordId&, const RecordId&) = default;
};

struct StoredRecord {
  RecordId id;
  Record record;
};

}  // namespace cievents::spool

#endif  // SERVICES_LIB_SPOOL_RECORD_H_
