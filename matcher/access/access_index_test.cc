#include "matcher/access/access_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "matcher/access/testing/access_fixture.h"

namespace cievents::matcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AccessIndexTest : public ::testing::Test, public AccessFixture {
 protected:
  // Items 0 .. count-1, each with the one term `make(i)`.
  template <typename Make>
  std::vector<AccessGroups> MakeItems(int count, Make make) {
    std::vector<AccessGroups> items;
    for (int i = 0; i < count; ++i) items.push_back({{make(std::to_string(i))}});
    return items;
  }
  std::vector<uint32_t> CollectFor(const AccessIndex& index, std::string payload) {
    SetPayload(std::move(payload));
    return Collect(index);
  }
};

TEST_F(AccessIndexTest, AnIndexWithoutItemsHasNoCandidates) {
  const auto index = AccessIndex::Build({});
  EXPECT_EQ(index->items(), 0u);
  EXPECT_THAT(CollectFor(*index, "{}"), IsEmpty());
}

TEST_F(AccessIndexTest, ItemsWithoutGroupsAreAlwaysCandidates) {
  const AccessGroups none;
  const AccessGroups main = {{Equals("payload.ref", "main")}};
  const std::vector<const AccessGroups*> items = {nullptr, &main, &none};
  const auto index = AccessIndex::Build(items);
  EXPECT_EQ(index->items(), 3u);
  EXPECT_THAT(CollectFor(*index, R"({"ref":"dev"})"), ElementsAre(0, 2));
  EXPECT_THAT(CollectFor(*index, R"({"ref":"main"})"), ElementsAre(0, 1, 2));
}

TEST_F(AccessIndexTest, AGroupWithoutTermsDoesNotHideItsItem) {
  const auto index = BuildIndex({{{}}, {{}, {Equals("payload.ref", "main")}}});
  EXPECT_THAT(CollectFor(*index, "{}"), ElementsAre(0));
  EXPECT_THAT(CollectFor(*index, R"({"ref":"main"})"), ElementsAre(0, 1));
}

// Up to eight keys are scanned, more are hashed: both sides of the line, and far beyond.
class AccessIndexSizeTest : public AccessIndexTest, public ::testing::WithParamInterface<int> {};

TEST_P(AccessIndexSizeTest, EqualityFindsItsOwnItemAndNoOther) {
  const int count = GetParam();
  const auto index =
      BuildIndex(MakeItems(count, [this](const auto& i) { return Equals("payload.id", i); }));
  for (int i = 0; i < count; ++i) {
    EXPECT_THAT(CollectFor(*index, R"({"id":")" + std::to_string(i) + R"("})"),
                ElementsAre(static_cast<uint32_t>(i)));
  }
  EXPECT_THAT(CollectFor(*index, R"({"id":"x"})"), IsEmpty());
  EXPECT_THAT(CollectFor(*index, R"({"id":"100000"})"), IsEmpty());
  EXPECT_THAT(CollectFor(*index, R"({"id":""})"), IsEmpty());
}

TEST_P(AccessIndexSizeTest, PrefixFindsItsOwnItemAndNoOther) {
  const int count = GetParam();
  const auto index = BuildIndex(MakeItems(count, [this](const auto& i) {
    return Prefix("payload.ref", "refs/heads/team-" + i + "/");
  }));
  for (int i = 0; i < count; ++i) {
    const std::string team = "refs/heads/team-" + std::to_string(i);
    EXPECT_THAT(CollectFor(*index, R"({"ref":")" + team + R"(/x"})"),
                ElementsAre(static_cast<uint32_t>(i)));
    EXPECT_THAT(CollectFor(*index, R"({"ref":")" + team + R"("})"), IsEmpty());
  }
}

