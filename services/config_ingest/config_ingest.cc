#include "services/config_ingest/config_ingest.h"

#include "matcher/base/status.h"

namespace cievents::config_ingest {

absl::StatusOr<std::unique_ptr<ConfigIngest>> ConfigIngest::Create(const Options& options) {
  CIEVENTS_ASSIGN_OR_RETURN(auto store,
                            store::ConfigStore::Create(options.dsn, options.connections_max));
  return std::unique_ptr<ConfigIngest>(new ConfigIngest(std::move(store), options.catalogue));
}

}  // namespace cievents::config_ingest
