#include "services/lib/ci_yaml/job_resolution.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "services/lib/ci_yaml/hoisting_test_support.h"

namespace cievents::ci_yaml {
namespace {

// Bodies and what is resolved in them.
class Resolution {
 public:
  explicit Resolution(std::vector<std::string> texts, Knowledge knowledge = Knowledge::kWhole) {
    for (const std::string& text : texts) bodies_.push_back(ReadText(text));
    for (size_t i = 0; i < bodies_.size(); ++i) {
      files_.push_back({fmt::format("{}.yml", i), &bodies_[i]});
    }
    merged_.emplace(files_, knowledge == Knowledge::kWhole ? 0 : files_.size() - 1);
    resolver_.emplace(*merged_, knowledge);
  }

  // The items of a job's list, with a `?` if there may be more.
  std::string List(std::string_view job, std::string_view key) {
    const JobResolver::Resolved found = resolver_->Job(job);
    if (!found.value.has_value()) return "no job";
    const JobResolver::Resolved value = resolver_->Get(*found.value, key);
    std::string text = found.is_whole && value.is_whole ? "" : "?";
    if (!value.value.has_value()) return text + "nothing";
    const JobResolver::Items items = resolver_->ResolveList(*value.value);
    for (const MergedValue& item : items.items) {
      text += (text.empty() ? "" : " ") + (item.is_map() ? "{}" : item.text());
    }
    return items.is_whole ? text : text + " ?";
  }

  const MergedBodies& merged() const { return *merged_; }

