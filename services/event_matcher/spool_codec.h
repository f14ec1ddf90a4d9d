// What waits in the spool as the body of a record, and back (proto/cievents/spool/v1): a write, or
// an event as it came.
#ifndef SERVICES_EVENT_MATCHER_SPOOL_CODEC_H_
#define SERVICES_EVENT_MATCHER_SPOOL_CODEC_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "services/event_matcher/encoded_event.h"
#include "services/event_matcher/enqueuer.h"
#include "services/lib/event_formats/event.h"
#include "services/lib/spool/spool.h"

namespace cievents::event_matcher {

// Of the body of one record: less than what may wait for the spool's disk at once
// (Spool::Options::queued_bytes_max), far less than what SQLite and protobuf can hold.
inline constexpr size_t kSpooledBytesMax = size_t{60} << 20;

// kResourceExhausted: the event with its requests is larger than kSpooledBytesMax.
absl::StatusOr<spool::Record> EncodeSpooled(const EventWrite& write);

// kDataLoss: the body is not what EncodeSpooled wrote.
absl::StatusOr<EventWrite> DecodeSpooled(const spool::Record& record);

// `encoded` is what `event` was made of.
spool::Record EncodeRaw(const EncodedEvent& encoded, const Event& event, int64_t root_namespace_id,
                        int64_t received_time_ms);

// kDataLoss: the body is not what EncodeRaw wrote.
absl::StatusOr<EncodedEvent> DecodeRaw(const spool::Record& record);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_SPOOL_CODEC_H_
