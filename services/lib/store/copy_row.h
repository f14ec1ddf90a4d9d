// A row of `COPY ... TO STDOUT (FORMAT binary)`: Postgres sends one a message, the first with the
// file's header before it, and a trailer of two bytes after the last (PostgreSQL documentation,
// "COPY", binary format; "Message Flow", COPY operations).
#ifndef SERVICES_LIB_STORE_COPY_ROW_H_
#define SERVICES_LIB_STORE_COPY_ROW_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cievents::store {

// Takes the header off the first message of a COPY. Error kDataLoss.
absl::Status TakeCopyHeader(std::string_view* message);

// Views of a message's fields. Reused from row to row.
class CopyRow {
 public:
  // False: the trailer, after the last row. Error kDataLoss: not a row.
  absl::StatusOr<bool> Read(std::string_view message);

  size_t columns() const { return fields_.size(); }
  bool IsNull(size_t column) const { return fields_[column].data() == nullptr; }
  // Of null: empty, 0, false.
  std::string_view Text(size_t column) const { return fields_[column]; }
  int64_t Int(size_t column) const;  // int2, int4, int8
  bool Bool(size_t column) const;

 private:
  std::vector<std::string_view> fields_;  // null: without data
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_COPY_ROW_H_
