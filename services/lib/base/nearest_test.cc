#include "services/lib/base/nearest.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cievents {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kNames = {"package/published", "package/deleted", "issue/closed",
                                         "issue/created", "push"};

TEST(NearestTextsTest, OrdersByDistanceThenByTheGivenOrder) {
  EXPECT_THAT(NearestTexts("issue/creatd", kNames, 3),
              ElementsAre("issue/created", "issue/closed"));
  EXPECT_THAT(NearestTexts("package/publishd", kNames, 1), ElementsAre("package/published"));
  EXPECT_THAT(NearestTexts("ab", {"ac", "bb"}, 2), ElementsAre("ac", "bb"));
}

TEST(NearestTextsTest, ASwapOfNeighboursIsOneEdit) {
  // Two replacements would leave `pusy` first.
  EXPECT_THAT(NearestTexts("puhs", {"pusy", "push"}, 2), ElementsAre("push", "pusy"));
}

TEST(NearestTextsTest, GivesNothingThatIsFarAway) {
  EXPECT_THAT(NearestTexts("zebra", kNames, 3), IsEmpty());
  EXPECT_THAT(NearestTexts("on", {"if", "of"}, 3), ElementsAre("of"));
  EXPECT_THAT(NearestTexts("", kNames, 3), IsEmpty());
  EXPECT_THAT(NearestTexts(std::string(100'000, 'x'), kNames, 3), IsEmpty());
}

TEST(NearestTextsTest, TheLimitIsTwoEditsOrAThirdOfTheText) {
  EXPECT_THAT(NearestTexts("abcd", {"abxy"}, 1), ElementsAre("abxy"));
  EXPECT_THAT(NearestTexts("abcd", {"axyz"}, 1), IsEmpty());
  EXPECT_THAT(NearestTexts("abcdefghi", {"abcdefxyz"}, 1), ElementsAre("abcdefxyz"));
  EXPECT_THAT(NearestTexts("abcdefghi", {"abcdewxyz"}, 1), IsEmpty());
}

}  // namespace
}  // namespace cievents
