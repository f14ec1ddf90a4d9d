// Row 22: somebody holds ACCESS EXCLUSIVE locks on the queue's tables.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

// Each waits for a lock for at most its lock_timeout; a client that has given up must not leave one
// behind with every retry.
constexpr int kBackendsMax = 20;

TEST(Row22, ALockedTablePutsOffAndNothingPilesUp) {
  Row row;
  row.number = 22;
  row.name = "tables locked";
  row.inject = [](Scene& scene) {
    int backends = 0;
    for (const char* table : {"pipeline_requests", "tenant_queues"}) {
      scene.BeginFault();
      {
        const HeldSession holder(
            scene.roles().dsn(),
            fmt::format("BEGIN; LOCK TABLE cievents.{} IN ACCESS EXCLUSIVE MODE", table));
        if (!holder.error().empty()) scene.Wrong(holder.error());
        const auto end = Clock::now() + scene.By(std::chrono::seconds(3), std::chrono::seconds(30));
        while (Clock::now() < end) {
          backends =
              std::max(backends, std::atoi(scene
                                               .Sql("SELECT count(*) FROM pg_stat_activity WHERE"
                                                    " application_name = 'cievents-enqueue'")
                                               .c_str()));
          scene.Let(std::chrono::milliseconds(100));
        }
      }
      scene.EndFault();
    }
    scene.Note(fmt::format("at most {} backends of the writers", backends));
    if (backends > kBackendsMax) scene.Wrong("backends of the writers pile up behind a lock");
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
