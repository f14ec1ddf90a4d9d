// Event data that reaches a shell, and the texts of their own for what people really get wrong in
// conditions: each at its place, with what to write instead.
#include "services/lib/ci_yaml/text_checks.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "matcher/inputs/input_spec.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/test_commit.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ParsedFile Read(const std::string& content, FileRole role = FileRole::kCiFile) {
  return ParseFile(role, "a.yml", content, *Catalogue::BuiltIn());
}

// LINE:COLUMN CODE
std::vector<std::string> Issues(const ParsedFile& file) {
  std::vector<std::string> issues;
  for (const Issue& issue : file.issues) {
    issues.push_back(fmt::format("{}:{} {}", issue.line, issue.column, issue.code));
  }
  return issues;
}

// A CI file with one entry that fills the input `text` with `value`, declared as `declaration`.
std::string WithInput(const std::string& value, const std::string& declaration) {
  return "spec:\n  events:\n    - name: issue/created\n      inputs:\n        text: " + value +
         "\n  inputs:\n    text: " + declaration + "\n---\n";
}

TEST(TextChecksTest, ATextInputThatTheEventFillsNeedsAConstraint) {
  for (const char* declaration : {"", "{}", "{type: string}", "{default: a}", "{options: null}"}) {
    EXPECT_THAT(Issues(Read(WithInput("$[[ event.issue.title ]]", declaration))),
                ElementsAre("5:9 unconstrained-event-input"))
        << declaration;
  }
  for (const char* declaration : {"{options: [a]}", "{regex: '^[a-z]+$'}", "{type: number}",
                                  "{type: array}", "{rules: [{options: [a], default: a}]}"}) {
    EXPECT_THAT(Issues(Read(WithInput("$[[ event.issue.title ]]", declaration))), IsEmpty())
        << declaration;
  }
}

TEST(TextChecksTest, AnyValueWithAnEventBlockIsFilledByTheEvent) {
  for (const char* value : {"'no. $[[ event.issue.iid ]]'", "'$[[gitlab.event.issue.title]]'",
                            "$[[ event.x | truncate(0,5) ]]", "['$[[ event.issue.title ]]']"}) {
    EXPECT_THAT(Issues(Read(WithInput(value, "{}"))), ElementsAre("5:9 unconstrained-event-input"))
        << value;
  }
  EXPECT_THAT(Issues(Read(WithInput("fixed", "{}"))), IsEmpty());
}

TEST(TextChecksTest, AnInputIsReportedWhereItIsFilledFirstAndTheSuggestionIsAVariable) {
  const ParsedFile file = Read(
      "spec:\n  events:\n    - {name: issue/created, inputs: {a: '$[[ event.x ]]'}}\n"
      "    - {name: issue/closed, inputs: {a: '$[[ event.y ]]', b: '$[[ event.y ]]'}}\n"
      "  inputs: {a: , b: {regex: a}}\n---\n",
      FileRole::kHeaderOnly);
  EXPECT_THAT(Issues(file), ElementsAre("3:38 unconstrained-event-input"));
  EXPECT_EQ(file.issues[0].severity, Severity::kWarning);
  EXPECT_THAT(file.issues[0].message, HasSubstr("`a`"));
  EXPECT_THAT(file.issues[0].suggestion, HasSubstr("variables"));
  EXPECT_EQ(file.entries.size(), 2u);
}

TEST(TextChecksTest, InputsOfAFileThatDeclaresNoneAreReportedOnceWithGitlabsMessage) {
  const std::string events =
      "spec:\n  events:\n    - name: issue/created\n      inputs: {b: 1, a: '$[[ event.x ]]'}\n"
      "    - name: issue/closed\n      inputs: {a: 1}\n";
  for (const FileRole role : {FileRole::kCiFile, FileRole::kHeaderOnly, FileRole::kIncluded}) {
    const ParsedFile file = Read(events + "---\n", role);
    EXPECT_THAT(Issues(file), ElementsAre("4:22 undeclared-inputs"));
    EXPECT_EQ(file.issues[0].severity, Severity::kWarning);
    EXPECT_EQ(file.issues[0].message, matcher::kInputsNotDeclared);
    EXPECT_EQ(file.entries.size(), 2u);
  }
  EXPECT_THAT(Issues(Read(events + "  inputs: {a: {regex: .}, b: {}}\n---\n")), IsEmpty());
  // The included header may declare them.
  EXPECT_THAT(Issues(Read(events + "  include: [{local: /inputs.yml}]\n---\n")), IsEmpty());
}

TEST(TextChecksTest, TheInputsOfAnEventListAreDeclaredByTheCiFile) {
  EXPECT_THAT(
      Issues(Read("events:\n  - {name: issue/created, inputs: {a: 1}}\n", FileRole::kEventList)),
      IsEmpty());
}

