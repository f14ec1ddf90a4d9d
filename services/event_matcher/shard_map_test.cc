// Tests services/event_matcher/shard_map.h.
#include "services/event_matcher/shard_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace cievents::event_matcher {
namespace {

using matcher::SlotSet;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Layout MakeLayout(int64_t version, int shard_count) {
  return {version, shard_count, std::vector<std::string>(static_cast<size_t>(shard_count), "a:1")};
}

TEST(ShardMapTest, NothingIsWantedUntilTheLayoutIsKnown) {
  ShardMap shards(0, 1);
  EXPECT_FALSE(shards.wanted().has_value());
  EXPECT_TRUE(shards.view()->loaded.none());
  EXPECT_THAT(shards.loaded_shard_counts(), IsEmpty());
  shards.SetLayout(MakeLayout(1, 1), 0);
  EXPECT_TRUE(shards.wanted()->all());
}

TEST(ShardMapTest, ANewShardLoadsItsSlotsOfTheNextLayoutOnly) {
  ShardMap shards(3, 4);
  shards.SetLayout(MakeLayout(1, 2), 1);
  EXPECT_EQ(shards.wanted(), matcher::SlotsOfShard(3, 4));
  shards.SetLoaded(*shards.wanted());
  EXPECT_THAT(shards.loaded_shard_counts(), ElementsAre(4)) << "it is none of the 2";
}

TEST(ShardMapTest, AShardThatStaysKeepsItsSlotsUntilNobodyGoesByTheLayoutBefore) {
  ShardMap shards(0, 4);
  shards.SetLayout(MakeLayout(1, 2), 1);
  const SlotSet before = matcher::SlotsOfShard(0, 2);
  const SlotSet after = matcher::SlotsOfShard(0, 4);
  EXPECT_EQ(shards.wanted(), before | after);
  shards.SetLoaded(before | after);
  EXPECT_THAT(shards.loaded_shard_counts(), ElementsAre(2, 4));
  shards.SetLayout(MakeLayout(2, 4), 1);
  EXPECT_EQ(shards.wanted(), before | after) << "another shard still goes by version 1";
  shards.SetLayout(MakeLayout(2, 4), 2);
  EXPECT_EQ(shards.wanted(), after);
  EXPECT_THAT(shards.loaded_shard_counts(), ElementsAre(4));
}

TEST(ShardMapTest, AnOlderLayoutIsAnAnswerThatWasOvertaken) {
  ShardMap shards(0, 2);
  shards.SetLayout(MakeLayout(5, 2), 5);
  shards.SetLayout(MakeLayout(4, 7), 4);
  EXPECT_EQ(shards.view()->layout.shard_count, 2);
}

TEST(ShardMapTest, SlotsAreGivenUpWhenNobodyMatchesByThemAnyMore) {
  ShardMap shards(0, 2);
  shards.SetLayout(MakeLayout(1, 2), 1);
  shards.SetLoaded(SlotSet().set());
  std::shared_ptr<const ShardView> reader = shards.view();
  std::atomic<bool> given_up{false};
  std::thread keeper([&] {
    shards.KeepOnly(matcher::SlotsOfShard(0, 2));
    given_up = true;
  });
  while (shards.view()->loaded.all()) std::this_thread::yield();
  EXPECT_FALSE(given_up);
  shards.SetLoaded(shards.view()->loaded);  // a newer view does not hide the one in use
  EXPECT_FALSE(given_up);
  reader.reset();
  keeper.join();
  EXPECT_TRUE(given_up);
}

TEST(ShardMapTest, AnAddressThatIsNotKnownIsEmpty) {
  const Layout layout = MakeLayout(1, 2);
  EXPECT_EQ(layout.AddressOf(1), "a:1");
  EXPECT_EQ(layout.AddressOf(2), "");
  EXPECT_EQ(layout.AddressOf(-1), "");
}

}  // namespace
}  // namespace cievents::event_matcher
