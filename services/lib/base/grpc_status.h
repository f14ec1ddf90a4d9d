// absl::Status to grpc::Status and back: the codes are the same numbers.
#ifndef SERVICES_LIB_BASE_GRPC_STATUS_H_
#define SERVICES_LIB_BASE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace cievents {

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_GRPC_STATUS_H_
