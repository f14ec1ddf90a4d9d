// EventStream over gRPC.
#ifndef SERVICES_LIB_CLIENT_GRPC_EVENT_STREAM_H_
#define SERVICES_LIB_CLIENT_GRPC_EVENT_STREAM_H_

#include <chrono>
#include <memory>
#include <string>

#include "cievents/events/v1/events.pb.h"
#include "services/lib/client/event_stream.h"

namespace cievents::client {

// Every stream has a connection of its own: that of the stream before may be dead without anybody
// having noticed.
std::shared_ptr<EventStream> OpenGrpcEventStream(const std::string& endpoint,
                                                 events::v1::AckLevel ack,
                                                 std::chrono::milliseconds connect_timeout,
                                                 TellStream tell);

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_GRPC_EVENT_STREAM_H_
