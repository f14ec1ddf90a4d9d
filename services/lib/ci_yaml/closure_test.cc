// The include closure, as subscriptions and issues show it.
#include "services/lib/ci_yaml/closure.h"

#include <fmt/format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/test_commit.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr char kCi[] = ".gitlab-ci.yml";
constexpr char kLeaf[] = "spec: {events: [issue/closed]}\n---\n[broken";
constexpr char kEnvLeaf[] = "spec: {events: [issue/closed], inputs: {env: }}\n---\n";

std::vector<std::string> DraftsOf(const std::string& ci_file) {
  return Drafts(Commit().Add(kCi, ci_file).Add("a.yml", kLeaf).Assemble());
}

TEST(ClosureTest, IncludedFilesAreSearchedForIncludes) {
  const Assembly assembly =
      Commit()
          .Add(kCi, "include: ci/one.yml\n")
          .Add("ci/one.yml", "include: [{local: /ci/two.yml}]\njob: {}\n")
          .Add("ci/two.yml", "spec: {inputs: {}}\n---\ninclude: ci/leaf.yml\n")
          .Add("ci/leaf.yml", kLeaf)
          .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre("ci/leaf.yml(issue/closed)"));
  EXPECT_THAT(Issues(assembly), IsEmpty());
}

TEST(ClosureTest, AFileWithEventsOfItsOwnIsALeaf) {
  const Assembly assembly =
      Commit()
          .Add(kCi, "include: a.yml\n")
          .Add("a.yml", "spec: {events: [issue/closed]}\n---\ninclude: b.yml\n")
          .Add("b.yml", kLeaf)
          .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre("a.yml(issue/closed)"));
  EXPECT_THAT(assembly.paths_of_interest, Not(Contains("b.yml")));
}

TEST(ClosureTest, CyclesEndAndIncludesOfTheCiFileAddNothing) {
  const Assembly assembly = Commit()
                                .Add(kCi, "include: [a.yml, .gitlab-ci.yml]\n")
                                .Add("a.yml", "include: [b.yml, a.yml]\n")
                                .Add("b.yml", "include: [a.yml, .gitlab-ci.yml, c.yml]\n")
                                .Add("c.yml", kLeaf)
                                .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre("c.yml(issue/closed)"));
  EXPECT_THAT(Issues(assembly), IsEmpty());
}

TEST(ClosureTest, TheSameInputsOnTwoWaysAreOneSubscriptionAndOthersAnother) {
  const Assembly assembly =
      Commit()
          .Add(kCi,
               "include: [one.yml, two.yml, {local: leaf.yml, inputs: {env: live}},"
               " {local: leaf.yml, inputs: {env: live}}]\n")
          .Add("one.yml", "include: {local: leaf.yml, inputs: {env: test}}\n")
          .Add("two.yml", "include: {local: leaf.yml, with: {env: live}}\n")
          .Add("leaf.yml", kEnvLeaf)
          .Assemble();
  EXPECT_THAT(Drafts(assembly), UnorderedElementsAre("leaf.yml(issue/closed)env=\"test\"",
                                                     "leaf.yml(issue/closed)env=\"live\""));
}

TEST(ClosureTest, NestedInputsAreFilledInBeforeTheFilesAreCompared) {
  const Assembly assembly =
      Commit()
          .Add(kCi,
               "include:\n  - {local: mid.yml, inputs: {env: test, n: '7'}}\n"
               "  - {local: mid.yml, inputs: {env: test, n: 7}}\n  - {local: mid.yml}\n")
          .Add(
              "mid.yml",
              "spec: {inputs: {env: {default: dev}, n: {type: number, default: 1}}}\n---\n"
              "include:\n"
              "  - local: $[[ inputs.env ]]/leaf.yml\n"
              "    inputs: {env: 'x-$[[ inputs.env ]]', n: '$[[ inputs.n ]]', l: [1, '$[[ inputs.n "
              "]]']}\n")
          .Add("test/leaf.yml",
               "spec: {events: [issue/closed], inputs: {env: , n: {type: number}, l: {type: "
               "array}}}\n---\n")
          .Add("dev/leaf.yml", "spec: {events: [issue/created]}\n---\n")
          .Assemble();
  EXPECT_THAT(Issues(assembly), IsEmpty());
  EXPECT_THAT(Drafts(assembly), ElementsAre("dev/leaf.yml(issue/created)env=\"x-dev\"l=[1,1]n=1",
                                            "test/leaf.yml(issue/closed)env=\"x-test\"l=[1,7]n=7"));
}

