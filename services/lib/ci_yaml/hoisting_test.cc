#include "services/lib/ci_yaml/hoisting.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "services/lib/ci_yaml/hoisting_test_support.h"

namespace cievents::ci_yaml {
namespace {

// The blueprint, character by character.
constexpr std::string_view kProposal2 = R"(workflow:
  rules:
    - events: ["package/*"]

test_package_published:
  script: echo testing published package
  rules:
    - events: ["package/published"]

test_package_removed:
  script: echo testing removed package
  rules:
    - events: ["package/removed"]
)";

constexpr std::string_view kAdr001 = R"(annotate:
  on: issue/created
  script: ./annotate $[[ event.issue.id ]]

summarize:
  on: issue/closed
  script: ./summarize $[[ event.issue.id ]]
)";

TEST(HoistingTest, ReadsProposal2) {
  const Hoisted hoisted = HoistText(kProposal2);
  EXPECT_EQ(SpellPatterns(hoisted), "package/* package/published package/removed");
  EXPECT_EQ(SpellRules(hoisted),
            "workflow: [events package/*]\n"
            "test_package_published: [events package/published]\n"
            "test_package_removed: [events package/removed]\n");
  ASSERT_EQ(hoisted.entries.size(), 1u);
  EXPECT_EQ(hoisted.entries[0].position, (matcher::Position{3, 16}));
  EXPECT_FALSE(hoisted.entries[0].rules.has_value());
  EXPECT_EQ(SpellIssues(hoisted), "");
}

TEST(HoistingTest, ReadsTheExamplesOfAdr001) {
  const Hoisted hoisted = HoistText(kAdr001);
  EXPECT_EQ(SpellPatterns(hoisted), "issue/created issue/closed");
  EXPECT_EQ(SpellRules(hoisted),
            "annotate: [events issue/created]\nsummarize: [events issue/closed]\n");
  EXPECT_EQ(SpellIssues(hoisted), "");
}

TEST(HoistingTest, ProposalThreeFiltersByAnInputAndSubscribesToNothing) {
  const Hoisted hoisted = HoistText(R"(
job-for-package-published:
  script: echo "Hello World"
  rules:
    - if: $[[ inputs.event ]] == "package/published"
)");
  EXPECT_EQ(SpellPatterns(hoisted), "");
  EXPECT_EQ(SpellRules(hoisted),
            "job-for-package-published: [if $[[ inputs.event ]] == \"package/published\"]\n");
}

TEST(HoistingTest, OnAndRulesAreTwoListsThatMustBothHold) {
  const Hoisted hoisted = HoistText(R"(
a:
  true: [issue/created, issue/closed]
  rules:
    - if: $[[ event.issue.x ]] == "1"
b:
  on: {package: [published, removed], issue: reopened}
)");
  EXPECT_EQ(SpellPatterns(hoisted),
            "issue/created issue/closed package/published package/removed issue/reopened");
  EXPECT_EQ(SpellRules(hoisted),
            "a: [if $[[ event.issue.x ]] == \"1\"] [events issue/created issue/closed]\n"
            "b: [events package/published package/removed issue/reopened]\n");
}

TEST(HoistingTest, AnchorsMergeKeysExtendsAndReferencesAreResolved) {
  const Hoisted hoisted = HoistText(R"(
.rules:
  bot:
    - if: $[[ event.actor.bot ]]
      when: never
  removed: &removed
    events: package/removed
.published: &published
  rules:
    - !reference [.rules, bot]
    - events: package/published
.base:
  extends: .published
by-merge-key:
  <<: *published
by-extends:
  extends: [.base]
by-reference:
  rules:
    - !reference [.base, rules]
    - <<: *removed
      if: $[[ event.payload.x ]]
hidden-only:
  rules: !reference [.published, rules]
.never-used:
  rules:
    - events: issue/created
)");
  EXPECT_EQ(SpellPatterns(hoisted), "package/published package/removed");
  const std::string bot = "[never if $[[ event.actor.bot ]]; events package/published";
  EXPECT_EQ(SpellRules(hoisted),
            fmt::format("by-merge-key: {0}]\nby-extends: {0}]\n"
                        "by-reference: {0}; events package/removed if $[[ event.payload.x ]]]\n"
                        "hidden-only: {0}]\n",
                        bot));
  EXPECT_EQ(SpellIssues(hoisted), "");
}

