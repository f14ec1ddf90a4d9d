// Which matcher an event goes to: one endpoint, or whatever a topology says.
#ifndef SERVICES_LIB_CLIENT_EVENT_ROUTER_H_
#define SERVICES_LIB_CLIENT_EVENT_ROUTER_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace cievents::client {

// What of an event decides where it goes.
struct RoutingKey {
  int64_t root_namespace_id = 0;  // the first of its namespace ids; 0 = it has none
  int64_t project_id = 0;         // 0 = a group or instance event
};

// Asked and told by one thread of the publisher; whatever else uses it is the router's own matter.
class EventRouter {
 public:
  virtual ~EventRouter() = default;

  // The endpoint (host:port, never empty) that takes such an event now. Asked before every sending,
  // so a retry follows an event whose owner has changed. Must not block: a router that does not
  // know yet names any matcher.
  virtual std::string EndpointFor(const RoutingKey& key) = 0;

  // The stream to `endpoint` has ended, for this reason: a time to look whether it is still the
  // right one. Must not block.
  virtual void StreamEnded(const std::string& /*endpoint*/, const absl::Status& /*why*/) {}
};

// All events to one endpoint.
class SingleEndpoint final : public EventRouter {
 public:
  explicit SingleEndpoint(std::string endpoint) : endpoint_(std::move(endpoint)) {}
  std::string EndpointFor(const RoutingKey&) override { return endpoint_; }

 private:
  const std::string endpoint_;
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_EVENT_ROUTER_H_
