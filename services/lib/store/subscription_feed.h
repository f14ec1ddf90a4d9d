// The change feed: all subscriptions at start, then what changed (docs/architecture.md).
//
// A project's row carries the transaction id of its last change. A poll returns the heads of the
// projects whose writer was not visible in the previous snapshot and is visible now: right whatever
// order commits happen in, and never waiting for an open transaction.
#ifndef SERVICES_LIB_STORE_SUBSCRIPTION_FEED_H_
#define SERVICES_LIB_STORE_SUBSCRIPTION_FEED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/slots.h"

namespace cievents::store {

struct FeedSubscription {
  int64_t subscription_id = 0;
  std::string path;
  std::string workflow_id;
  std::string entries_json;
  std::string inputs_json;       // include inputs, as stored
  std::string spec_inputs_json;  // the file's `spec: inputs`, as stored
  std::string hoisted_rules_json;
  int64_t owner_user_id = 0;
  int64_t created_time_ms = 0;
  bool suspended = false;  // itself, or its project is archived or its CI disabled
};

// A project's whole set; no subscriptions = now empty. Of a project whose slot is not asked for,
// only those that events of any slot may fire.
struct FeedProject {
  int64_t project_id = 0;
  bool in_slots = true;  // its slot is asked for
  std::vector<int64_t> namespace_ids;
  std::string default_branch;
  std::string commit_sha;
  bool deleted = false;
  bool unavailable = false;  // archived, or its CI is disabled: its subscriptions are suspended
  // It has moved since its last push: entries with other scopes than `project` do not count.
  bool scopes_suspended = false;
  std::vector<FeedSubscription> subscriptions;
  // By Postgres, of all that stands here, whatever the order of the subscriptions.
  uint64_t digest = 0;
};

// What Postgres has of a range of projects, at the moment of a poll.
struct FeedCheck {
  std::vector<FeedProject> changes;  // as of Poll; apply them before comparing
  int64_t after_project_id = 0;      // the range begins behind it
  int64_t through_project_id = 0;    // its last; the largest number if no project is left behind it
  struct Digest {
    int64_t project_id = 0;
    uint64_t digest = 0;  // FeedProject::digest, computed anew
  };
  std::vector<Digest> digests;  // of the projects that exist there; ascending
};

// One libpq connection, direct (never pooled); a second one while it loads. Not thread-safe.
class SubscriptionFeed {
 public:
  static absl::StatusOr<std::unique_ptr<SubscriptionFeed>> Connect(const std::string& dsn);
  ~SubscriptionFeed();

  // Every project that exists, with the sets of `slots`, in one snapshot (on two connections); sets
  // the position that Poll starts from, and the slots that it brings. `on_project` may have had
  // some when an error is returned.
  absl::Status Load(const matcher::SlotSet& slots,
                    const std::function<void(FeedProject)>& on_project);
  // Of all slots, at once.
  absl::StatusOr<std::vector<FeedProject>> Load();
  // The sets that changed since the last Load or Poll, in one statement. Any error (kUnavailable)
  // ends this feed: connect a new one and Load; a position is never carried over a reconnect.
  absl::StatusOr<std::vector<FeedProject>> Poll();
  // Polls, and computes the digests of the next `projects_max` projects, in one snapshot: after the
  // changes, what was read of a project has the same digest, or the feed has missed something.
  absl::StatusOr<FeedCheck> PollAndCheck(int64_t after_project_id, int projects_max);
  // Polls, and reads these projects again, in one snapshot; those that are not there come as
  // deleted.
  absl::StatusOr<std::vector<FeedProject>> PollAndRead(const std::vector<int64_t>& project_ids);

 private:
  struct Connection;
  absl::Status CheckLoaded() const;
  explicit SubscriptionFeed(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_SUBSCRIPTION_FEED_H_
