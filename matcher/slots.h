// Slots: the unit in which root namespaces are spread over shards (docs/architecture.md, "Scale").
#ifndef MATCHER_SLOTS_H_
#define MATCHER_SLOTS_H_

#include <cstdint>

namespace cievents::matcher {

// Fixed for ever: stored topologies and partitioned streams name slots by number.
inline constexpr int kSlots = 1024;

// The slot of a root namespace, 0 to kSlots - 1: the top 10 bits of SplitMix64's finaliser of the
// id, fixed for ever. Neighbouring ids land far apart, so shards that own ranges of slots share the
// load evenly. Root 0 (events of the instance) has slot 0.
int SlotOf(int64_t root_namespace_id);

}  // namespace cievents::matcher

#endif  // MATCHER_SLOTS_H_
