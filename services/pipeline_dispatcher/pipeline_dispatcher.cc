#include "services/pipeline_dispatcher/pipeline_dispatcher.h"

#include "matcher/base/status.h"

namespace cievents::pipeline_dispatcher {

absl::StatusOr<std::unique_ptr<PipelineDispatcher>> PipelineDispatcher::Create(
    const Options& options) {
  CIEVENTS_ASSIGN_OR_RETURN(auto queue,
                            store::RequestQueue::Create(options.dsn, options.connections_max));
  return std::unique_ptr<PipelineDispatcher>(
      new PipelineDispatcher(std::move(queue), options.catalogue));
}

}  // namespace cievents::pipeline_dispatcher
