#include "tests/integration/health.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <vector>

namespace cievents::integration {

std::string HealthOf(const std::string& endpoint) {
  grpc::GenericStub stub(grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials()));
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return status.error_message();
  grpc::Slice slice;
  if (!answer.DumpToSingleSlice(&slice).ok()) return "no answer";
  const std::string bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
  if (bytes == "\x08\x01") return "SERVING";  // HealthCheckResponse{status}
  return bytes == "\x08\x02" ? "NOT_SERVING" : "another status";
}

}  // namespace cievents::integration
