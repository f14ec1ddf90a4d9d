#include "services/lib/store/sql_errors.h"

namespace cievents::store {

absl::StatusCode CodeOfSqlState(std::string_view sqlstate, ConstraintName constraint) {
  if (sqlstate == "23514" && constraint == ConstraintName::kAbsent) {
    return absl::StatusCode::kFailedPrecondition;
  }
  for (const std::string_view transient : {"25006", "55P03", "57014"}) {
    if (sqlstate == transient) return absl::StatusCode::kUnavailable;
  }
  const std::string_view group = sqlstate.substr(0, 2);
  for (const std::string_view transient : {"08", "40", "53", "58"}) {
    if (group == transient) return absl::StatusCode::kUnavailable;
  }
  if (sqlstate.substr(0, 3) == "57P") return absl::StatusCode::kUnavailable;
  // 21000: a batch that names a row twice; who bisects it finds out which.
  for (const std::string_view of_rows : {"21", "22", "23", "54"}) {
    if (group == of_rows) return absl::StatusCode::kInvalidArgument;
  }
  return absl::StatusCode::kInternal;
}

}  // namespace cievents::store
