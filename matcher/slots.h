// Slots: the unit in which root namespaces are spread over shards (docs/architecture.md, "Scale").
#ifndef MATCHER_SLOTS_H_
#define MATCHER_SLOTS_H_

#include <bitset>
#include <cstdint>

namespace cievents::matcher {

// Fixed for ever: stored topologies and partitioned streams name slots by number.
inline constexpr int kSlots = 1024;

// The slot of a root namespace, 0 to kSlots - 1: the top 10 bits of SplitMix64's finaliser of the
// id, fixed for ever. Neighbouring ids land far apart, so shards that own ranges of slots share the
// load evenly. Root 0 (events of the instance) has slot 0.
int SlotOf(int64_t root_namespace_id);

using SlotSet = std::bitset<kSlots>;

// The shard, 0 to `shard_count` - 1, that owns a slot in a layout of `shard_count` (1 to kSlots)
// shards: ranges of slots in order, whose lengths differ by at most one.
int ShardOfSlot(int slot, int shard_count);

// The slots of a shard in that layout; none if `shard_index` is not in it.
SlotSet SlotsOfShard(int shard_index, int shard_count);

}  // namespace cievents::matcher

#endif  // MATCHER_SLOTS_H_
