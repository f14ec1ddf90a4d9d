#include "matcher/access/selectivity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "matcher/access/testing/access_fixture.h"

namespace cievents::matcher {
namespace {

class SelectivityTest : public ::testing::Test, public AccessFixture {
 protected:
  // Adds an item; returns the place of its group that is chosen once all are added.
  void Add(AccessGroups groups) { items_.push_back(std::move(groups)); }
  // -1 = none.
  std::ptrdiff_t Chosen(size_t item) {
    std::vector<const AccessGroups*> pointers;
    for (const AccessGroups& groups : items_) pointers.push_back(&groups);
    const AccessGroup* group = ChooseGroups(pointers)[item];
    return group == nullptr ? -1 : group - items_[item].data();
  }

  std::vector<AccessGroups> items_;
};

TEST_F(SelectivityTest, ANullItemAndOneWithoutGroupsHaveNoChoice) {
  const AccessGroups none;
  const std::vector<const AccessGroups*> items = {nullptr, &none};
  EXPECT_EQ(ChooseGroups(items), (std::vector<const AccessGroup*>{nullptr, nullptr}));
}

TEST_F(SelectivityTest, TheOnlyGroupIsChosenAndEmptyOnesNever) {
  Add({{Equals("payload.a", "1")}});
  EXPECT_EQ(Chosen(0), 0);
  Add({{}, {Equals("payload.a", "1")}, {}});
  EXPECT_EQ(Chosen(1), 1);
  Add({{}});
  EXPECT_EQ(Chosen(2), -1);
}

TEST_F(SelectivityTest, TheGroupWhoseWorstTermFewestShareIsChosen) {
  for (int i = 0; i < 10; ++i) Add({{Equals("payload.env", "prod")}});
  for (int i = 0; i < 3; ++i) Add({{Equals("payload.team", "a")}});
  Add({{Equals("payload.env", "prod")}, {Equals("payload.team", "a")}});
  EXPECT_EQ(Chosen(13), 1);
  // One rare and one common alternative are as bad as the common one.
  Add({{Equals("payload.name", "x"), Equals("payload.env", "prod")},
       {Equals("payload.team", "a")}});
  EXPECT_EQ(Chosen(14), 1);
}

TEST_F(SelectivityTest, AnItemCountsOnceHoweverOftenItNamesATerm) {
  const AccessTerm repeated = Equals("payload.a", "1");
  Add({{repeated, repeated}, {repeated}, {Equals("payload.b", "1")}});
  Add({{Equals("payload.b", "1")}});
  EXPECT_EQ(Chosen(0), 1);
}

TEST_F(SelectivityTest, TiesGoToFewerTermsThenToEqualsBeforePrefix) {
  Add({{Equals("payload.a", "1"), Equals("payload.a", "2")}, {Prefix("payload.b", "x")}});
  EXPECT_EQ(Chosen(0), 1);
  Add({{Prefix("payload.c", "x")}, {Equals("payload.c", "x")}});
  EXPECT_EQ(Chosen(1), 1);
}

TEST_F(SelectivityTest, ARegexMustBeMuchMoreSelectiveThanAnEquality) {
  const auto two_groups = [this](int sharing) {
    return AccessGroups{{Regex("payload.ref", "^v" + std::to_string(items_.size()))},
                        {Equals("payload.n", std::to_string(sharing))}};
  };
  for (int i = 0; i < 5; ++i) Add(two_groups(5));
  for (int i = 0; i < 20; ++i) Add(two_groups(20));
  EXPECT_EQ(Chosen(0), 1);
  EXPECT_EQ(Chosen(5), 0);
}

TEST_F(SelectivityTest, PathKindAndLiteralTellTermsApart) {
  const std::vector<AccessTerm> terms = {
      Equals("payload.a", "1"), Prefix("payload.a", "1"),
      Regex("payload.a", "1"),  Equals("payload.b", "1"),
      Equals("payload.a", "2"), Equals("payload.a", std::string(1, '\0')),
      Equals("payload.a", ""),  Equals("payload.a", std::string(2, '\0'))};
  std::vector<uint64_t> hashes;
  for (const AccessTerm& term : terms) hashes.push_back(HashTerm(term));
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::adjacent_find(hashes.begin(), hashes.end()), hashes.end());
  EXPECT_EQ(HashTerm(terms[0]), HashTerm(Equals("payload.a", "1")));
}

// The choice is a function of the set of groups: turning an item's list around changes nothing.
TEST_F(SelectivityTest, TheOrderOfGroupsDoesNotMatter) {
  for (int i = 0; i < 40; ++i) {
    AccessGroups groups = {{Equals("payload.a", std::to_string(i % 2))},
                           {Equals("payload.b", std::to_string(i % 5))},
                           {Equals("payload.c", std::to_string(i))},
                           {Prefix("payload.d", std::to_string(i % 9))}};
    if (i % 2 == 1) std::reverse(groups.begin(), groups.end());
    Add(std::move(groups));
  }
  for (size_t i = 0; i < items_.size(); ++i) EXPECT_EQ(Chosen(i), i % 2 == 1 ? 1 : 2);
}

}  // namespace
}  // namespace cievents::matcher