TEST(ClosureTest, EventBlocksPassThroughNestedInputsAndAreFilledInAtTheMatch) {
  const Assembly assembly =
      Commit()
          .Add(kCi, "include: {local: mid.yml, inputs: {a: '$[[ event.name ]]'}}\n")
          .Add("mid.yml",
               "spec: {inputs: {a: }}\n---\n"
               "include:\n  local: leaf.yml\n"
               "  inputs: {x: '$[[ inputs.a ]]', y: '<$[[ inputs.a ]]>',"
               " z: '$[[ inputs.a | truncate(0,3) ]]'}\n")
          .Add("leaf.yml",
               "spec: {events: [issue/closed], inputs: {x: &t {regex: .}, y: *t, z: *t}}\n---\n")
          .Assemble();
  EXPECT_THAT(Issues(assembly), IsEmpty());
  EXPECT_THAT(Drafts(assembly),
              ElementsAre("leaf.yml(issue/closed)x=\"$[[ event.name ]]\"y=\"<$[[ event.name ]]>\""
                          "z=\"$[[ event.name | truncate(0,3) ]]\""));
}

TEST(ClosureTest, APathThatOnlyAnEventNamesIsNotFollowed) {
  const Assembly assembly =
      Commit()
          .Add(kCi, "include: {local: mid.yml, inputs: {a: '$[[ event.name ]]'}}\n")
          .Add("mid.yml",
               "spec: {inputs: {a: , b: }}\n---\ninclude:\n  - $[[ inputs.a ]].yml\n"
               "  - $[[ inputs.b ]].yml\n  - $[[ inputs.c ]].yml\n  - $[[ inputs.a | nope ]].yml\n")
          .Assemble();
  EXPECT_THAT(Issues(assembly),
              ElementsAre("mid.yml:4:5 include-not-followed", "mid.yml:5:5 bad-include",
                          "mid.yml:6:5 bad-include", "mid.yml:7:5 bad-include"));
  EXPECT_THAT(assembly.issues[1].message,
              HasSubstr("`b` input: required value has not been provided"));
  EXPECT_THAT(assembly.issues[2].message, HasSubstr("unknown input name provided: `c`"));
}

TEST(ClosureTest, ValuesAreFilledInOnceAndCannotMakeBlocks) {
  const Assembly assembly =
      Commit()
          .Add(kCi, "include: {local: mid.yml, inputs: {a: '$', b: '[[ event.name ]]'}}\n")
          .Add("mid.yml",
               "spec: {inputs: {a: , b: }}\n---\n"
               "include: {local: leaf.yml, inputs: {env: '$[[ inputs.a ]]$[[ inputs.b ]]'}}\n")
          .Add("leaf.yml", kEnvLeaf)
          .Assemble();
  EXPECT_THAT(Issues(assembly), ElementsAre("mid.yml:3:10 bad-input"));
  EXPECT_THAT(assembly.drafts, IsEmpty());
}

TEST(ClosureTest, InputsThatGrowAtEachLevelAreStopped) {
  Commit commit;
  commit.Add(kCi, "include: {local: f0.yml, inputs: {a: aaaaaaaaaa}}\n");
  for (int i = 0; i < 20; ++i) {
    std::string twice;
    for (int j = 0; j < 10; ++j) twice += "$[[ inputs.a ]]";
    commit.Add(
        fmt::format("f{}.yml", i),
        fmt::format("spec: {{inputs: {{a: }}}}\n---\ninclude: {{local: f{}.yml, inputs: {{a: "
                    "'{}'}}}}\n",
                    i + 1, twice));
  }
  EXPECT_THAT(Issues(commit.Assemble()), ElementsAre("f3.yml:3:10 include-inputs-too-large"));
}

