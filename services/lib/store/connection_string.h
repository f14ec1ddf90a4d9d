// What every connection of ours has, unless its connection string says otherwise.
#ifndef SERVICES_LIB_STORE_CONNECTION_STRING_H_
#define SERVICES_LIB_STORE_CONNECTION_STRING_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cievents::store {

// Returns `dsn` (a libpq URI or keyword=value string) in keyword=value form, with a connect
// time-out, keep-alives and a TCP time-out added where it has none, so that a half-open connection
// dies in under 10 s, and with UTF-8 as the client's encoding. kInvalidArgument: it is not a
// connection string.
absl::StatusOr<std::string> WithConnectionDefaults(const std::string& dsn,
                                                   std::string_view application_name);

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_CONNECTION_STRING_H_
