// The dispatcher role: serves the queue to workers (PipelineService) and to people (AdminService).
#ifndef SERVICES_PIPELINE_DISPATCHER_PIPELINE_DISPATCHER_H_
#define SERVICES_PIPELINE_DISPATCHER_PIPELINE_DISPATCHER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/pipeline_dispatcher/pipeline_door.h"

namespace cievents::pipeline_dispatcher {

class PipelineDispatcher {
 public:
  struct Options {
    std::string dsn;
    int connections_max = 4;
    std::shared_ptr<const Catalogue> catalogue;
  };

  static absl::StatusOr<std::unique_ptr<PipelineDispatcher>> Create(const Options& options);

  std::vector<grpc::Service*> services() { return {&pipelines_, &admin_}; }

 private:
  PipelineDispatcher(std::unique_ptr<store::RequestQueue> queue,
                     std::shared_ptr<const Catalogue> catalogue)
      : queue_(std::move(queue)), pipelines_(*queue_), admin_(*queue_, std::move(catalogue)) {}

  std::unique_ptr<store::RequestQueue> queue_;
  PipelineDoor pipelines_;
  AdminDoor admin_;
};

}  // namespace cievents::pipeline_dispatcher

#endif  // SERVICES_PIPELINE_DISPATCHER_PIPELINE_DISPATCHER_H_
