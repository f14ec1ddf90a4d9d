// Row 61: four shards, each killed in turn. Whoever gets its events keeps them raw meanwhile.
#include <fmt/format.h>

#include <chrono>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

constexpr int kShards = 4;

Row ShardKilled() {
  Row row;
  row.number = 61;
  row.name = "a shard of four killed, one after the other";
  row.shards = kShards;
  row.with_spool = true;
  row.inject = [](Scene& scene) {
    for (int shard = 0; shard < kShards; ++shard) {
      scene.BeginFault();
      scene.Check(scene.roles().KillShard(shard));
      scene.Let(milliseconds(scene.By(scene.random().Between(0, 1'500), 5'000)));
      scene.BeginHealing();
      if (!scene.Check(scene.roles().StartShard(shard))) return;
      scene.EndFault();
    }
  };
  row.check = [](Scene& scene) {
    const std::string loaded = scene.Sql(
        "SELECT string_agg(loaded_slots::text, ' ' ORDER BY shard_index) FROM cievents.shards");
    if (loaded != "256 256 256 256") scene.Wrong("the shards have loaded " + loaded + " slots");
  };
  return row;
}

TEST(Row61, AShardThatIsKilledLosesNothingAndDoublesNothing) { RunRow(ShardKilled()); }

TEST(Row61, FindsTheMatcherThatMatchesBeforeItHasLoaded) {
  ExpectFound(ShardKilled(), "unloaded_no_match", Violation::Kind::kLost);
}

TEST(Row61, FindsTheForwardThatIsDropped) {
  ExpectFound(ShardKilled(), "dropped_forward", Violation::Kind::kLost);
}

TEST(Row61, FindsTheKeptEventThatIsSaidToMatchNothing) {
  ExpectFound(ShardKilled(), "raw_is_no_match", Violation::Kind::kWrong);
}

TEST(Row61, FindsTheOutcomesOfASplitBatchThatAreMixedUp) {
  ExpectFound(ShardKilled(), "mixed_outcomes", Violation::Kind::kWrong);
}

}  // namespace
}  // namespace cievents::faults