TEST_P(AccessIndexSizeTest, RegexFindsItsOwnItem) {
  const int count = GetParam();
  const auto index = BuildIndex(
      MakeItems(count, [this](const auto& i) { return Regex("payload.ref", "-app" + i + "-"); }));
  for (int i = 0; i < count; ++i) {
    SetPayload(R"({"ref":"eu-app)" + std::to_string(i) + R"(-db"})");
    EXPECT_THAT(Collect(*index), ::testing::Contains(static_cast<uint32_t>(i)));
    if (count >= 5) {
      EXPECT_THAT(Collect(*index), SizeIs(1));
    }
  }
  EXPECT_THAT(CollectFor(*index, "{}"), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Sizes, AccessIndexSizeTest,
                         ::testing::Values(1, 4, 5, 7, 8, 9, 10, 64, 1000));

TEST_F(AccessIndexTest, OneKeyMayHaveManyItems) {
  std::vector<AccessGroups> items(20, {{Equals("payload.ref", "main")}});
  items.push_back({{Equals("payload.ref", "dev")}});
  const auto index = BuildIndex(items);
  EXPECT_THAT(CollectFor(*index, R"({"ref":"main"})"), SizeIs(20));
  EXPECT_THAT(CollectFor(*index, R"({"ref":"dev"})"), ElementsAre(20));
}

TEST_F(AccessIndexTest, PrefixesOfEveryLengthAreFoundTheEmptyOneToo) {
  const std::string text = "refs/heads/team-1/feature-x";
  std::vector<AccessGroups> items;
  for (size_t bytes = 0; bytes <= text.size(); ++bytes) {
    items.push_back({{Prefix("payload.ref", text.substr(0, bytes))}});
  }
  const auto index = BuildIndex(items);
  for (size_t bytes = 0; bytes <= text.size(); ++bytes) {
    SetPayload(R"({"ref":")" + text.substr(0, bytes) + R"("})");
    EXPECT_THAT(Collect(*index), SizeIs(bytes + 1));
  }
  EXPECT_THAT(CollectFor(*index, R"({"ref":"refs/tags/v1"})"), SizeIs(6));
  EXPECT_THAT(CollectFor(*index, R"({"other":"refs"})"), IsEmpty());
}

TEST_F(AccessIndexTest, EqualityAndPrefixOfOneLiteralAreDifferentKeys) {
  const auto index = BuildIndex({{{Equals("payload.a", "main")}},
                                 {{Prefix("payload.a", "main")}},
                                 {{Equals("payload.b", "main")}}});
  EXPECT_THAT(CollectFor(*index, R"({"a":"main-2"})"), ElementsAre(1));
  EXPECT_THAT(CollectFor(*index, R"({"a":"main"})"), ElementsAre(0, 1));
  EXPECT_THAT(CollectFor(*index, R"({"b":"main"})"), ElementsAre(2));
}

TEST_F(AccessIndexTest, EveryElementOfAListIsLookedUpAndAnItemComesOnce) {
  const auto index = BuildIndex({{{Equals("payload.labels.title", "bug")}},
                                 {{Prefix("payload.labels.title", "b")}},
                                 {{Equals("payload.labels.title", "docs")}},
                                 {{Equals("payload.labels.title", "ops")}}});
  EXPECT_THAT(CollectFor(*index, R"({"labels":[{"title":"bug"},{"title":"docs"},{"title":"bug"},
                                               {"title":"blue"}]})"),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(CollectFor(*index, R"({"labels":[]})"), IsEmpty());
  EXPECT_THAT(CollectFor(*index, R"({"labels":[null]})"), IsEmpty());
}

TEST_F(AccessIndexTest, ListsAreLookedUpInSetsOfRegexesToo) {
  const auto index = BuildIndex(
      MakeItems(6, [this](const auto& i) { return Regex("payload.labels", "^[a-f]" + i + "$"); }));
  EXPECT_THAT(CollectFor(*index, R"({"labels":["a1","b1","c5","zz"]})"), ElementsAre(1, 5));
}

TEST_F(AccessIndexTest, BooleansAreLookedUpByTheirText) {
  const auto index = BuildIndex({{{Equals("payload.draft", "true")}},
                                 {{Equals("payload.draft", "false")}},
                                 {{Prefix("payload.draft", "tr")}}});
  EXPECT_THAT(CollectFor(*index, R"({"draft":true})"), ElementsAre(0, 2));
  EXPECT_THAT(CollectFor(*index, R"({"draft":false})"), ElementsAre(1));
  EXPECT_THAT(CollectFor(*index, R"({"draft":[true,false]})"), ElementsAre(0, 1, 2));
}

TEST_F(AccessIndexTest, NumbersAreLookedUpByTheirDigits) {
  const auto index =
      BuildIndex({{{Equals("payload.iid", "42")}}, {{Equals("payload.iid", "42.0")}}});
  EXPECT_THAT(CollectFor(*index, R"({"iid":42})"), ElementsAre(0));
  EXPECT_THAT(CollectFor(*index, R"({"iid":42.0})"), ElementsAre(1));
}

TEST_F(AccessIndexTest, NullAndAbsentValuesFindNothing) {
  const auto index = BuildIndex({{{Equals("payload.ref", "")}},
                                 {{Equals("payload.ref", "null")}},
                                 {{Prefix("payload.ref", "")}},
                                 {{Regex("payload.ref", ".*")}}});
  EXPECT_THAT(CollectFor(*index, R"({"ref":null})"), IsEmpty());
  EXPECT_THAT(CollectFor(*index, "{}"), IsEmpty());
  EXPECT_THAT(CollectFor(*index, R"({"ref":""})"), ElementsAre(0, 2, 3));
}