TEST(ClosureTest, WildcardsFindFilesInPathOrderAndGiveInputsToEach) {
  const Assembly assembly = Commit()
                                .Add(kCi, "include: {local: 'ci/*.yml', inputs: {env: test}}\n")
                                .Add("ci/b.yml", kEnvLeaf)
                                .Add("ci/a.yml", kEnvLeaf)
                                .Add("ci/c.yaml", kEnvLeaf)
                                .Add("ci/sub/d.yml", kEnvLeaf)
                                .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre("ci/a.yml(issue/closed)env=\"test\"",
                                            "ci/b.yml(issue/closed)env=\"test\""));
  EXPECT_THAT(assembly.paths_of_interest, Contains("ci/*"));
}

TEST(ClosureTest, TwoStarsCrossFolders) {
  Commit commit;
  commit.Add("ci/a.yml", kLeaf).Add("ci/x/b.yml", kLeaf).Add("ci/x/y/c.yml", kLeaf);
  commit.Add(kCi, "include: 'ci/**.yml'\n");
  EXPECT_EQ(commit.Assemble().drafts.size(), 3u);
  commit.Add(kCi, "include: 'ci/**/*.yml'\n");
  EXPECT_THAT(Drafts(commit.Assemble()),
              ElementsAre("ci/x/b.yml(issue/closed)", "ci/x/y/c.yml(issue/closed)"));
  commit.Add(kCi, "include: '**/c.yml'\n");
  EXPECT_THAT(Drafts(commit.Assemble()), ElementsAre("ci/x/y/c.yml(issue/closed)"));
  EXPECT_THAT(commit.Assemble().paths_of_interest, Contains("*"));
}

TEST(ClosureTest, AWildcardThatFindsNothingIsAWarningAndOfInterest) {
  const Assembly assembly = Commit().Add(kCi, "include: 'ci/ev*.yml'\n").Assemble();
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab-ci.yml:1:10 include-matches-nothing"));
  EXPECT_THAT(assembly.paths_of_interest,
              ElementsAre(".gitlab-ci-event.yml", ".gitlab-ci.yml", "ci/ev*"));
}

TEST(ClosureTest, RulesThatAreFalseLeaveTheFileOut) {
  const std::string kHead = "include: {local: a.yml, rules: ";
  for (const char* rules :
       {"[{if: '\"a\" == \"b\"'}]", "[{if: 'null'}]", "[{when: never}]",
        "[{if: '\"a\"', when: never}, {if: $X}]", "[{if: $X, when: never}]",
        "[{if: '\"a\" == \"b\" && $X'}]", "[{exists: [no.yml]}]", "[{exists: 'no*.yml'}]",
        "[{exists: {paths: [no.yml]}}]", "[{exists: a.yml, if: 'false'}]",
        "[{changes: [x], when: never}, {exists: [a.yml], when: never}]",
        "[[{if: '\"a\" == \"b\"'}]]"}) {
    EXPECT_THAT(DraftsOf(kHead + rules + "}\n"), IsEmpty()) << rules;
  }
}

TEST(ClosureTest, RulesThatAreTrueAreNoNews) {
  const std::string kHead = "include: {local: a.yml, rules: ";
  for (const char* rules :
       {"", "[{if: '\"a\" == \"a\"'}]", "[{if: '\"a\"', when: always}]", "[{exists: [a.yml]}]",
        "[{exists: ['*.yml']}]", "[{exists: ['**/{a,b}.yml']}]", "[{exists: ['[ab].yml']}]",
        "[{exists: ['?.yml', Dockerfile]}]", "[{when: always}]", "[{when: }]",
        "[{if: $X}, {when: always}]", "[{changes: [x]}, {if: 'true'}]"}) {
    const Assembly assembly =
        Commit().Add(kCi, kHead + rules + "}\n").Add("a.yml", kLeaf).Assemble();
    EXPECT_THAT(Drafts(assembly), ElementsAre("a.yml(issue/closed)")) << rules;
    EXPECT_THAT(Issues(assembly), IsEmpty()) << rules;
  }
}