struct Row {
  std::string_view text;
  std::string_view rules;  // none: nothing filters
};

void ExpectRules(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(SpellRules(HoistText(row.text)), row.rules) << row.text;
  }
}

TEST(HoistingTest, AJobCouldRunUnlessItsRulesAreKnownToSayOtherwise) {
  ExpectRules({
      {"a: {script: x}", ""},
      {"a: {rules: }", ""},
      {"a: {rules: []}", "a: []\n"},
      {"a: {rules: [[], !reference [.b, rules]]}\n.b: {rules: []}", "a: []\n"},
      {"a: {only: [main]}", ""},
      {"a: {rules: [], only: [main]}", ""},
      {"a: {rules: [], except: }", ""},
      {"a: {rules: [{when: never}]}", "a: [never]\n"},
      {"a: {rules: [{if: $A}]}", ""},
      {"a: {rules: [{if: $A, when: never}]}", "a: [never if $A]\n"},
      {"a: {rules: [{if: $A, when: never}, {when: manual}]}", ""},
      {"a: {rules: [{events: x/y, when: never}, {when: delayed}]}",
       "a: [never events x/y; always]\n"},
      {"a: {rules: [{events: x/y, when: manual}]}", "a: [events x/y]\n"},
      {"a: {rules: [{events: x/y, when: on_failure}]}", "a: [events x/y]\n"},
      {"a: {rules: [{events: x/y, when: whatever}]}", "a: [events x/y]\n"},
      {"a: {rules: [{events: x/y, when: [never]}]}", "a: [events x/y]\n"},
      {"a: {rules: [{changes: [x]}]}", ""},
      {"a: {rules: [{exists: }]}", ""},
      {"a: {rules: [{events: x/y, changes: {paths: [x]}}]}", "a: [events x/y undecidable]\n"},
      {"a: {rules: [{events: x/y, exists: [x], when: never}]}",
       "a: [never events x/y undecidable]\n"},
      {"a: {rules: [{events: x/y, learnt_later: 1}]}", "a: [events x/y undecidable]\n"},
      {"a: {rules: [{events: x/y, variables: {A: b}, allow_failure: true, needs: [], "
       "start_in: 1 day, interruptible: true}]}",
       "a: [events x/y]\n"},
      {"a: {rules: [{if: [x], events: x/y}]}", "a: [events x/y undecidable]\n"},
      {"a: {rules: [{if: , events: x/y}]}", "a: [events x/y undecidable]\n"},
      {"a: {rules: [{if: 'null'}]}", "a: [if null]\n"},
      {"a: {rules: [text]}", ""},
      {"a: {rules: [{events: x/y}, ~]}", ""},
      {"a: {rules: text}", ""},
      {"a: [x]", ""},
      {"a: {rules: []}\nb: {script: x}", ""},
      {"a: {rules: []}\npages: {script: x}", ""},
      {"a: {rules: []}\n.b: {script: x}\nstages: [x]\ndefault: {}\nvariables: {}", "a: []\n"},
      {"a: {rules: [{if: $A, when: never}], on: issue/created}",
       "a: [never if $A] [events issue/created]\n"},
      {"a: {rules: [{if: $A}], on: issue/created}", "a: [events issue/created]\n"},
      {"stages: [x]\n.a: {rules: []}", ""},  // no job at all
      {"", ""},
  });
}

