#include "matcher/access/regex_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Pattern i is item i's.
std::unique_ptr<const RegexKeys> Build(const std::vector<std::string>& patterns,
                                       const RegexLimits& limits = {}) {
  std::vector<RegexKeys::Key> keys;
  for (uint32_t i = 0; i < patterns.size(); ++i) keys.push_back({patterns[i], i});
  return RegexKeys::Build(std::move(keys), limits);
}

std::vector<uint32_t> Match(const RegexKeys& keys, std::string_view text) {
  std::vector<int> matched;
  std::vector<uint32_t> items;
  keys.Match(text, &matched, [&items](uint32_t item, bool /*found*/) { items.push_back(item); });
  std::sort(items.begin(), items.end());
  return items;
}

TEST(RegexKeysTest, FewPatternsAreSingleAndManyAreASetAndBothFindTheSame) {
  std::vector<std::string> patterns = {"(?i)^RELEASE/", "main$", "x.*y", "^$"};
  const auto singles = Build(patterns);
  patterns.push_back("never-there");
  const auto set = Build(patterns);
  EXPECT_FALSE(singles->is_set());
  EXPECT_TRUE(set->is_set());
  for (const RegexKeys* keys : {singles.get(), set.get()}) {
    EXPECT_THAT(Match(*keys, "release/x-y"), ElementsAre(0, 2));
    EXPECT_THAT(Match(*keys, "xx main"), ElementsAre(1));
    EXPECT_THAT(Match(*keys, ""), ElementsAre(3));
    EXPECT_THAT(Match(*keys, "dev"), IsEmpty());
  }
}

TEST(RegexKeysTest, EqualPatternsExistOnceAndGiveAllTheirItems) {
  const auto keys = Build({"b", "a", "b", "a", "b"});
  EXPECT_EQ(keys->patterns(), 2u);
  EXPECT_FALSE(keys->is_set());
  EXPECT_THAT(Match(*keys, "b"), ElementsAre(0, 2, 4));
  EXPECT_THAT(Match(*keys, "ab"), ElementsAre(0, 1, 2, 3, 4));
}

TEST(RegexKeysTest, APatternThatDoesNotCompileNeverHidesItsItemAndMakesNothingCertain) {
  for (const std::vector<std::string>& patterns :
       {std::vector<std::string>{"a", "(?=b)"}, {"a", "b", "c", "d", "(?=b)"}}) {
    const auto keys = Build(patterns);
    std::vector<int> matched;
    size_t items = 0;
    keys->Match("ab", &matched, [&items](uint32_t /*item*/, bool found) {
      EXPECT_FALSE(found);
      ++items;
    });
    EXPECT_EQ(items, patterns.size());
  }
}

// The automaton of `(a|b)*a(a|b){n}` has 2^n states: the budget is full all the time.
TEST(RegexKeysTest, ABudgetThatIsAlwaysFullLosesNoMatch) {
  std::vector<std::string> patterns;
  for (int n = 8; n < 16; ++n) patterns.push_back("a[ab]{" + std::to_string(n) + "}c");
  RegexLimits limits;
  limits.bytes_base = 32 * 1024;
  limits.bytes_per_pattern = 0;
  const auto keys = Build(patterns, limits);
  ASSERT_TRUE(keys->is_set());
  uint32_t random = 1;
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      random = random * 1664525 + 1013904223;
      text += (random >> 16 & 1) != 0 ? 'a' : 'b';
    }
    text += 'c';
    std::vector<uint32_t> expected;
    for (uint32_t n = 8; n < 16; ++n) {
      if (text[text.size() - 2 - n] == 'a') expected.push_back(n - 8);
    }
    std::vector<uint32_t> found = Match(*keys, text);
    for (const uint32_t item : expected) EXPECT_THAT(found, ::testing::Contains(item));
  }
}

TEST(RegexKeysTest, PatternsThatDoNotFitAtAllAreAllFoundEverywhere) {
  std::vector<std::string> patterns;
  for (int i = 0; i < 8; ++i) patterns.push_back("(x?){500}" + std::to_string(i));
  RegexLimits limits;
  limits.bytes_base = limits.bytes_max = 16 * 1024;
  const auto keys = Build(patterns, limits);
  EXPECT_FALSE(keys->is_set());
  EXPECT_THAT(Match(*keys, "anything"), SizeIs(8));
}

TEST(RegexKeysTest, ATextThatCouldTakeTooLongFindsEverythingAtOnce) {
  RegexLimits limits;
  limits.work_max = 1'000'000;
  const std::vector<std::string> hostile = {"(a?[ab]?){300}c", "(b?[ab]?){300}d", "x", "y", "z"};
  const auto keys = Build(hostile, limits);
  EXPECT_THAT(Match(*keys, "xx"), ElementsAre(2));
  EXPECT_THAT(Match(*keys, std::string(5000, '-')), SizeIs(5));
  const auto ordinary = Build({"v", "w", "x", "y", "z"}, limits);
  EXPECT_THAT(Match(*ordinary, std::string(5000, '-') + "x"), ElementsAre(2));
}

TEST(RegexKeysTest, AProgramLargerThanTheUsualBudgetGetsALargerOne) {
  RegexLimits limits;
  limits.bytes_base = limits.bytes_per_pattern = 0;
  // The first is counted by compiling it, the second is far larger than its text tells.
  const std::vector<std::vector<std::string>> shapes = {
      {"(x?){500}0", "(x?){500}1", "(x?){500}2", "(x?){500}3", "(x?){500}4"},
      {"[[:^alpha:]]0", "[[:^alpha:]]1", "[[:^alpha:]]2", "\\D3", "\\W4"}};
  for (const std::vector<std::string>& patterns : shapes) {
    const auto keys = Build(patterns, limits);
    EXPECT_TRUE(keys->is_set());
    EXPECT_THAT(Match(*keys, "x-3"), ElementsAre(3));
  }
}

}  // namespace
}  // namespace cievents::matcher
