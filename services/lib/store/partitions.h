// Hourly partitions of events and pipeline_requests (and daily ones of request_outcomes), made by
// the program: from 24 h back to 12 h ahead.
#ifndef SERVICES_LIB_STORE_PARTITIONS_H_
#define SERVICES_LIB_STORE_PARTITIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cievents::store {

// An event older than this at its first admission is refused.
inline constexpr absl::Duration kAdmissionWindow = absl::Hours(24);

// Makes what is missing in [now - 25 h, now + 12 h], and for the hours of `events_at`: what was
// admitted in time may wait in a spool for two days. Many processes may call it at once. Made by
// CREATE LIKE + CHECK + ATTACH, which does not lock the parent against writers. Hours that
// retention has closed (retention.h) are never made again: kInvalidArgument if `events_at` has one,
// once the others are made.
absl::Status EnsurePartitions(const std::string& dsn, absl::Time now,
                              const std::vector<absl::Time>& events_at = {});

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_PARTITIONS_H_
