// Tests services/event_matcher/shard_keeper.h.
#include "services/event_matcher/shard_keeper.h"

#include <gtest/gtest.h>

#include <atomic>

#include "services/lib/store/testing/test_database.h"

namespace cievents::event_matcher {
namespace {

// Two shards as in one process each.
class ShardKeeperTest : public ::testing::Test {
 protected:
  ShardKeeper::Options Options() {
    ShardKeeper::Options options;
    options.dsn = database_.dsn();
    options.interval = std::chrono::milliseconds(50);
    return options;
  }

  store::TestDatabase database_;
};

TEST_F(ShardKeeperTest, ShardsFindEachOther) {
  ShardMap first(0, 2);
  ShardMap second(1, 2);
  ShardKeeper::Options options = Options();
  std::atomic<bool> said_before_it_counts = false;
  options.on_layout = [&](const Layout& layout) {
    if (layout.AddressOf(1) == "two:2" && first.view()->layout.AddressOf(1).empty()) {
      said_before_it_counts = true;
    }
  };
  ShardKeeper keeps_first(options, first);
  ShardKeeper keeps_second(Options(), second);
  keeps_first.SetAddress("one:1");
  keeps_first.Start();
  keeps_second.Start();
  keeps_second.SetAddress("two:2");
  EXPECT_TRUE(store::Eventually([&] {
    return first.view()->layout.AddressOf(1) == "two:2" &&
           second.view()->layout.AddressOf(0) == "one:1";
  }));
  EXPECT_TRUE(said_before_it_counts);
}

TEST_F(ShardKeeperTest, ALayoutBeginsOnceEveryShardOfItHasLoaded) {
  ShardMap old(0, 1);
  {
    ShardKeeper keeper(Options(), old);
    keeper.Start();
    ASSERT_TRUE(store::Eventually([&] { return old.view()->layout.version == 1; }));
  }
  ShardMap first(0, 2);
  ShardMap second(1, 2);
  ShardKeeper keeps_first(Options(), first);
  ShardKeeper keeps_second(Options(), second);
  keeps_first.Start();
  keeps_second.Start();
  ASSERT_TRUE(store::Eventually([&] { return second.wanted().has_value(); }));
  second.SetLoaded(*second.wanted());
  ASSERT_TRUE(store::Eventually([&] { return first.wanted().has_value(); }));
  EXPECT_TRUE(first.wanted()->all()) << "it serves the layout of one until the next begins";
  EXPECT_EQ(first.view()->layout.version, 1);
  first.SetLoaded(*first.wanted());
  EXPECT_TRUE(store::Eventually([&] {
    return first.view()->layout.version == 2 && second.view()->layout.version == 2 &&
           first.wanted() == matcher::SlotsOfShard(0, 2);
  }));
}

TEST_F(ShardKeeperTest, WhilePostgresIsAwayTheLayoutStays) {
  ShardMap shards(0, 1);
  ShardKeeper keeper(Options(), shards);
  keeper.Start();
  ASSERT_TRUE(store::Eventually([&] { return shards.view()->layout.version == 1; }));
  ASSERT_TRUE(store::Cluster().KillAll().ok());
  keeper.SetAddress("new:1");
  EXPECT_EQ(shards.view()->layout.version, 1);
  ASSERT_TRUE(store::Cluster().Restart().ok());
  EXPECT_TRUE(store::Eventually([&] { return shards.view()->layout.AddressOf(0) == "new:1"; }));
}

}  // namespace
}  // namespace cievents::event_matcher
