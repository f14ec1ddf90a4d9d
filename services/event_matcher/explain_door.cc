#include "services/event_matcher/explain_door.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "services/event_matcher/explain_codec.h"
#include "services/event_matcher/request_rows.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/event_formats/event_validation.h"

namespace cievents::event_matcher {
namespace {

constexpr int kConnectionsMax = 1;

}  // namespace

grpc::Status ExplainDoor::ExplainEvent(grpc::ServerContext*,
                                       const admin::v1::ExplainEventRequest* request,
                                       admin::v1::ExplainEventResponse* response) {
  if (!ready_.load(std::memory_order_acquire)) {
    return {grpc::StatusCode::UNAVAILABLE,
            "the matcher is still loading its subscriptions; ask again in a second"};
  }
  return ToGrpcStatus(Explain(*request, response));
}

absl::Status ExplainDoor::Explain(const admin::v1::ExplainEventRequest& request,
                                  admin::v1::ExplainEventResponse* response) {
  if (request.has_event() == !request.request_id().empty()) {
    return absl::InvalidArgumentError("give either event or request_id");
  }
  const int limit = request.limit() == 0 ? kVerdictsDefault : request.limit();
  if (limit < 1 || limit > kVerdictsMax) {
    return Error(absl::StatusCode::kInvalidArgument, "limit must be 1 to {}", kVerdictsMax);
  }
  if (request.project_id() < 0) {
    return absl::InvalidArgumentError("project_id must be greater than 0, or 0 for all");
  }
  Event event;
  int64_t project_id = request.project_id();
  int64_t first_subscription_id = 0;
  if (request.has_event()) {
    CIEVENTS_ASSIGN_OR_RETURN(event, ReadEvent(request));
  } else {
    CIEVENTS_ASSIGN_OR_RETURN(const store::RecordedDecision decision,
                              FindDecision(request.request_id()));
    EncodeRecorded(decision, response->mutable_recorded());
    if (project_id == 0) project_id = decision.request.project_id;
    first_subscription_id = decision.request.subscription_id;
    event = EventOf(decision.event);
  }
  MutexLock lock(mutex_);
  const MatcherPool::Loan matcher = matchers_.Borrow();
  if (event.project_id != 0 && (event.namespace_ids.empty() || !request.has_event())) {
    std::vector<int64_t> namespace_ids;
    if (matcher->FindNamespaces(event.project_id, &namespace_ids)) {
      event.namespace_ids = std::move(namespace_ids);
    }
  }
  EncodeExplainedEvent(event, response->mutable_event());
  EncodeExplanation(matcher->Explain(ViewOf(event), project_id), limit, first_subscription_id,
                    response);
  return absl::OkStatus();
}

absl::StatusOr<Event> ExplainDoor::ReadEvent(const admin::v1::ExplainEventRequest& request) const {
  CIEVENTS_ASSIGN_OR_RETURN(Event event,
                            DecodeExplainedEvent(request.event(), absl::ToUnixMillis(absl::Now())));
  CIEVENTS_RETURN_IF_ERROR(ValidateEvent(event, event_data_bytes_max_));
  return event;
}

absl::StatusOr<store::RecordedDecision> ExplainDoor::FindDecision(const std::string& request_id) {
  CIEVENTS_ASSIGN_OR_RETURN(const store::RequestId id, store::ParseRequestId(request_id));
  MutexLock lock(mutex_);
  if (requests_ == nullptr) {
    CIEVENTS_ASSIGN_OR_RETURN(requests_, store::RequestQueue::Create(dsn_, kConnectionsMax));
  }
  return requests_->FindDecision(id.event_uid, id.subscription_id);
}

}  // namespace cievents::event_matcher
