// Tests matcher/slots.h.
#include "matcher/slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace cievents::matcher {
namespace {

TEST(SlotsTest, GivesTheSameSlotsForEver) {
  struct Case {
    int64_t root_namespace_id;
    int slot;
  };
  // Stored topologies depend on these. A failure here means: undo the change.
  const std::vector<Case> cases = {
      {0, 0},
      {1, 346},
      {2, 879},
      {3, 121},
      {9, 521},
      {22, 1014},
      {42, 669},
      {9970, 790},
      {278964, 770},
      {1000000, 395},
      {std::numeric_limits<int32_t>::max(), 492},
      {int64_t{1} << 31, 944},
      {std::numeric_limits<int64_t>::max(), 361},
      {-1, 723},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(SlotOf(c.root_namespace_id), c.slot) << c.root_namespace_id;
  }
}

TEST(SlotsTest, SpreadsNeighbouringIdsOverAllSlots) {
  std::vector<int> namespaces_of_slot(kSlots, 0);
  for (int64_t id = 1; id <= 100 * kSlots; ++id) ++namespaces_of_slot.at(SlotOf(id));
  // 100 a slot on average with a deviation of 10.
  EXPECT_GT(*std::min_element(namespaces_of_slot.begin(), namespaces_of_slot.end()), 50);
  EXPECT_LT(*std::max_element(namespaces_of_slot.begin(), namespaces_of_slot.end()), 150);
}

TEST(SlotsTest, EveryLayoutGivesEachSlotToOneShardAndSharesThemEvenly) {
  for (const int shard_count : {1, 2, 3, 4, 6, 7, 1000, kSlots}) {
    SlotSet all;
    for (int shard = 0; shard < shard_count; ++shard) {
      const SlotSet slots = SlotsOfShard(shard, shard_count);
      EXPECT_TRUE((all & slots).none()) << shard << " of " << shard_count;
      EXPECT_GE(slots.count(), static_cast<size_t>(kSlots / shard_count));
      EXPECT_LE(slots.count(), static_cast<size_t>(kSlots / shard_count + 1));
      all |= slots;
    }
    EXPECT_TRUE(all.all()) << shard_count;
    EXPECT_TRUE(SlotsOfShard(shard_count, shard_count).none());
  }
}

}  // namespace
}  // namespace cievents::matcher
