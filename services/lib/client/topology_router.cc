#include "services/lib/client/topology_router.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "cievents/events/v1/events.grpc.pb.h"
#include "matcher/base/check.h"
#include "matcher/slots.h"
#include "services/lib/base/grpc_status.h"

namespace cievents::client {
namespace {

absl::StatusOr<events::v1::GetTopologyResponse> FetchTopology(const std::string& endpoint,
                                                              absl::Duration timeout) {
  const auto stub = events::v1::EventService::NewStub(
      grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
  context.set_wait_for_ready(false);
  events::v1::GetTopologyResponse response;
  const grpc::Status status = stub->GetTopology(&context, {}, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

}  // namespace

TopologyRouter::TopologyRouter(Options options)
    : options_([&options] {
        CIEVENTS_CHECK(!options.endpoints.empty());
        if (options.fetch == nullptr) {
          options.fetch = [timeout = options.call_timeout](const std::string& endpoint) {
            return FetchTopology(endpoint, timeout);
          };
        }
        return std::move(options);
      }()) {
  thread_ = std::thread([this] { Run(); });
}

TopologyRouter::~TopologyRouter() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

bool TopologyRouter::IsAvoided(const std::string& endpoint) const {
  const auto it = avoided_.find(endpoint);
  return it != avoided_.end() && options_.now() < it->second;
}

const std::string& TopologyRouter::AnyEndpoint(const std::string& fallback) const {
  const std::vector<std::string>& endpoints = options_.endpoints;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const std::string& endpoint = endpoints[(next_endpoint_ + i) % endpoints.size()];
    if (!IsAvoided(endpoint)) return endpoint;
  }
  return fallback;
}

std::string TopologyRouter::EndpointFor(const RoutingKey& key) {
  MutexLock lock(mutex_);
  const bool has_slot = key.root_namespace_id != 0 || key.project_id == 0;
  if (has_slot && version_ > 0) {
    const std::string& owner =
        address_of_slot_[static_cast<size_t>(matcher::SlotOf(key.root_namespace_id))];
    if (!owner.empty()) return IsAvoided(owner) ? AnyEndpoint(owner) : owner;
  }
  return AnyEndpoint(options_.endpoints[next_endpoint_]);
}

void TopologyRouter::StreamEnded(const std::string& endpoint, const absl::Status& why) {
  {
    MutexLock lock(mutex_);
    if (endpoint == options_.endpoints[next_endpoint_]) {
      next_endpoint_ = (next_endpoint_ + 1) % options_.endpoints.size();
    }
    // The others are streams that we ended.
    if (!why.ok() && !absl::IsCancelled(why)) {
      const auto now = options_.now();
      std::erase_if(avoided_, [now](const auto& one) { return one.second <= now; });
      avoided_[endpoint] = now + options_.avoid_time;
    }
    refresh_due_ = true;
  }
  changed_.NotifyAll();
}

int64_t TopologyRouter::version() const {
  MutexLock lock(mutex_);
  return version_;
}

void TopologyRouter::Run() {
  while (true) {
    Refresh();
    const auto begin = std::chrono::steady_clock::now();
    const auto at_least = absl::ToChronoNanoseconds(options_.refresh_interval_min);
    MutexLock lock(mutex_);
    while (!stopping_) {
      // Not known yet: as often as is allowed.
      const auto wait = refresh_due_ || version_ == 0
                            ? at_least
                            : absl::ToChronoNanoseconds(options_.refresh_interval);
      const auto left = begin + wait - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0)) break;
      changed_.WaitFor(mutex_, left);
    }
    if (stopping_) return;
    refresh_due_ = false;
  }
}

void TopologyRouter::Refresh() {
  std::vector<std::string> endpoints;
  {
    MutexLock lock(mutex_);
    endpoints = options_.endpoints;
    std::rotate(endpoints.begin(), endpoints.begin() + static_cast<ptrdiff_t>(next_endpoint_),
                endpoints.end());
    // The matchers of the last topology, should none of the others be left.
    for (const std::string& address : address_of_slot_) {
      if (!address.empty() && address != endpoints.back()) endpoints.push_back(address);
    }
  }
  for (const std::string& endpoint : endpoints) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    const auto topology = options_.fetch(endpoint);
    if (!topology.ok()) continue;
    Take(*topology);
    return;
  }
}

void TopologyRouter::Take(const events::v1::GetTopologyResponse& topology) {
  if (topology.slot_count() != matcher::kSlots) return;  // not of this program's world
  std::vector<std::string> addresses(matcher::kSlots);
  for (const events::v1::Shard& shard : topology.shards()) {
    const int end = shard.first_slot() + shard.slot_count();
    if (shard.first_slot() < 0 || shard.slot_count() < 0 || end > matcher::kSlots) return;
    for (int slot = shard.first_slot(); slot < end; ++slot) {
      addresses[static_cast<size_t>(slot)] = shard.address();
    }
  }
  MutexLock lock(mutex_);
  if (topology.version() < version_) return;  // of a matcher that has not heard of the newer one
  if (topology.version() > version_) avoided_.clear();  // who has an address now, may have moved
  version_ = topology.version();
  address_of_slot_ = std::move(addresses);
}

}  // namespace cievents::client
