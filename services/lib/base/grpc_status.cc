#include "services/lib/base/grpc_status.h"

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cievents {
namespace {

int64_t WholeMilliseconds(absl::Duration wait) {
  return absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)));
}

// Zero: it says nothing.
absl::Duration InDetails(const std::string& details) {
  google::rpc::Status status;
  google::rpc::RetryInfo info;
  if (details.empty() || !status.ParseFromString(details)) return absl::ZeroDuration();
  for (const google::protobuf::Any& detail : status.details()) {
    if (!detail.UnpackTo(&info)) continue;
    return std::max(absl::ZeroDuration(), absl::Seconds(info.retry_delay().seconds()) +
                                              absl::Nanoseconds(info.retry_delay().nanos()));
  }
  return absl::ZeroDuration();
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      std::string(status.message().data(), status.message().size()));
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

void AskToWait(absl::Duration wait, grpc::ServerContextBase* context) {
  const int64_t ms = wait == absl::InfiniteDuration() ? -1 : WholeMilliseconds(wait);
  context->AddTrailingMetadata(kRetryPushbackKey, std::to_string(ms));
}

grpc::Status RetryLater(const absl::Status& status, absl::Duration wait,
                        grpc::ServerContextBase* context) {
  AskToWait(wait, context);
  const int64_t ms = WholeMilliseconds(wait);
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(ms / 1000);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
  const grpc::Status plain = ToGrpcStatus(status);
  google::rpc::Status details;
  details.set_code(plain.error_code());
  details.set_message(plain.error_message());
  details.add_details()->PackFrom(info);
  return grpc::Status(plain.error_code(), plain.error_message(), details.SerializeAsString());
}

absl::Duration RetryAfter(const grpc::ClientContext& context, const grpc::Status& status) {
  const absl::Duration in_details = InDetails(status.error_details());
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto pushback = trailers.find(kRetryPushbackKey);
  if (pushback == trailers.end()) return in_details;
  int64_t ms = -1;
  const bool parsed =
      absl::SimpleAtoi(std::string(pushback->second.data(), pushback->second.size()), &ms);
  // gRFC A6: what cannot be read means the same as a negative number.
  if (!parsed || ms < 0) return absl::InfiniteDuration();
  return std::max(in_details, absl::Milliseconds(ms));
}

}  // namespace cievents
