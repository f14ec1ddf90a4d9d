// The gRPC doors of the queue: PipelineService for workers, AdminService for people.
#ifndef SERVICES_PIPELINE_DISPATCHER_PIPELINE_DOOR_H_
#define SERVICES_PIPELINE_DISPATCHER_PIPELINE_DOOR_H_

#include <memory>

#include "cievents/admin/v1/admin.grpc.pb.h"
#include "cievents/pipelines/v1/pipelines.grpc.pb.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/store/request_queue.h"

namespace cievents::pipeline_dispatcher {

class PipelineDoor final : public pipelines::v1::PipelineService::Service {
 public:
  explicit PipelineDoor(store::RequestQueue& queue) : queue_(queue) {}

  grpc::Status LeasePipelineRequests(
      grpc::ServerContext* context, const pipelines::v1::LeasePipelineRequestsRequest* request,
      pipelines::v1::LeasePipelineRequestsResponse* response) override;
  grpc::Status ExtendLeases(grpc::ServerContext* context,
                            const pipelines::v1::ExtendLeasesRequest* request,
                            pipelines::v1::ExtendLeasesResponse* response) override;
  grpc::Status CompletePipelineRequest(
      grpc::ServerContext* context, const pipelines::v1::CompletePipelineRequestRequest* request,
      pipelines::v1::CompletePipelineRequestResponse* response) override;

 private:
  // A request that was claimed but does not fit into the response: ready again at once.
  void GiveBack(const std::string& owner, const store::RequestRecord& record);

  store::RequestQueue& queue_;
};

class AdminDoor final : public admin::v1::AdminService::Service {
 public:
  AdminDoor(store::RequestQueue& queue, std::shared_ptr<const Catalogue> catalogue)
      : queue_(queue), catalogue_(std::move(catalogue)) {}

  grpc::Status ListPipelineRequests(grpc::ServerContext* context,
                                    const admin::v1::ListPipelineRequestsRequest* request,
                                    admin::v1::ListPipelineRequestsResponse* response) override;
  grpc::Status GetPipelineRequest(grpc::ServerContext* context,
                                  const admin::v1::GetPipelineRequestRequest* request,
                                  admin::v1::GetPipelineRequestResponse* response) override;
  grpc::Status ListEventTypes(grpc::ServerContext* context,
                              const admin::v1::ListEventTypesRequest* request,
                              admin::v1::ListEventTypesResponse* response) override;

 private:
  store::RequestQueue& queue_;
  const std::shared_ptr<const Catalogue> catalogue_;
};

}  // namespace cievents::pipeline_dispatcher

#endif  // SERVICES_PIPELINE_DISPATCHER_PIPELINE_DOOR_H_
