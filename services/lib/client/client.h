// The client that the command line, the gateway, the poller and backends use: typed calls with
// absl::Status, retries where a retry is safe, and the rounds of a push.
#ifndef SERVICES_LIB_CLIENT_CLIENT_H_
#define SERVICES_LIB_CLIENT_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cievents/admin/v1/admin.grpc.pb.h"
#include "cievents/admin/v1/explain.grpc.pb.h"
#include "cievents/config/v1/config.grpc.pb.h"
#include "cievents/events/v1/events.grpc.pb.h"
#include "cievents/pipelines/v1/pipelines.grpc.pb.h"

namespace cievents::client {

// Thread-safe: one channel, any number of calls.
class Client {
 public:
  struct Options {
    std::string endpoint;  // host:port
    // Each call's deadline.
    absl::Duration call_timeout = absl::Seconds(30);
    // Calls that are safe to repeat are repeated for so long while the server is UNAVAILABLE
    // or has no room (RESOURCE_EXHAUSTED with a time to wait), and
    // events while they are answered OVERLOADED, but not before the time that the server asks for.
    // Zero = one try.
    absl::Duration retry_for = absl::Seconds(10);
  };

  explicit Client(Options options);

  // One outcome for each event, in order. Overloaded events are sent again, unchanged, until
  // `retry_for` has passed; what is still overloaded then stays so in the answer. Batches that are
  // too large for one call are split.
  absl::StatusOr<std::vector<events::v1::EventOutcome>> PublishEvents(
      const std::vector<events::v1::Event>& events);

  // Where the files of a push come from. An error of either ends the push.
  struct PushFiles {
    // A manifest file's bytes.
    std::function<absl::StatusOr<std::string>(const std::string& path)> content;
    // Path and blob id of every YAML file of the commit; called at most once.
    std::function<absl::StatusOr<std::vector<config::v1::ManifestEntry>>()> manifest;
  };
  // Pushes, and sends what the server asks for: contents, and - for a request without a manifest,
  // which names the commit that it follows and the paths that differ - the manifest. kAborted: the
  // server does not come to an end, or asks again for what it has.
  absl::StatusOr<config::v1::PushConfigResponse> PushConfig(config::v1::PushConfigRequest request,
                                                            const PushFiles& files);
  // The same for a request that has its manifest.
  absl::StatusOr<config::v1::PushConfigResponse> PushConfig(
      config::v1::PushConfigRequest request,
      const std::function<absl::StatusOr<std::string>(const std::string& path)>& content);

  absl::StatusOr<config::v1::UpsertProjectResponse> UpsertProject(
      const config::v1::UpsertProjectRequest& request);
  absl::StatusOr<config::v1::TransferProjectResponse> TransferProject(
      const config::v1::TransferProjectRequest& request);
  absl::StatusOr<config::v1::ArchiveProjectResponse> ArchiveProject(
      const config::v1::ArchiveProjectRequest& request);
  absl::StatusOr<config::v1::DeleteProjectResponse> DeleteProject(
      const config::v1::DeleteProjectRequest& request);

  absl::StatusOr<config::v1::ListSubscriptionsResponse> ListSubscriptions(
      const config::v1::ListSubscriptionsRequest& request);
  // Not repeated on UNAVAILABLE: leases that were given in a lost answer end by themselves.
  absl::StatusOr<pipelines::v1::LeasePipelineRequestsResponse> LeasePipelineRequests(
      const pipelines::v1::LeasePipelineRequestsRequest& request);
  absl::Status CompletePipelineRequest(
      const pipelines::v1::CompletePipelineRequestRequest& request);
  absl::StatusOr<admin::v1::ListPipelineRequestsResponse> ListPipelineRequests(
      const admin::v1::ListPipelineRequestsRequest& request);
  absl::StatusOr<admin::v1::GetPipelineRequestResponse> GetPipelineRequest(
      const admin::v1::GetPipelineRequestRequest& request);
  absl::StatusOr<admin::v1::ExplainEventResponse> ExplainEvent(
      const admin::v1::ExplainEventRequest& request);

 private:
  absl::Status PublishBatch(const std::vector<events::v1::Event>& events,
                            const std::vector<size_t>& positions,
                            std::vector<events::v1::EventOutcome>* outcomes);

  const Options options_;
  std::unique_ptr<events::v1::EventService::Stub> events_;
  std::unique_ptr<config::v1::ConfigService::Stub> config_;
  std::unique_ptr<pipelines::v1::PipelineService::Stub> pipelines_;
  std::unique_ptr<admin::v1::AdminService::Stub> admin_;
  std::unique_ptr<admin::v1::ExplainService::Stub> explain_;
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_CLIENT_H_
