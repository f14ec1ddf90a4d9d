// The workloads of the engine's measurements: subscriptions as the index takes them, events, and
// how often they match. Totals are exact; every run checks them.
#ifndef LOADTEST_WORKLOADS_WORKLOAD_H_
#define LOADTEST_WORKLOADS_WORKLOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "loadtest/workloads/event_pool.h"
#include "matcher/subscription.h"

namespace cievents::loadtest {

inline constexpr int64_t kEventsPerPass = 20'000;

struct Workload {
  std::string id;  // `S1-1M`
  std::vector<matcher::ProjectSubscriptions> sets;
  EventPool events;
  uint64_t matches_a_pass = 0;  // over all events of the pool

  size_t subscriptions() const {
    size_t count = 0;
    for (const matcher::ProjectSubscriptions& set : sets) count += set.subscriptions.size();
    return count;
  }
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_WORKLOADS_WORKLOAD_H_
