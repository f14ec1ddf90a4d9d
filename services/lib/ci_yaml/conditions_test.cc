// What a push says about conditions and inputs.
#include "services/lib/ci_yaml/conditions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ParsedFile Read(const std::string& content) {
  return ParseFile(FileRole::kHeaderOnly, "a.yml", content, *Catalogue::BuiltIn());
}

// LINE:COLUMN CODE
std::vector<std::string> Issues(const ParsedFile& file) {
  std::vector<std::string> issues;
  for (const Issue& issue : file.issues) {
    issues.push_back(fmt::format("{}:{} {}", issue.line, issue.column, issue.code));
  }
  return issues;
}

std::string WithIf(const std::string& value) {
  return "spec:\n  events:\n    - name: issue/created\n      rules:\n        - if: " + value +
         "\n---\n";
}

TEST(ConditionCheckTest, AConditionThatParsesIsKeptAsWritten) {
  const ParsedFile file = Read(WithIf("'$[[ event.issue.title ]] =~ /^bug/'"));
  EXPECT_THAT(Issues(file), IsEmpty());
  ASSERT_EQ(file.entries.size(), 1u);
  EXPECT_EQ((*file.entries[0].rules)[0].if_text, "$[[ event.issue.title ]] =~ /^bug/");
}

TEST(ConditionCheckTest, AnErrorStandsAtItsColumnOfTheFile) {
  // Column 15 is where the value begins.
  EXPECT_THAT(Issues(Read(WithIf("$[[ event.id ]] == main"))), ElementsAre("5:34 bad-condition"));
  EXPECT_THAT(Issues(Read(WithIf("'$[[ event.id ]] == main'"))), ElementsAre("5:35 bad-condition"));
  EXPECT_THAT(Issues(Read(WithIf("\"$[[ event.id ]] == \\\"a\\\" && main\""))),
              ElementsAre("5:44 bad-condition"));
}

TEST(ConditionCheckTest, AnErrorInABlockScalarStandsAtItsStart) {
  EXPECT_THAT(Issues(Read(WithIf("|\n            $[[ event.id ]] == main"))),
              ElementsAre("5:15 bad-condition"));
}

TEST(ConditionCheckTest, AFileWithABadConditionHasAnErrorAndSaysWhatToWrite) {
  const ParsedFile file = Read(WithIf("'$[[ event.ref ]] == main'"));
  ASSERT_EQ(file.issues.size(), 1u);
  EXPECT_EQ(file.issues[0].severity, Severity::kError);
  EXPECT_FALSE(file.issues[0].message.empty());
  EXPECT_THAT(file.issues[0].suggestion, HasSubstr("main"));
  EXPECT_THAT(file.entries, IsEmpty());
}

TEST(ConditionCheckTest, EveryBadConditionOfAFileIsReported) {
  const ParsedFile file = Read(
      "spec:\n  events:\n    - name: issue/created\n      rules:\n        - if: a\n"
      "        - if: '$[[ event.x ]] =='\n    - name: issue/closed\n      rules:\n"
      "        - if: ')'\n---\n");
  EXPECT_EQ(file.issues.size(), 3u);
  EXPECT_THAT(Issues(file), Contains("5:15 bad-condition"));
}

TEST(ConditionCheckTest, AVariableIsLeftToPipelineCreation) {
  const ParsedFile file = Read(WithIf("'$CI_COMMIT_BRANCH == \"main\"'"));
  EXPECT_THAT(Issues(file), ElementsAre("5:15 left-to-pipeline-creation"));
  EXPECT_EQ(file.issues[0].severity, Severity::kInfo);
  EXPECT_EQ(file.entries.size(), 1u);
}

TEST(ConditionCheckTest, YamlTrapsHaveTextsOfTheirOwn) {
  const ParsedFile flow = Read(
      "spec:\n  events:\n    - {name: issue/created, rules: [{if: $[[ event.x ]] == \"a\"}]}\n"
      "---\n");
  ASSERT_EQ(flow.issues.size(), 1u);
  EXPECT_THAT(flow.issues[0].message, HasSubstr("not quoted"));
  const ParsedFile tag = Read(WithIf("!$[[ event.x ]]"));
  ASSERT_EQ(tag.issues.size(), 1u);
  EXPECT_THAT(tag.issues[0].message, HasSubstr("tag"));
  EXPECT_THAT(tag.issues[0].suggestion, HasSubstr("quote"));
}

