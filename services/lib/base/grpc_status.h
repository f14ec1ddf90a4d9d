// absl::Status to grpc::Status and back: the codes are the same numbers. And what a server says,
// and a client hears, about making a call again.
#ifndef SERVICES_LIB_BASE_GRPC_STATUS_H_
#define SERVICES_LIB_BASE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace grpc {
class ClientContext;
class ServerContextBase;
}  // namespace grpc

namespace cievents {

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

// Trailing metadata that gRPC's own retries obey (gRFC A6): milliseconds; negative = never again.
inline constexpr char kRetryPushbackKey[] = "grpc-retry-pushback-ms";

// Asks the client in the trailing metadata to wait so long before it calls again, in whole
// milliseconds, rounded up; absl::InfiniteDuration() = the same call will never be taken. Call it
// once, before the call is finished.
void AskToWait(absl::Duration wait, grpc::ServerContextBase* context);

// The end of a call that may be made again after `wait` (finite): AskToWait, and the same as
// google.rpc.RetryInfo in the status.
grpc::Status RetryLater(const absl::Status& status, absl::Duration wait,
                        grpc::ServerContextBase* context);

// What the server of a call that has ended asks: to wait so long, zero = it said nothing,
// absl::InfiniteDuration() = not to repeat the call.
absl::Duration RetryAfter(const grpc::ClientContext& context, const grpc::Status& status);

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_GRPC_STATUS_H_
