// A write as the body of a spool record, and back (proto/cievents/spool/v1).
#ifndef SERVICES_EVENT_MATCHER_SPOOL_CODEC_H_
#define SERVICES_EVENT_MATCHER_SPOOL_CODEC_H_

#include "absl/status/statusor.h"
#include "services/event_matcher/enqueuer.h"
#include "services/lib/spool/spool.h"

namespace cievents::event_matcher {

spool::Record EncodeSpooled(const EventWrite& write);

// kDataLoss: the body is not what EncodeSpooled wrote.
absl::StatusOr<EventWrite> DecodeSpooled(const spool::Record& record);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_SPOOL_CODEC_H_
