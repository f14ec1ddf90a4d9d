// Row 62: from four shards to six and back, by rolling restarts under load.
#include <fmt/format.h>

#include <chrono>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

constexpr int kFew = 4;
constexpr int kMany = 6;
constexpr std::chrono::seconds kLayoutMax{30};

// All matchers go by the layout of `shard_count`, and hold what they own in it only.
bool AwaitLayout(Scene& scene, int shard_count) {
  const std::string sql = fmt::format(
      "SELECT t.shard_count = {} AND (SELECT count(*) FILTER (WHERE s.shard_index < {} AND"
      " s.topology_version = t.topology_version) = {} AND sum(s.loaded_slots) FILTER"
      " (WHERE s.shard_index < {}) = 1024 FROM cievents.shards s) FROM cievents.topology t",
      shard_count, shard_count, shard_count, shard_count);
  return scene.Until(kLayoutMax, [&] { return scene.Sql(sql) == "t"; });
}

// As a rolling update does it: one after the other, the last ones first.
bool Restart(Scene& scene, int from, int shard_count) {
  for (int shard = from - 1; shard >= 0; --shard) {
    if (!scene.Check(scene.roles().StopShard(shard)) ||
        !scene.Check(scene.roles().ConfigureShard(shard, shard_count)) ||
        !scene.Check(scene.roles().StartShard(shard))) {
      return false;
    }
  }
  return true;
}

Row Reshard() {
  Row row;
  row.number = 62;
  row.name = "from four shards to six and back";
  row.shards = kFew;
  row.with_spool = true;
  row.stops_in_order = true;
  row.inject = [](Scene& scene) {
    Roles& roles = scene.roles();
    scene.BeginFault();
    for (int shard = kFew; shard < kMany; ++shard) {
      if (!scene.Check(roles.ConfigureShard(shard, kMany)) ||
          !scene.Check(roles.StartShard(shard))) {
        return;
      }
    }
    if (!Restart(scene, kFew, kMany)) return;
    if (!AwaitLayout(scene, kMany)) scene.Wrong("the six do not take over");
    scene.EndFault();
    scene.BeginFault();
    if (!Restart(scene, kFew, kFew)) return;
    if (!AwaitLayout(scene, kFew)) scene.Wrong("the four do not take over again");
    // What the two kept for others is sent on before they go.
    for (int shard = kFew; shard < kMany; ++shard) {
      const std::string sql =
          fmt::format("SELECT spool_records FROM cievents.shards WHERE shard_index = {}", shard);
      if (!scene.Until(kLayoutMax, [&] { return scene.Sql(sql) == "0"; })) {
        scene.Wrong("a shard that goes keeps events");
      }
      scene.Check(roles.StopShard(shard));
    }
    scene.EndFault();
    scene.Note(fmt::format("layouts: {}", scene.Sql("SELECT topology_version FROM"
                                                    " cievents.topology")));
  };
  return row;
}

TEST(Row62, ReshardingUnderLoadLosesNothingAndDoublesNothing) { RunRow(Reshard()); }

}  // namespace
}  // namespace cievents::faults
