// The gRPC door of EventService. Reads raw bytes and parses each event by itself with the wire twin
// of the proto, so that one event that is not UTF-8, or not an event at all, is refused alone.
#ifndef SERVICES_EVENT_MATCHER_EVENT_DOOR_H_
#define SERVICES_EVENT_MATCHER_EVENT_DOOR_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cievents/events/v1/events.grpc.pb.h"
#include "matcher/base/mutex.h"
#include "services/event_matcher/batch_message.h"
#include "services/event_matcher/call_budget.h"
#include "services/event_matcher/door_meter.h"
#include "services/event_matcher/router.h"
#include "services/lib/catalogue/catalogue.h"

namespace cievents::event_matcher {

using RawEventService = cievents::events::v1::EventService::WithRawCallbackMethod_PublishEvents<
    cievents::events::v1::EventService::WithRawCallbackMethod_StreamEvents<
        cievents::events::v1::EventService::WithRawCallbackMethod_PublishCloudEvents<
            cievents::events::v1::EventService::WithCallbackMethod_GetTopology<
                cievents::events::v1::EventService::Service>>>>;

class StreamReactor;

class EventDoor final : public RawEventService {
 public:
  struct Options {
    // Unary calls that may be unanswered, and bytes of their requests (call_budget.h). Beyond
    // either a call is answered RESOURCE_EXHAUSTED.
    size_t calls_max = 16'384;
    size_t call_bytes_max = size_t{256} << 20;
    // A call whose deadline is not after this is not worked on.
    std::function<absl::Time()> now = [] { return absl::Now(); };
  };

  // Both must outlive the door. `catalogue` names CloudEvents.
  EventDoor(const Options& options, const Router& router, const Catalogue& catalogue);

  // Until then every call is answered UNAVAILABLE: a matcher that has not loaded its subscriptions
  // must not answer "no match".
  void SetReady() { ready_.store(true, std::memory_order_release); }
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  CallBudget::Stats budget() const { return budget_.stats(); }
  const DoorMeter& meter() const { return meter_; }

  // Ends the streams in order, each once its batches are answered, and takes no new ones: a client
  // goes on with another matcher, or with this one when it is back. Call before the server's
  // Shutdown, which would wait for them for its whole grace.
  void EndStreams();

  grpc::ServerUnaryReactor* PublishEvents(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamEvents(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* PublishCloudEvents(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetTopology(grpc::CallbackServerContext* context,
                                        const events::v1::GetTopologyRequest* request,
                                        events::v1::GetTopologyResponse* response) override;

 private:
  struct UnaryCall;

  // False: the call has been refused, or nobody waits for it. True: it is in the budget.
  bool Admit(const UnaryCall& call);
  template <typename Response, typename Message, typename Decode>
  void PublishBatch(const UnaryCall& call, EventFormat format, Message* message,
                    const Decode& decode);

  const Options options_;
  const Router& router_;
  const Catalogue& catalogue_;
  DoorMeter meter_;
  CallBudget budget_;
  BatchMemoryPool memory_;
  std::atomic<bool> ready_{false};

  Mutex mutex_;
  std::vector<std::weak_ptr<StreamReactor>> streams_ ABSL_GUARDED_BY(mutex_);  // some have ended
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EVENT_DOOR_H_
