// Tests matcher/index/project_set.h: what goes into the packed block comes out of it.
#include "matcher/index/project_set.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace cievents::matcher {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

struct FreeSet {
  void operator()(const ProjectSet* set) const { ProjectSet::Free(set); }
};
using SetPointer = std::unique_ptr<const ProjectSet, FreeSet>;

struct Contents {
  std::string commit_sha = {};
  std::vector<SubscriptionNumbers> numbers = {};
  std::vector<OwnPosting> own_postings = {};
};

std::vector<OwnPosting> OwnPostingsOf(const ProjectSet& set) {
  std::vector<OwnPosting> postings;
  for (size_t i = 0; i < set.own_postings(); ++i) postings.push_back(set.own_posting(i));
  return postings;
}

class ProjectSetTest : public ::testing::Test {
 protected:
  SetPointer Make(const Contents& contents) {
    std::vector<const Definition*> definitions;
    while (definitions_.size() < contents.numbers.size()) {
      definitions_.push_back(std::make_unique<Definition>());
    }
    for (size_t i = 0; i < contents.numbers.size(); ++i) {
      definitions.push_back(definitions_[i].get());
    }
    return SetPointer(ProjectSet::Make({.context = &context_,
                                        .commit_sha = contents.commit_sha,
                                        .definitions = definitions,
                                        .numbers = contents.numbers,
                                        .own_postings = contents.own_postings}));
  }

  // Makes a set and reads all of it back.
  void ExpectRoundTrip(const Contents& contents) {
    const SetPointer set = Make(contents);
    EXPECT_EQ(&set->context(), &context_);
    EXPECT_EQ(set->commit_sha(), contents.commit_sha);
    ASSERT_EQ(set->subscriptions(), contents.numbers.size());
    for (size_t i = 0; i < contents.numbers.size(); ++i) {
      const SubscriptionNumbers numbers = set->numbers(i);
      EXPECT_EQ(&set->definition(i), definitions_[i].get());
      EXPECT_EQ(numbers.subscription_id, contents.numbers[i].subscription_id);
      EXPECT_EQ(numbers.owner_user_id, contents.numbers[i].owner_user_id);
      EXPECT_EQ(numbers.created_time_ms, contents.numbers[i].created_time_ms);
      EXPECT_EQ(numbers.suspended, contents.numbers[i].suspended);
      EXPECT_EQ(set->subscription_id(i), contents.numbers[i].subscription_id);
    }
    EXPECT_EQ(set->some_suspended(),
              std::any_of(contents.numbers.begin(), contents.numbers.end(),
                          [](const SubscriptionNumbers& one) { return one.suspended; }));
    const std::vector<OwnPosting> own = OwnPostingsOf(*set);
    ASSERT_EQ(own.size(), contents.own_postings.size());
    for (size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(own[i].pattern, contents.own_postings[i].pattern);
      EXPECT_EQ(own[i].subscription, contents.own_postings[i].subscription);
      EXPECT_EQ(own[i].entry, contents.own_postings[i].entry);
    }
  }

  ProjectContext context_;
  std::vector<std::unique_ptr<Definition>> definitions_;
};

TEST_F(ProjectSetTest, AnEmptySetKeepsItsCommit) {
  ExpectRoundTrip({.commit_sha = "abc", .numbers = {}, .own_postings = {}});
}

TEST_F(ProjectSetTest, NumbersAtTheEndsOfTheirRangeComeBack) {
  ExpectRoundTrip({.numbers = {{kMin, kMin, kMin}}});
  ExpectRoundTrip({.numbers = {{kMax, kMax, kMax}}});
  ExpectRoundTrip({.numbers = {{kMin, kMax, 0}, {kMax, kMin, -1, true}, {0, -1, kMax}}});
  ExpectRoundTrip({.numbers = {{kMax, 0, kMin}, {kMax - 1, 0, kMin + 1}, {kMax, 1, kMin, true}}});
}

// Each difference from the smallest at and one past what a width holds.
TEST_F(ProjectSetTest, DifferencesOfEveryWidthComeBack) {
  const std::vector<int64_t> differences = {
      0,   1, (int64_t{1} << 16) - 1, int64_t{1} << 16, (int64_t{1} << 32) - 1, int64_t{1} << 32,
      kMax};
  for (const int64_t id : differences) {
    for (const int64_t owner : differences) {
      for (const int64_t created : differences) {
        SCOPED_TRACE(testing::Message() << id << " " << owner << " " << created);
        ExpectRoundTrip({.numbers = {{id - kMax, owner, created - 5},
                                     {-kMax, 0, -5, true},
                                     {id - kMax, 0, created - 5}}});
      }
    }
  }
}

TEST_F(ProjectSetTest, RandomSetsComeBack) {
  std::mt19937_64 random(4);
  const auto number = [&] {
    return static_cast<int64_t>(random() >> (random() % 64)) * (random() % 2 == 0 ? 1 : -1);
  };
  for (int round = 0; round < 300; ++round) {
    Contents contents{.commit_sha = std::to_string(random())};
    for (uint64_t i = random() % 20; i > 0; --i) {
      contents.numbers.push_back({number(), number(), number(), random() % 2 == 0});
      contents.own_postings.push_back({static_cast<PatternId>(random()),
                                       static_cast<uint16_t>(random()),
                                       static_cast<uint16_t>(random())});
    }
    ExpectRoundTrip(contents);
  }
}

