#include "loadtest/harness/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cievents::loadtest {
namespace {

using ::testing::ElementsAre;

TEST(SamplingTest, MedianIsTheMiddleValueAndOfAnEvenNumberTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(Summarise({5, 1, 3}).median, 3);
  EXPECT_EQ(Summarise({5, 1, 3, 4}).median, 3.5);
  const Figure figure = Summarise({5, 1, 3});
  EXPECT_EQ(figure.min, 1);
  EXPECT_EQ(figure.max, 5);
  EXPECT_EQ(figure.runs, 3);
}

TEST(SamplingTest, NoValuesGiveNoRuns) {
  EXPECT_EQ(Summarise({}).runs, 0);
  EXPECT_EQ(Percentile({}, 0.5), 0);
}

TEST(SamplingTest, PercentileIsAValueThatWasSeen) {
  std::vector<double> values;
  for (int i = 100; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(Percentile(values, 0.5), 50);
  EXPECT_EQ(Percentile(values, 0.99), 99);
  EXPECT_EQ(Percentile(values, 1), 100);
  EXPECT_EQ(Percentile(values, 0), 1);
  EXPECT_EQ(Percentile({7}, 0.99), 7);
}

TEST(SamplingTest, EachRoundBeginsWithAnotherContestant) {
  double now = 0;
  std::vector<std::string> order;
  std::vector<Contestant> contestants;
  for (const char* name : {"a", "b", "c"}) {
    contestants.push_back({name, 10, [&now, &order, name] {
                             order.emplace_back(name);
                             now += 1;
                           }});
  }
  Schedule schedule;
  schedule.rounds = 2;
  schedule.window_seconds = 1;
  schedule.clock = [&now] { return now; };
  MeasureInterleaved(contestants, schedule);
  // The first three are the runs before measuring.
  EXPECT_THAT(order, ElementsAre("a", "b", "c", "a", "b", "c", "b", "c", "a"));
}

TEST(SamplingTest, RateIsItemsOverTheTimeOfWholePasses) {
  double now = 0;
  Schedule schedule;
  schedule.rounds = 5;
  schedule.window_seconds = 1;
  schedule.clock = [&now] { return now; };
  // 0.4 s a pass: three passes are the first whole number that fills a window of 1 s.
  const std::vector<Figure> figures =
      MeasureInterleaved({{"slow", 8, [&now] { now += 0.4; }}}, schedule);
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_EQ(figures[0].runs, 5);
  EXPECT_NEAR(figures[0].median, 20, 1e-6);
}

}  // namespace
}  // namespace cievents::loadtest
