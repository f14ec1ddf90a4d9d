#include "services/cli/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace cievents::cli {
namespace {

TEST(ProgressTest, TheBarSaysHowFarItIsAndHowLongItTakes) {
  EXPECT_EQ(ProgressText(0, 4, 0, 0), "[                              ] 0/4");
  EXPECT_EQ(ProgressText(1, 4, 0, 10), "[#######                       ] 1/4, about 30 s left");
  EXPECT_EQ(ProgressText(2, 4, 1, 10),
            "[###############               ] 2/4, 1 failed, about 10 s left");
  EXPECT_EQ(ProgressText(4, 4, 0, 10), "[##############################] 4/4");
  EXPECT_EQ(ProgressText(0, 0, 0, 0), "[##############################] 0/0");
}

TEST(ProgressTest, WithoutATerminalALineIsWrittenForEveryTwentieth) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress(Progress::Kind::kLines, 40);
    for (int i = 0; i < 40; ++i) {
      progress.Advance(i == 2 ? Progress::Outcome::kFailed : Progress::Outcome::kFine);
    }
    progress.Say("a: it failed");
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.substr(0, text.find('\n')), "2/40 pushed, 0 failed");
  EXPECT_NE(text.find("\n40/40 pushed, 1 failed\na: it failed\n"), std::string::npos) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos) << "nothing that only a terminal understands";
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 21);
}

TEST(ProgressTest, OnATerminalTheBarIsDrawnAndTakenAway) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress(Progress::Kind::kBar, 2);
    progress.Advance(Progress::Outcome::kFine);
    progress.Say("a: it failed");
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("1/2"), std::string::npos) << text;
  EXPECT_NE(text.find("\r\033[Ka: it failed\n"), std::string::npos) << text;
  EXPECT_EQ(text.substr(text.size() - 4), "\r\033[K") << "nothing of it is left";
}

}  // namespace
}  // namespace cievents::cli
