// What conditions mean: tables of condition, event, verdict.
#include "matcher/condition/condition.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/condition/test_condition.h"

namespace cievents::matcher {
namespace {

std::unique_ptr<const Condition> ParseOrFail(std::string_view text, ConditionTables& tables,
                                             ConditionPlace place = ConditionPlace::kEntryRule) {
  ConditionError error;
  auto condition = Condition::Parse(text, place, tables, &error);
  EXPECT_NE(condition, nullptr) << text << ": " << error.message << " in column " << error.column;
  return condition;
}

struct Row {
  std::string_view condition;
  std::string_view payload;
  Verdict verdict;
};

class ConditionTable : public testing::Test {
 protected:
  void Check(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      SCOPED_TRACE(fmt::format("{} on {}", row.condition, row.payload));
      TestEvent event(row.payload);
      const auto condition = ParseOrFail(row.condition, tables_);
      ASSERT_NE(condition, nullptr);
      EvaluationContext context;
      context.event = &event.fields();
      context.inputs = &inputs_;
      EXPECT_EQ(condition->Evaluate(context), row.verdict);
      // The way over sets of values gives the same: an unknown that decides nothing is appended.
      if (row.verdict == Verdict::kFailed) continue;
      const auto open = ParseOrFail(fmt::format("!!({}) || ($X && false)", row.condition), tables_);
      ASSERT_NE(open, nullptr);
      EXPECT_EQ(open->Evaluate(context), row.verdict);
      const auto last = ParseOrFail(
          fmt::format("!($X == null && $Y) && !!({}) || ({})", row.condition, row.condition),
          tables_);
      ASSERT_NE(last, nullptr);
      EXPECT_EQ(last->Evaluate(context), row.verdict);
    }
  }