TEST(HoistingTest, WhatCannotBeResolvedCouldRun) {
  ExpectRules({
      {"a: {extends: .b, rules: []}", ""},
      {"a: {extends: [.b], rules: []}\n.b: [x]", ""},
      {"a: {extends: !reference [.b, x], rules: []}\n.b: {x: .b}", ""},
      {"a: {extends: , rules: []}", "a: []\n"},
      {"a: {extends: a, rules: []}", ""},
      {"a: {extends: .b, rules: []}\n.b: {extends: .c}\n.c: {extends: .b}", ""},
      {"a: {rules: [!reference [.b, rules]]}", ""},
      {"a: {rules: [!reference [.b, rules]]}\n.b: {rules: [!reference [a, rules]]}", ""},
      {"a: {rules: [!reference [.b, rules]]}\n.b: {rules: }", ""},
      {"a: {rules: [!reference [image, x]]}\nimage: {x: []}", ""},
      {"a: {rules: [!reference []]}", ""},
      {"a: {rules: [!reference [[.b]]]}\n.b: []", ""},
      {"a: {rules: [!other [x]]}", ""},
      {"a: {rules: [{if: !reference [.b, x], events: x/y}]}", "a: [events x/y undecidable]\n"},
      {"a: {rules: [{if: !reference [.b, x], events: x/y}]}\n.b: {x: $A}",
       "a: [events x/y if $A]\n"},
      {"a: {rules: [{events: x/y, when: !reference [.b, x]}]}\n.b: {x: never}",
       "a: [never events x/y]\n"},
      {"a: {rules: [], '$[[ inputs.x ]]': 1}", ""},
      {"a: {rules: []}\n'$[[ inputs.x ]]': {rules: []}", ""},
      {"a: {rules: [{'$[[ inputs.x ]]': always, events: x/y, when: never}]}",
       "a: [events x/y undecidable]\n"},
      {"a: {rules: ['$[[ inputs.x ]]']}", ""},
      {"a: {rules: '$[[ inputs.x ]]'}", ""},
      {"a: {on: , rules: []}", "a: []\n"},
  });
}

TEST(HoistingTest, WorkflowRulesFilterUnlessTheyAreEmptyOrUnresolved) {
  const std::string job = "\njob: {script: x}";
  for (const Row& row : std::vector<Row>{
           {"workflow: {rules: [{events: x/y}]}", "workflow: [events x/y]\n"},
           {"workflow: {rules: []}", ""},
           {"workflow: {rules: }", ""},
           {"workflow: {name: x}", ""},
           {"workflow: ", ""},
           {"workflow: {rules: [{if: $A}, {events: x/y}]}", ""},
           {"workflow: {rules: [{if: $A, when: never}, {events: x/y}]}",
            "workflow: [never if $A; events x/y]\n"},
           {"workflow: {rules: [{when: never}]}", "workflow: [never]\n"},
           {"workflow: {rules: [!reference [.b, rules], {events: x/y}]}", ""},
           {"workflow: {rules: [!reference [.b, rules], {events: x/y}]}\n"
            ".b: {rules: [{events: x/z, when: never}]}",
            "workflow: [never events x/z; events x/y]\n"},
           {"workflow: {rules: [{events: x/y}], '$[[ inputs.x ]]': 1}", ""},
           {"workflow: {rules: [{events: x/y}]}\n'$[[ inputs.x ]]': {rules: []}", ""},
           {"workflow: {rules: [{events: x/y}]}\n'work$[[ inputs.x ]]ow': {rules: []}", ""},
           {"workflow: {rules: [{events: x/y}]}\n'$[[ inputs.x ]]-test': {rules: []}",
            "workflow: [events x/y]\n"},
           {"workflow: {rules: [!reference [.b, rules]]}\n.b: {rules: [{events: x/y}]}\n"
            "'$[[ inputs.x ]]-test': {rules: []}",
            ""},
       }) {
    EXPECT_EQ(SpellRules(HoistText(std::string(row.text) + job)), row.rules) << row.text;
  }
}

