// A gRPC server with health (grpc.health.v1), reflection, and the limits that all roles share.
#ifndef SERVICES_LIB_BASE_GRPC_SERVER_H_
#define SERVICES_LIB_BASE_GRPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cievents {

class GrpcServer {
 public:
  struct Options {
    std::string listen_address = "127.0.0.1:0";  // host:port; port 0 = any free one
    // A push carries up to 64 MiB of files; a batch of events 4 MiB.
    int message_bytes_max = 80 * 1024 * 1024;
  };

  // Serves `services` (which must outlive the server). Health is NOT_SERVING until SetServing.
  // kUnavailable: the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const Options& options, const std::vector<grpc::Service*>& services);
  ~GrpcServer();  // Shutdown

  // host:port with the real port.
  const std::string& address() const { return address_; }

  enum class Serving { kNo, kYes };
  // `service` is a full name such as cievents.events.v1.EventService; empty = the whole server.
  void SetServing(const std::string& service, Serving serving);

  // Answers health with NOT_SERVING, lets calls finish for `grace`, cancels the rest. Twice is
  // fine.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, std::string address)
      : server_(std::move(server)), address_(std::move(address)) {}

  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_GRPC_SERVER_H_
