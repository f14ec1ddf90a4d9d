// Row 27: nothing gets through between matcher and Postgres, and nobody says so.
#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

Row BlackHole() {
  Row row;
  row.number = 27;
  row.name = "black hole to Postgres";
  row.inject = [](Scene& scene) {
    scene.BeginFault();
    scene.store_proxy().Lose(Loss::kBoth);
    scene.Let(scene.By(std::chrono::seconds(11), std::chrono::seconds(60)));
    scene.store_proxy().Heal();
    scene.EndFault();
  };
  return row;
}

TEST(Row27, ABlackHolePutsOffAndNothingIsAcknowledgedInMemoryOnly) { RunRow(BlackHole()); }

// Pushes go on meanwhile: what only a full load brings is missing.
TEST(Row27, FindsTheLossAfterWhichNothingIsLoadedAnew) {
  ExpectFound(BlackHole(), "no_second_load", Violation::Kind::kLate);
}

}  // namespace
}  // namespace cievents::faults
