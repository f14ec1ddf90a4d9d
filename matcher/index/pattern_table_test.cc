// Tests matcher/index/pattern_table.h, with Pattern::Matches as the oracle.
#include "matcher/index/pattern_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Pattern PatternOf(std::string_view text) { return *Pattern::Parse(text); }

class PatternTableTest : public ::testing::Test {
 protected:
  ~PatternTableTest() override {
    while (epochs_.retired() > 0) PublishAndReclaim();  // while the table is there
  }
  PatternId Acquire(std::string_view text) { return patterns_.Acquire(PatternOf(text)); }
  void PublishAndReclaim() {
    epochs_.Publish();
    epochs_.Reclaim();
  }

  EpochDomain epochs_;
  PatternTable patterns_{epochs_};
};

TEST_F(PatternTableTest, AnEmptyTableMatchesNothing) {
  EXPECT_THAT(patterns_.Find("a/b"), IsEmpty());
  EXPECT_EQ(patterns_.size(), 0u);
}

TEST_F(PatternTableTest, FindsEveryKindOfPatternOfAName) {
  const PatternId literal = Acquire("package/published");
  const PatternId star_first = Acquire("*/published");
  const PatternId star_last = Acquire("package/*");
  const PatternId stars = Acquire("*/*");
  const PatternId rest = Acquire("package/**");
  const PatternId all = Acquire("**");
  const PatternId star_rest = Acquire("*/**");
  Acquire("*");
  Acquire("package");
  Acquire("package/published/**");
  Acquire("package/*/*");
  std::vector<PatternId> expected = {literal, star_first, star_last, stars, rest, all, star_rest};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(patterns_.Find("package/published"), expected);
}

TEST_F(PatternTableTest, AWildcardCharacterInANameIsNotLookedUpAsAPattern) {
  Acquire("a/*");
  Acquire("a/b");
  // Names are canonical, but a name of stars must at least not be taken for more than it is.
  EXPECT_EQ(patterns_.Find("*/b"), patterns_.Find("x/b"));
}

TEST_F(PatternTableTest, EqualPatternsAreOneUntilTheLastOfThemGoes) {
  const PatternId id = Acquire("a/*");
  EXPECT_EQ(Acquire("events/a/*"), id);  // the same pattern, spelt with its optional prefix
  EXPECT_EQ(patterns_.size(), 1u);
  patterns_.Release(id);
  EXPECT_THAT(patterns_.Find("a/b"), ElementsAre(id));
  patterns_.Release(id);
  EXPECT_THAT(patterns_.Find("a/b"), IsEmpty());
  EXPECT_EQ(patterns_.size(), 0u);
}

TEST_F(PatternTableTest, TheVersionChangesWhenAPatternComesOrGoesAndNotInBetween) {
  const uint64_t empty = patterns_.version();
  const PatternId id = Acquire("a");
  const uint64_t one = patterns_.version();
  EXPECT_NE(one, empty);
  Acquire("a");
  patterns_.Release(id);
  EXPECT_EQ(patterns_.version(), one);
  patterns_.Release(id);
  EXPECT_NE(patterns_.version(), one);
}

TEST_F(PatternTableTest, AnIdMeansSomethingElseOnlyWhenNoReaderCanRememberIt) {
  EpochDomain::Reader reader(epochs_);
  const PatternId first = Acquire("a");
  PublishAndReclaim();
  reader.Enter();
  patterns_.Release(first);
  PublishAndReclaim();
  const PatternId second = Acquire("b");
  EXPECT_NE(second, first);
  // Even the same pattern is a new one: the old one's end is on its way.
  const PatternId again = Acquire("a");
  EXPECT_NE(again, first);
  EXPECT_NE(again, second);
  reader.Leave();
  PublishAndReclaim();
  EXPECT_EQ(Acquire("c"), first);
  EXPECT_THAT(patterns_.Find("c"), ElementsAre(first));
}

std::string RandomText(std::mt19937_64& random, bool pattern) {
  static const std::vector<std::string> kSegments = {"a", "b", "c", "a.b"};
  std::string text;
  const size_t segments = 1 + random() % (random() % 4 == 0 ? 8 : 3);
  for (size_t i = 0; i < segments; ++i) {
    if (i > 0) text += '/';
    if (pattern && i + 1 == segments && random() % 4 == 0) {
      text += "**";
    } else if (pattern && random() % 3 == 0) {
      text += '*';
    } else {
      text += kSegments[random() % kSegments.size()];
    }
  }
  return text;
}

