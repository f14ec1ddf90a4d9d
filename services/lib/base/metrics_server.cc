#include "services/lib/base/metrics_server.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "matcher/base/status.h"

namespace cievents {
namespace {

class Source final : public prometheus::Collectable {
 public:
  explicit Source(MetricsServer::Collect collect) : collect_(std::move(collect)) {}
  std::vector<prometheus::MetricFamily> Collect() const override { return collect_(); }

 private:
  const MetricsServer::Collect collect_;
};

}  // namespace

MetricsServer::MetricsServer() = default;
MetricsServer::~MetricsServer() = default;

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const std::string& listen_address, Collect collect) {
  const size_t colon = listen_address.rfind(':');
  if (colon == std::string::npos) {
    return Error(absl::StatusCode::kInvalidArgument, "the address {} for metrics has no port",
                 listen_address);
  }
  std::string host = listen_address.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";  // the exposer takes no names
  std::unique_ptr<MetricsServer> server(new MetricsServer());
  server->source_ = std::make_shared<Source>(std::move(collect));
  try {
    // Scrapers are few; one that says nothing holds its thread for a second.
    server->exposer_ = std::make_unique<prometheus::Exposer>(
        std::vector<std::string>{"listening_ports", host + listen_address.substr(colon),
                                 "num_threads", "2", "request_timeout_ms", "1000"});
    server->exposer_->RegisterCollectable(server->source_);
    server->url_ =
        fmt::format("http://{}:{}/metrics", host, server->exposer_->GetListeningPorts().at(0));
  } catch (const std::exception& error) {  // CivetException, and what at() throws
    return Error(absl::StatusCode::kUnavailable,
                 "cannot listen on {} for metrics: is the port in use, and the address one of this "
                 "machine? ({})",
                 listen_address, error.what());
  }
  return server;
}

}  // namespace cievents