TEST_F(ProjectSetTest, ACommitComesBackAsItWasWritten) {
  const std::string sha1 = "0123456789abcdef0123456789abcdef01234567";
  const std::vector<std::string> commits = {
      "",
      sha1,
      sha1 + "0123456789abcdef01234567",  // SHA-256
      "abc",                              // hex of an odd length
      "ABCDEF",                           // not lower case: must not come back as it
      "refs/heads/main",
      "0g",
      std::string("\0\x01\xff\x80", 4),
      std::string(254, 'f'),
      std::string(255, 'f'),
      std::string(255, 'z'),
  };
  for (const std::string& commit : commits) {
    SCOPED_TRACE(commit);
    ExpectRoundTrip({.commit_sha = commit, .numbers = {{-5, 6, 7}, {8, 9, 10}}});
  }
}

TEST_F(ProjectSetTest, HoldsAsManySubscriptionsAndPostingsAsSixteenBitsCount) {
  Contents contents{.commit_sha = "ab"};
  for (size_t i = 0; i < kSubscriptionsPerSetMax; ++i) {
    contents.numbers.push_back({static_cast<int64_t>(i) * 3, 1, 2, i % 2 == 0});
    contents.own_postings.push_back({static_cast<PatternId>(i), static_cast<uint16_t>(i), 0});
  }
  const SetPointer set = Make(contents);
  ASSERT_EQ(set->subscriptions(), kSubscriptionsPerSetMax);
  const std::vector<OwnPosting> own = OwnPostingsOf(*set);
  ASSERT_EQ(own.size(), kSubscriptionsPerSetMax);
  EXPECT_EQ(own.back().subscription, kSubscriptionsPerSetMax - 1);
  EXPECT_EQ(own.back().pattern, kSubscriptionsPerSetMax - 1);
  const size_t last = kSubscriptionsPerSetMax - 1;
  EXPECT_EQ(set->numbers(last).subscription_id, static_cast<int64_t>(last) * 3);
  EXPECT_EQ(set->numbers(last).suspended, last % 2 == 0);
  EXPECT_EQ(set->numbers(last - 1).suspended, last % 2 != 0);
}

TEST_F(ProjectSetTest, PostingsOfManySubscriptionsOrEntriesComeBack) {
  for (const uint16_t number : {0, 1, 254, 255, 256, 65'535}) {
    SCOPED_TRACE(number);
    ExpectRoundTrip({.numbers = {{1, 2, 3}}, .own_postings = {{7, number, 0}, {8, 0, 1}}});
    ExpectRoundTrip({.numbers = {{1, 2, 3}}, .own_postings = {{7, 0, number}, {~0u, 3, 1}}});
  }
  for (const PatternId pattern : {0u, 0xffffu, 0xffffffu, 0x1000000u, ~0u}) {
    SCOPED_TRACE(pattern);
    ExpectRoundTrip({.numbers = {{1, 2, 3}}, .own_postings = {{pattern, 5, 6}}});
  }
}

TEST_F(ProjectSetTest, PostingsAreFoundByTheirPattern) {
  const SetPointer set =
      Make({.numbers = {{1, 2, 3}}, .own_postings = {{2, 0, 0}, {2, 0, 1}, {5, 0, 0}}});
  EXPECT_EQ(set->FindOwnPosting(1), 0u);
  EXPECT_EQ(set->FindOwnPosting(2), 0u);
  EXPECT_EQ(set->FindOwnPosting(3), 2u);
  EXPECT_EQ(set->FindOwnPosting(5), 2u);
  EXPECT_EQ(set->FindOwnPosting(6), 3u);
}

TEST_F(ProjectSetTest, TheCallersOwnBytesLieBeforeTheSet) {
  constexpr size_t kBefore = 32;
  Definition definition;
  const std::vector<const Definition*> definitions = {&definition};
  const std::vector<SubscriptionNumbers> numbers = {{1, 2, 3, true}};
  const ProjectSet* const set = ProjectSet::Make({.context = &context_,
                                                  .commit_sha = "main",
                                                  .definitions = definitions,
                                                  .numbers = numbers,
                                                  .own_postings = {}},
                                                 kBefore);
  auto* const before = reinterpret_cast<uint8_t*>(const_cast<ProjectSet*>(set)) - kBefore;
  std::fill(before, before + kBefore, uint8_t{0xff});
  EXPECT_EQ(set->commit_sha(), "main");
  EXPECT_EQ(&set->definition(0), &definition);
  EXPECT_TRUE(set->numbers(0).suspended);
  ProjectSet::Free(set, kBefore);
}

// The figure on which the memory of five million projects rests.
TEST_F(ProjectSetTest, TwoSubscriptionsOfACopiedTemplateTakeSomeSeventyBytes) {
  const SetPointer set = Make({.commit_sha = "0123456789abcdef0123456789abcdef01234567",
                               .numbers = {{10'000'000, 3'000'000, 1'700'000'000'000},
                                           {10'000'001, 3'000'000, 1'700'000'000'000}},
                               .own_postings = {{1, 0, 0}, {2, 1, 0}}});
  const size_t bytes = malloc_usable_size(const_cast<ProjectSet*>(set.get()));
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_GT(bytes, 50u);
  EXPECT_LE(bytes, 88u);  // 72 asked for, and what the allocator rounds up
}

}  // namespace
}  // namespace cievents::matcher
