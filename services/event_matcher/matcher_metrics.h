// What a matcher tells Prometheus (docs/metrics.md): put together at each scrape from what its
// parts count anyway.
#ifndef SERVICES_EVENT_MATCHER_MATCHER_METRICS_H_
#define SERVICES_EVENT_MATCHER_MATCHER_METRICS_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "matcher/index/index.h"
#include "services/event_matcher/call_budget.h"
#include "services/event_matcher/door_meter.h"
#include "services/event_matcher/feed_follower.h"
#include "services/event_matcher/group_commit_enqueuer.h"
#include "services/event_matcher/grpc_forwarder.h"
#include "services/event_matcher/spooling_enqueuer.h"
#include "services/lib/spool/spool.h"

namespace cievents::event_matcher {

struct SpoolSnapshot {
  SpoolingEnqueuer::Stats enqueuer;
  spool::Stats stats;
  int64_t bytes_max = 0;
};

// One look at everything. The parts are not looked at in one instant: sums may differ by what
// happened meanwhile.
struct MatcherSnapshot {
  absl::Time now;
  bool ready = false;
  DoorMeter::Counts doors;
  CallBudget::Stats calls;
  GroupCommitEnqueuer::Stats commits;
  bool store_away = false;
  GrpcForwarder::Stats forwarder;
  FeedFollower::Stats feed;
  matcher::Index::Stats index;
  std::optional<SpoolSnapshot> spool;  // absent: there is none
};

// No label has more values than are listed in docs/metrics.md.
std::vector<prometheus::MetricFamily> ToMetrics(const MatcherSnapshot& snapshot);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_MATCHER_METRICS_H_
