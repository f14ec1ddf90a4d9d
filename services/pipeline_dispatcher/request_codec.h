// The wire form of pipeline requests. Knows protobuf, not gRPC.
#ifndef SERVICES_PIPELINE_DISPATCHER_REQUEST_CODEC_H_
#define SERVICES_PIPELINE_DISPATCHER_REQUEST_CODEC_H_

#include "cievents/pipelines/v1/pipelines.pb.h"
#include "services/lib/store/request_queue.h"

namespace cievents::pipeline_dispatcher {

using store::FormatRequestId;
using store::ParseRequestId;
using store::RequestId;

void EncodeRequest(const store::RequestRecord& record, pipelines::v1::PipelineRequest* message);

}  // namespace cievents::pipeline_dispatcher

#endif  // SERVICES_PIPELINE_DISPATCHER_REQUEST_CODEC_H_
