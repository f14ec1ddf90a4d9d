#include "loadtest/service/turns.h"

#include <gtest/gtest.h>

namespace cievents::loadtest {
namespace {

TEST(TurnsTest, EveryRoundBeginsWithAnotherAndTheFirstTurnDoesNotCount) {
  std::string order;
  double cost = 0;
  const auto turn = [&](char who) {
    return [&order, &cost, who] {
      order += who;
      return ++cost;
    };
  };
  const auto costs = TakeTurns({turn('a'), turn('b')}, 3, Options());
  EXPECT_EQ(order,
            "ab"
            "ab"
            "ba"
            "ab");
  EXPECT_EQ(costs[0], (std::vector<double>{3, 6, 7}));
  EXPECT_EQ(costs[1], (std::vector<double>{4, 5, 8}));
}

TEST(TurnsTest, TheRatioIsTakenRoundByRound) {
  // The machine was ten times slower in the second round, for both.
  const Figure ratio = RatioByRound({2, 30, 4}, {1, 10, 1});
  EXPECT_DOUBLE_EQ(ratio.median, 3);
  EXPECT_DOUBLE_EQ(ratio.min, 2);
  EXPECT_DOUBLE_EQ(ratio.max, 4);
}

TEST(TurnsTest, ARatioRowSaysWhetherItsTargetIsReached) {
  Report report("service", {});
  AddRatio("service.a.ratio", {3, 3, 3}, {2, 2, 2}, "b", {Goal::kAtMost, 2}, &report);
  AddRatio("service.c.ratio", {3, 3, 3}, {2, 2, 2}, "b", {Goal::kAtLeast, 2}, &report);
  EXPECT_EQ(report.rows()[0].Ok(), true);
  EXPECT_EQ(report.rows()[0].Ratio(), 1.5);
  EXPECT_EQ(report.rows()[1].Ok(), false);
}

}  // namespace
}  // namespace cievents::loadtest
