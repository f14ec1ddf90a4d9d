// The wire form of CloudEvents: io.cloudevents.v1 of proto/interop. Knows protobuf, not gRPC.
#ifndef SERVICES_EVENT_MATCHER_CLOUD_EVENT_CODEC_H_
#define SERVICES_EVENT_MATCHER_CLOUD_EVENT_CODEC_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cievents/cloudevents/wire/cloudevents_wire.pb.h"
#include "services/event_matcher/intake.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/event_formats/cloud_event.h"

namespace cievents::event_matcher {

// Decodes batch after batch into the same message and view. Not thread-safe.
class CloudEventDecoder {
 public:
  // One io.cloudevents.v1.CloudEvent. kInvalidArgument: the bytes are not one, or
  // EventFromCloudEvent says so.
  absl::StatusOr<Event> DecodeOne(const std::string& bytes, const Catalogue& catalogue);

  // Each of `events` as by DecodeOne. What is returned is the decoder's, until the next Decode.
  std::span<DecodedEvent> Decode(const google::protobuf::RepeatedPtrField<std::string>& events,
                                 const Catalogue& catalogue);

  // About what the decoder holds. One outlier must not be kept for ever.
  size_t capacity_bytes() const { return capacity_bytes_; }

 private:
  cloudevents::wire::CloudEvent message_;
  CloudEventView view_;
  std::vector<DecodedEvent> decoded_;  // only grows
  size_t capacity_bytes_ = 0;          // most bytes of a batch so far
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_CLOUD_EVENT_CODEC_H_
