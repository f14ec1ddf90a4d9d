#include "services/event_matcher/unusable_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace cievents::event_matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

matcher::UnusableSubscription Unusable(int64_t id, std::string reason = "bad") {
  return {7, id, "a.yml", std::move(reason)};
}

class UnusableLogTest : public ::testing::Test {
 protected:
  UnusableLog MakeLog(size_t remembered_max = 100) {
    UnusableLog::Options options;
    options.lines_max = 2;
    options.remembered_max = remembered_max;
    options.now = [this] { return now_; };
    options.write_line = [this](const matcher::UnusableSubscription& subscription) {
      lines_.push_back(subscription.subscription_id);
    };
    options.write_left_out = [this](uint64_t left_out) { left_out_.push_back(left_out); };
    return UnusableLog(std::move(options));
  }

  UnusableLog::Clock::time_point now_{std::chrono::hours(1)};
  std::vector<int64_t> lines_;
  std::vector<uint64_t> left_out_;
};

TEST_F(UnusableLogTest, TheSameIsSaidOnceAndAnotherReasonIsSaidAgain) {
  UnusableLog log = MakeLog();
  log.Report(std::vector{Unusable(1)});
  log.Report(std::vector{Unusable(1)});
  EXPECT_THAT(lines_, ElementsAre(1));
  log.Report(std::vector{Unusable(1, "worse")});
  EXPECT_THAT(lines_, ElementsAre(1, 1));
}

TEST_F(UnusableLogTest, OverTheLimitItCountsAndSaysHowManyLater) {
  UnusableLog log = MakeLog();
  log.Report(std::vector{Unusable(1), Unusable(2), Unusable(3), Unusable(4)});
  EXPECT_THAT(lines_, ElementsAre(1, 2));
  EXPECT_THAT(left_out_, IsEmpty());
  now_ += std::chrono::seconds(61);
  log.Report(std::vector{Unusable(5)});
  EXPECT_THAT(left_out_, ElementsAre(2));
  EXPECT_THAT(lines_, ElementsAre(1, 2, 5));
}

TEST_F(UnusableLogTest, WhatItRemembersIsBounded) {
  UnusableLog log = MakeLog(1);
  log.Report(std::vector{Unusable(1), Unusable(2)});
  now_ += std::chrono::seconds(61);
  log.Report(std::vector{Unusable(1)});
  EXPECT_THAT(lines_, ElementsAre(1, 2, 1)) << "forgotten, so it is said again";
}

}  // namespace
}  // namespace cievents::event_matcher