  ConditionTables tables_;
  MapInputs inputs_;
};

constexpr Verdict kTrue = Verdict::kTrue;
constexpr Verdict kFalse = Verdict::kFalse;
constexpr Verdict kFailed = Verdict::kFailed;

TEST_F(ConditionTable, ComparesTextsExactly) {
  Check({
      {R"($[[ event.a ]] == "x")", R"({"a":"x"})", kTrue},
      {R"($[[ event.a ]] == "x")", R"({"a":"X"})", kFalse},
      {R"($[[ event.a ]] == "x")", R"({"a":"x "})", kFalse},
      {R"($[[ event.a ]] == "x")", R"({})", kFalse},
      {R"("x" == $[[ event.a ]])", R"({"a":"x"})", kTrue},
      {R"('x' == $[[event.a]])", R"({"a":"x"})", kTrue},
      {R"($[[ gitlab.event.a ]] == "x")", R"({"a":"x"})", kTrue},
      {R"($[[ event.payload.a.b ]] == "x")", R"({"a":{"b":"x"}})", kTrue},
      {R"($[[ event.a ]] != "x")", R"({"a":"y"})", kTrue},
      {R"($[[ event.a ]] != "x")", R"({"a":"x"})", kFalse},
      {R"($[[ event.a ]] != "x")", R"({})", kTrue},
      {R"($[[ event.a ]] == $[[ event.b ]])", R"({"a":"x","b":"x"})", kTrue},
      {R"($[[ event.a ]] == $[[ event.b ]])", R"({"a":"x","b":"y"})", kFalse},
      {R"($[[ event.a ]] == $[[ event.b ]])", R"({})", kTrue},
      {R"($[[ event.actor.username ]] == "ada")", R"({})", kTrue},
      {R"($[[ event.project_id ]] == "42")", R"({})", kTrue},
      {R"($[[ event.name ]] == "merge_request/opened")", R"({})", kTrue},
      {R"($[[ event.names ]] == "merge_request/all")", R"({})", kTrue},
      {R"($[[ event.names ]] == "push")", R"({})", kFalse},
  });
}

TEST_F(ConditionTable, NullIsAbsenceAndJsonNull) {
  Check({
      {"$[[ event.a ]] == null", R"({})", kTrue},
      {"$[[ event.a ]] == null", R"({"a":null})", kTrue},
      {"$[[ event.a ]] == null", R"({"a":[]})", kTrue},
      {"$[[ event.a ]] == null", R"({"a":""})", kFalse},
      {"$[[ event.a ]] == null", R"({"a":false})", kFalse},
      {"null != $[[ event.a ]]", R"({"a":"x"})", kTrue},
      {"null != $[[ event.a ]]", R"({})", kFalse},
      {"$[[ event.a.b.c ]] == null", R"({"a":"x"})", kTrue},
  });
}

TEST_F(ConditionTable, NumbersAndObjectsAreTheirJson) {
  Check({
      {R"($[[ event.a ]] == "42")", R"({"a":42})", kTrue},
      {R"($[[ event.a ]] == "42")", R"({"a":"42"})", kTrue},
      {R"($[[ event.a ]] == "1")", R"({"a":1.0})", kFalse},
      {R"($[[ event.a ]] == "1.0")", R"({"a":1.0})", kTrue},
      {"$[[ event.a ]]", R"({"a":0})", kTrue},
      {R"($[[ event.a ]] == '{"b":1}')", R"({"a":{ "b" : 1 }})", kTrue},
      {R"($[[ event.a ]] == '{"b":1}')", R"({"a":{ "b" : 2 }})", kFalse},
  });
}

TEST_F(ConditionTable, JsonBooleansEqualTheLiteralsAndTheirTexts) {
  Check({
      {"$[[ event.a ]] == true", R"({"a":true})", kTrue},
      {"$[[ event.a ]] == true", R"({"a":"true"})", kFalse},
      {"$[[ event.a ]] == true", R"({"a":false})", kFalse},
      {"true == $[[ event.a ]]", R"({"a":true})", kTrue},
      {"$[[ event.a ]] == false", R"({"a":false})", kTrue},
      {"$[[ event.a ]] == false", R"({})", kFalse},
      {R"($[[ event.a ]] == "true")", R"({"a":true})", kTrue},
      {R"($[[ event.a ]] == "true")", R"({"a":"true"})", kTrue},
      {R"($[[ event.a ]] == "false")", R"({"a":false})", kTrue},
      {R"("false" != $[[ event.a ]])", R"({"a":false})", kFalse},
      {"$[[ event.a ]]", R"({"a":true})", kTrue},
      {"$[[ event.a ]]", R"({"a":false})", kFalse},
      {"!$[[ event.a ]]", R"({"a":false})", kTrue},
      {"$[[ event.a ]]", R"({"a":"false"})", kTrue},
      {"$[[ event.a ]] =~ /^tr/", R"({"a":true})", kTrue},
      {"$[[ event.a ]] =~ /^tr/", R"({"a":false})", kFalse},
      {"$[[ event.a ]] == $[[ event.b ]]", R"({"a":true,"b":"true"})", kTrue},
      {"$[[ event.a ]] == $[[ event.b ]]", R"({"a":true,"b":false})", kFalse},
      {R"(($[[ event.a ]] == "x") == true)", R"({"a":"x"})", kTrue},
      {R"(($[[ event.a ]] == "x") == "true")", R"({"a":"x"})", kFalse},
      {R"(($[[ event.a ]] == "x") == $[[ event.b ]])", R"({"a":"x","b":true})", kTrue},
      {R"($[[ event.b ]] == ($[[ event.a ]] == "x"))", R"({"a":"x","b":false})", kFalse},
  });
}

TEST_F(ConditionTable, BlankIsFalseAlone) {
  Check({
      {"$[[ event.a ]]", R"({"a":"x"})", kTrue},
      {"$[[ event.a ]]", R"({"a":""})", kFalse},
      {"$[[ event.a ]]", R"({"a":" \t\n"})", kFalse},
      {"$[[ event.a ]]", R"({"a":"\u00a0\u3000\u2003\u2028"})", kFalse},
      {"$[[ event.a ]]", R"({"a":"\u200b"})", kTrue},
      {"$[[ event.a ]]", R"({"a":"0"})", kTrue},
      {"!$[[ event.a ]]", R"({"a":" "})", kTrue},
      {"!!$[[ event.a ]]", R"({"a":"x"})", kTrue},
  });
}

TEST_F(ConditionTable, LogicReturnsOperandsAsRuby) {
  Check({
      {R"($[[ event.a ]] || "x")", R"({"a":""})", kFalse},
      {R"($[[ event.a ]] || "x")", R"({})", kTrue},
      {R"($[[ event.a ]] || "x")", R"({"a":false})", kTrue},
      {R"($[[ event.a ]] && "x")", R"({"a":""})", kTrue},
      {R"($[[ event.a ]] && "x")", R"({"a":false})", kFalse},
      {R"(("x" && $[[ event.a ]]) == "y")", R"({"a":"y"})", kTrue},
      {R"((null || $[[ event.a ]]) == "y")", R"({"a":"y"})", kTrue},
      {R"($[[ event.a ]] == "1" || $[[ event.b ]] == "1" && $[[ event.c ]] == "1")", R"({"a":1})",
       kTrue},
      {R"(($[[ event.a ]] == "1" || $[[ event.b ]] == "1") && $[[ event.c ]] == "1")", R"({"a":1})",
       kFalse},
      {R"(!$[[ event.a ]] == "y")", R"({"a":"x"})", kFalse},
      {R"($[[ event.a ]] == "x" == true)", R"({"a":"x"})", kTrue},
  });
}

TEST_F(ConditionTable, MatchesFindAnywhere) {
  Check({
      {"$[[ event.a ]] =~ /bc/", R"({"a":"abcd"})", kTrue},
      {"$[[ event.a ]] =~ /bc/", R"({"a":"ab-cd"})", kFalse},
      {"$[[ event.a ]] =~ /^ab/", R"({"a":"abcd"})", kTrue},
      {"$[[ event.a ]] =~ /^bc/", R"({"a":"abcd"})", kFalse},
      {"$[[ event.a ]] =~ /cd$/", R"({"a":"abcd"})", kTrue},
      {"$[[ event.a ]] =~ /cd$/", R"({"a":"abcd\n"})", kFalse},
      {"$[[ event.a ]] =~ /^ab$/", R"({"a":"ab"})", kTrue},
      {"$[[ event.a ]] =~ /^ab$/", R"({"a":"ab\nab"})", kFalse},
      {"$[[ event.a ]] =~ /^ab$/m", R"({"a":"x\nab"})", kTrue},
      {"$[[ event.a ]] =~ /A.C/i", R"({"a":"xabcx"})", kTrue},
      {"$[[ event.a ]] =~ /a.c/", R"({"a":"a\nc"})", kFalse},
      {"$[[ event.a ]] =~ /a.c/s", R"({"a":"a\nc"})", kTrue},
      {R"($[[ event.a ]] =~ /^\/deploy\b/)", R"({"a":"/deploy now"})", kTrue},
      {R"($[[ event.a ]] =~ /^\/deploy\b/)", R"({"a":"/deployed"})", kFalse},
      {R"($[[ event.a ]] =~ /v\d+\.\d+/)", R"({"a":"v1.20"})", kTrue},
      {"$[[ event.a ]] =~ /x*/", R"({})", kTrue},
      {"$[[ event.a ]] =~ /^$/", R"({})", kTrue},
      {"$[[ event.a ]] =~ /x+/", R"({})", kFalse},
      {"$[[ event.a ]] !~ /bc/", R"({"a":"abcd"})", kFalse},
      {"$[[ event.a ]] !~ /bc/", R"({"a":"x"})", kTrue},
      {"$[[ event.a ]] !~ /bc/", R"({})", kTrue},
      {"$[[ event.a ]] =~ /42/", R"({"a":1423})", kTrue},
      {R"($[[ event.a ]] =~ /^ä.$/)", R"({"a":"äö"})", kTrue},
      {R"("23" =~ "1234")", "{}", kTrue},
      {R"("1234" =~ "23")", "{}", kFalse},
      {R"("ab" =~ "/^A/i")", "{}", kTrue},
      {R"("(" =~ "/(/")", "{}", kTrue},  // no valid pattern: "right contains left"
      {R"("x" =~ null)", "{}", kFalse},
      {R"("x" !~ null)", "{}", kTrue},
      {R"("x" =~ false)", "{}", kFalse},
      {R"("x" =~ true)", "{}", kFailed},
      {R"(/ab/ =~ /cd/)", "{}", kFailed},
      {R"(/ab/ == /ab/)", "{}", kTrue},
      {R"(/ab/ == "ab")", "{}", kFalse},
      {"/ab/", "{}", kTrue},
  });
}

TEST_F(ConditionTable, SomeElementOfAListDecides) {
  Check({
      {R"($[[ event.l ]] == "b")", R"({"l":["a","b"]})", kTrue},
      {R"($[[ event.l ]] == "c")", R"({"l":["a","b"]})", kFalse},
      {R"($[[ event.l.t ]] == "b")", R"({"l":[{"t":"a"},{"x":1},{"t":"b"}]})", kTrue},
      {R"($[[ event.l ]] != "b")", R"({"l":["a","b"]})", kFalse},
      {R"($[[ event.l ]] != "c")", R"({"l":["a","b"]})", kTrue},
      {R"($[[ event.l ]] == "2")", R"({"l":[1,2]})", kTrue},
      {R"($[[ event.l ]] == true)", R"({"l":["true",false]})", kFalse},
      {R"($[[ event.l ]] == true)", R"({"l":["x",true]})", kTrue},
      {R"("true" == $[[ event.l ]])", R"({"l":["x",true]})", kTrue},
      {"$[[ event.l ]] =~ /^b/", R"({"l":["ab","bc"]})", kTrue},
      {"$[[ event.l ]] =~ /^c/", R"({"l":["ab","bc"]})", kFalse},
      {"$[[ event.l ]] !~ /^b/", R"({"l":["ab","bc"]})", kFalse},
      {"$[[ event.l ]] !~ /^c/", R"({"l":["ab","bc"]})", kTrue},
      {"$[[ event.l ]] == $[[ event.m ]]", R"({"l":["a","b"],"m":["c","b"]})", kTrue},
      {"$[[ event.l ]] == $[[ event.m ]]", R"({"l":["a","b"],"m":["c","d"]})", kFalse},
      {"$[[ event.l ]] != $[[ event.m ]]", R"({"l":["a","b"],"m":["c","b"]})", kFalse},
      {"$[[ event.l ]]", R"({"l":["",false," "]})", kFalse},
      {"$[[ event.l ]]", R"({"l":["",true]})", kTrue},
      {"!$[[ event.l ]]", R"({"l":["",false]})", kTrue},
      {R"($[[ event.l ]] && "x")", R"({"l":[""]})", kFalse},
      {R"($[[ event.l ]] || "x")", R"({"l":[""]})", kTrue},
      {R"(($[[ event.l ]] || "x") == "b")", R"({"l":["a","b"]})", kTrue},
      {"$[[ event.l ]] == null", R"({"l":[null]})", kTrue},
      {R"($[[ event.l.1 ]] == "b")", R"({"l":["a","b"]})", kTrue},
  });
}

TEST_F(ConditionTable, LongListsMeetToo) {
  std::string left = R"({"l":["x0")";
  std::string right = R"("m":["y0")";
  for (int i = 1; i < 1000; ++i) {
    left += fmt::format(R"(,"x{}")", i);
    right += fmt::format(R"(,"y{}")", i);
  }
  const std::string apart = left + "]," + right + "]}";
  const std::string meet = left + R"(,true],)" + right + R"(,"true"]})";
  Check({{"$[[ event.l ]] == $[[ event.m ]]", apart, kFalse},
         {"$[[ event.l ]] == $[[ event.m ]]", meet, kTrue}});
}

TEST_F(ConditionTable, BlocksInQuotesAreInterpolated) {
  Check({
      {R"("$[[ event.a ]]" == "x")", R"({"a":"x"})", kTrue},
      {R"("$[[ event.a ]]" == "true")", R"({"a":true})", kTrue},
      {R"("$[[ event.a ]]" == true)", R"({"a":true})", kFalse},
      {R"("$[[ event.a ]]" == null)", R"({})", kTrue},
      {R"("v$[[ event.a ]]" == null)", R"({})", kTrue},
      {R"("v$[[ event.a ]].$[[event.b]]!" == "v1.x!")", R"({"a":1,"b":"x"})", kTrue},
      {R"("v$[[ event.a ]].$[[event.b]]!" == null)", R"({"a":1})", kTrue},
      {R"("$[[ event.l ]]" == '["a",1,true,"\"q\""]')", R"({"l":["a",1,true,"\"q\""]})", kTrue},
      {R"("l=$[[ event.l ]]" == 'l=["a"]')", R"({"l":["a"]})", kTrue},
      {R"("x" =~ "$[[ event.p ]]")", R"({"p":"/^x/"})", kTrue},
      {R"("x" =~ "$[[ event.p ]]")", R"({"p":"/^y/"})", kFalse},
      {R"($[[ event.ref ]] == "refs/heads/$[[ event.branch ]]")",
       R"({"ref":"refs/heads/main","branch":"main"})", kTrue},
      {R"($[[ event.ref ]] == "refs/heads/$[[ event.branch ]]")",
       R"({"ref":"refs/heads/x","branch":"main"})", kFalse},
  });
}

TEST_F(ConditionTable, InputsAreTheirValues) {
  inputs_.SetText("env", "prod");
  inputs_.SetText("re", "/^pr/");
  inputs_.values["on"] = MapInputs::BooleanValue(true);
  inputs_.values["off"] = MapInputs::BooleanValue(false);
  Check({
      {R"($[[ inputs.env ]] == "prod")", "{}", kTrue},
      {R"($[[inputs.env]] == "dev")", "{}", kFalse},
      {R"($[[ inputs.none ]] == null)", "{}", kTrue},
      {"$[[ inputs.on ]] == true", "{}", kTrue},
      {R"($[[ inputs.on ]] == "true")", "{}", kTrue},
      {R"("$[[ inputs.on ]]" == "true")", "{}", kTrue},
      {"!$[[ inputs.off ]]", "{}", kTrue},
      {"$[[ inputs.env ]] =~ $[[ inputs.re ]]", "{}", kTrue},
      {R"("x" =~ $[[ inputs.off ]])", "{}", kFalse},
      {R"("x" =~ $[[ inputs.on ]])", "{}", kFailed},
      {"$[[ event.a ]] == $[[ inputs.env ]]", R"({"a":"prod"})", kTrue},
  });
}

TEST_F(ConditionTable, WhatCannotBeReadFailsOnlyWhereItIsRead) {
  Check({
      {R"($[[ event.a ]] == "x")", "not json", kFailed},
      {R"($[[ event.a ]] == "x")", R"({"a")", kFailed},
      {R"($[[ event.a ]] == "x" && $[[ event.b ]])", R"({"a":"y", bad)", kFalse},
      {R"($[[ event.a ]] == "y" && $[[ event.b ]])", R"({"a":"y", bad)", kFailed},
      {R"($[[ event.a ]] || $[[ event.b ]])", R"({"a":"y", bad)", kTrue},
      {R"($[[ event.b ]] || $[[ event.a ]])", R"({"a":"y", bad)", kFailed},
      {R"("v$[[ event.b ]]" == "v")", R"({"a":"y", bad)", kFailed},
      {R"(!$[[ event.b ]])", R"({"a":"y", bad)", kFailed},
      {R"($[[ event.b ]] !~ /xy/)", R"({"a":"y", bad)", kFailed},
      {R"($V && $[[ event.b ]])", R"({"a":"y", bad)", kFailed},
      {R"(null && $[[ event.b ]])", R"({"a":"y", bad)", kFalse},
  });
}

TEST(Condition, ARegexThatNeedsTooMuchWorkFails) {
  ConditionTables tables;
  const auto condition = ParseOrFail("$[[ event.a ]] =~ /(x[a-z]{200}){4}y/", tables);
  TestEvent small(R"({"a":"short"})");
  TestEvent large(fmt::format(R"({{"a":"{}"}})", std::string(1 << 20, 'x')));
  EXPECT_EQ(condition->Evaluate({&small.fields(), nullptr, nullptr}), Verdict::kFalse);
  EXPECT_EQ(condition->Evaluate({&large.fields(), nullptr, nullptr}), Verdict::kFailed);
}

TEST(Condition, CountsWhatItCosts) {
  ConditionTables tables;
  const auto condition = ParseOrFail(
      R"(($[[ event.a ]] =~ /^x/ || $[[ event.a ]] =~ /x\d/) && "$[[ event.b ]]" == "1")", tables);
  EXPECT_EQ(condition->cost().tokens, 13);
  EXPECT_EQ(condition->cost().paths, 2);
  EXPECT_EQ(condition->cost().regexes, 1);
  EXPECT_GT(condition->cost().regex_program, 0);
  EXPECT_FALSE(condition->has_variables());
  EXPECT_FALSE(condition->uses_event_name());
  EXPECT_TRUE(condition->inputs().empty());
}

TEST(Condition, TellsWhatItDependsOn) {
  ConditionTables tables;
  const auto condition = ParseOrFail(
      R"("$[[ inputs.b ]]$[[ inputs.a ]]" == $[[ inputs.b ]] && $[[ event.name ]] == $V)", tables);
  EXPECT_EQ(condition->inputs(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(condition->uses_event_name());
  EXPECT_TRUE(condition->has_variables());
  EXPECT_FALSE(ParseOrFail(R"($[[ event.names ]] == "x")", tables)->uses_event_name());
}

TEST(Condition, EventNameFollowsTheEntryThatAsks) {
  ConditionTables tables;
  const auto condition = ParseOrFail(R"($[[ event.name ]] == "merge_request/all")", tables);
  TestEvent event("{}");
  EvaluationContext context;
  context.event = &event.fields();
  EXPECT_EQ(condition->Evaluate(context), Verdict::kFalse);
  event.fields().SetName(1);
  EXPECT_EQ(condition->Evaluate(context), Verdict::kTrue);
}

TEST(Condition, EqualPathsAndPatternsAreSharedAndGoWithTheirConditions) {
  ConditionTables tables;
  auto first = ParseOrFail(R"($[[ event.a ]] =~ /x\d/)", tables);
  const auto second = ParseOrFail(R"($[[ event.payload.a ]] =~ /y\d/ && $[[ event.a ]])", tables);
  EXPECT_EQ(first->access()[0][0].path.use_count(), 3)
      << "the condition, its access term, and none of the other spelling";
  EXPECT_EQ(tables.paths().size(), 2U);
  first.reset();
  EXPECT_EQ(tables.paths().size(), 2U);
}

TEST(Condition, ExplainsComparisonsAndOperandsThatAreReached) {
  ConditionTables tables;
  const auto condition = ParseOrFail(
      R"($[[ event.a ]] == "x" && ($[[ event.l ]] =~ /^q/ || $V) && "$[[ event.a ]]!" == $W || $[[ event.z ]])",
      tables);
  TestEvent event(R"({"a":"x","l":["p","q"],"z":{"y":[1]}})");
  const EvaluationContext context{&event.fields(), nullptr, nullptr};
  std::vector<std::string> shown;
  for (const EvaluatedOperand& operand : condition->EvaluateOperands(context)) {
    shown.push_back(operand.text + " -> " + operand.value);
  }
  EXPECT_EQ(shown, (std::vector<std::string>{
                       R"($[[ event.a ]] == "x" -> true)",
                       R"($[[ event.a ]] -> "x")",
                       R"($[[ event.l ]] =~ /^q/ -> true)",
                       R"($[[ event.l ]] -> ["p","q"])",
                       R"("$[[ event.a ]]!" == $W -> unknown)",
                       R"("$[[ event.a ]]!" -> "x!")",
                       R"($W -> unknown)",
                       R"($[[ event.z ]] -> "{\"y\":[1]}")",
                   }));
}

TEST(Condition, ExplainsWhyAnOperandFailed) {
  ConditionTables tables;
  const auto condition = ParseOrFail(R"(!($[[ event.a ]] == "x"))", tables);
  TestEvent event("{]");
  const auto operands = condition->EvaluateOperands({&event.fields(), nullptr, nullptr});
  ASSERT_EQ(operands.size(), 2U);
  EXPECT_TRUE(operands[0].value.starts_with("failed: ")) << operands[0].value;
  EXPECT_GT(operands[1].value.size(), std::string_view("failed: ").size());
}

TEST(Condition, AClosedWorldWithoutAnythingIsNull) {
  ConditionTables tables;
  const auto condition = ParseOrFail("$[[ event.a ]] && $A", tables);
  const ClosedWorldResult result = EvaluateClosedWorld(*condition, EvaluationContext());
  EXPECT_EQ(result.json, "null");
  EXPECT_FALSE(result.truthful);
  EXPECT_EQ(result.failure, "");
  const auto failing = ParseOrFail(R"("x" =~ true)", tables);
  EXPECT_NE(EvaluateClosedWorld(*failing, EvaluationContext()).failure, "");
}

}  // namespace
}  // namespace cievents::matcher