TEST_F(PatternTableTest, FindsWhatPatternMatchesForRandomPatternsAndNames) {
  std::mt19937_64 random(20);
  std::map<std::string, std::vector<PatternId>> in_use;  // one id a user
  size_t hits = 0;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 25; ++i) {
      const std::string text = RandomText(random, true);
      in_use[text].push_back(Acquire(text));
      ASSERT_EQ(in_use[text].back(), in_use[text].front());
    }
    for (int i = 0; i < 20 && !in_use.empty(); ++i) {
      const auto at = std::next(in_use.begin(), static_cast<int64_t>(random() % in_use.size()));
      patterns_.Release(at->second.back());
      at->second.pop_back();
      if (at->second.empty()) in_use.erase(at);
    }
    if (random() % 2 == 0) PublishAndReclaim();
    ASSERT_EQ(patterns_.size(), in_use.size());
    for (int i = 0; i < 40; ++i) {
      const std::string name = RandomText(random, false);
      std::vector<PatternId> expected;
      for (const auto& [text, ids] : in_use) {
        if (PatternOf(text).Matches(name)) expected.push_back(ids.front());
      }
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(patterns_.Find(name), expected) << name;
      hits += expected.size();
    }
  }
  EXPECT_GT(hits, 1000u);
}

TEST_F(PatternTableTest, ANameOfEightSegmentsAsksForAllItsShapes) {
  std::vector<PatternId> expected;
  for (int stars = 0; stars < 256; ++stars) {
    std::string text;
    for (int i = 0; i < 8; ++i) {
      if (i > 0) text += '/';
      text += (stars >> i & 1) != 0 ? "*" : std::string(1, static_cast<char>('a' + i));
    }
    expected.push_back(Acquire(text));
  }
  expected.push_back(Acquire("a/b/c/d/e/f/g/**"));
  expected.push_back(Acquire("**"));
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(patterns_.Find("a/b/c/d/e/f/g/h"), expected);
  EXPECT_EQ(patterns_.Find("a/b/c/d/e/f/g").size(), 1u);
}

std::vector<PatternId> FindIn(NameCache& cache, std::string_view name,
                              const PatternTable& patterns) {
  cache.PrefetchSlot(NameCache::Hash(name));
  cache.PrefetchEntry(NameCache::Hash(name));
  const std::span<const PatternId> ids = cache.Find(name, NameCache::Hash(name), patterns);
  return {ids.begin(), ids.end()};
}

TEST_F(PatternTableTest, ACacheRemembersANameUntilItIsRefreshed) {
  NameCache cache;
  cache.Refresh(1, patterns_);
  EXPECT_THAT(FindIn(cache, "a", patterns_), IsEmpty());
  const PatternId id = Acquire("a");
  EXPECT_THAT(FindIn(cache, "a", patterns_), IsEmpty());
  cache.Refresh(1, patterns_);
  EXPECT_THAT(FindIn(cache, "a", patterns_), ElementsAre(id));
  patterns_.Release(id);
  EXPECT_THAT(FindIn(cache, "a", patterns_), ElementsAre(id));
  cache.Refresh(1, patterns_);
  EXPECT_THAT(FindIn(cache, "a", patterns_), IsEmpty());
}

TEST_F(PatternTableTest, ACacheGivesReferencesThatStayWhileItLearnsOtherNames) {
  const PatternId id = Acquire("*");
  NameCache cache;
  cache.Refresh(1, patterns_);
  const std::span<const PatternId> first = cache.Find("a0", NameCache::Hash("a0"), patterns_);
  for (int i = 1; i < 2000; ++i) FindIn(cache, "a" + std::to_string(i), patterns_);
  EXPECT_THAT(std::vector(first.begin(), first.end()), ElementsAre(id));
}

// Two tables of equal versions and different contents: what the cache answers shows whether it
// remembered.
class NameCacheOfTwoTablesTest : public PatternTableTest {
 protected:
  NameCacheOfTwoTablesTest() {
    Acquire("a");
    others_.Acquire(PatternOf("b"));
  }

  PatternTable others_{epochs_};
  NameCache cache_;
};

TEST_F(NameCacheOfTwoTablesTest, ForgetsWhatItKnowsOfAnotherLoad) {
  ASSERT_EQ(patterns_.version(), others_.version());
  cache_.Refresh(1, patterns_);
  ASSERT_EQ(FindIn(cache_, "a", patterns_).size(), 1u);
  cache_.Refresh(2, others_);
  EXPECT_THAT(FindIn(cache_, "a", others_), IsEmpty());
}

TEST_F(NameCacheOfTwoTablesTest, ForgetsEverythingWhenItHasGrownTooLarge) {
  cache_.Refresh(1, patterns_);
  ASSERT_EQ(FindIn(cache_, "a", patterns_).size(), 1u);
  for (int i = 0; i < 64 * 1024 - 2; ++i) FindIn(cache_, "x/" + std::to_string(i), patterns_);
  cache_.Refresh(1, others_);
  EXPECT_EQ(FindIn(cache_, "a", others_).size(), 1u);  // 65,535 names: still remembered
  FindIn(cache_, "one/more", others_);
  cache_.Refresh(1, others_);
  EXPECT_THAT(FindIn(cache_, "a", others_), IsEmpty());
}

}  // namespace
}  // namespace cievents::matcher
