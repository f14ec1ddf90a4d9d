// Goal: the naive `if:` language can be believed. Method: the conformance table of GitLab's own
// cases; by hand, what the table does not know (events, lists, unknown variables).
#include "tests/oracle/naive_condition.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/oracle/naive_json.h"

namespace cievents::oracle {
namespace {

std::optional<NaiveJson> ReadTable(const std::string& file) {
  const char* folder = std::getenv("CIEVENTS_SHARED_DATA");
  const std::string base = folder != nullptr && *folder != '\0' ? folder : "../shared/data";
  std::ifstream stream(base + "/" + file);
  std::ostringstream text;
  text << stream.rdbuf();
  return ParseNaiveJson(text.str());
}

NaiveVerdict Decide(const std::string& condition, const std::string& payload) {
  NaiveEvent event;
  event.names = {"issue/created", "work_item/created"};
  event.payload = payload;
  NaiveReading reading(event);
  const NaiveOperands operands = {[&](const std::string& path) { return reading.Get(path, 0); },
                                  [](const std::string&) { return NaiveValue(); }};
  std::string error;
  const auto parsed = NaiveCondition::Parse(condition, &error);
  EXPECT_NE(parsed, nullptr) << condition << ": " << error;
  return parsed == nullptr ? NaiveVerdict::kFailed : parsed->Decide(operands, {});
}

TEST(NaiveConditionTest, AgreesWithTheConformanceTable) {
  const std::optional<NaiveJson> table = ReadTable("gitlab/rules_if_cases.json");
  if (!table.has_value()) GTEST_SKIP() << "no shared data: set CIEVENTS_SHARED_DATA";
  int cases = 0;
  for (const NaiveJson& row : table->Member("cases")->elements) {
    const std::string text = row.Member("expression")->text;
    std::map<std::string, std::string> variables;
    for (const auto& [name, value] : row.Member("variables")->members) {
      variables[name] = value.text;
    }
    const NaiveJson* inputs = row.Member("inputs");
    const NaiveOperands operands = {
        [](const std::string&) { return NaiveValue(); },
        [inputs](const std::string& name) { return NaiveValue::Text(inputs->Member(name)->text); }};
    std::string error;
    const auto condition = NaiveCondition::Parse(text, &error);
    ++cases;
    if (row.Member("parse_error") != nullptr) {
      EXPECT_EQ(condition, nullptr) << text;
      continue;
    }
    ASSERT_NE(condition, nullptr) << text << ": " << error;
    const NaiveValue value = condition->Evaluate(operands, variables);
    const std::string json = value.Json();
    // Rows of a third party say what a rule sees, not the value.
    if (row.Member("value") != nullptr) {
      EXPECT_EQ(json, row.Member("value")->compact) << text;
    }
    EXPECT_EQ(NaivePresent(value), row.Member("truthful")->boolean) << text;
  }
  EXPECT_EQ(cases, 146);
  for (const NaiveJson& row : table->Member("errors")->elements) {
    std::string error;
    const auto condition = NaiveCondition::Parse(row.Member("expression")->text, &error);
    EXPECT_EQ(condition == nullptr, row.Member("error")->kind != NaiveJson::Kind::kNull)
        << row.Member("expression")->text;
  }
}

TEST(NaiveConditionTest, ReadsEventsAsDocumented) {
  const std::string payload = R"({"n": 1.0, "t": true, "s": "true", "z": false, "o": {"k" : [1]},
      "l": [{"a": 1}, {"a": [2, null]}, {"b": 3}], "e": [], "object_attributes": {"id": 7}})";
  for (const char* holds :
       {R"($[[ event.payload.n ]] == "1.0")", R"($[[ event.n ]] != "1")",
        R"($[[ event.t ]] == true && $[[event.t]] == "true")", R"($[[ event.s ]] != true)",
        R"(!$[[ event.z ]])", R"($[[ event.o ]] == '{"k":[1]}')", R"($[[ event.l.a ]] == "2")",
        R"($[[ event.l.1.a ]] == "2" && $[[ event.l.0.a ]] == "1")", R"($[[ event.e ]] == null)",
        R"($[[ event.issue.id ]] == "7" && $[[ event.work_item.id ]] == "7")",
        R"($[[ event.release.id ]] == null)", R"("is $[[ event.t ]]" == "is true")",
        R"($[[ event.l.a ]] =~ /^2|xx/ && $[[ gitlab.event.name ]] == "issue/created")"}) {
    EXPECT_EQ(Decide(holds, payload), NaiveVerdict::kTrue) << holds;
  }
  for (const char* fails : {R"($[[ event.n ]] == "1")", R"($[[ event.l.a ]] != "1")",
                            R"($[[ event.l.a ]] !~ /1|22/)", R"($[[ event.e ]])"}) {
    EXPECT_EQ(Decide(fails, payload), NaiveVerdict::kFalse) << fails;
  }
}

TEST(NaiveConditionTest, IsDecidedWhereAllCompletionsAgree) {
  for (const char* undecided :
       {"$V", "!$V", R"($V || "x")", R"($V == "x")", R"("abc" =~ $V)", "$V && $W"}) {
    EXPECT_EQ(Decide(undecided, "{}"), NaiveVerdict::kUndecided) << undecided;
  }
  for (const char* no : {"null && $V", "$V && null", R"($V && "")", R"($V == true)"}) {
    EXPECT_EQ(Decide(no, "{}"), NaiveVerdict::kFalse) << no;
  }
  for (const char* yes : {R"("x" || $V)", R"(($V || "x") != null)", R"($V == $V)"}) {
    EXPECT_EQ(Decide(yes, "{}"), NaiveVerdict::kTrue) << yes;
  }
}

TEST(NaiveConditionTest, DependsOnThePayloadUpToTheValueOnly) {
  EXPECT_EQ(Decide(R"($[[ event.a ]] == "1")", R"({"a": 1, "b": [)"), NaiveVerdict::kTrue);
  EXPECT_EQ(Decide(R"($[[ event.c ]] == "1")", R"({"a": 1, "b": [)"), NaiveVerdict::kFailed);
  EXPECT_EQ(Decide(R"($[[ event.a ]] == "1")", R"({"a": 1)"), NaiveVerdict::kFailed);
  EXPECT_EQ(Decide(R"($[[ event.a ]] == "1")", R"({"a": 1 )"), NaiveVerdict::kTrue);
  EXPECT_EQ(Decide(R"($[[ event.a ]] == "1")", R"({"a": 1, "a": 2})"), NaiveVerdict::kTrue);
  EXPECT_EQ(Decide(R"($[[ event.a ]] == "1")", R"({"x": [nul}, "a": 1})"), NaiveVerdict::kFailed);
  EXPECT_EQ(Decide(R"($[[ event.a ]] == "1")", R"({"x": [nul, 01], "a": 1})"), NaiveVerdict::kTrue);
}

}  // namespace
}  // namespace cievents::oracle
