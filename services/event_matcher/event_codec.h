// The wire form of events and outcomes. Knows protobuf, not gRPC.
#ifndef SERVICES_EVENT_MATCHER_EVENT_CODEC_H_
#define SERVICES_EVENT_MATCHER_EVENT_CODEC_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cievents/events/v1/events.pb.h"
#include "cievents/events/wire/events_wire.pb.h"
#include "services/event_matcher/intake.h"
#include "services/lib/event_formats/event.h"

namespace cievents::event_matcher {

// Parses the bytes of one cievents.events.v1.Event. kInvalidArgument: they are not one, or `time`
// is absent or out of range; everything else is ValidateEvent's business.
absl::StatusOr<Event> DecodeEvent(const std::string& bytes);

// kInvalidArgument for an ack level that a producer cannot ask for.
absl::StatusOr<AckLevel> DecodeAckLevel(int ack);

void EncodeOutcome(const Outcome& outcome, events::v1::EventOutcome* message);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EVENT_CODEC_H_
