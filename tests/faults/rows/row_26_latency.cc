// Row 26: Postgres is 50, 200, 1,000 ms away, with jitter.
#include <fmt/format.h>

#include <cstdlib>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

int64_t EventsStored(Scene& scene) {
  return std::atoll(scene.Sql("SELECT count(*) FROM cievents.events").c_str());
}

TEST(Row26, ASlowWayToPostgresOnlyMakesItSlower) {
  Row row;
  row.number = 26;
  row.name = "latency to Postgres";
  row.inject = [](Scene& scene) {
    for (const int round_trip_ms : {50, 200, 1000}) {
      scene.BeginFault();
      for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
        scene.store_proxy().SetConditions(
            direction, {milliseconds(round_trip_ms / 2), milliseconds(round_trip_ms / 10), 0});
      }
      const int64_t before = EventsStored(scene);
      const milliseconds time = scene.By(milliseconds(2'000), milliseconds(15'000));
      scene.Let(time);
      const int64_t stored = EventsStored(scene) - before;
      scene.store_proxy().Heal();
      scene.EndFault();
      scene.Note(
          fmt::format("{} ms away: {:.0f} events that match stored a second", round_trip_ms,
                      static_cast<double>(stored) * 1000 / static_cast<double>(time.count())));
      if (stored == 0) scene.Wrong(fmt::format("nothing is stored at {} ms", round_trip_ms));
    }
  };
  RunRow(row);
}

}  // namespace
}  // namespace cievents::faults
