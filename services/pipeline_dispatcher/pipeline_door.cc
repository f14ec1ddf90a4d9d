#include "services/pipeline_dispatcher/pipeline_door.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "matcher/base/status.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/base/log.h"
#include "services/pipeline_dispatcher/request_codec.h"

namespace cievents::pipeline_dispatcher {
namespace {

constexpr int kLeaseRequestsMax = 1000;
constexpr int kPageSizeMax = 1000;
constexpr size_t kOwnerBytesMax = 255;
constexpr size_t kReasonBytesMax = 1024;
constexpr absl::Duration kDurationMax = absl::Hours(1);
constexpr std::array<std::string_view, 6> kStates = {"ready",   "active", "deferred",
                                                     "created", "dead",   "failed_input"};

// Payloads have up to 1 MiB, inputs 64 KiB: a response stays well under the 4 MiB that clients
// take.
constexpr size_t kResponseBytesMax = 3 * 1024 * 1024;
constexpr int kFirstClaim = 16;
// Payloads of 1 MiB each bound what one claim holds in memory, whatever the ones before were like.
constexpr int kClaimMax = 64;

grpc::Status InvalidArgument(const std::string& message) {
  return {grpc::StatusCode::INVALID_ARGUMENT, message};
}

grpc::Status CheckOwner(const std::string& owner) {
  if (owner.empty() || owner.size() > kOwnerBytesMax || owner.find('\0') != std::string::npos) {
    return InvalidArgument("owner must have 1 to 255 bytes and be unique per worker process");
  }
  return grpc::Status::OK;
}

absl::StatusOr<absl::Duration> DecodeDuration(std::string_view field,
                                              const google::protobuf::Duration& message,
                                              absl::Duration min) {
  const absl::Duration duration =
      absl::Seconds(message.seconds()) + absl::Nanoseconds(message.nanos());
  if (duration < min || duration > kDurationMax) {
    return Error(absl::StatusCode::kInvalidArgument, "{} must be {} to {}, not {}", field,
                 absl::FormatDuration(min), absl::FormatDuration(kDurationMax),
                 absl::FormatDuration(duration));
  }
  return duration;
}

template <typename Request>
absl::StatusOr<absl::Duration> DecodeLease(const Request& request) {
  if (!request.has_lease_duration()) return absl::Seconds(60);
  return DecodeDuration("lease_duration", request.lease_duration(), absl::Seconds(1));
}

absl::StatusOr<store::Completion> DecodeCompletion(
    const pipelines::v1::CompletePipelineRequestRequest& request) {
  CIEVENTS_ASSIGN_OR_RETURN(const RequestId id, ParseRequestId(request.request_id()));
  store::Completion completion;
  completion.event_uid = id.event_uid;
  completion.subscription_id = id.subscription_id;
  completion.attempt = request.attempt();
  completion.owner = request.owner();
  completion.pipeline_id = request.pipeline_id();
  completion.reason = request.reason();
  if (request.reason().size() > kReasonBytesMax ||
      request.reason().find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("reason must have at most 1,024 bytes and no NUL character");
  }
  if (request.has_retry_after()) {
    CIEVENTS_ASSIGN_OR_RETURN(
        completion.retry_delay,
        DecodeDuration("retry_after", request.retry_after(), absl::ZeroDuration()));
  }
  switch (request.kind()) {
    case pipelines::v1::COMPLETION_KIND_CREATED:
      if (request.pipeline_id() <= 0) {
        return absl::InvalidArgumentError("pipeline_id is missing: say which pipeline was created");
      }
      completion.kind = store::CompletionKind::kCreated;
      return completion;
    case pipelines::v1::COMPLETION_KIND_RETRY:
      completion.kind = store::CompletionKind::kRetry;
      break;
    case pipelines::v1::COMPLETION_KIND_DEAD:
      completion.kind = store::CompletionKind::kDead;
      break;
    default:
      return absl::InvalidArgumentError(
          "kind is missing: COMPLETION_KIND_CREATED, _RETRY or _DEAD");
  }
  if (request.reason().empty()) {
    return absl::InvalidArgumentError("reason is missing: say why it failed");
  }
  return completion;
}

absl::StatusOr<store::RequestFilter> DecodeFilter(
    const admin::v1::ListPipelineRequestsRequest& request) {
  store::RequestFilter filter;
  if (request.project_id() != 0) filter.project_id = request.project_id();
  if (!request.state().empty()) {
    if (std::find(kStates.begin(), kStates.end(), request.state()) == kStates.end()) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "state '{}' is none of: ready, active, deferred, created, dead, failed_input",
                   request.state().substr(0, 100));
    }
    filter.state = request.state();
  }
  filter.limit = request.page_size() == 0 ? 100 : request.page_size();
  if (filter.limit < 1 || filter.limit > kPageSizeMax) {
    return absl::InvalidArgumentError("page_size must be 1 to 1000");
  }
  if (!request.page_token().empty()) {
    const absl::StatusOr<RequestId> cursor = ParseRequestId(request.page_token());
    if (!cursor.ok()) {
      return absl::InvalidArgumentError(
          "page_token is not one that this method gave: start again without it");
    }
    filter.before_uid = cursor->event_uid;
    filter.before_subscription_id = cursor->subscription_id;
  }
  return filter;
}

}  // namespace

