#include "loadtest/harness/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cievents::loadtest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

Series WithLine(double expected_slope, std::vector<PlotPoint> points) {
  Series series{"engine.growth.x", "Cost", "size", "ns an event", {}, {}};
  series.lines.push_back({"engine", expected_slope, false, true, std::move(points)});
  return series;
}

TEST(SeriesTest, WhatGrowsAsPromisedHasNoBend) {
  EXPECT_THAT(FindBends(WithLine(0, {{1, 100}, {10, 110}, {100, 105}})), SizeIs(0));
  EXPECT_THAT(FindBends(WithLine(1, {{1, 100}, {10, 1000}, {100, 10'500}})), SizeIs(0));
  EXPECT_THAT(FindBends(WithLine(1, {{1, 100}, {10, 100}, {100, 1000}})), SizeIs(0));
}

TEST(SeriesTest, AStretchThatRisesFasterIsABend) {
  const std::vector<Bend> bends = FindBends(WithLine(0, {{1, 100}, {10, 110}, {100, 1100}}));
  ASSERT_THAT(bends, SizeIs(1));
  EXPECT_EQ(bends[0].from, 10);
  EXPECT_EQ(bends[0].to, 100);
  EXPECT_NEAR(bends[0].slope, 1, 1e-9);
  EXPECT_FALSE(bends[0].has_baseline);
  EXPECT_EQ(DescribeBend(bends[0]),
            "BEND: `engine` rises with slope 1.00 between 10 and 100 (promised: 0)");
  EXPECT_THAT(FindBends(WithLine(1, {{1, 100}, {10, 10'000}})), SizeIs(1)) << "quadratic";
}

TEST(SeriesTest, ASmallRiseOverAShortStretchIsNoise) {
  EXPECT_THAT(FindBends(WithLine(0, {{100, 100}, {110, 125}})), SizeIs(0));
}

TEST(SeriesTest, ARiseAfterADipIsNoBend) {
  EXPECT_THAT(FindBends(WithLine(0, {{1, 350}, {2, 260}, {4, 400}})), SizeIs(0));
}

TEST(SeriesTest, ManySmallRisesAreOneBend) {
  const std::vector<Bend> bends =
      FindBends(WithLine(0, {{1, 100}, {10, 150}, {100, 225}, {1000, 330}}));
  ASSERT_THAT(bends, SizeIs(1));
  EXPECT_EQ(bends[0].from, 1);
  EXPECT_EQ(bends[0].to, 1000);
}

TEST(SeriesTest, ABendThatTheBaselineHasTooIsTheMachines) {
  Series series = WithLine(0, {{1, 100}, {10, 300}});
  series.lines.push_back({"flat hash", 0, true, true, {{1, 50}, {10, 140}}});
  std::vector<Bend> bends = FindBends(series);
  ASSERT_THAT(bends, SizeIs(1));
  EXPECT_TRUE(bends[0].is_machine);
  EXPECT_THAT(DescribeBend(bends[0]), HasSubstr("Machine: `engine`"));
  series.lines[1].points[1].y = 50;
  bends = FindBends(series);
  ASSERT_THAT(bends, SizeIs(1));
  EXPECT_FALSE(bends[0].is_machine);
  EXPECT_THAT(DescribeBend(bends[0]), HasSubstr("the baseline: 0.00"));
}

TEST(SeriesTest, ABaselineThatGrowsAsPromisedExcusesNothing) {
  Series series = WithLine(0, {{1, 100}, {10, 1000}});
  series.lines.push_back({"memcpy", 1, true, true, {{1, 50}, {10, 500}}});
  const std::vector<Bend> bends = FindBends(series);
  ASSERT_THAT(bends, SizeIs(1));
  EXPECT_FALSE(bends[0].is_machine);
}

TEST(SeriesTest, PointsAtZeroAndTailsAreNotJudged) {
  EXPECT_THAT(FindBends(WithLine(0, {{0, 10}, {1, 100}})), SizeIs(0));
  Series series = WithLine(0, {{1, 1}, {10, 1000}});
  series.lines[0].is_judged = false;
  EXPECT_THAT(FindBends(series), SizeIs(0));
}

TEST(SvgPlotTest, NumbersAreShort) {
  EXPECT_EQ(ShortNumber(0.5), "0.5");
  EXPECT_EQ(ShortNumber(20), "20");
  EXPECT_EQ(ShortNumber(999.7), "1k");
  EXPECT_EQ(ShortNumber(1'620'000), "1.62M");
  EXPECT_EQ(ShortNumber(5e9), "5G");
  EXPECT_EQ(ShortNumber(0), "0");
}

TEST(SvgPlotTest, EveryPointIsInsideThePlotAndTextIsEscaped) {
  Plot plot{"a < b & c", "x", "y", {{"line", {{0, 7}, {1, 1}, {1000, 500}}, false}}};
  const std::string svg = WriteSvg(plot);
  EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; c"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  size_t circles = 0;
  for (size_t at = svg.find("<circle cx=\""); at != std::string::npos;
       at = svg.find("<circle cx=\"", at + 1)) {
    double x = 0;
    double y = 0;
    ASSERT_EQ(sscanf(svg.c_str() + at, "<circle cx=\"%lf\" cy=\"%lf\"", &x, &y), 2);
    EXPECT_GE(x, 78);
    EXPECT_LE(x, 640);
    EXPECT_GE(y, 48);
    EXPECT_LE(y, 372);
    ++circles;
  }
  EXPECT_EQ(circles, 3U);
}

TEST(SvgPlotTest, APlotWithoutPointsAndOneOfASinglePointAreDrawn) {
  EXPECT_THAT(WriteSvg(Plot{"empty", "x", "y", {{"none", {}, false}}}), Not(HasSubstr("nan")));
  EXPECT_THAT(WriteSvg(Plot{"one", "x", "y", {{"one", {{5, 5}}, true}}}), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace cievents::loadtest
