// Which slots this matcher has loaded, and which shard owns the others (docs/architecture.md,
// "Shards").
//
//   Postgres  <-- ShardKeeper: reports this shard, learns the layout --> SetLayout
//   FeedFollower: loads `wanted`                                     --> SetLoaded, KeepOnly
//   Router: for each batch of events                                 --> view
#ifndef SERVICES_EVENT_MATCHER_SHARD_MAP_H_
#define SERVICES_EVENT_MATCHER_SHARD_MAP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "matcher/base/mutex.h"
#include "matcher/slots.h"

namespace cievents::event_matcher {

// Slot to shard, as Postgres has it.
struct Layout {
  int64_t version = 0;  // counted up with every change; 0 = not known yet
  int shard_count = 1;
  std::vector<std::string> addresses;  // host:port of each shard; empty = not known

  // Empty: not known.
  const std::string& AddressOf(int shard) const;
  friend bool operator==(const Layout&, const Layout&) = default;
};

// What a batch goes by. Who matches by it holds it until the matching is done: until then nothing
// of `loaded` is taken out of the index.
struct ShardView {
  matcher::SlotSet loaded;
  Layout layout;
};

// Thread-safe.
class ShardMap {
 public:
  // This is shard `shard_index` of `shard_count`, as it was told.
  ShardMap(int shard_index, int shard_count);

  std::shared_ptr<const ShardView> view() const;

  // What must be loaded: the slots of this shard in the layout that counts and in the one that it
  // was told, and those of the layout before while a living shard goes by that. Absent until the
  // layout is known.
  std::optional<matcher::SlotSet> wanted() const;

  // The layouts, by their number of shards, whose slots of this shard are loaded: of the one that
  // counts and the one that it was told.
  std::vector<int> loaded_shard_counts() const;

  // `oldest_version_in_use` is of the living shards.
  void SetLayout(const Layout& layout, int64_t oldest_version_in_use);
  // They are in the index.
  void SetLoaded(const matcher::SlotSet& slots);
  // The others are about to be taken out of the index: returns when nobody matches by a view that
  // was given before.
  void KeepOnly(const matcher::SlotSet& slots);
  // Returns when nobody matches by a view that was given before.
  void AwaitReaders();

  int shard_index() const { return shard_index_; }
  int shard_count() const { return shard_count_; }

 private:
  void Publish(ShardView view) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int shard_index_;
  const int shard_count_;

  mutable Mutex mutex_;
  std::shared_ptr<const ShardView> view_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<const ShardView>> older_ ABSL_GUARDED_BY(mutex_);  // perhaps in use
  // Of layouts that living shards may go by, beside the one that counts.
  matcher::SlotSet slots_before_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_SHARD_MAP_H_
