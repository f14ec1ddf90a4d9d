// What a condition that does not parse says, and where.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "matcher/condition/condition.h"

namespace cievents::matcher {
namespace {

constexpr ConditionPlace kEntry = ConditionPlace::kEntryRule;
constexpr ConditionPlace kHoisted = ConditionPlace::kHoistedRule;

struct Row {
  std::string text;
  int column;
  std::string_view message;  // a part of it
  std::string_view suggestion;
};

void CheckErrors(const std::vector<Row>& rows, ConditionPlace place = kEntry) {
  ConditionTables tables;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    ConditionError error;
    EXPECT_EQ(Condition::Parse(row.text, place, tables, &error), nullptr);
    EXPECT_EQ(error.column, row.column) << error.message;
    EXPECT_NE(error.message.find(row.message), std::string::npos) << error.message;
    EXPECT_EQ(error.suggestion, row.suggestion) << error.message;
  }
}

bool Parses(std::string_view text, ConditionPlace place = kEntry) {
  ConditionTables tables;
  ConditionError error;
  return Condition::Parse(text, place, tables, &error) != nullptr;
}

TEST(ConditionError, WhatPeopleGetWrongHasATextOfItsOwn) {
  CheckErrors({
      {R"($A == 42)", 7, "Unknown lexeme found! numbers are compared as text", R"("42")"},
      {R"($A == main)", 7, "`main` is neither quoted nor a variable", R"("main")"},
      {R"($A == main-1.2 && $B)", 7, "`main-1.2`", R"("main-1.2")"},
      {R"(${VAR} == "x")", 1, "`${VAR}` is not read here", "$VAR"},
      {R"($A = "x")", 4, "`=` alone is no operator", "=="},
      {R"($A === "x")", 6, "`=` alone", "=="},
      {R"($A and $B)", 4, "`and` is not a word of this language", "&&"},
      {R"($A or $B)", 4, "`or` is not a word", "||"},
      {R"(not $A)", 1, "`not`", "!"},
      {R"($A == nil)", 7, "`nil`", "null"},
      {R"($A == True)", 7, "`True`", "true"},
      {R"($A & $B)", 4, "`&` alone is no operator", "&&"},
      {R"($A | $B)", 4, "`|` alone is no operator", "||"},
      {R"($A > "1")", 4, "there is no less or greater", ""},
      {R"($A == "x)", 7, "the string has no closing `\"`", ""},
      {R"($A == 'x")", 7, "the string has no closing `'`", ""},
      {"$A == \"x\ny\"", 7, "must end on the line where it begins", ""},
      {"$A == “x”", 7, "a typographic quote", "\""},
      {R"("a\"b" == $A)", 5, "there are no escapes", ""},
      {R"($A =~ /a/)", 7, "at least two characters", "/(a)/"},
      {R"($A =~ /ä/)", 7, "at least two characters", "/(ä)/"},
      {R"($A =~ //)", 7, "an empty pattern is not allowed", ""},
      {R"($A =~ /abc)", 7, "the pattern has no closing `/`", ""},
      {R"($A =~ /ab/x)", 11, "the flags behind a pattern are i, s, m and U", ""},
      {R"("test/url" =~ /test/ur/)", 21, "a slash inside is written `\\/`", ""},
      {R"(event.ref == "x")", 1, "stands in a block", "$[[ event.ref ]]"},
      {R"($[ event.ref ] == "x")", 1, "a block has two brackets", ""},
      {R"($ == "x")", 1, "`$` begins a variable", ""},
      {R"($A == "x" ; $B)", 11, "`;` begins neither", ""},
  });
}

TEST(ConditionError, StructureIsGitLabsTextWithThePlace) {
  CheckErrors({
      {"", 1, "Empty parse tree", ""},
      {"  \n", 1, "Empty parse tree", ""},
      {"()", 1, "Empty parse tree", ""},
      {R"($A "x")", 4, "Unreachable nodes in parse tree", ""},
      {R"($A $B == "x")", 4, "Unreachable", ""},
      {R"(== "x")", 1, "Invalid left operand", ""},
      {R"($A ==)", 4, "Invalid left operand", ""},
      {R"($A == "x" &&)", 11, "Invalid left operand", ""},
      {R"($A && !)", 4, "Invalid left operand", ""},  // to GitLab it is `!$A &&`
      {R"(! && $A)", 1, "Invalid operand", ""},
      {R"($A == "x"))", 10, "Unmatched parenthesis", ""},
      {R"(($A == "x")", 1, "Unprocessable token found in parse tree: parenthesis_open", ""},
  });
}

TEST(ConditionError, PatternsThatRe2RejectsSayWhy) {
  CheckErrors({
      {R"($A =~ / some ( thin/i)", 7, "Invalid regular expression! missing )", ""},
      {R"($A =~ /(?=x)y/)", 7, "RE2 has no look-ahead", ""},
      {R"($A =~ /(a)\1/)", 7, "RE2 has no back-references", ""},
      {R"($A =~ /a{1001}/)", 7, "Invalid regular expression!", ""},
      {"$A =~ /ab\ncd/", 7, "Invalid regular expression!", ""},
  });
}

TEST(ConditionError, EventOperandsOfMatchesNeedPatterns) {
  CheckErrors({
      {R"($[[ event.a ]] =~ "a.b")", 19, "is matched against a pattern", R"(/a\.b/)"},
      {R"($[[ event.a ]] !~ "x")", 19, "is matched against a pattern", "/(x)/"},
      {R"($[[ event.a ]] =~ "/^x/i")", 19, "is matched against a pattern", "/^x/i"},
      {R"($[[ event.a ]] =~ "")", 19, "is matched against a pattern", "/^$/"},
      {R"($[[ event.a ]] =~ $P)", 19, "GitLab would ask whether that text contains", ""},
      {R"("x" =~ $[[ event.a ]])", 8, "cannot stand on the right of `=~`", ""},
      {R"("x" !~ ($[[ event.a ]]))", 9, "cannot stand on the right of `!~`", ""},
  });
  EXPECT_TRUE(Parses(R"($[[ event.a ]] =~ (/ab/))"));
}

TEST(ConditionError, ANameIsNotComparedWithItsDocumentationPrefix) {
  CheckErrors({
      {R"($[[ event.name ]] == "events/package/published")", 22, "does not begin with `events/`",
       R"("package/published")"},
      {R"("events/x" != $[[ gitlab.event.names ]])", 1, "does not begin with `events/`", R"("x")"},
  });
  EXPECT_TRUE(Parses(R"($[[ event.payload.name ]] == "events/x")"));
}

TEST(ConditionError, BlocksThatAreNoneSayWhatMayStandThere) {
  CheckErrors({
      {R"($[[ evnt.a ]] == "x")", 5, "a block begins with `event.` or `inputs.`", ""},
      {R"($[[ payload.a ]] == "x")", 5, "a block begins with", "$[[ event.payload.a ]]"},
      {R"($[[ ]] == "x")", 5, "The block is empty", ""},
      {R"($[[ inputs.a b ]] == "x")", 5, "`inputs.a b` names no input", ""},
      {R"($[[ inputs. ]] == "x")", 5, "names no input", ""},
      {R"($[[ event.a | truncate(0,1) ]] == "x")", 13, "Functions cannot be used", ""},
      {R"($[[ event.a == "x")", 1, "has no `]]`", ""},
      {R"("a $[[ event.a" == "x")", 4, "has no `]]`", ""},
      {R"($[[ event.a..b ]] == "x")", 5, "", ""},
      {R"("pre $[[ event.a..b ]]" == "x")", 10, "", ""},
      {R"($[[ event.ä ]] == "x")", 5, "", ""},
  });
}

TEST(ConditionError, BlocksInPatternsGluedOrAloneAreErrorsOfAnEntry) {
  CheckErrors({
      {R"($A =~ /a$[[ inputs.x ]]b/)", 9, "A block cannot stand inside a pattern", ""},
      {R"($[[ event.a ]]$B == "x")", 1, "cannot be glued", ""},
      {R"($B$[[ event.a ]] == "x")", 3, "cannot be glued", ""},
      {R"(x$[[ event.a ]] == "x")", 1, "cannot be glued", ""},
      {R"("x"$[[ event.a ]] == "x")", 4, "cannot be glued", ""},
      {R"($A == $[[ event.a ]]"x")", 7, "cannot be glued", ""},
      {R"($[[ inputs.a ]])", 1, "An input cannot be the whole condition",
       R"("$[[ inputs.a ]]" == "true")"},
      {R"(($[[ inputs.a ]]))", 2, "An input cannot be the whole condition",
       R"("$[[ inputs.a ]]" == "true")"},
  });
  EXPECT_TRUE(Parses(R"($[[event.a]]=="x"&&!$[[event.b]]||($[[event.c]]))"));
}

TEST(ConditionError, OnlyGitLabReadsThemInAHoistedRule) {
  ConditionTables tables;
  for (const std::string_view text : {
           R"($A == "y" && $B =~ /a$[[ inputs.x ]]b/)",
           R"($[[ event.a ]]$B == "x")",
           R"(x$[[ event.a ]] == "x")",
           R"(${$[[ inputs.v ]]} == "x")",
           R"($[[ inputs.a ]])",
           R"("$[[ inputs.a | truncate(0,1) ]]" == "x")",
           R"($[[ component.name ]] == "x")",
           R"($[[ inputs.a[0].b ]] == "x")",
       }) {
    SCOPED_TRACE(text);
    ConditionError error;
    const auto condition = Condition::Parse(text, kHoisted, tables, &error);
    ASSERT_NE(condition, nullptr) << error.message;
    EXPECT_EQ(condition->Evaluate(EvaluationContext()), Verdict::kUndecided);
    EXPECT_TRUE(condition->has_variables());
    EXPECT_TRUE(condition->access().empty());
    EXPECT_EQ(condition->EvaluateOperands(EvaluationContext()).size(), 1U);
    EXPECT_NE(EvaluateClosedWorld(*condition, EvaluationContext()).failure, "");
  }
  CheckErrors({{R"($[[ event.a..b ]] == "x")", 5, "", ""},
               {R"($[[ event.a == "x")", 1, "has no `]]`", ""},
               {R"($A == main)", 7, "`main`", R"("main")"}},
              kHoisted);
  EXPECT_TRUE(Parses(R"("a $[[ event.a" == "x")", kHoisted));  // a text, to GitLab
}

std::string Chain(int operands) {
  std::string text = "$[[ event.a ]]";
  for (int i = 1; i < operands; ++i) text += " && $A";
  return text;
}

TEST(ConditionLimit, NinetyNineTokensPassAndOneMoreFails) {
  EXPECT_TRUE(Parses(Chain(50) + "  \n"));  // 99
  ConditionTables tables;
  ConditionError error;
  EXPECT_EQ(Condition::Parse(Chain(50) + ")", kEntry, tables, &error), nullptr);
  EXPECT_TRUE(error.message.starts_with("Too many tokens!")) << error.message;
  EXPECT_EQ(error.column, static_cast<int>(Chain(50).size()) + 1);
  EXPECT_EQ(Condition::Parse(Chain(51), kEntry, tables, &error), nullptr);
  EXPECT_TRUE(error.message.starts_with("Too many tokens!")) << error.message;
}

TEST(ConditionLimit, TheTextMayHaveItsMostBytes) {
  const std::string text = "$A == \"" + std::string(kConditionBytesMax - 8, 'x') + "\"";
  EXPECT_TRUE(Parses(text));
  EXPECT_TRUE(Parses("$A" + std::string(kConditionBytesMax - 2, ' ')));
  EXPECT_FALSE(Parses(text + " "));
}

TEST(ConditionLimit, APatternMayHaveAThousandBytes) {
  EXPECT_TRUE(Parses("$A =~ /" + std::string(kRegexBytesMax, 'x') + "/i"));
  EXPECT_TRUE(Parses("$A =~ /\\/" + std::string(kRegexBytesMax - 1, 'x') + "/i"));
  CheckErrors({{"$A =~ /" + std::string(kRegexBytesMax + 1, 'x') + "/", 7,
                "Invalid regular expression! the pattern has 1001 bytes", ""},
               {"$A =~ \"/" + std::string(kRegexBytesMax + 1, 'x') + "/\"", 7,
                "Invalid regular expression! the pattern has 1001 bytes", ""}});
}

TEST(ConditionLimit, APatternMayNotGrowLargeWhenItIsCompiled) {
  std::string thousands;  // of instructions
  for (int i = 0; i < 9; ++i) thousands += "[ab]{1000}";
  EXPECT_TRUE(Parses("$A =~ /" + thousands + "/"));
  thousands += "[ab]{1000}";
  CheckErrors({{"$A =~ /" + thousands + "/", 7, "the pattern is too large", ""}});
}

TEST(ConditionError, TextMustBeUtf8) {
  CheckErrors({{"$A == \"\xC3\"", 8, "not valid UTF-8", ""},
               {"\xFF", 1, "not valid UTF-8", ""},
               {"$A == \"\xED\xA0\x80\"", 8, "not valid UTF-8", ""}});
  EXPECT_TRUE(Parses("$A == \"\xF0\x9F\x98\x80\""));
}

}  // namespace
}  // namespace cievents::matcher
