// The gRPC door of ConfigService: messages to plain values and back.
#ifndef SERVICES_CONFIG_INGEST_CONFIG_DOOR_H_
#define SERVICES_CONFIG_INGEST_CONFIG_DOOR_H_

#include "cievents/config/v1/config.grpc.pb.h"
#include "services/config_ingest/lifecycle.h"
#include "services/config_ingest/push.h"
#include "services/lib/store/config_store.h"

namespace cievents::config_ingest {

class ConfigDoor final : public cievents::config::v1::ConfigService::Service {
 public:
  // All must outlive the door.
  ConfigDoor(const PushHandler& handler, const LifecycleHandler& lifecycle,
             store::ConfigStore& store)
      : handler_(handler), lifecycle_(lifecycle), store_(store) {}

  grpc::Status PushConfig(grpc::ServerContext* context,
                          const cievents::config::v1::PushConfigRequest* request,
                          cievents::config::v1::PushConfigResponse* response) override;
  grpc::Status ListSubscriptions(
      grpc::ServerContext* context, const cievents::config::v1::ListSubscriptionsRequest* request,
      cievents::config::v1::ListSubscriptionsResponse* response) override;

  grpc::Status UpsertProject(grpc::ServerContext* context,
                             const cievents::config::v1::UpsertProjectRequest* request,
                             cievents::config::v1::UpsertProjectResponse* response) override;
  grpc::Status TransferProject(grpc::ServerContext* context,
                               const cievents::config::v1::TransferProjectRequest* request,
                               cievents::config::v1::TransferProjectResponse* response) override;
  grpc::Status ArchiveProject(grpc::ServerContext* context,
                              const cievents::config::v1::ArchiveProjectRequest* request,
                              cievents::config::v1::ArchiveProjectResponse* response) override;
  grpc::Status DeleteProject(grpc::ServerContext* context,
                             const cievents::config::v1::DeleteProjectRequest* request,
                             cievents::config::v1::DeleteProjectResponse* response) override;

 private:
  const PushHandler& handler_;
  const LifecycleHandler& lifecycle_;
  store::ConfigStore& store_;
};

}  // namespace cievents::config_ingest

#endif  // SERVICES_CONFIG_INGEST_CONFIG_DOOR_H_