TEST_F(AccessIndexTest, AValueThatCannotBeReadMakesWhatDependsOnItCandidates) {
  std::vector<AccessGroups> items =
      MakeItems(12, [this](const auto& i) { return Equals("payload.late", i); });
  items.push_back({{Equals("payload.early", "x")}});
  items.push_back({{Prefix("payload.late", "x"), Equals("payload.early", "y")}});
  const auto index = BuildIndex(items);
  EXPECT_THAT(CollectFor(*index, R"({"early":"x","late":!"0"})"), SizeIs(14));
  EXPECT_THAT(CollectFor(*index, R"({"early":"z","late":"3"})"), ElementsAre(3));
}

TEST_F(AccessIndexTest, AnItemIsFoundByEachAlternativeAndComesOnce) {
  const auto index =
      BuildIndex({{{Equals("payload.a", "1"), Equals("payload.b", "1"), Regex("payload.a", "1")}},
                  {{Equals("payload.a", "2"), Equals("payload.a", "2")}}});
  EXPECT_THAT(CollectFor(*index, R"({"a":"1","b":"1"})"), ElementsAre(0));
  EXPECT_THAT(CollectFor(*index, R"({"b":"1"})"), ElementsAre(0));
  EXPECT_THAT(CollectFor(*index, R"({"a":"2"})"), ::testing::Contains(1));
}

// Whatever an item's conditions are called and in which order they stand: the rare one decides.
TEST_F(AccessIndexTest, TheRareConditionIsUsedHoweverItIsSpelledAndOrdered) {
  for (const bool rare_first : {false, true}) {
    for (const bool common_sorts_first : {false, true}) {
      const std::string common = common_sorts_first ? "payload.aaa" : "payload.zzz";
      std::vector<AccessGroups> items;
      for (int i = 0; i < 100; ++i) {
        AccessGroup everyone = {Equals(common, "prod")};
        AccessGroup own = {Equals("payload.number", std::to_string(i))};
        items.push_back(rare_first ? AccessGroups{own, everyone} : AccessGroups{everyone, own});
      }
      const auto index = BuildIndex(items);
      EXPECT_THAT(CollectFor(*index, R"({"aaa":"prod","zzz":"prod","number":7})"), ElementsAre(7));
    }
  }
}

TEST_F(AccessIndexTest, ARegexIsUsedWhereEverythingElseIsCommon) {
  std::vector<AccessGroups> items;
  for (int i = 0; i < 100; ++i) {
    items.push_back({{Equals("payload.env", "prod")},
                     {Regex("payload.ref", "^v" + std::to_string(i) + "[.]")}});
  }
  const auto index = BuildIndex(items);
  EXPECT_THAT(CollectFor(*index, R"({"env":"prod","ref":"v31.4"})"), ElementsAre(31));
}

TEST_F(AccessIndexTest, RegexesThatDoNotFitTheirMemoryMakeTheirItemsCandidates) {
  std::vector<AccessGroups> items;
  for (int i = 0; i < 10; ++i) {
    items.push_back({{Regex("payload.ref", "(a?[ab]?){400}x" + std::to_string(i))}});
  }
  items.push_back({{Equals("payload.ref", "other")}});
  RegexLimits limits;
  limits.bytes_base = limits.bytes_per_pattern = 1024;
  limits.bytes_max = 64 * 1024;
  const auto index = BuildIndex(items, limits);
  EXPECT_THAT(CollectFor(*index, R"({"ref":"abx3"})"), SizeIs(10));
  EXPECT_THAT(CollectFor(*index, R"({"ref":["other","b"]})"), SizeIs(11));
  EXPECT_THAT(CollectFor(*index, "{}"), IsEmpty());
}

TEST_F(AccessIndexTest, OneScratchServesIndexesOfAllSizes) {
  const auto small = BuildIndex({{{Equals("payload.a", "1"), Equals("payload.b", "1")}}});
  const auto large = BuildIndex(MakeItems(
      500, [this](const auto& i) { return Equals("payload.a", std::string(i.size(), '1')); }));
  for (int round = 0; round < 3; ++round) {
    EXPECT_THAT(CollectFor(*small, R"({"a":"1","b":["1","1"]})"), ElementsAre(0));
    EXPECT_THAT(CollectFor(*large, R"({"a":["1","1"]})"), SizeIs(10));
  }
}

}  // namespace
}  // namespace cievents::matcher
