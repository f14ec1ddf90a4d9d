// Every limit of docs/subscriptions.md, at it and one past it, with the code that says so.
#include <fmt/format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/closure.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/test_commit.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kCi = FileRole::kCiFile;
constexpr auto kList = FileRole::kEventList;
constexpr auto kHeader = FileRole::kHeaderOnly;
constexpr char kIssueHeader[] = "spec: {events: [issue/closed]}\n---\n";

ParsedFile Read(FileRole role, std::string_view content) {
  return ParseFile(role, "f.yml", content, *Catalogue::BuiltIn());
}

std::string Repeat(std::string_view text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated.append(text);
  return repeated;
}

// The patterns of all entries.
std::string Patterns(const ParsedFile& file) {
  std::string text;
  for (const matcher::Entry& entry : file.entries) {
    for (const matcher::Pattern& pattern : entry.patterns) {
      text += (text.empty() ? "" : " ") + pattern.text();
    }
  }
  return text;
}

// LINE:COLUMN CODE of each issue.
std::vector<std::string> IssuesOf(const ParsedFile& file) {
  std::vector<std::string> texts;
  for (const Issue& issue : file.issues) {
    texts.push_back(fmt::format("{}:{} {}", issue.line, issue.column, issue.code));
  }
  return texts;
}

TEST(FileLimitsTest, AFileHas2Mib) {
  std::string content = "a: b\n#";
  content.resize(kFileBytesMax, 'x');
  EXPECT_THAT(IssuesOf(Read(kCi, content)), IsEmpty());
  content.push_back('x');
  EXPECT_THAT(IssuesOf(Read(kCi, content)), ElementsAre("1:1 file-too-large"));
  EXPECT_THAT(IssuesOf(Read(kList, content)), ElementsAre("1:1 file-too-large"));
  EXPECT_THAT(IssuesOf(Read(kHeader, content)), IsEmpty());
}

