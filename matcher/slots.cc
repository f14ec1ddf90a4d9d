#include "matcher/slots.h"

#include <cstddef>
#include <cstdint>

namespace cievents::matcher {

int SlotOf(int64_t root_namespace_id) {
  uint64_t bits = static_cast<uint64_t>(root_namespace_id);
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  bits ^= bits >> 31;
  static_assert(kSlots == 1 << 10, "the shift below takes the top 10 bits");
  return static_cast<int>(bits >> 54);
}

int ShardOfSlot(int slot, int shard_count) { return slot * shard_count / kSlots; }

SlotSet SlotsOfShard(int shard_index, int shard_count) {
  SlotSet slots;
  for (int slot = 0; slot < kSlots; ++slot) {
    slots.set(static_cast<size_t>(slot), ShardOfSlot(slot, shard_count) == shard_index);
  }
  return slots;
}

}  // namespace cievents::matcher
