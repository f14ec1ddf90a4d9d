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
  if (group == "22" || group == "23" || group == "54") return absl::StatusCode::kInvalidArgument;
  return absl::StatusCode::kInternal;
}

}  // namespace cievents::store
