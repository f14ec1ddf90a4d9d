// The gRPC door of ExplainService: why subscriptions fire for an event, or do not.
#ifndef SERVICES_EVENT_MATCHER_EXPLAIN_DOOR_H_
#define SERVICES_EVENT_MATCHER_EXPLAIN_DOOR_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cievents/admin/v1/explain.grpc.pb.h"
#include "matcher/base/mutex.h"
#include "services/event_matcher/matcher_pool.h"
#include "services/lib/event_formats/event.h"
#include "services/lib/store/request_queue.h"

namespace cievents::event_matcher {

class ExplainDoor final : public admin::v1::ExplainService::Service {
 public:
  // `matchers` must outlive the door. Postgres is asked only for the events of requests.
  ExplainDoor(MatcherPool& matchers, std::string dsn, size_t event_data_bytes_max)
      : matchers_(matchers), dsn_(std::move(dsn)), event_data_bytes_max_(event_data_bytes_max) {}

  // Until then every call is answered UNAVAILABLE.
  void SetReady() { ready_.store(true, std::memory_order_release); }

  grpc::Status ExplainEvent(grpc::ServerContext* context,
                            const admin::v1::ExplainEventRequest* request,
                            admin::v1::ExplainEventResponse* response) override;

 private:
  absl::Status Explain(const admin::v1::ExplainEventRequest& request,
                       admin::v1::ExplainEventResponse* response);
  absl::StatusOr<Event> ReadEvent(const admin::v1::ExplainEventRequest& request) const;
  absl::StatusOr<store::RecordedDecision> FindDecision(const std::string& request_id);

  MatcherPool& matchers_;
  const std::string dsn_;
  const size_t event_data_bytes_max_;
  std::atomic<bool> ready_{false};

  // An explanation may walk every subscription there is: one at a time, so that curiosity cannot
  // take the memory and the processors that events need.
  Mutex mutex_;
  std::unique_ptr<store::RequestQueue> requests_ ABSL_GUARDED_BY(mutex_);  // null until needed
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EXPLAIN_DOOR_H_
