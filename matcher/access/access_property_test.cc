// Goal: the index loses no item, whatever the items and the event. Method: random items over a
// small alphabet, so that keys are shared and values hit; every item whose groups all hold, tried
// one by one, must be among the candidates, and no item may be there whose groups all fail by
// themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "matcher/access/access_index.h"
#include "matcher/access/testing/access_fixture.h"

namespace cievents::matcher {
namespace {

class AccessPropertyTest : public ::testing::TestWithParam<uint32_t>, public AccessFixture {
 protected:
  int Random(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }

  std::string RandomText(int bytes_max) {
    std::string text;
    for (int i = Random(bytes_max + 1); i > 0; --i) text += "abc-"[Random(4)];
    return text;
  }
  std::string RandomPath() {
    static constexpr const char* kPaths[] = {"payload.a", "payload.b", "payload.list",
                                             "payload.o.c", "payload.flag"};
    return kPaths[Random(5)];
  }
  AccessTerm RandomTerm() {
    switch (Random(regexes_ ? 4 : 3)) {
      case 0:
        return Equals(RandomPath(), RandomText(12));
      case 1:
        return Prefix(RandomPath(), RandomText(10));
      case 2:
        return Equals(RandomPath(), Random(2) == 0 ? "true" : "7");
      default:
        return Regex(RandomPath(),
                     (Random(2) == 0 ? "^" : "") + RandomText(3) + "[ab]+" + RandomText(2));
    }
  }
  AccessGroups RandomGroups() {
    AccessGroups groups(static_cast<size_t>(Random(4)));
    for (AccessGroup& group : groups) {
      for (int i = 1 + Random(3); i > 0; --i) group.push_back(RandomTerm());
    }
    return groups;
  }
  std::string RandomValue() {
    switch (Random(8)) {
      case 0:
        return "null";
      case 1:
        return Random(2) == 0 ? "true" : "false";
      case 2:
        return "7";
      case 3:
        return Random(4) == 0 ? "!" : "[]";  // not JSON, sometimes
      default:
        return '"' + RandomText(14) + '"';
    }
  }
  std::string RandomPayload() {
    std::string list;
    for (int i = Random(5); i > 0; --i) list += RandomValue() + (i > 1 ? "," : "");
    return R"({"a":)" + RandomValue() + R"(,"flag":)" + RandomValue() + R"(,"list":[)" + list +
           R"(],"o":{"c":)" + RandomValue() + R"(},"b":)" + RandomValue() + "}";
  }

  bool AllHold(const AccessGroups& groups) {
    return std::all_of(groups.begin(), groups.end(),
                       [this](const AccessGroup& group) { return GroupHolds(group, event()); });
  }
  bool SomeHolds(const AccessGroups& groups) {
    return std::any_of(groups.begin(), groups.end(),
                       [this](const AccessGroup& group) { return GroupHolds(group, event()); });
  }

  std::mt19937 random_{GetParam()};
  bool regexes_ = GetParam() % 2 == 0;
};

TEST_P(AccessPropertyTest, NoItemIsLostAndNoneComesForNothing) {
  const int count = 1 + Random(regexes_ ? 60 : 300);
  std::vector<AccessGroups> items;
  for (int i = 0; i < count; ++i) items.push_back(RandomGroups());
  const auto index = BuildIndex(items);
  for (int round = 0; round < 40; ++round) {
    const std::string payload = RandomPayload();
    SetPayload(payload);
    const std::vector<uint32_t> candidates = Collect(*index);
    for (uint32_t i = 0; i < items.size(); ++i) {
      const bool found = std::binary_search(candidates.begin(), candidates.end(), i);
      if (AllHold(items[i])) {
        ASSERT_TRUE(found) << "item " << i << " is lost for " << payload;
      }
      // Regexes of a few items are not tried, so only the other items are exact.
      if (found && !regexes_ && !items[i].empty()) {
        ASSERT_TRUE(SomeHolds(items[i])) << "item " << i << " has no business with " << payload;
      }
    }
  }
}

TEST_P(AccessPropertyTest, WhatIsCalledCertainHolds) {
  std::vector<AccessGroups> items;
  for (int i = 0; i < 40; ++i) items.push_back({{Regex("payload.a", RandomText(3))}});
  const auto index = BuildIndex(items);
  size_t certain_count = 0;
  for (int round = 0; round < 40; ++round) {
    SetPayload(RandomPayload());
    Collect(*index);
    for (const uint32_t item : certain()) {
      ASSERT_TRUE(AllHold(items[item])) << "item " << item;
    }
    certain_count += certain().size();
  }
  EXPECT_GT(certain_count, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AccessPropertyTest, ::testing::Range(0u, 60u));

// The negative control: an index that gave everything would pass the test above.
TEST_P(AccessPropertyTest, CandidatesAreFew) {
  std::vector<AccessGroups> items;
  for (int i = 0; i < 1000; ++i) {
    AccessGroups groups = {{Equals("payload.b", RandomText(2)), Prefix("payload.b", RandomText(1))},
                           {Equals("payload.a", "item-" + std::to_string(i))}};
    std::shuffle(groups.begin(), groups.end(), random_);
    items.push_back(std::move(groups));
  }
  const auto index = BuildIndex(items);
  for (int round = 0; round < 20; ++round) {
    const int wanted = Random(1000);
    SetPayload(R"({"a":"item-)" + std::to_string(wanted) + R"(","b":")" + RandomText(4) + "\"}");
    EXPECT_THAT(Collect(*index), ::testing::ElementsAre(static_cast<uint32_t>(wanted)));
  }
}

}  // namespace
}  // namespace cievents::matcher
