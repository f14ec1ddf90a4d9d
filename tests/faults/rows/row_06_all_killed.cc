// Row 6: matcher, ingest and Postgres killed at once, and started again in any order.
#include <algorithm>
#include <array>
#include <functional>
#include <future>
#include <vector>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

void StartAll(Scene& scene) {
  Roles& roles = scene.roles();
  std::vector<std::future<absl::Status>> starts;
  std::array<int, 3> order = {0, 1, 2};
  std::shuffle(order.begin(), order.end(), std::mt19937(scene.random().Between(0, 1'000'000)));
  for (const int which : order) {
    starts.push_back(std::async(std::launch::async, [&roles, which] {
      if (which == 0) return roles.StartPostgres();
      return which == 1 ? roles.StartIngest() : roles.StartMatcher();
    }));
    scene.Let(milliseconds(scene.random().Between(0, 100)));
  }
  for (std::future<absl::Status>& start : starts) scene.Check(start.get());
}

TEST(Row06, AllAtOnceKilledLoseNothing) {
  Row row;
  row.number = 6;
  row.name = "all killed at once";
  row.inject = [](Scene& scene) {
    const int kills = scene.By(1, 10);
    for (int i = 0; i < kills; ++i) {
      scene.BeginFault();
      scene.Check(scene.roles().KillMatcher());
      scene.Check(scene.roles().KillIngest());
      scene.Check(scene.roles().KillPostgres());
      scene.BeginHealing();
      StartAll(scene);
      scene.EndFault();
      scene.Let(milliseconds(scene.random().Between(100, 700)));
    }
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