TEST(TextChecksTest, InputsThatAnotherFileDeclaresAreReportedWhereTheyAreFilled) {
  Commit commit;
  commit.Add(".gitlab-ci-event.yml",
             "events:\n  - name: issue/created\n    inputs: {a: '$[[ event.x ]]', b: 1}\n");
  commit.Add(".gitlab-ci.yml",
             "spec:\n  inputs: {a: , b: }\n---\n"
             "include:\n  - local: ci/a.yml\n    inputs: {t: '$[[ event.x ]]'}\n");
  commit.Add("ci/a.yml", "spec: {events: issue/closed, inputs: {t: }}\n---\n");
  EXPECT_THAT(Issues(commit.Assemble()),
              ElementsAre(".gitlab-ci-event.yml:3:14 unconstrained-event-input",
                          ".gitlab-ci.yml:6:14 unconstrained-event-input"));
}

TEST(TextChecksTest, AnEventBlockInAScriptIsReportedWhereItStands) {
  const ParsedFile file = Read(
      "a:\n  script: echo $[[ event.issue.title ]]\n"
      "b:\n  before_script:\n    - make\n    - echo \"$[[ gitlab.event.ref | truncate(0,3) ]]\"\n"
      "  after_script:\n    - |\n      make\n      echo $[[event.x]] $[[ event.y ]]\n"
      "before_script: ['$[[ event.x ]]']\n"
      "default:\n  hooks:\n    pre_get_sources_script: ['x $[[ event.x ]]']\n"
      "c:\n  run:\n    - name: x\n      script: $[[ event.x ]]\n");
  EXPECT_THAT(Issues(file),
              ElementsAre("2:16 event-text-in-script", "6:13 event-text-in-script",
                          "10:12 event-text-in-script", "11:18 event-text-in-script",
                          "14:33 event-text-in-script", "18:15 event-text-in-script"));
  EXPECT_EQ(file.issues[0].severity, Severity::kWarning);
  EXPECT_THAT(file.issues[0].message, HasSubstr("`$[[ event.issue.title ]]`"));
  EXPECT_THAT(file.issues[0].suggestion, HasSubstr("variables"));
}

TEST(TextChecksTest, AnInputThatAnyTextOfTheEventMayFillIsReportedInAScript) {
  const std::string job = "a:\n  script: echo $[[ inputs.text ]]\n";
  EXPECT_THAT(Issues(Read(WithInput("$[[ event.issue.title ]]", "{}") + job)),
              ElementsAre("5:9 unconstrained-event-input", "10:16 event-text-in-script"));
  EXPECT_THAT(Issues(Read(WithInput("$[[ event.issue.title ]]", "{regex: a}") + job)), IsEmpty());
  EXPECT_THAT(Issues(Read(WithInput("fixed", "{}") + job)), IsEmpty());
}

TEST(TextChecksTest, OutsideOfScriptsABlockIsFine) {
  EXPECT_THAT(Issues(Read("variables: {T: '$[[ event.x ]]'}\n"
                          "a:\n  variables: {script: '$[[ event.x ]]'}\n  script: echo \"$T\"\n"
                          "  rules: [{if: '$[[ event.x ]] == \"a\"'}]\n"
                          "b: {script: 'echo $[[ inputs.env ]] $[[ x ]] [[ event.x ]]'}\n")),
              IsEmpty());
}

TEST(TextChecksTest, SharedScriptsAreReportedOnce) {
  EXPECT_THAT(Issues(Read(".x: &x\n  - echo $[[ event.x ]]\na: {script: *x}\nb: {script: *x}\n")),
              ElementsAre("2:10 event-text-in-script"));
  EXPECT_THAT(Issues(Read(".x:\n  parts:\n    one: [echo, 'echo $[[ event.x ]]']\n"
                          "a:\n  script:\n    - !reference [.x, parts, one]\n"
                          "    - !reference [.x, none]\n    - !reference [a, script]\n")),
              ElementsAre("3:23 event-text-in-script"));
}

TEST(TextChecksTest, ABodyThatIsNotReadIsNotReported) {
  const std::string text = WithInput("fixed", "{}") + "a: {script: 'echo $[[ event.x ]]'}\n";
  EXPECT_THAT(Issues(Read(text, FileRole::kHeaderOnly)), IsEmpty());
  EXPECT_THAT(Issues(Read(text, FileRole::kIncluded)), IsEmpty());
  EXPECT_THAT(Issues(Read("a: {script: 'echo $[[ event.x ]]'}\n", FileRole::kIncluded)),
              ElementsAre("1:19 event-text-in-script"));
}

// An event list whose only entry has the condition `value`, written as it is.
ParsedFile ReadIf(const std::string& value) {
  return Read("events:\n  - name: issue/created\n    rules:\n      - if: " + value + "\n",
              FileRole::kEventList);
}

