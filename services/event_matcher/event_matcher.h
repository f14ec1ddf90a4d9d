// The matcher role: all subscriptions in memory, kept equal to Postgres, behind EventService.
#ifndef SERVICES_EVENT_MATCHER_EVENT_MATCHER_H_
#define SERVICES_EVENT_MATCHER_EVENT_MATCHER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matcher/base/mutex.h"
#include "matcher/index/index.h"
#include "services/event_matcher/event_door.h"
#include "services/event_matcher/explain_door.h"
#include "services/event_matcher/feed_follower.h"
#include "services/event_matcher/group_commit_enqueuer.h"
#include "services/event_matcher/grpc_forwarder.h"
#include "services/event_matcher/intake.h"
#include "services/event_matcher/matcher_metrics.h"
#include "services/event_matcher/matcher_pool.h"
#include "services/event_matcher/project_roots.h"
#include "services/event_matcher/router.h"
#include "services/event_matcher/shard_keeper.h"
#include "services/event_matcher/shard_map.h"
#include "services/event_matcher/spool_drainer.h"
#include "services/event_matcher/spooling_enqueuer.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/store/retention.h"

namespace cievents::event_matcher {

class EventMatcher {
 public:
  struct Options {
    std::string dsn;
    int writers = 2;
    std::chrono::milliseconds poll_interval{20};
    // In which time the index is compared with Postgres; 0 = never.
    std::chrono::milliseconds check_interval = FeedFollower::kCheckInterval;
    size_t event_data_bytes_max = kEventDataBytesMax;
    int64_t tenant_events_per_second = 0;  // of each root namespace; 0 = no limit
    // Names CloudEvents. Not null.
    std::shared_ptr<const Catalogue> catalogue = Catalogue::BuiltIn();
    // Where events wait while Postgres does not take them; empty = nowhere: they are refused then.
    std::string spool_dir;
    int64_t spool_bytes_max = int64_t{4} << 30;
    // How long a commit may take before its events are spooled and answered from there.
    std::chrono::milliseconds ack_delay_max{10};
    // This is shard `shard_index` of `shard_count`.
    int shard_index = 0;
    int shard_count = 1;
    // Called once, when the first full load is in the index.
    std::function<void()> on_ready = [] {};
    // The seam of the fault test, whose negative control acknowledges too early.
    std::function<std::unique_ptr<Enqueuer>(std::unique_ptr<GroupCommitEnqueuer>)> wrap_enqueuer =
        [](std::unique_ptr<GroupCommitEnqueuer> enqueuer) { return enqueuer; };
  };

  // kFailedPrecondition: another process has the spool open. kUnavailable: its disk fails.
  static absl::StatusOr<std::unique_ptr<EventMatcher>> Create(Options options);
  ~EventMatcher();  // Stop

  // Where the other shards and clients reach this one (host:port); until then they do not.
  // Thread-safe.
  void SetAddress(const std::string& address) { keeper_.SetAddress(address); }
  // Starts writers, feed, shard keeper and partition maker; returns at once. Postgres may still be
  // away.
  void Start();
  // Ends the streams. Call before the gRPC server's Shutdown.
  void EndStreams() { door_.EndStreams(); }
  // Commits (or spools) what was taken, stops the threads. Twice or unstarted is fine. Call after
  // the gRPC server took its last call.
  void Stop();

  std::vector<grpc::Service*> services() { return {&door_, &explain_door_}; }
  const matcher::Index& index() const { return index_; }
  // What there is to say of it now. Thread-safe, until it is destroyed.
  MatcherSnapshot snapshot() const;

 private:
  EventMatcher(Options options, std::unique_ptr<spool::Spool> spool);
  // Where the intake hands what matched: with a spool, the one that answers in time.
  Enqueuer& outer_enqueuer();
  // Makes partitions ahead, drops those past retention.
  void MaintainPartitions();
  // False: Stop was called meanwhile.
  bool Wait(std::chrono::milliseconds time);

  const Options options_;
  matcher::Index index_;
  MatcherPool matchers_;
  std::unique_ptr<GroupCommitEnqueuer> unwrapped_;  // null once it is wrapped
  GroupCommitEnqueuer* const group_commit_;         // inside enqueuer_
  std::unique_ptr<Enqueuer> enqueuer_;
  const std::unique_ptr<spool::Spool> spool_;   // null: none
  std::unique_ptr<SpoolingEnqueuer> spooling_;  // null: no spool
  ShardMap shards_;
  ProjectRoots roots_;
  Intake intake_;
  GrpcForwarder forwarder_;
  Router router_;
  std::unique_ptr<SpoolDrainer> spool_drainer_;  // null: no spool
  EventDoor door_;
  ExplainDoor explain_door_;
  FeedFollower follower_;
  ShardKeeper keeper_;
  store::Retention retention_;
  std::thread partition_maker_;

  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EVENT_MATCHER_H_
