// Which Status an error of Postgres is: the one place that reads SQLSTATE.
#ifndef SERVICES_LIB_STORE_SQL_ERRORS_H_
#define SERVICES_LIB_STORE_SQL_ERRORS_H_

#include <string_view>

#include "absl/status/status.h"

namespace cievents::store {

// - kUnavailable: connection, shutdown, serialization, deadlock, read-only, resources, time-out
// - kFailedPrecondition: no partition for a row
// - kInvalidArgument: a row is refused for itself (22xxx, 23xxx, 54xxx)
// - kInternal: anything else
//
// A row without a partition has the state of a violated CHECK (23514), and texts are translated:
// only that the error names no constraint tells it apart.
enum class ConstraintName { kNamed, kAbsent };
absl::StatusCode CodeOfSqlState(std::string_view sqlstate, ConstraintName constraint);

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_SQL_ERRORS_H_
