// Batches on the wire: limits, parsing into memory that is kept, and answers.
#ifndef SERVICES_EVENT_MATCHER_BATCH_MESSAGE_H_
#define SERVICES_EVENT_MATCHER_BATCH_MESSAGE_H_

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cievents/events/v1/events.pb.h"
#include "cievents/events/wire/events_wire.pb.h"
#include "matcher/base/status.h"
#include "services/event_matcher/cloud_event_codec.h"
#include "services/event_matcher/event_codec.h"
#include "services/event_matcher/loan_pool.h"

namespace cievents::event_matcher {

inline constexpr int kBatchEventsMax = 1024;
inline constexpr size_t kBatchBytesMax = 4 * 1024 * 1024 + 64 * 1024;  // framing included

// The memory that a batch is parsed and decoded into, and its answer is written from.
struct BatchMemory {
  events::wire::PublishEventsRequest publish_request;
  events::wire::StreamEventsRequest stream_request;
  events::wire::PublishCloudEventsRequest cloud_events_request;
  BatchDecoder decoder;
  CloudEventDecoder cloud_event_decoder;
};
using BatchMemoryPool = LoanPool<BatchMemory>;

// `message` is a request with a batch, of the wire twin. kResourceExhausted, kInvalidArgument: it
// is no batch that is taken.
template <typename Message>
absl::Status ParseBatch(const grpc::ByteBuffer& buffer, Message* message) {
  if (buffer.Length() > kBatchBytesMax) {
    return Error(absl::StatusCode::kResourceExhausted,
                 "a batch of {} bytes is over the limit of {}: send smaller batches",
                 buffer.Length(), kBatchBytesMax);
  }
  bool parsed = false;
  if (grpc::Slice slice; buffer.TrySingleSlice(&slice).ok()) {
    parsed = message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  } else {
    if (!buffer.DumpToSingleSlice(&slice).ok()) {
      return absl::InvalidArgumentError("the message cannot be read");
    }
    parsed = message->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  if (!parsed) {
    return absl::InvalidArgumentError("the message is not a batch of events of cievents.events.v1");
  }
  if (message->events_size() == 0 || message->events_size() > kBatchEventsMax) {
    return Error(absl::StatusCode::kInvalidArgument, "a batch has 1 to {} events, this one has {}",
                 kBatchEventsMax, message->events_size());
  }
  return absl::OkStatus();
}

// The events of a batch as they came.
template <typename Message>
std::span<const std::string* const> Encoded(const Message& message) {
  return {message.events().data(), static_cast<size_t>(message.events_size())};
}

template <typename Message>
void EncodeOutcomes(const std::vector<Outcome>& outcomes, Message* message) {
  for (const Outcome& outcome : outcomes) EncodeOutcome(outcome, message->add_outcomes());
}

inline grpc::ByteBuffer ToByteBuffer(const google::protobuf::Message& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_BATCH_MESSAGE_H_