TEST(HoistingTest, IncludedBodiesAreMergedAsGitLabMergesThem) {
  const Hoisted hoisted = HoistFiles({{"a.yml", R"(
workflow: {rules: [{events: issue/created}]}
.base: {rules: [{events: package/published}]}
one: {extends: .base}
two: {on: issue/closed}
three: {rules: [{events: issue/reopened}]}
)"},
                                      {".gitlab-ci.yml", R"(
workflow: {rules: [{events: 'package/*'}]}
.base: {rules: [{events: package/removed}]}
two: {rules: [{if: '$[[ event.x ]]'}]}
three: {rules: }
)"}});
  EXPECT_EQ(SpellRules(hoisted), "workflow: [events package/*]\n");  // the third could always run
  EXPECT_EQ(SpellPatterns(hoisted), "package/* package/removed issue/closed");
  EXPECT_EQ(hoisted.entries[0].position, (matcher::Position{2, 29}));
}

TEST(HoistingTest, MapsOfSeveralFilesAreMergedDeeply) {
  const Hoisted hoisted =
      HoistFiles({{"a.yml", "job: {on: issue/closed, rules: [{when: always}]}\n"},
                  {"b.yml", "job: {rules: [{if: '$[[ event.x ]]'}]}\n"},
                  {".gitlab-ci.yml",
                   ".x: {clauses: {main: {if: '$[[ event.y ]]'}}}\n"
                   "k: {rules: [!reference [.x, clauses, main]]}\n"}});
  EXPECT_EQ(SpellRules(hoisted),
            "job: [if $[[ event.x ]]] [events issue/closed]\nk: [if $[[ event.y ]]]\n");
}

TEST(HoistingTest, WhatIsLostWhenMapsAreInterruptedIsUnresolved) {
  // Whether the first map survives depends on which two are merged first.
  const Hoisted hoisted = HoistFiles(
      {{"a.yml", ".x: {c: {if: '$[[ event.y ]]', changes: [a]}}\n"},
       {"b.yml", ".x: {c: }\n"},
       {".gitlab-ci.yml", ".x: {c: {when: never}}\njob: {rules: [!reference [.x, c]]}\n"}});
  EXPECT_EQ(SpellRules(hoisted), "");
}

TEST(HoistingTest, WithoutAllIncludesOnlyTheCiFilesOwnWorkflowFilters) {
  const std::string_view included =
      "workflow: {rules: [{events: issue/created}]}\n"
      ".r: {rules: [{events: issue/closed}]}\n";
  for (const Row& row : std::vector<Row>{
           {"workflow: {rules: [{events: x/y}]}\njob: {rules: []}", "workflow: [events x/y]\n"},
           {"job: {rules: []}", ""},
           {"workflow: {name: x}\njob: {rules: []}", ""},
           {"workflow: {rules: [!reference [.r, rules]]}", ""},
           {"workflow: {rules: [!reference [.o, rules]]}\n.o: {rules: [{events: x/y}]}",
            "workflow: [events x/y]\n"},
           // What another file adds to a map could make it another clause.
           {"workflow: {rules: [!reference [.o, clause]]}\n.o: {clause: {events: x/y}}", ""},
           // Another file could give `.o` rules of its own.
           {"workflow: {rules: [!reference [.o, rules]]}\n.o: {extends: .p}\n"
            ".p: {rules: [{events: x/y}]}",
            ""},
       }) {
    const std::vector<TestFile> files = {{"a.yml", included}, {".gitlab-ci.yml", row.text}};
    EXPECT_EQ(SpellRules(HoistFiles(files, Includes::kSomeUnread)), row.rules) << row.text;
  }
  const Hoisted hoisted =
      HoistFiles({{"a.yml", "job: {on: issue/closed}\n"}, {".gitlab-ci.yml", "k: {on: x/y}\n"}},
                 Includes::kSomeUnread);
  EXPECT_EQ(SpellPatterns(hoisted), "issue/closed x/y");
  EXPECT_EQ(SpellRules(hoisted), "");
}

TEST(HoistingTest, InputsOfAnIncludedFileAreNotThoseOfTheCiFile) {
  const std::string_view text = R"(
a: {rules: [{if: '$[[ inputs.x ]] == "1"', events: x/y}]}
b: {rules: [{if: '$[[ event.x ]] == "1"', events: x/y, when: '$[[ inputs.when ]]'}]}
c: {rules: [{if: '$A == "$[[  inputs.x | truncate(0,1) ]]"', events: x/y, when: never}]}
)";
  EXPECT_EQ(SpellRules(HoistFiles({{"a.yml", text}, {".gitlab-ci.yml", ""}})),
            "a: [events x/y undecidable]\n"
            "b: [events x/y if $[[ event.x ]] == \"1\"]\n"
            "c: [never events x/y undecidable]\n");
  EXPECT_EQ(SpellRules(HoistFiles({{".gitlab-ci.yml", text}})),
            "a: [events x/y if $[[ inputs.x ]] == \"1\"]\n"
            "b: [events x/y if $[[ event.x ]] == \"1\"]\n"
            "c: [never events x/y if $A == \"$[[  inputs.x | truncate(0,1) ]]\"]\n");
}

TEST(HoistingTest, PatternsOfNeverClausesFilterButDoNotSubscribe) {
  const Hoisted hoisted = HoistText(R"(
workflow:
  rules:
    - events: issue/created
      when: never
    - events: issue/*
job:
  rules:
    - events: [issue/closed, issue/closed, events/issue/closed]
)");
  EXPECT_EQ(SpellPatterns(hoisted), "issue/* issue/closed");
  EXPECT_EQ(SpellRules(hoisted),
            "workflow: [never events issue/created; events issue/*]\njob: [events issue/closed]\n");
}

TEST(HoistingTest, BadPatternsAreErrorsWhereTheyStandAndTheirClauseIsUndecidable) {
  const Hoisted hoisted = HoistFiles({{"a.yml", R"(
a:
  rules:
    - events: [Issue/created, issue/closed]
b:
  rules:
    - events: issue/creatd
    - events: []
    - events: {name: x}
    - events:
      when: never
)"},
                                      {".gitlab-ci.yml",
                                       "c:\n  on: [issue/closed, 'x*/y']\n"
                                       "d: {on: {package: {x: y}}}\n"
                                       "e: {on: '$[[ inputs.x ]]'}\n"}});
  EXPECT_EQ(SpellPatterns(hoisted), "issue/closed issue/creatd");
  EXPECT_EQ(SpellRules(hoisted), "");
  EXPECT_EQ(SpellIssues(hoisted),
            ".gitlab-ci.yml:2:22 error bad-pattern\n"
            ".gitlab-ci.yml:3:19 error wrong-type\n"
            ".gitlab-ci.yml:4:9 error bad-pattern\n"
            "a.yml:4:16 error bad-pattern\n"
            "a.yml:7:15 warning unknown-event\n"
            "a.yml:8:15 warning empty-events\n"
            "a.yml:9:15 error wrong-type\n"
            "a.yml:10:7 error wrong-type\n");
}

