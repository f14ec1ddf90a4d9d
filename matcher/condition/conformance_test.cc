// GitLab's own table of conditions, and conditions of real projects.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "matcher/condition/condition.h"
#include "matcher/condition/lexer.h"
#include "matcher/condition/parser.h"
#include "matcher/condition/test_condition.h"

namespace cievents::matcher {
namespace {

namespace dom = simdjson::dom;

std::filesystem::path DataFile(std::string_view name) {
  const char* folder = std::getenv("CIEVENTS_SHARED_DATA");
  return std::filesystem::path(folder == nullptr ? "../shared/data" : folder) / "gitlab" / name;
}

#define SKIP_WITHOUT_DATA(path)                                                             \
  if (!std::filesystem::exists(path)) {                                                     \
    GTEST_SKIP() << (path) << " is absent: set CIEVENTS_SHARED_DATA to the folder of data"; \
  }

std::string Text(dom::element element) {
  return std::string(std::string_view(element.get_string().value()));
}

// "SyntaxError: Unknown lexeme found! (empty pattern)" -> "Unknown lexeme found!"
std::string ExpectedMessage(std::string text) {
  const size_t colon = text.find(": ");
  if (colon == std::string::npos) return {};  // only the class is told
  text = text.substr(colon + 2);
  return text.substr(0, text.find(" ("));
}

struct Worlds {
  MapInputs inputs;
  Variables variables;
  EvaluationContext context() { return {nullptr, &inputs, &variables}; }
};

void ReadWorlds(dom::object row, Worlds* worlds) {
  dom::object variables;
  if (row["variables"].get(variables) == simdjson::SUCCESS) {
    for (const auto& [name, value] : variables) worlds->variables[std::string(name)] = Text(value);
  }
  dom::object inputs;
  if (row["inputs"].get(inputs) == simdjson::SUCCESS) {
    for (const auto& [name, value] : inputs) {
      worlds->inputs.SetText(name, value.get_string().value());
    }
  }
}

TEST(GitLabConformance, EveryEvaluatedCaseGivesGitLabsValue) {
  const std::filesystem::path path = DataFile("rules_if_cases.json");
  SKIP_WITHOUT_DATA(path);
  dom::parser parser;
  const dom::object data = parser.load(path.string()).get_object().value();
  ConditionTables tables;
  int cases = 0;
  for (const dom::element element : dom::array(data["cases"].get_array().value())) {
    const dom::object row = element.get_object().value();
    const std::string text = Text(row["expression"].value());
    SCOPED_TRACE(text);
    ++cases;
    ConditionError error;
    const auto condition = Condition::Parse(text, ConditionPlace::kEntryRule, tables, &error);
    bool parse_error = false;
    if (row["parse_error"].get(parse_error) == simdjson::SUCCESS && parse_error) {
      EXPECT_EQ(condition, nullptr);
      EXPECT_TRUE(error.message.starts_with(Text(row["error"].value()))) << error.message;
      continue;
    }
    ASSERT_NE(condition, nullptr) << error.message;
    Worlds worlds;
    ReadWorlds(row, &worlds);
    const ClosedWorldResult result = EvaluateClosedWorld(*condition, worlds.context());
    const bool truthful = row["truthful"].get_bool().value();
    EXPECT_EQ(result.truthful, truthful);
    dom::element value;
    if (row["value"].get(value) == simdjson::SUCCESS) {
      EXPECT_EQ(result.json, simdjson::to_string(value));
    }
    EXPECT_EQ(condition->Evaluate(worlds.context()), truthful ? Verdict::kTrue : Verdict::kFalse);
  }
  EXPECT_EQ(cases, 146);
}

TEST(GitLabConformance, EveryErrorBeginsWithGitLabsText) {
  const std::filesystem::path path = DataFile("rules_if_cases.json");
  SKIP_WITHOUT_DATA(path);
  dom::parser parser;
  const dom::object data = parser.load(path.string()).get_object().value();
  ConditionTables tables;
  int cases = 0;
  for (const dom::element element : dom::array(data["errors"].get_array().value())) {
    const std::string text = Text(element["expression"].value());
    SCOPED_TRACE(text);
    ++cases;
    for (const ConditionPlace place : {ConditionPlace::kEntryRule, ConditionPlace::kHoistedRule}) {
      ConditionError error;
      const auto condition = Condition::Parse(text, place, tables, &error);
      if (element["error"].is_null()) {
        EXPECT_NE(condition, nullptr) << error.message;
        continue;
      }
      ASSERT_EQ(condition, nullptr);
      const std::string expected = ExpectedMessage(Text(element["error"].value()));
      EXPECT_TRUE(error.message.starts_with(expected)) << error.message << "\n" << expected;
      EXPECT_GE(error.column, 1);
    }
  }
  EXPECT_EQ(cases, 22);
}

TEST(GitLabConformance, EveryParseTreeIsGitLabs) {
  const std::filesystem::path path = DataFile("rules_if_cases.json");
  SKIP_WITHOUT_DATA(path);
  dom::parser parser;
  const dom::object data = parser.load(path.string()).get_object().value();
  int cases = 0;
  for (const dom::element element : dom::array(data["parse_trees"].get_array().value())) {
    const std::string text = Text(element["expression"].value());
    SCOPED_TRACE(text);
    ++cases;
    ConditionError error;
    const auto expression = ParseExpression(text, ConditionPlace::kEntryRule, &error);
    ASSERT_TRUE(expression.has_value()) << error.message;
    EXPECT_EQ(expression->Inspect(), Text(element["tree"].value()));
  }
  EXPECT_EQ(cases, 11);
}

TEST(GitLabConformance, EveryTokenListIsGitLabs) {
  const std::filesystem::path path = DataFile("rules_if_cases.json");
  SKIP_WITHOUT_DATA(path);
  dom::parser parser;
  const dom::object data = parser.load(path.string()).get_object().value();
  int cases = 0;
  for (const dom::element element : dom::array(data["token_lists"].get_array().value())) {
    const std::string text = Text(element["expression"].value());
    SCOPED_TRACE(text);
    ++cases;
    LexedText lexed;
    ConditionError error;
    ASSERT_TRUE(Lex(text, ConditionPlace::kEntryRule, &lexed, &error)) << error.message;
    std::vector<std::string> tokens;
    for (const Token& token : lexed.tokens) {
      tokens.push_back(text.substr(token.begin, token.end - token.begin));
    }
    std::vector<std::string> expected;
    for (const dom::element token : dom::array(element["tokens"].get_array().value())) {
      expected.push_back(Text(token));
    }
    EXPECT_EQ(tokens, expected);
  }
  EXPECT_EQ(cases, 10);
}

TEST(GitLabConformance, EveryConditionOfRealProjectsParses) {
  const std::filesystem::path path = DataFile("rules_if_corpus.json");
  SKIP_WITHOUT_DATA(path);
  dom::parser parser;
  const dom::object data = parser.load(path.string()).get_object().value();
  ConditionTables tables;
  int cases = 0;
  for (const dom::element element : dom::array(data["expressions"].get_array().value())) {
    const std::string text = Text(element["expression"].value());
    SCOPED_TRACE(text);
    ++cases;
    ConditionError error;
    const auto condition = Condition::Parse(text, ConditionPlace::kHoistedRule, tables, &error);
    ASSERT_NE(condition, nullptr) << error.message << " in column " << error.column;
    EXPECT_NE(condition->Evaluate(EvaluationContext()), Verdict::kFailed);
  }
  EXPECT_EQ(cases, 233);
}

}  // namespace
}  // namespace cievents::matcher