 private:
  std::vector<Body> bodies_;
  std::vector<BodyFile> files_;
  std::optional<MergedBodies> merged_;
  std::optional<JobResolver> resolver_;
};

TEST(JobResolutionTest, LaterBodiesWinListsAreReplacedAndMapsMerged) {
  Resolution resolution({".a: {x: [1], m: {k: [1], l: [1]}}\n.z: [1]\n",
                         ".a: {m: {l: [2]}}\n.b: {x: !reference [.a, m, k]}\n",
                         ".a: {x: [3, 4]}\n.c: {x: !reference [.a, m, l]}\n"});
  EXPECT_EQ(resolution.List(".a", "x"), "3 4");
  EXPECT_EQ(resolution.List(".b", "x"), "1");
  EXPECT_EQ(resolution.List(".c", "x"), "2");
  EXPECT_EQ(resolution.List(".a", "y"), "nothing");
  EXPECT_EQ(resolution.List(".y", "x"), "no job");
  EXPECT_EQ(resolution.merged().names(), (std::vector<std::string_view>{".a", ".z", ".b", ".c"}));
}

TEST(JobResolutionTest, BasesAreMergedInTheirOrderBelowTheJob) {
  Resolution resolution(
      {".a: {x: [1], y: [1], z: [1]}\n.b: {y: [2], z: [2]}\n.c: {extends: [.a, .b], z: [3]}\n"
       ".d: {extends: .c, w: [4]}\n.e: {extends: , w: [5]}\n"});
  for (const std::string_view job : {".c", ".d"}) {
    EXPECT_EQ(resolution.List(job, "x"), "1");
    EXPECT_EQ(resolution.List(job, "y"), "2");
    EXPECT_EQ(resolution.List(job, "z"), "3");
  }
  EXPECT_EQ(resolution.List(".d", "w"), "4");
  EXPECT_EQ(resolution.List(".e", "w"), "5");
}

// A chain of jobs `.j0` -> `.j1` -> ...: each extends the next.
std::string ExtendsChain(int jobs) {
  std::string text;
  for (int i = 0; i < jobs - 1; ++i) text += fmt::format(".j{}: {{extends: .j{}}}\n", i, i + 1);
  return text + fmt::format(".j{}: {{x: [end]}}\n", jobs - 1);
}

TEST(JobResolutionTest, ElevenLevelsOfExtendsAreFollowed) {
  EXPECT_EQ(Resolution({ExtendsChain(12)}).List(".j0", "x"), "end");
  EXPECT_EQ(Resolution({ExtendsChain(13)}).List(".j0", "x"), "?nothing");
  EXPECT_EQ(Resolution({ExtendsChain(3000)}).List(".j0", "x"), "?nothing");
}

// A chain of references `.r0` -> `.r1` -> ...
std::string ReferenceChain(int lists, std::string_view form) {
  std::string text;
  for (int i = 0; i < lists - 1; ++i) {
    text +=
        fmt::format(".r{}: {{x: {}}}\n", i,
                    fmt::format(fmt::runtime(form), fmt::format("!reference [.r{}, x]", i + 1)));
  }
  return text + fmt::format(".r{}: {{x: [end]}}\n", lists - 1);
}

TEST(JobResolutionTest, ReferencesAreFollowedTenLevelsDeep) {
  for (const std::string_view form : {"[{}]", "{}", "[[{}]]"}) {
    EXPECT_EQ(Resolution({ReferenceChain(11, form)}).List(".r0", "x"), "end") << form;
    const std::string too_deep = Resolution({ReferenceChain(12, form)}).List(".r0", "x");
    EXPECT_EQ(too_deep.find("end"), std::string::npos) << form;
    EXPECT_NE(too_deep.find("?"), std::string::npos) << form;
  }
}

TEST(JobResolutionTest, WhatIsKnownIsGivenEvenIfTheRestIsNot) {
  Resolution resolution(
      {".a: {extends: [.b, .nowhere], x: [1, !reference [.nowhere, x], 2]}\n"
       ".b: {y: [3]}\n.c: {extends: .a, z: [4]}\n.d: {x: [!reference [.a, y]]}\n"
       ".e: {x: [5, !reference [.e, x]]}\n"});
  EXPECT_EQ(resolution.List(".a", "x"), "? 1 2 ?");
  EXPECT_EQ(resolution.List(".a", "y"), "? 3");
  EXPECT_EQ(resolution.List(".c", "z"), "? 4");
  EXPECT_EQ(resolution.List(".d", "x"), "3 ?");
  EXPECT_EQ(resolution.List(".e", "x").substr(0, 3), "5 5");
  EXPECT_EQ(resolution.List(".e", "x").back(), '?');
}

TEST(JobResolutionTest, AnInterpolatedNameMayBeAnyThatFitsAroundTheBlock) {
  Resolution resolution(
      {"'$[[ inputs.x ]]-test': {}\n'a-$[[ inputs.x ]]-$[[ inputs.y ]]': {}\n"
       ".a: {x: [1]}\n.b: {x: !reference [.a, x]}\n.c: {extends: .a}\n"});
  EXPECT_TRUE(resolution.merged().MayBeInterpolated("unit-test"));
  EXPECT_TRUE(resolution.merged().MayBeInterpolated("a-b-c"));
  EXPECT_FALSE(resolution.merged().MayBeInterpolated("b-c"));
  EXPECT_FALSE(resolution.merged().MayBeInterpolated("workflow"));
  EXPECT_EQ(resolution.List(".a", "x"), "1");
  EXPECT_EQ(resolution.List(".b", "x"), "? 1");
  EXPECT_EQ(resolution.List(".c", "x"), "? 1");
  EXPECT_FALSE(Resolution({".a: {}\n"}).merged().MayBeInterpolated(".a"));
}

TEST(JobResolutionTest, OfTheLastBodyAloneListsAndTextsAreCertainAndMapsAreNot) {
  Resolution resolution({".a: {x: [1], y: [1]}\n",
                         ".a: {x: [2], m: {k: [3]}, extends: .e}\n.e: {z: [4]}\n"
                         ".b: {x: [!reference [.a, x], !reference [.a, m, k]]}\n"
                         ".c: {x: [!reference [.a, m]]}\n.d: {x: [!reference [.a, y]]}\n"
                         ".f: {x: [!reference [.a, z]]}\n"},
                        Knowledge::kLastBodyAlone);
  EXPECT_EQ(resolution.List(".b", "x"), "2 3");
  EXPECT_EQ(resolution.List(".c", "x"), "{} ?");
  EXPECT_EQ(resolution.List(".d", "x"), " ?");
  EXPECT_EQ(resolution.List(".f", "x"), " ?");
}

TEST(JobResolutionTest, WhatWouldGrowWithoutBoundStopsAtTheLimit) {
  const auto start = std::chrono::steady_clock::now();
  std::string references, extends;
  for (int i = 0; i < 9; ++i) {
    std::string items, bases;
    for (int j = 0; j < 100; ++j) {
      items += fmt::format("!reference [.r{}, x], ", i + 1);
      bases += fmt::format(".e{}, ", i + 1);
    }
    references += fmt::format(".r{}: {{x: [{}]}}\n", i, items);
    extends += fmt::format(".e{}: {{extends: [{}]}}\n", i, bases);
  }
  const std::string last_reference = Resolution({references + ".r9: {x: [a]}\n"}).List(".r0", "x");
  EXPECT_EQ(last_reference.back(), '?');
  EXPECT_LT(last_reference.size(), 2 * kResolutionStepsMax + 10);
  EXPECT_EQ(Resolution({extends + ".e9: {x: [a]}\n"}).List(".e0", "x")[0], '?');
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_LT(elapsed.count(), 15.0);
}

}  // namespace
}  // namespace cievents::ci_yaml