TEST(ClosureTest, RulesThatCannotBeDecidedIncludeTheFileWithAnInfo) {
  const std::string kHead = "include: {local: a.yml, rules: ";
  for (const char* rules :
       {"[{if: $X}]", "[{if: '$CI_COMMIT_BRANCH == \"main\"'}]", "[{changes: [a.yml]}]",
        "[{if: $X, when: never}, {when: always}]", "[{exists: [Dockerfile]}]",
        "[{exists: ['$DIR/a.yml']}]", "[{exists: {paths: [x.yml], project: g/p}}]",
        "[{exists: []}]", "[]", "always", "[!reference [.x, rules]]", "!reference [.x, rules]",
        "[{if: '$[[ event.name ]] == \"issue/closed\"'}]", "[{if: 'no condition'}]", "[{if: [x]}]",
        "[{variables: {A: b}}]", "[{when: sometimes}]", "[{exists: ['{a.yml']}]"}) {
    const Assembly assembly =
        Commit().Add(kCi, kHead + rules + "}\n").Add("a.yml", kLeaf).Assemble();
    EXPECT_THAT(Drafts(assembly), ElementsAre("a.yml(issue/closed)")) << rules;
    EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab-ci.yml:1:10 left-to-pipeline-creation"))
        << rules;
  }
}

TEST(ClosureTest, RulesSeeTheInputsOfTheIncludingFile) {
  const auto drafts = [](const std::string& env) {
    return Drafts(Commit()
                      .Add(kCi, "include: {local: mid.yml, inputs: {env: '" + env + "'}}\n")
                      .Add("mid.yml",
                           "spec: {inputs: {env: }}\n---\ninclude: {local: a.yml, rules: "
                           "[{if: '$[[ inputs.env ]] == \"test\"'}]}\n")
                      .Add("a.yml", kLeaf)
                      .Assemble());
  };
  EXPECT_THAT(drafts("test"), ElementsAre("a.yml(issue/closed)"));
  EXPECT_THAT(drafts("live"), IsEmpty());
  EXPECT_THAT(drafts("$[[ event.name ]]"), ElementsAre("a.yml(issue/closed)"));
}

TEST(ClosureTest, AFileThatMayBeLeftOutMayBeMissing) {
  const Assembly assembly =
      Commit().Add(kCi, "include: {local: a.yml, rules: [{if: $X}]}\n").Assemble();
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab-ci.yml:1:10 left-to-pipeline-creation"));
  EXPECT_THAT(assembly.paths_of_interest, Contains("a.yml"));
}

TEST(ClosureTest, WhatExistsLooksForIsOfInterest) {
  const Assembly assembly =
      Commit()
          .Add(kCi, "include: {local: a.yml, rules: [{exists: [x/y.yml, 'k8s/**/*.yml']}]}\n")
          .Assemble();
  EXPECT_THAT(assembly.paths_of_interest,
              ElementsAre(".gitlab-ci-event.yml", ".gitlab-ci.yml", "k8s/*", "x/y.yml"));
}

TEST(ClosureTest, ABrokenFileStopsTheSearchUnlessItHasAGoodVersion) {
  Commit commit;
  commit.Add(kCi, "include: mid.yml\n").Add("mid.yml", "include: [\n").Add("leaf.yml", kLeaf);
  EXPECT_THAT(Issues(commit.Assemble()), ElementsAre("mid.yml:2:1 yaml-syntax"));
  EXPECT_THAT(commit.Assemble().drafts, IsEmpty());
  commit.WithLastGood("mid.yml", "include: leaf.yml\n");
  EXPECT_THAT(Drafts(commit.Assemble()), ElementsAre("leaf.yml(issue/closed)"));
}

TEST(ClosureTest, AFileThatIsGoneEndsItsSubscriptionsEvenIfTheIncludingFileIsBroken) {
  Commit commit;
  commit.Add(kCi, "include: [\n").WithLastGood(kCi, "include: [a.yml, b.yml]\n");
  commit.Add("b.yml", kLeaf);
  EXPECT_THAT(Drafts(commit.Assemble()), ElementsAre("b.yml(issue/closed)"));
}

