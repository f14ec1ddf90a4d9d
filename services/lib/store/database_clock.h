// Postgres' clock: the one that all processes share.
#ifndef SERVICES_LIB_STORE_DATABASE_CLOCK_H_
#define SERVICES_LIB_STORE_DATABASE_CLOCK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cievents::store {

// By a connection of its own: for what is asked rarely. kUnavailable: Postgres is out of reach.
absl::StatusOr<absl::Time> DatabaseNow(const std::string& dsn);

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_DATABASE_CLOCK_H_
