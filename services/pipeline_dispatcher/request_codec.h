// The wire form of pipeline requests. Knows protobuf, not gRPC.
#ifndef SERVICES_PIPELINE_DISPATCHER_REQUEST_CODEC_H_
#define SERVICES_PIPELINE_DISPATCHER_REQUEST_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cievents/pipelines/v1/pipelines.pb.h"
#include "services/lib/store/request_queue.h"

namespace cievents::pipeline_dispatcher {

// `<event uid>:<subscription id>`.
struct RequestId {
  matcher::EventUid event_uid;
  int64_t subscription_id = 0;
};

std::string FormatRequestId(const RequestId& id);
// kInvalidArgument with what a request id looks like.
absl::StatusOr<RequestId> ParseRequestId(std::string_view text);

void EncodeRequest(const store::RequestRecord& record, pipelines::v1::PipelineRequest* message);

}  // namespace cievents::pipeline_dispatcher

#endif  // SERVICES_PIPELINE_DISPATCHER_REQUEST_CODEC_H_
