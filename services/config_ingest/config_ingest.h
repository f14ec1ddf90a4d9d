// The ingest role: ConfigService over Postgres.
#ifndef SERVICES_CONFIG_INGEST_CONFIG_INGEST_H_
#define SERVICES_CONFIG_INGEST_CONFIG_INGEST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/config_ingest/config_door.h"
#include "services/config_ingest/lifecycle.h"
#include "services/config_ingest/push.h"

namespace cievents::config_ingest {

class ConfigIngest {
 public:
  struct Options {
    std::string dsn;
    int connections_max = 8;
    std::shared_ptr<const Catalogue> catalogue;
  };

  static absl::StatusOr<std::unique_ptr<ConfigIngest>> Create(const Options& options);

  grpc::Service* service() { return &door_; }

 private:
  ConfigIngest(std::unique_ptr<store::ConfigStore> store,
               std::shared_ptr<const Catalogue> catalogue)
      : store_(std::move(store)),
        handler_(*store_, std::move(catalogue)),
        lifecycle_(*store_),
        door_(handler_, lifecycle_, *store_) {}

  std::unique_ptr<store::ConfigStore> store_;
  PushHandler handler_;
  LifecycleHandler lifecycle_;
  ConfigDoor door_;
};

}  // namespace cievents::config_ingest

#endif  // SERVICES_CONFIG_INGEST_CONFIG_INGEST_H_
