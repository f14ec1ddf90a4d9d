// The wire form of events and outcomes. Knows protobuf, not gRPC.
#ifndef SERVICES_EVENT_MATCHER_EVENT_CODEC_H_
#define SERVICES_EVENT_MATCHER_EVENT_CODEC_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cievents/events/v1/events.pb.h"
#include "cievents/events/wire/events_wire.pb.h"
#include "services/event_matcher/intake.h"
#include "services/event_matcher/shard_map.h"
#include "services/lib/event_formats/event.h"

namespace cievents::event_matcher {

// One cievents.events.v1.Event. kInvalidArgument: the bytes are not one, or `time` is absent or out
// of range; everything else is ValidateEvent's business.
absl::StatusOr<Event> DecodeEvent(const std::string& bytes);

// Decodes batch after batch into the same memory: in the steady state of a producer nothing is
// allocated. Not thread-safe.
class BatchDecoder {
 public:
  // Each of `events` as by DecodeEvent. What is returned is the decoder's, until the next Decode.
  std::span<DecodedEvent> Decode(const google::protobuf::RepeatedPtrField<std::string>& events);

  // About what the decoder holds. One outlier must not be kept for ever.
  size_t capacity_bytes() const { return capacity_bytes_; }

 private:
  events::wire::Event message_;
  std::vector<DecodedEvent> decoded_;  // only grows
  size_t capacity_bytes_ = 0;          // most bytes of a batch so far
};

// kInvalidArgument for an ack level that a producer cannot ask for.
absl::StatusOr<AckLevel> DecodeAckLevel(int ack);

void EncodeOutcome(const Outcome& outcome, events::v1::EventOutcome* message);

// Each shard with its range of slots, in order.
void EncodeLayout(const Layout& layout, events::v1::GetTopologyResponse* message);

// Of another matcher; what a newer one says beyond this program's words is left out.
Outcome DecodeOutcome(const events::v1::EventOutcome& message);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EVENT_CODEC_H_