grpc::Status PipelineDoor::LeasePipelineRequests(
    grpc::ServerContext*, const pipelines::v1::LeasePipelineRequestsRequest* request,
    pipelines::v1::LeasePipelineRequestsResponse* response) {
  if (const grpc::Status status = CheckOwner(request->owner()); !status.ok()) return status;
  const int max = request->max_requests() == 0 ? 1 : request->max_requests();
  if (max < 1 || max > kLeaseRequestsMax) return InvalidArgument("max_requests must be 1 to 1000");
  const absl::StatusOr<absl::Duration> lease = DecodeLease(*request);
  if (!lease.ok()) return ToGrpcStatus(lease.status());
  // Payloads decide how many fit into a response, and they are known only once claimed: claims go
  // in steps, sized by what was seen, and what does not fit goes straight back.
  size_t bytes = 0;
  int step = std::min(max, kFirstClaim);
  while (step > 0) {
    const auto claimed = queue_.Claim(request->owner(), step, *lease);
    if (!claimed.ok()) {
      // What is leased already is answered; the rest waits for the next call.
      return response->requests_size() > 0 ? grpc::Status::OK : ToGrpcStatus(claimed.status());
    }
    bool full = static_cast<int>(claimed->size()) < step;
    for (const store::RequestRecord& record : *claimed) {
      pipelines::v1::PipelineRequest* message = response->add_requests();
      EncodeRequest(record, message);
      const size_t size = message->ByteSizeLong();
      if (response->requests_size() > 1 && bytes + size > kResponseBytesMax) {
        response->mutable_requests()->RemoveLast();
        GiveBack(request->owner(), record);
        full = true;
        continue;
      }
      bytes += size;
    }
    if (full) break;
    const size_t average = bytes / static_cast<size_t>(response->requests_size()) + 1;
    const auto fit =
        static_cast<int>((kResponseBytesMax - std::min(bytes, kResponseBytesMax)) / average);
    step = std::min({max - response->requests_size(), fit, kClaimMax});
  }
  return grpc::Status::OK;
}

void PipelineDoor::GiveBack(const std::string& owner, const store::RequestRecord& record) {
  const absl::Status status = queue_.Release(record.request.event_uid,
                                             record.request.subscription_id, record.attempt, owner);
  // If this fails the lease ends by itself, and the request comes back then.
  if (!status.ok()) {
    LogWarning("a request could not be given back", {{"error", std::string(status.message())}});
  }
}

grpc::Status PipelineDoor::ExtendLeases(grpc::ServerContext*,
                                        const pipelines::v1::ExtendLeasesRequest* request,
                                        pipelines::v1::ExtendLeasesResponse* response) {
  if (const grpc::Status status = CheckOwner(request->owner()); !status.ok()) return status;
  const absl::StatusOr<absl::Duration> lease = DecodeLease(*request);
  if (!lease.ok()) return ToGrpcStatus(lease.status());
  const absl::StatusOr<int> extended = queue_.Extend(request->owner(), *lease);
  if (!extended.ok()) return ToGrpcStatus(extended.status());
  response->set_extended_count(*extended);
  return grpc::Status::OK;
}

grpc::Status PipelineDoor::CompletePipelineRequest(
    grpc::ServerContext*, const pipelines::v1::CompletePipelineRequestRequest* request,
    pipelines::v1::CompletePipelineRequestResponse*) {
  if (const grpc::Status status = CheckOwner(request->owner()); !status.ok()) return status;
  const absl::StatusOr<store::Completion> completion = DecodeCompletion(*request);
  if (!completion.ok()) return ToGrpcStatus(completion.status());
  return ToGrpcStatus(queue_.Complete(*completion));
}

grpc::Status AdminDoor::ListPipelineRequests(grpc::ServerContext*,
                                             const admin::v1::ListPipelineRequestsRequest* request,
                                             admin::v1::ListPipelineRequestsResponse* response) {
  const absl::StatusOr<store::RequestFilter> filter = DecodeFilter(*request);
  if (!filter.ok()) return ToGrpcStatus(filter.status());
  const auto records = queue_.List(*filter);
  if (!records.ok()) return ToGrpcStatus(records.status());
  size_t bytes = 0;
  for (const store::RequestRecord& record : *records) {
    EncodeRequest(record, response->add_requests());
    bytes += response->requests(response->requests_size() - 1).ByteSizeLong();
    if (bytes > kResponseBytesMax) break;
  }
  const bool cut = response->requests_size() < static_cast<int>(records->size());
  if (cut || static_cast<int>(records->size()) == filter->limit) {
    response->set_next_page_token(response->requests(response->requests_size() - 1).request_id());
  }
  return grpc::Status::OK;
}

grpc::Status AdminDoor::GetPipelineRequest(grpc::ServerContext*,
                                           const admin::v1::GetPipelineRequestRequest* request,
                                           admin::v1::GetPipelineRequestResponse* response) {
  const absl::StatusOr<RequestId> id = ParseRequestId(request->request_id());
  if (!id.ok()) return ToGrpcStatus(id.status());
  const auto record = queue_.Find(id->event_uid, id->subscription_id);
  if (!record.ok()) return ToGrpcStatus(record.status());
  EncodeRequest(*record, response->mutable_request());
  return grpc::Status::OK;
}

grpc::Status AdminDoor::ListEventTypes(grpc::ServerContext*,
                                       const admin::v1::ListEventTypesRequest*,
                                       admin::v1::ListEventTypesResponse* response) {
  for (const EventType& type : catalogue_->event_types()) {
    admin::v1::EventType* message = response->add_event_types();
    message->set_name(type.name);
    message->set_summary(type.summary);
    for (const std::string& name : type.also) message->add_also(name);
    for (const std::string& name : type.aliases) message->add_aliases(name);
    for (const std::string& name : type.cloudevent_types) message->add_cloudevent_types(name);
    for (const std::string& path : type.payload_paths) message->add_payload_paths(path);
  }
  return grpc::Status::OK;
}

}  // namespace cievents::pipeline_dispatcher
