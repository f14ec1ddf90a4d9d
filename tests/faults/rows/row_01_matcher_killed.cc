// Row 1: SIGKILL to the matcher at random points.
#include <fmt/format.h>

#include "gtest/gtest.h"
#include "tests/faults/row_test.h"

namespace cievents::faults {
namespace {

using std::chrono::milliseconds;

Row MatcherKilled() {
  Row row;
  row.number = 1;
  row.name = "matcher killed";
  row.inject = [](Scene& scene) {
    const int kills = scene.By(3, 20);
    for (int i = 0; i < kills; ++i) {
      scene.BeginFault();
      scene.Check(scene.roles().KillMatcher());
      scene.Let(milliseconds(scene.random().Between(0, 300)));
      scene.BeginHealing();
      if (!scene.Check(scene.roles().StartMatcher())) return;
      scene.EndFault();
      scene.Let(milliseconds(scene.random().Between(100, 700)));
    }
  };
  return row;
}

TEST(Row01, AKilledMatcherLosesNothing) { RunRow(MatcherKilled()); }

// The control: whoever acknowledges before the commit loses what is on its way.
TEST(Row01, FindsTheEarlyAcknowledgement) {
  ExpectFound(MatcherKilled(), "early_ack", Violation::Kind::kLost);
}

TEST(Row01, FindsTheIdentityThatARetryDoesNotKeep) {
  ExpectFound(MatcherKilled(), "identity_by_arrival", Violation::Kind::kDoubled);
}

}  // namespace
}  // namespace cievents::faults