TEST(FileLimitsTest, AHeaderHas64Kib) {
  const auto header = [](size_t bytes) {
    std::string text = "spec: {events: [issue/closed]} #";
    text.resize(bytes - 1, 'x');
    return text + "\n";
  };
  for (const FileRole role : {kHeader, kCi, FileRole::kIncluded}) {
    const ParsedFile fits = Read(role, header(kHeaderBytesMax) + "---\n");
    EXPECT_THAT(IssuesOf(fits), IsEmpty());
    EXPECT_EQ(Patterns(fits), "issue/closed");
    const ParsedFile surplus = Read(role, header(kHeaderBytesMax + 1) + "---\n");
    EXPECT_THAT(IssuesOf(surplus), ElementsAre("1:1 header-too-large"));
    EXPECT_EQ(Patterns(surplus), "");
  }
  // A large file without a header is no mistake; one that begins with `spec` is.
  EXPECT_THAT(IssuesOf(Read(kHeader, Repeat("job: {}\n", 20'000))), IsEmpty());
  EXPECT_THAT(IssuesOf(Read(kHeader, "spec: {}\n" + Repeat("# x\n", 20'000))),
              ElementsAre("1:1 header-too-large"));
}

TEST(FileLimitsTest, ASubscriptionHas50Patterns) {
  const ParsedFile fits = Read(kList, "events:\n" + Repeat("  - issue/closed\n", 50));
  EXPECT_THAT(IssuesOf(fits), IsEmpty());
  EXPECT_EQ(fits.entries.size(), 50u);
  const ParsedFile surplus = Read(kList, "events:\n" + Repeat("  - issue/closed\n", 500));
  EXPECT_THAT(IssuesOf(surplus), ElementsAre("52:5 too-many-patterns"));
  EXPECT_EQ(surplus.entries.size(), 50u);
}

TEST(FileLimitsTest, PatternsInRulesCountToo) {
  const std::string rules = "      rules:\n" + Repeat("        - events: issue/closed\n", 49);
  const std::string entry = "events:\n    - name: issue/closed\n" + rules;
  EXPECT_FALSE(HasErrors(Read(kList, entry).issues));
  EXPECT_THAT(IssuesOf(Read(kList, entry + "        - events: issue/closed\n")),
              ElementsAre("53:19 too-many-patterns"));
}

TEST(FileLimitsTest, AnEntryHas20Inputs) {
  std::string text = "events:\n  - name: issue/closed\n    inputs:\n";
  for (int i = 0; i < 20; ++i) text += fmt::format("      i{}: x\n", i);
  EXPECT_EQ(Read(kList, text).entries.at(0).inputs.size(), 20u);
  EXPECT_THAT(IssuesOf(Read(kList, text + "      i20: x\n")), ElementsAre("3:5 too-many-inputs"));
}

TEST(FileLimitsTest, InputsOfAnIncludeHave64Kib) {
  const auto with_value = [](size_t bytes) {
    // The name and the quotes count: a and two.
    return "include:\n  local: a.yml\n  inputs:\n    a: " + std::string(bytes - 3, 'x') + "\n";
  };
  EXPECT_THAT(IssuesOf(Read(kCi, with_value(kIncludeInputsBytesMax))), IsEmpty());
  EXPECT_THAT(IssuesOf(Read(kCi, with_value(kIncludeInputsBytesMax + 1))),
              ElementsAre("3:3 include-inputs-too-large"));
}

TEST(FileLimitsTest, AFileHas200IssuesAndItsOnlyErrorStays) {
  const std::string infos = "include:\n" + Repeat("  - {template: a}\n", 300);
  const ParsedFile file = Read(kCi, infos + "workflow: {events: }\n");
  EXPECT_EQ(file.issues.size(), 202u);
  EXPECT_TRUE(HasErrors(file.issues));
  EXPECT_EQ(file.issues.back().code, "too-many-issues");
  EXPECT_EQ(Read(kCi, "include:\n" + Repeat("  - {template: a}\n", 200)).issues.size(), 200u);
  EXPECT_EQ(Read(kList, "events:\n" + Repeat("  - A\n", 30'000)).issues.size(), 201u);
}

TEST(FileLimitsTest, AnIncludePathOverItsLimitIsAnIssueAndNotFollowed) {
  const std::string longest(kIncludePathBytesMax - 4, 'a');
  EXPECT_EQ(Read(kCi, "include: " + longest + ".yml").includes.size(), 1u);
  const ParsedFile file = Read(kCi, "include: " + longest + "a.yml");
  EXPECT_TRUE(file.includes.empty());
  ASSERT_EQ(file.issues.size(), 1u);
  EXPECT_EQ(file.issues[0].code, "bad-include");
}

TEST(FileLimitsTest, YamlHasADepthOf64) {
  // The map of the file is one of them.
  const auto nested = [](int depth) {
    return "a: " + Repeat("[", depth - 1) + Repeat("]", depth - 1) + "\n";
  };
  EXPECT_THAT(IssuesOf(Read(kCi, nested(64))), IsEmpty());
  EXPECT_THAT(IssuesOf(Read(kCi, nested(65))), ElementsAre("1:67 yaml-too-deep"));
}

TEST(FileLimitsTest, YamlHas100000Nodes) {
  // The map, its key and the list are three of them.
  const auto with_nodes = [](int nodes) { return "a:\n" + Repeat("- b\n", nodes - 3); };
  EXPECT_THAT(IssuesOf(Read(kCi, with_nodes(100'000))), IsEmpty());
  EXPECT_THAT(IssuesOf(Read(kCi, with_nodes(100'001))),
              ElementsAre(testing::EndsWith(" yaml-too-many-nodes")));
}

TEST(FileLimitsTest, YamlHas100Aliases) {
  const auto with_aliases = [](int aliases) { return "a: &x y\nb:\n" + Repeat("- *x\n", aliases); };
  EXPECT_THAT(IssuesOf(Read(kCi, with_aliases(100))), IsEmpty());
  EXPECT_THAT(IssuesOf(Read(kCi, with_aliases(101))), ElementsAre("103:3 yaml-too-many-aliases"));
}

TEST(FileLimitsTest, YamlDoesNotExpandExponentially) {
  std::string text = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 30; ++i) text += fmt::format("a{}: &a{} [*a{}, *a{}]\n", i, i, i - 1, i - 1);
  EXPECT_THAT(IssuesOf(Read(kCi, text)), ElementsAre(testing::EndsWith(" yaml-too-many-nodes")));
}

TEST(FileLimitsTest, AConditionHas99Tokens) {
  // `null` and `&&` in turns: an odd number.
  const auto with_tokens = [](int tokens) {
    std::string text = "spec:\n  events:\n    - name: issue/closed\n      rules: [{if: 'null";
    for (int i = 1; i < tokens; i += 2) text += " && null";
    return Read(kHeader, text + "'}]\n---\n");
  };
  EXPECT_THAT(IssuesOf(with_tokens(99)), IsEmpty());
  const ParsedFile surplus = with_tokens(101);
  EXPECT_THAT(IssuesOf(surplus), ElementsAre(testing::EndsWith(" bad-condition")));
  EXPECT_THAT(surplus.issues[0].message, testing::HasSubstr("Too many tokens!"));
  EXPECT_THAT(surplus.entries, IsEmpty());
  // One more, as one more operator.
  EXPECT_THAT(IssuesOf(Read(
                  kHeader, "spec:\n  events:\n    - name: issue/closed\n      rules: [{if: '!null" +
                               Repeat(" && null", 49) + "'}]\n---\n")),
              ElementsAre(testing::EndsWith(" bad-condition")));
}

TEST(FileLimitsTest, ARegularExpressionHas1000Bytes) {
  const auto with_bytes = [](size_t bytes) {
    return Read(kHeader,
                "spec:\n  events:\n    - name: issue/closed\n      rules:\n        - if: "
                "$[[ event.name ]] =~ /" +
                    std::string(bytes, 'a') + "/\n---\n");
  };
  EXPECT_THAT(IssuesOf(with_bytes(1000)), IsEmpty());
  EXPECT_THAT(IssuesOf(with_bytes(1001)), ElementsAre(testing::EndsWith(" bad-condition")));
}

TEST(CommitLimitsTest, AClosureHas150Files) {
  const auto with_files = [](int files) {
    Commit commit;
    commit.Add(".gitlab-ci.yml", "include: 'ci/*.yml'\n");
    for (int i = 0; i < files; ++i) commit.Add(fmt::format("ci/{:03}.yml", i), kIssueHeader);
    return commit.Assemble();
  };
  EXPECT_THAT(Issues(with_files(150)), IsEmpty());
  EXPECT_EQ(with_files(150).drafts.size(), 150u);
  // The surplus in path order is not applied.
  const Assembly surplus = with_files(152);
  EXPECT_THAT(Issues(surplus), ElementsAre(".gitlab-ci.yml:1:10 too-many-includes",
                                           ".gitlab-ci.yml:1:10 too-many-includes"));
  EXPECT_THAT(surplus.issues[0].message, testing::HasSubstr("`ci/150.yml`"));
  EXPECT_THAT(surplus.issues[1].message, testing::HasSubstr("`ci/151.yml`"));
  EXPECT_EQ(surplus.drafts.size(), 150u);
  EXPECT_EQ(surplus.drafts.back().path, "ci/149.yml");
}

TEST(CommitLimitsTest, AFileCountsInTheClosureOnceForEachSetOfInputs) {
  const auto with_variants = [](int variants) {
    std::string text = "include:\n";
    for (int i = 0; i < variants; ++i) {
      const std::string include = fmt::format("  - {{local: a.yml, inputs: {{n: {}}}}}\n", i);
      text += include + include;
    }
    return Commit().Add(".gitlab-ci.yml", text).Add("a.yml", kIssueHeader).Assemble();
  };
  EXPECT_THAT(Issues(with_variants(150)), IsEmpty());
  EXPECT_EQ(with_variants(150).drafts.size(), 150u);
  EXPECT_THAT(Issues(with_variants(151)), ElementsAre(".gitlab-ci.yml:302:5 too-many-includes",
                                                      ".gitlab-ci.yml:303:5 too-many-includes"));
}

TEST(CommitLimitsTest, AClosureIsNotWalkedFurtherThanItsIncludesAreExamined) {
  const auto with_includes = [](int includes) {
    return Commit()
        .Add(".gitlab-ci.yml", "include:\n" + Repeat("  - a.yml\n", includes))
        .Add("a.yml", kIssueHeader)
        .Assemble();
  };
  EXPECT_THAT(Issues(with_includes(kIncludesExaminedMax)), IsEmpty());
  EXPECT_THAT(Issues(with_includes(kIncludesExaminedMax + 1)),
              ElementsAre(".gitlab-ci.yml:1002:5 too-many-includes"));
}

TEST(CommitLimitsTest, AClosureHasADepthOf100) {
  const auto with_depth = [](int depth) {
    Commit commit;
    commit.Add(".gitlab-ci.yml", "include: f1.yml\n");
    for (int i = 1; i < depth; ++i) {
      commit.Add(fmt::format("f{}.yml", i), fmt::format("include: f{}.yml\n", i + 1));
    }
    return commit.Add(fmt::format("f{}.yml", depth), kIssueHeader).Assemble();
  };
  EXPECT_THAT(Issues(with_depth(100)), IsEmpty());
  EXPECT_THAT(Drafts(with_depth(100)), ElementsAre("f100.yml(issue/closed)"));
  EXPECT_THAT(Issues(with_depth(101)), ElementsAre("f100.yml:1:10 includes-too-deep"));
  EXPECT_THAT(with_depth(101).drafts, IsEmpty());
}

TEST(CommitLimitsTest, AProjectHas200Subscriptions) {
  Commit commit;
  for (int i = 0; i < 200; ++i) {
    commit.Add(fmt::format(".gitlab/ci/events/{:03}.yml", i), kIssueHeader);
  }
  EXPECT_THAT(Issues(commit.Assemble()), IsEmpty());
  EXPECT_EQ(commit.Assemble().drafts.size(), 200u);
  // The surplus is what is last in path order, not what came last.
  commit.Add(".gitlab/ci/events/000-a.yml", kIssueHeader);
  const Assembly surplus = commit.Assemble();
  EXPECT_EQ(surplus.drafts.size(), 200u);
  EXPECT_THAT(Issues(surplus), ElementsAre(".gitlab/ci/events/199.yml:1:1 too-many-subscriptions"));
}

TEST(CommitLimitsTest, AManifestHas10000YamlFiles) {
  Commit commit;
  for (int i = 0; i < kManifestFilesMax - 1; ++i) commit.AddUnknown(fmt::format("a/{:05}.yml", i));
  commit.Add(".gitlab/ci/events/x.yml", kIssueHeader);
  EXPECT_THAT(Issues(commit.Assemble()), IsEmpty());
  commit.AddUnknown("z.yml").AddUnknown("z.yml");
  const Assembly surplus = commit.Assemble();
  EXPECT_THAT(Issues(surplus), ElementsAre("z.yml:0:0 too-many-files"));
  EXPECT_EQ(surplus.drafts.size(), 1u);
}

TEST(CommitLimitsTest, PatternsOfTheCiFileAndTheEventListTogether) {
  const auto events = [](int count) {
    std::string text = "  events:\n";
    for (int i = 0; i < count; ++i) text += "    - issue/closed\n";
    return text;
  };
  const auto commit = [&](int in_list) {
    return Commit()
        .Add(".gitlab-ci.yml", "workflow:\n" + events(30))
        .Add(".gitlab-ci-event.yml", events(in_list))
        .Assemble();
  };
  EXPECT_THAT(Issues(commit(20)), IsEmpty());
  EXPECT_EQ(commit(20).drafts.at(0).entries.size(), 50u);
  EXPECT_THAT(Issues(commit(21)), ElementsAre(".gitlab-ci-event.yml:22:7 too-many-patterns"));
  EXPECT_EQ(commit(21).drafts.at(0).entries.size(), 50u);
}

}  // namespace
}  // namespace cievents::ci_yaml