TEST(HoistingTest, AConditionThatDoesNotParseIsLeftToGitLabAndSaidOnceAFile) {
  const Hoisted hoisted = HoistFiles(
      {{"a.yml", "a: {rules: [{if: '$A ===', events: custom/a}]}\n"}, {".gitlab-ci.yml", R"(
b: {rules: [{if: "${A}", events: custom/a, when: never}, {if: "$A =", events: custom/b}]}
)"}});
  EXPECT_EQ(SpellRules(hoisted),
            "a: [events custom/a undecidable]\n"
            "b: [never events custom/a undecidable; events custom/b undecidable]\n");
  EXPECT_EQ(SpellIssues(hoisted),
            ".gitlab-ci.yml:2:18 info left-to-pipeline-creation\n"
            "a.yml:1:18 info left-to-pipeline-creation\n");
}

TEST(HoistingTest, JobsWithoutRulesAreNamedWhereRulesSubscribe) {
  std::string text = "first: {on: issue/created}\nlegacy: {only: [main]}\n.hidden: {}\n";
  EXPECT_EQ(SpellIssues(HoistText(text + "second: {script: x}\n")),
            ".gitlab-ci.yml:4:1 info job-runs-on-every-event\n");
  EXPECT_EQ(SpellIssues(HoistText("second: {script: x}\n")), "");
  for (int i = 0; i < 30; ++i) text += fmt::format("job{}: {{script: x}}\n", i);
  EXPECT_EQ(HoistText(text).issues.size(), 20u);
}

TEST(HoistingTest, AnUnresolvedJobIsSaidOnceAFileWhereRulesSubscribe) {
  const std::string unresolved = "a: {extends: .nowhere}\nb: {extends: .nowhere}\n";
  EXPECT_EQ(SpellIssues(HoistText(unresolved)), "");
  EXPECT_EQ(SpellIssues(HoistText(unresolved + "c: {on: issue/created}\n")),
            ".gitlab-ci.yml:1:1 info left-to-pipeline-creation\n");
}

TEST(HoistingTest, AJobEventThatTheWorkflowStopsIsAWarning) {
  const auto issues_of = [](std::string_view workflow_rules, std::string_view event) {
    return SpellIssues(HoistText(
        fmt::format("workflow: {{rules: {}}}\njob:\n  on: '{}'\n", workflow_rules, event)));
  };
  const std::string stopped = ".gitlab-ci.yml:3:7 warning event-stopped-by-workflow\n";
  EXPECT_EQ(issues_of("[{events: 'package/*'}]", "issue/created"), stopped);
  EXPECT_EQ(issues_of("[{events: 'package/*'}]", "issue/*"), stopped);
  EXPECT_EQ(issues_of("[{events: 'issue/*', when: never}, {when: always}]", "issue/created"),
            stopped);
  EXPECT_EQ(issues_of("[{if: '$[[ event.name ]] == \"issue/closed\"'}]", "issue/created"), stopped);
  EXPECT_EQ(issues_of("[{events: custom/a, if: $A, when: never}, {events: custom/b}]", "custom/a"),
            stopped)
      << "the second clause does not name it";
  for (const std::string_view rules : {
           "[{events: 'issue/*'}]",
           "[{events: '**'}]",
           "[{if: '$[[ event.name ]] == \"issue/created\"'}]",
           "[{if: '$[[ event.payload.x ]] == \"issue/closed\"'}]",
           "[{if: '$A == \"x\"', events: 'issue/created'}]",
           "[{events: issue/created, if: '$[[ event.x ]]', when: never}, {events: 'issue/*'}]",
           "[{events: issue/created, changes: [x], when: never}, {when: always}]",
       }) {
    const std::string issues = issues_of(rules, "issue/created");
    EXPECT_EQ(issues.find("event-stopped"), std::string::npos) << rules << "\n" << issues;
  }
  // An event that has succeeded has finished.
  EXPECT_EQ(issues_of("[{events: pipeline/succeeded}]", "pipeline/finished"), "");
  EXPECT_EQ(issues_of("[{events: 'package/*'}]", "package/**").find("event-stopped"),
            std::string::npos);
}

TEST(HoistingTest, PatternsAreLimitedOverAllFilesTogether) {
  const auto text_of = [](int first, int count) {
    std::string text;
    for (int i = first; i < first + count; ++i) {
      // Twice the same is one.
      text += fmt::format("job{0}: {{on: custom/{0}}}\nagain{0}: {{on: custom/{0}}}\n", i);
    }
    return text;
  };
  const std::string a = text_of(0, 25), b = text_of(25, 25), c = text_of(25, 26);
  const Hoisted fits = HoistFiles({{"a.yml", a}, {".gitlab-ci.yml", b}});
  EXPECT_EQ(fits.entries[0].patterns.size(), 50u);
  EXPECT_EQ(SpellIssues(fits), "");
  const Hoisted surplus = HoistFiles({{"a.yml", a}, {".gitlab-ci.yml", c}});
  EXPECT_EQ(surplus.entries[0].patterns.size(), 50u);
  EXPECT_EQ(SpellIssues(surplus), ".gitlab-ci.yml:51:13 error too-many-patterns\n");
  EXPECT_EQ(surplus.rules.jobs->size(), 102u) << "a surplus pattern still filters";
}

TEST(HoistingTest, RulesAreLimitedInNumberAndBytes) {
  const auto clauses = [](size_t count) {
    std::string text = "a:\n  rules:\n";
    for (size_t i = 0; i < count; ++i) text += "    - events: x/y\n";
    return text;
  };
  EXPECT_TRUE(HoistText(clauses(kHoistedClausesMax)).rules.jobs.has_value());
  EXPECT_FALSE(HoistText(clauses(kHoistedClausesMax + 1)).rules.jobs.has_value());
  const auto bytes = [](size_t count) {
    std::string text = "a:\n  rules:\n";
    const std::string_view head = "$[[ event.x ]] == ''";
    for (; count >= 8192; count -= 8192) {
      text +=
          fmt::format("    - if: $[[ event.x ]] == '{}'\n", std::string(8192 - head.size(), 'y'));
    }
    if (count > 0) text += fmt::format("    - events: {}\n", std::string(count, 'z'));
    return text;
  };
  EXPECT_TRUE(HoistText(bytes(kHoistedBytesMax)).rules.jobs.has_value());
  EXPECT_FALSE(HoistText(bytes(kHoistedBytesMax + 1)).rules.jobs.has_value());
}

TEST(HoistingTest, ABodyThatIsNotCompleteIsSaidAndItsJobsDoNotFilter) {
  Body body = ReadText("workflow: {rules: [{events: custom/a}]}\n");
  body.is_complete = false;
  HoistRequest request;
  request.bodies = {{".gitlab-ci.yml", &body}};
  request.all_includes_are_merged = true;
  const Hoisted hoisted = Hoist(request, *Catalogue::BuiltIn());
  EXPECT_EQ(SpellRules(hoisted), "workflow: [events custom/a]\n");
  EXPECT_EQ(SpellIssues(hoisted), ".gitlab-ci.yml:0:0 warning body-too-large\n");
  EXPECT_TRUE(Hoist({}, *Catalogue::BuiltIn()).entries.empty());
}

}  // namespace
}  // namespace cievents::ci_yaml
