// Sends each event to the matcher that owns its root namespace, as GetTopology says.
#ifndef SERVICES_LIB_CLIENT_TOPOLOGY_ROUTER_H_
#define SERVICES_LIB_CLIENT_TOPOLOGY_ROUTER_H_

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cievents/events/v1/events.pb.h"
#include "matcher/base/mutex.h"
#include "services/lib/client/event_router.h"

namespace cievents::client {

// Asks in a thread of its own: at the start, every `refresh_interval`, and soon after a stream has
// ended. A topology that is old costs a hop between matchers, nothing else. Until the first one is
// known, for events that have no root namespace, and for a while for those of a matcher to which a
// stream broke, it names one of `endpoints`: any matcher keeps the event until its owner is back.
// Thread-safe.
class TopologyRouter final : public EventRouter {
 public:
  struct Options {
    std::vector<std::string> endpoints;  // host:port of some matchers, at least one
    absl::Duration refresh_interval = absl::Seconds(30);
    absl::Duration refresh_interval_min = absl::Milliseconds(200);  // however many streams end
    absl::Duration call_timeout = absl::Seconds(2);
    // For so long nothing is sent to where a stream broke, if there is another matcher.
    std::chrono::milliseconds avoid_time{5000};
    // The clock of avoid_time: for tests.
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
    // Asks the matcher at an endpoint; a call of GetTopology by default.
    std::function<absl::StatusOr<events::v1::GetTopologyResponse>(const std::string& endpoint)>
        fetch;
  };

  explicit TopologyRouter(Options options);
  ~TopologyRouter() override;

  std::string EndpointFor(const RoutingKey& key) override;
  void StreamEnded(const std::string& endpoint, const absl::Status& why) override;

  int64_t version() const;  // 0 = not known yet

 private:
  void Run();
  // Asks one matcher after the other until one answers.
  void Refresh();
  void Take(const events::v1::GetTopologyResponse& topology);
  bool IsAvoided(const std::string& endpoint) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // One of the given endpoints that is not avoided; else `fallback`.
  const std::string& AnyEndpoint(const std::string& fallback) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable Mutex mutex_;
  CondVar changed_;
  int64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> address_of_slot_ ABSL_GUARDED_BY(mutex_);
  // Until when, by endpoint. At most one a matcher: what is over is taken out.
  std::map<std::string, std::chrono::steady_clock::time_point> avoided_ ABSL_GUARDED_BY(mutex_);
  size_t next_endpoint_ ABSL_GUARDED_BY(mutex_) = 0;  // of options_.endpoints
  bool refresh_due_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_TOPOLOGY_ROUTER_H_
