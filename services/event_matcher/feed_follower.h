// Keeps the index equal to Postgres: loads the slots that this shard wants, then follows the change
// feed. When it wants others, it loads anew; the old set serves meanwhile. What the feed missed all
// the same (a row that was changed by hand) is found by comparing digests, a few projects at a
// time.
#ifndef SERVICES_EVENT_MATCHER_FEED_FOLLOWER_H_
#define SERVICES_EVENT_MATCHER_FEED_FOLLOWER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "matcher/base/mutex.h"
#include "matcher/index/index.h"
#include "services/event_matcher/project_digests.h"
#include "services/event_matcher/project_roots.h"
#include "services/event_matcher/shard_map.h"
#include "services/event_matcher/unusable_log.h"
#include "services/lib/store/subscription_feed.h"

namespace cievents::event_matcher {

class FeedFollower {
 public:
  static constexpr std::chrono::minutes kCheckInterval{5};

  struct Options {
    std::string dsn;
    std::chrono::milliseconds poll_interval{20};
    // Called once, from the follower's thread, when the first full load is in the index.
    std::function<void()> on_loaded = [] {};
    // In this time all projects are compared with Postgres (but not more than 200 a poll); 0 =
    // never.
    std::chrono::milliseconds check_interval = kCheckInterval;
  };

  // All must outlive the follower.
  FeedFollower(Options options, matcher::Index& index, ShardMap& shards, ProjectRoots& roots);
  ~FeedFollower();  // Stop

  // Starts the thread; returns at once. Every loss of the connection means a full load on a new
  // one; the old set serves meanwhile.
  void Start();
  void Stop();  // twice or unstarted is fine

  struct Stats {
    uint64_t loads = 0;
    uint64_t polls = 0;
    uint64_t changes = 0;
    uint64_t checks = 0;    // whole rounds of comparing
    uint64_t repaired = 0;  // projects that were not what Postgres had
    // Since when the index may differ from Postgres: since the last question that Postgres answered
    // was asked, or since there is a follower.
    std::chrono::nanoseconds lag{0};
  };
  Stats stats() const;

 private:
  void Run();
  // The subscriptions of `slots`, and of the others those that events of any slot may fire, into
  // the index.
  absl::Status Load(const matcher::SlotSet& slots, store::SubscriptionFeed& feed);
  void Apply(std::span<const store::FeedProject> changes);
  absl::Status Poll(store::SubscriptionFeed& feed);
  // Polls, compares the next projects with Postgres, and reads again what differs.
  absl::Status PollAndCheck(store::SubscriptionFeed& feed);
  void ScheduleCheck();
  // Connects, loads, polls until an error (returned), or until other slots are wanted or Stop is
  // called (OK).
  absl::Status Follow();
  // Absent: Stop was called.
  std::optional<matcher::SlotSet> WaitForWanted();
  // False: Stop was called meanwhile.
  bool Wait(std::chrono::milliseconds time);

  const Options options_;
  matcher::Index& index_;
  ShardMap& shards_;
  ProjectRoots& roots_;
  std::thread thread_;
  // The follower's thread only.
  bool loaded_once_ = false;
  UnusableLog unusable_;
  ProjectDigests digests_;
  int64_t checked_through_ = 0;  // a project id
  std::chrono::steady_clock::time_point next_check_;
  std::mt19937_64 random_{std::random_device{}()};

  mutable Mutex mutex_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Stats stats_ ABSL_GUARDED_BY(mutex_);  // but lag
  std::chrono::steady_clock::time_point equal_at_ ABSL_GUARDED_BY(mutex_) =
      std::chrono::steady_clock::now();
};

// Turns a feed row into what the index holds. A subscription that cannot be read is left out and
// logged: one bad row must not stop the feed.
matcher::ProjectSubscriptions ToProjectSubscriptions(const store::FeedProject& project);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_FEED_FOLLOWER_H_
