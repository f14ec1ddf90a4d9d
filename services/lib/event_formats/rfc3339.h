// Times as text: RFC 3339, which JSON formats and CloudEvents use.
#ifndef SERVICES_LIB_EVENT_FORMATS_RFC3339_H_
#define SERVICES_LIB_EVENT_FORMATS_RFC3339_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cievents {

// Unix milliseconds of `2026-06-01T10:00:00.5+02:00`; finer fractions are cut off. kInvalidArgument
// if it is no such text. REQUIRES: `text` is UTF-8.
absl::StatusOr<int64_t> ParseRfc3339(std::string_view text);

// `2026-06-01T08:00:00.500Z`: always UTC, always three digits.
std::string FormatRfc3339(int64_t time_ms);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_RFC3339_H_
