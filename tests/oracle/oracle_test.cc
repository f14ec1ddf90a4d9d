// Goal: the index and the naive matcher agree on everything. Method: random worlds; two seeds that
// are always the same, one that is new each time and printed. `make oracle` runs as many as one
// likes.
//
// CIEVENTS_TEST_SEED repeats a run, CIEVENTS_TEST_PAIRS says how long it is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "matcher/pattern.h"
#include "tests/oracle/comparison.h"
#include "tests/oracle/naive_matcher.h"

namespace cievents::oracle {
namespace {

uint64_t NumberOr(const char* variable, uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given != nullptr && *given != '\0' ? std::strtoull(given, nullptr, 10) : otherwise;
}

void ExpectAgreement(uint64_t seed, int64_t pairs) {
  fmt::print("seed {}\n", seed);
  OracleOptions options;
  options.seed = seed;
  options.pairs_max = pairs;
  const OracleResult result = RunOracle(options);
  EXPECT_EQ(result.difference, "");
  if (!result.difference.empty()) return;
  EXPECT_GE(result.pairs, pairs);
  // The worlds are such that every answer occurs.
  EXPECT_GT(result.matches, 0);
  EXPECT_GT(result.failed_inputs, 0);
  EXPECT_GT(result.failed_payloads, 0);
  EXPECT_GT(result.suspended, 0);
  EXPECT_GT(result.filtered, 0);
}

TEST(PatternPropertyTest, AgreesWithTheNaiveMatcherOnAllShortPatternsAndNames) {
  // Every text of up to 4 segments drawn from these; what Parse refuses is skipped.
  const auto all_of = [](const std::vector<std::string>& segments) {
    std::vector<std::string> all = segments;
    for (size_t begin = 0, length = 1; length < 4; ++length) {
      const size_t end = all.size();
      for (size_t i = begin; i < end; ++i) {
        for (const std::string& segment : segments) all.push_back(all[i] + "/" + segment);
      }
      begin = end;
    }
    return all;
  };
  const std::vector<std::string> names = all_of({"a", "b"});
  ASSERT_EQ(names.size(), 2u + 4 + 8 + 16);
  int compared = 0;
  for (const std::string& text : all_of({"a", "b", "*", "**"})) {
    const auto pattern = matcher::Pattern::Parse(text);
    if (!pattern.ok()) continue;
    for (const std::string& name : names) {
      ++compared;
      EXPECT_EQ(pattern->Matches(name), NaivePatternMatches(text, name)) << text << " " << name;
    }
  }
  // 3 kinds of segment, in the last place 4: 4 + 12 + 36 + 108 patterns are valid.
  EXPECT_EQ(compared, 160 * 30);
}

TEST(OracleTest, TheIndexAgreesWithTheNaiveMatcherOnFixedSeeds) {
  const auto pairs = static_cast<int64_t>(NumberOr("CIEVENTS_TEST_PAIRS", 7000));
  ExpectAgreement(1, pairs);
  ExpectAgreement(2, pairs);
}

TEST(OracleTest, TheIndexAgreesWithTheNaiveMatcherOnANewSeed) {
  const auto pairs = static_cast<int64_t>(NumberOr("CIEVENTS_TEST_PAIRS", 7000));
  ExpectAgreement(NumberOr("CIEVENTS_TEST_SEED", std::random_device()() % 1'000'000), pairs);
}

}  // namespace
}  // namespace cievents::oracle