TEST(TextChecksTest, WhatPeopleGetWrongInConditionsHasATextOfItsOwnAtItsPlace) {
  struct Case {
    const char* value;
    const char* place;
    const char* message;
    const char* suggestion;
  };
  const Case cases[] = {
      {"$[[ event.issue.iid ]] == 42", "4:39 bad-condition", "numbers are compared as text",
       "\"42\""},
      {"'$[[ event.ref ]] == main'", "4:34 bad-condition", "neither quoted nor a variable",
       "\"main\""},
      {"$[[ event.name ]] == \"events/issue/created\"", "4:34 bad-condition",
       "does not begin with `events/`", "\"issue/created\""},
      {"'\"events/issue/created\" != $[[ event.names ]]'", "4:14 bad-condition",
       "does not begin with `events/`", "\"issue/created\""},
      {"${CI_COMMIT_BRANCH} == \"main\"", "4:13 bad-condition", "`${CI_COMMIT_BRANCH}`",
       "$CI_COMMIT_BRANCH"},
      {"'!${A}'", "4:15 bad-condition", "`${A}`", "$A"},
      {"$[[ event.ref ]] =~ \"main\"", "4:33 bad-condition", "pattern", "/main/"},
      {"!$[[ event.actor.bot ]]", "4:13 yaml-syntax", "tag", "'!$[[ .. ]]'"},
      {"!($[[ event.x ]] == \"a\")", "4:13 yaml-syntax", "tag", "'!$[[ .. ]]'"},
      {"! \"$[[ event.x ]]\"", "4:13 wrong-type", "tag", "quote the whole condition"},
      {"!$CI_COMMIT_TAG", "4:13 wrong-type", "tag", "quote the whole condition"},
      {"!($A == \"b\")", "4:13 wrong-type", "tag", "quote the whole condition"},
  };
  for (const Case& c : cases) {
    const ParsedFile file = ReadIf(c.value);
    ASSERT_THAT(Issues(file), ElementsAre(c.place)) << c.value;
    EXPECT_EQ(file.issues[0].severity, Severity::kError);
    EXPECT_THAT(file.issues[0].message, HasSubstr(c.message)) << c.value;
    EXPECT_THAT(file.issues[0].suggestion, HasSubstr(c.suggestion)) << c.value;
    EXPECT_THAT(file.entries, IsEmpty());
  }
}

TEST(TextChecksTest, AnUnquotedBlockInFlowStyleHasATextOfItsOwn) {
  const ParsedFile file =
      Read("events:\n  - {name: issue/created, rules: [{if: $[[ event.x ]] == \"a\"}]}\n",
           FileRole::kEventList);
  ASSERT_THAT(Issues(file), ElementsAre("2:41 yaml-syntax"));
  EXPECT_THAT(file.issues[0].message, HasSubstr("is not quoted"));
  EXPECT_THAT(file.issues[0].suggestion, HasSubstr("quote"));
}

TEST(TextChecksTest, ATagOfTheStandardBeforeAConditionDoesNoHarm) {
  EXPECT_THAT(Issues(ReadIf("!!str '$[[ event.x ]] == \"a\"'")), IsEmpty());
}

TEST(TextChecksTest, AWrongDeclarationIsReportedAtItsAttribute) {
  const ParsedFile file = Read(
      "spec:\n  events: issue/created\n  inputs:\n    a:\n      type: number\n      default: x\n"
      "    b: {type: flaot}\n    c:\n      regex: '('\n    d: {optoins: [a]}\n    e: 5\n"
      "    f: {type: boolean, options: [true]}\n    g:\n      options: [a]\n      default: "
      "b\n---\n",
      FileRole::kHeaderOnly);
  EXPECT_THAT(Issues(file),
              ElementsAre("6:7 bad-input", "7:9 bad-input", "9:7 bad-input", "10:9 bad-input",
                          "11:5 bad-input", "12:24 bad-input", "15:7 bad-input"));
  EXPECT_EQ(file.issues[0].message, "`a` input: default value is not a number");
  EXPECT_EQ(file.issues[1].message,
            "unknown input specification for `b` (valid types: array, boolean, number, string)");
  EXPECT_EQ(file.issues[2].message, "`c` input: invalid regular expression");
  EXPECT_EQ(file.issues[3].message, "header:spec:inputs:d config contains unknown keys: optoins");
}

TEST(TextChecksTest, AFileInUtf16SaysSoInEveryRole) {
  std::string wide;
  for (const char c : std::string("spec: {events: a/b}\n---\n")) wide += {c, '\0'};
  for (const FileRole role :
       {FileRole::kCiFile, FileRole::kEventList, FileRole::kHeaderOnly, FileRole::kIncluded}) {
    for (const std::string& text : {wide, "\xFF\xFE" + wide}) {
      const ParsedFile file = Read(text, role);
      ASSERT_THAT(Issues(file), ElementsAre("1:1 yaml-not-utf8"));
      EXPECT_THAT(file.issues[0].message, HasSubstr("UTF-16 (little endian)"));
    }
  }
}

}  // namespace
}  // namespace cievents::ci_yaml