TEST(ClosureTest, ContentIsAskedForInAsFewRoundsAsTheGuessAllows) {
  Commit commit;
  commit.AddUnknown(kCi).AddUnknown("mid.yml").AddUnknown("leaf.yml").AddUnknown("other.yml");
  EXPECT_THAT(commit.Assemble().needs_content, ElementsAre(kCi));
  // What an older version included is probably needed again.
  commit.WithLastGood(kCi, "include: mid.yml\n").WithLastGood("mid.yml", "include: leaf.yml\n");
  EXPECT_THAT(commit.Assemble().needs_content, ElementsAre(kCi, "leaf.yml", "mid.yml"));
}

TEST(ClosureTest, WorkflowEventsOfAnIncludedFileAreAWarning) {
  const Assembly assembly = Commit()
                                .Add(kCi, "include: a.yml\n")
                                .Add("a.yml", "workflow:\n  events: [issue/closed]\n")
                                .Assemble();
  EXPECT_THAT(Issues(assembly), ElementsAre("a.yml:2:3 workflow-events-in-include"));
  EXPECT_THAT(assembly.drafts, IsEmpty());
}

// The walk itself, beside the assembly.
class ClosureOrderTest : public testing::Test {
 protected:
  // The paths of the bodies, joined; `*` if all includes are merged.
  std::string Bodies(const std::map<std::string, std::string>& contents) {
    std::vector<std::unique_ptr<ParsedFile>> parsed;
    AssembleRequest request;
    for (const auto& [path, content] : contents) request.manifest_paths.push_back(path);
    request.lookup = [&](std::string_view path, FileRole role, CommitFile* file) {
      parsed.push_back(std::make_unique<ParsedFile>(
          ParseFile(role, path, contents.at(std::string(path)), *Catalogue::BuiltIn())));
      *file = {parsed.back().get(), parsed.back().get()};
      return FilePresence::kGiven;
    };
    CommitView commit(request);
    const CommitFile ci_file = commit.Get(kCi, FileRole::kCiFile);
    const Closure closure(&commit, ci_file);
    std::string text;
    for (const BodyFile& body : closure.Bodies()) text += body.path.substr(0, 1) + " ";
    return text + (closure.all_includes_are_merged() ? "*" : "");
  }
};

TEST_F(ClosureOrderTest, WhatIsIncludedIsMergedBeforeWhatIncludesIt) {
  EXPECT_EQ(Bodies({{kCi, "include: [a.yml, b.yml]\n"},
                    {"a.yml", "include: c.yml\n"},
                    {"b.yml", "x: {}\n"},
                    {"c.yml", "y: {}\n"}}),
            "c a b . *");
}

TEST_F(ClosureOrderTest, OfAFileThatIsMergedTwiceTheLastTimeCounts) {
  EXPECT_EQ(Bodies({{kCi, "include: [a.yml, b.yml, a.yml]\n"},
                    {"a.yml", "include: c.yml\n"},
                    {"b.yml", "x: {}\n"},
                    {"c.yml", "y: {}\n"}}),
            "b c a . *");
}

TEST_F(ClosureOrderTest, BodiesThatAreNotReadAreKnownToBeMissing) {
  const std::pair<const std::string, std::string> leaf = {"a.yml", kLeaf};
  EXPECT_EQ(Bodies({{kCi, "include: a.yml\n"}, leaf}), ". ");
  EXPECT_EQ(Bodies({{kCi, "include: {template: x}\n"}}), ". ");
  EXPECT_EQ(Bodies({{kCi, "include: missing.yml\n"}}), ". ");
  EXPECT_EQ(Bodies({{kCi, "include: b.yml\n"}, {"b.yml", "include: {remote: x}\n"}}), "b . ");
  EXPECT_EQ(Bodies({{kCi, "include: {local: b.yml, rules: [{if: $X}]}\n"}, {"b.yml", "x: {}\n"}}),
            "b . ");
  EXPECT_EQ(Bodies({{kCi, "include: {local: b.yml, rules: [{if: 'null'}]}\n"}, leaf}), ". *");
  // A request may give the CI file another value.
  EXPECT_EQ(
      Bodies({{kCi, "spec: {inputs: {x: {default: b}}}\n---\ninclude: '$[[ inputs.x ]].yml'\n"},
              {"b.yml", "x: {}\n"}}),
      "b . ");
}

}  // namespace
}  // namespace cievents::ci_yaml
