// The gRPC door of EventService. Reads raw bytes and parses each event by itself with the wire twin
// of the proto, so that one event that is not UTF-8, or not an event at all, is refused alone.
#ifndef SERVICES_EVENT_MATCHER_EVENT_DOOR_H_
#define SERVICES_EVENT_MATCHER_EVENT_DOOR_H_

#include <atomic>

#include "cievents/events/v1/events.grpc.pb.h"
#include "services/event_matcher/cloud_event_codec.h"
#include "services/event_matcher/event_codec.h"
#include "services/event_matcher/intake.h"
#include "services/event_matcher/loan_pool.h"
#include "services/lib/catalogue/catalogue.h"

namespace cievents::event_matcher {

inline constexpr int kBatchEventsMax = 1024;
inline constexpr size_t kBatchBytesMax = 4 * 1024 * 1024 + 64 * 1024;  // framing included
// Batches of one stream that may be unanswered; beyond it the server stops reading.
inline constexpr int kStreamBatchesInFlightMax = 16;

using RawEventService = cievents::events::v1::EventService::WithRawCallbackMethod_PublishEvents<
    cievents::events::v1::EventService::WithRawCallbackMethod_StreamEvents<
        cievents::events::v1::EventService::WithRawCallbackMethod_PublishCloudEvents<
            cievents::events::v1::EventService::Service>>>;

// The memory that a batch is parsed and decoded into, and its answer is written from.
struct BatchMemory {
  events::wire::PublishEventsRequest publish_request;
  events::wire::StreamEventsRequest stream_request;
  events::wire::PublishCloudEventsRequest cloud_events_request;
  BatchDecoder decoder;
  CloudEventDecoder cloud_event_decoder;
};
using BatchMemoryPool = LoanPool<BatchMemory>;

class EventDoor final : public RawEventService {
 public:
  // Both must outlive the door. `catalogue` names CloudEvents.
  EventDoor(const Intake& intake, const Catalogue& catalogue);

  // Until then every call is answered UNAVAILABLE: a matcher that has not loaded its subscriptions
  // must not answer "no match".
  void SetReady() { ready_.store(true, std::memory_order_release); }
  bool ready() const { return ready_.load(std::memory_order_acquire); }

  grpc::ServerUnaryReactor* PublishEvents(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamEvents(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* PublishCloudEvents(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;

 private:
  const Intake& intake_;
  const Catalogue& catalogue_;
  BatchMemoryPool memory_;
  std::atomic<bool> ready_{false};
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EVENT_DOOR_H_
