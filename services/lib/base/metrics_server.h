// GET /metrics for Prometheus, by prometheus-cpp's exposer. Nothing is counted here: what there is
// to say is asked for at each scrape.
#ifndef SERVICES_LIB_BASE_METRICS_SERVER_H_
#define SERVICES_LIB_BASE_METRICS_SERVER_H_

#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace prometheus {
class Collectable;
class Exposer;
}  // namespace prometheus

namespace cievents {

class MetricsServer {
 public:
  // Called by threads of the server, perhaps by two at a time, until the server is destroyed.
  using Collect = std::function<std::vector<prometheus::MetricFamily>()>;

  // Listens on `listen_address`: the address of an interface, or localhost, and a port; 0 = any
  // free one. kUnavailable: it cannot be bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& listen_address,
                                                              Collect collect);
  ~MetricsServer();

  // With the real port, such as http://127.0.0.1:9090/metrics.
  const std::string& url() const { return url_; }

 private:
  MetricsServer();

  std::shared_ptr<prometheus::Collectable> source_;  // the exposer only has a weak pointer
  std::unique_ptr<prometheus::Exposer> exposer_;
  std::string url_;
};

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_METRICS_SERVER_H_
