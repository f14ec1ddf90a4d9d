// Tests services/lib/store/topology_store.h.
#include "services/lib/store/topology_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/lib/store/testing/test_database.h"

namespace cievents::store {
namespace {

using ::testing::ElementsAre;

class TopologyStoreTest : public ::testing::Test {
 protected:
  // As shard `index` that was told `count`, goes by `version` and has loaded the layouts `loaded`.
  StoredTopology Report(int index, int count, int64_t version, std::vector<int> loaded) {
    ShardReport report;
    report.shard_index = index;
    report.shard_count = count;
    report.address = "host" + std::to_string(index) + ":7070";
    report.topology_version = version;
    report.loaded_counts = std::move(loaded);
    auto topology = store_.Report(report);
    EXPECT_TRUE(topology.ok()) << topology.status();
    return topology.ok() ? *topology : StoredTopology{};
  }
  void Age(int index, const std::string& by) {
    ASSERT_EQ(Sql(database_.dsn(), "UPDATE cievents.shards SET seen_at = seen_at - interval '" +
                                       by + "' WHERE shard_index = " + std::to_string(index)),
              "");
  }

  TestDatabase database_;
  TopologyStore store_{database_.dsn()};
};

TEST_F(TopologyStoreTest, TheFirstShardSaysTheLayout) {
  const StoredTopology topology = Report(1, 2, 0, {});
  EXPECT_EQ(topology.version, 1);
  EXPECT_EQ(topology.shard_count, 2);
  EXPECT_EQ(topology.oldest_version_in_use, 0);
  EXPECT_THAT(topology.addresses, ElementsAre("", "host1:7070"));
  EXPECT_THAT(Report(0, 2, 1, {2}).addresses, ElementsAre("host0:7070", "host1:7070"));
}

TEST_F(TopologyStoreTest, ALayoutBeginsWhenTheLastOfItsShardsHasLoadedIt) {
  Report(0, 1, 0, {});
  EXPECT_EQ(Report(0, 1, 1, {1}).shard_count, 1);
  EXPECT_EQ(Report(1, 2, 1, {2}).shard_count, 1) << "shard 0 was not told yet";
  EXPECT_EQ(Report(0, 2, 1, {1}).shard_count, 1) << "shard 0 has not loaded it";
  const StoredTopology next = Report(0, 2, 1, {1, 2});
  EXPECT_EQ(next.version, 2);
  EXPECT_EQ(next.shard_count, 2);
  EXPECT_EQ(next.oldest_version_in_use, 1);
  Report(0, 2, 2, {2});
  EXPECT_EQ(Report(1, 2, 2, {2}).oldest_version_in_use, 2);
}

TEST_F(TopologyStoreTest, FewerShardsDoNotWaitForThoseThatGo) {
  for (const int index : {0, 1, 2}) Report(index, 3, 1, {3});
  Report(0, 2, 1, {2, 3});
  const StoredTopology next = Report(1, 2, 1, {2, 3});
  EXPECT_EQ(next.shard_count, 2);
  EXPECT_EQ(Report(2, 3, 2, {3}).shard_count, 2) << "what goes does not bring its layout back";
}

TEST_F(TopologyStoreTest, AShardThatIsNotSeenBeginsNoLayoutAndHoldsUpNothing) {
  Report(0, 1, 1, {1});
  Report(0, 2, 1, {1, 2});
  Age(0, "11 seconds");
  EXPECT_EQ(Report(1, 2, 1, {2}).shard_count, 1);
  Report(0, 2, 1, {1, 2});
  EXPECT_EQ(Report(1, 2, 1, {2}).shard_count, 2);
  Age(0, "31 seconds");
  EXPECT_EQ(Report(1, 2, 2, {2}).oldest_version_in_use, 2);
}

TEST_F(TopologyStoreTest, TheViewShowsWhatWaits) {
  ShardReport report;
  report.address = "here:1";
  report.spool_records = 5;
  report.spool_bytes = 500;
  report.spool_oldest_ms = 1'700'000'000'000;
  ASSERT_TRUE(store_.Report(report).ok());
  EXPECT_EQ(Sql(database_.dsn(),
                "SELECT spool_records, spool_bytes, extract(epoch FROM"
                " spool_oldest_at)::bigint, alive, newest_topology_version"
                " FROM cievents_admin.shards"),
            "5|500|1700000000|t|1");
  report.spool_oldest_ms = 0;
  ASSERT_TRUE(store_.Report(report).ok());
  EXPECT_EQ(Sql(database_.dsn(), "SELECT spool_oldest_at FROM cievents_admin.shards"), "");
}

TEST_F(TopologyStoreTest, ALostConnectionIsReplaced) {
  Report(0, 1, 0, {});
  Sql(database_.dsn(),
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
      " WHERE application_name = 'cievents-topology'");
  EXPECT_FALSE(store_.Report({}).ok());
  EXPECT_EQ(Report(0, 1, 1, {1}).version, 1);
}

}  // namespace
}  // namespace cievents::store
