// Reports this shard to Postgres every second and learns the layout from the answer. While Postgres
// is away the last layout stays.
#ifndef SERVICES_EVENT_MATCHER_SHARD_KEEPER_H_
#define SERVICES_EVENT_MATCHER_SHARD_KEEPER_H_

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "matcher/base/mutex.h"
#include "services/event_matcher/shard_map.h"
#include "services/lib/spool/spool.h"
#include "services/lib/store/topology_store.h"

namespace cievents::event_matcher {

class ShardKeeper {
 public:
  struct Options {
    std::string dsn;
    std::chrono::milliseconds interval{1000};
    // For the report; absent: there is no spool.
    std::function<spool::Stats()> spool_stats = [] { return spool::Stats(); };
    // Called from the keeper's thread with what each report brings, before it counts here.
    std::function<void(const Layout&)> on_layout = [](const Layout&) {};
  };

  // `shards` must outlive the keeper.
  ShardKeeper(Options options, ShardMap& shards);
  ~ShardKeeper();  // Stop

  // host:port where the other shards and clients reach this one; until then they do not.
  void SetAddress(const std::string& address);

  // Starts the thread; returns at once.
  void Start();
  void Stop();  // twice or unstarted is fine

 private:
  void Run();
  absl::Status ReportOnce();

  const Options options_;
  ShardMap& shards_;
  const int64_t started_ms_;
  store::TopologyStore store_;  // the thread's
  std::thread thread_;

  Mutex mutex_;
  CondVar stopped_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  bool report_due_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_SHARD_KEEPER_H_