// `count` clauses with a pattern of about `repeat` instructions each.
std::string WithPatterns(int count, int repeat) {
  std::string yaml = "spec:\n  events:\n    - name: issue/created\n      rules:\n";
  for (int i = 0; i < count; ++i) {
    yaml += fmt::format("        - if: '$[[ event.x ]] =~ /a{}[bc]{{{}}}d/'\n", i, repeat);
  }
  return yaml + "---\n";
}

TEST(ConditionCheckTest, TheRegularExpressionsOfASubscriptionHaveALimitTogether) {
  matcher::ConditionTables tables;
  matcher::ConditionError error;
  const auto condition = matcher::Condition::Parse(
      "$[[ event.x ]] =~ /a0[bc]{900}d/", matcher::ConditionPlace::kEntryRule, tables, &error);
  ASSERT_NE(condition, nullptr) << error.message;
  const int each = condition->cost().regex_program;
  ASSERT_GT(each, 0);
  const int fit = kRegexProgramPerSubscriptionMax / (each + 2);  // two more digits in the text
  EXPECT_THAT(Issues(Read(WithPatterns(fit, 900))), IsEmpty());
  const ParsedFile over = Read(WithPatterns(kRegexProgramPerSubscriptionMax / each + 1, 900));
  ASSERT_EQ(over.issues.size(), 1u) << "reported once";
  EXPECT_EQ(over.issues[0].code, "too-expensive");
  EXPECT_THAT(over.issues[0].message, HasSubstr("20000"));
}

TEST(InputCheckTest, AnInputOfAnEntryIsCheckedAgainstTheDeclarationsOfItsFile) {
  const auto header = [](const std::string& inputs, const std::string& spec) {
    return "spec:\n  events:\n    - name: issue/created\n      inputs:\n        " + inputs +
           "\n  inputs: " + spec + "\n---\n";
  };
  EXPECT_THAT(Issues(Read(header("iid: '$[[ event.issue.iid ]]'", "{iid: {type: number}}"))),
              IsEmpty());
  EXPECT_THAT(Issues(Read(header("iid: 7", "{iid: {type: number}}"))), IsEmpty());
  EXPECT_THAT(Issues(Read(header("iid: seven", "{iid: {type: number}}"))),
              ElementsAre("5:9 bad-input"));
  EXPECT_THAT(Issues(Read(header("iid: 7", "{other: {default: a}}"))),
              ElementsAre("5:9 bad-input"));
  EXPECT_THAT(Issues(Read(header("iid: '$[[ evnt.x ]]'", "{iid: }"))),
              ElementsAre("5:9 bad-input"));
  EXPECT_THAT(Issues(Read(header("iid: '$[[ event.x | expand_vars ]]'", "{iid: }"))),
              ElementsAre("5:9 bad-input"));
  EXPECT_THAT(Issues(Read(header("iid: 1", "{iid: {type: number, default: x}}"))),
              ElementsAre("6:32 bad-input"));
  // Another input that is required may come from an include.
  EXPECT_THAT(Issues(Read(header("iid: 7", "{iid: {type: number}, env: }"))), IsEmpty());
}

TEST(InputCheckTest, TheMessageIsGitlabs) {
  const ParsedFile file = Read(
      "spec:\n  events: [{name: issue/created, inputs: {n: x}}]\n"
      "  inputs: {n: {type: number}}\n---\n");
  ASSERT_EQ(file.issues.size(), 1u);
  EXPECT_EQ(file.issues[0].message, "`n` input: provided value is not a number");
}

TEST(InputCheckTest, AFileThatSubscribesToNothingDeclaresWhatItLikes) {
  EXPECT_THAT(Issues(Read("spec:\n  inputs: {n: {type: number, default: x}}\n---\n")), IsEmpty());
}

}  // namespace
}  // namespace cievents::ci_yaml
