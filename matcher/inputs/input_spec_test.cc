#include "matcher/inputs/input_spec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cievents::matcher {
namespace {

// Checks `value_json` against one input `x` that is declared as `spec_json`: the value as JSON, or
// the messages.
std::string Check(std::string_view spec_json, std::string_view value_json,
                  ValueOrigin origin = ValueOrigin::kProvided) {
  const auto specs = ParseInputSpecs("{\"x\":" + std::string(spec_json) + "}");
  if (!specs.ok()) return std::string(specs.status().message());
  const auto node = ParseJson(value_json);
  if (!node.ok()) return "bad test";
  InputValue value = InputValue::Of(*node);
  std::vector<std::string> errors;
  if (!specs->front().Check(origin, &value, &errors)) return JoinInputErrors(errors);
  std::string json;
  value.AppendJson(&json);
  return json;
}

TEST(InputSpecTest, ValuesAreCoercedToTheDeclaredType) {
  const struct {
    std::string_view spec;
    std::string_view value;
    std::string_view result;
  } kCases[] = {
      {"null", R"("a")", R"("a")"},
      {"{}", "1.50", R"("1.50")"},
      {R"({"type":"string"})", "true", R"("true")"},
      {R"({"type":"string"})", R"(["a",1])", R"("[\"a\",1]")"},
      {R"({"type":"string"})", "null", R"("")"},
      {R"({"type":"number"})", "1.50", "1.50"},
      {R"({"type":"number"})", R"("2")", "2"},
      {R"({"type":"number"})", R"(" -1e3 ")", "-1e3"},
      {R"({"type":"number"})", R"("12345678901234567890123")", "12345678901234567890123"},
      {R"({"type":"boolean"})", "false", "false"},
      {R"({"type":"boolean"})", R"("true")", "true"},
      {R"({"type":"array"})", R"([1,{"a":2}])", R"([1,{"a":2}])"},
      {R"({"type":"array"})", R"("[1, \"b\"]")", R"([1,"b"])"},
      {R"({"type":"array"})", "[]", "[]"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(Check(test.spec, test.value), test.result) << test.spec << " " << test.value;
  }
}

TEST(InputSpecTest, ValuesOfAnotherTypeAreRefused) {
  for (const std::string_view value : {R"("")", R"("01")", R"("1 2")", R"("0x10")", R"("null")",
                                       R"("\"1\"")", "true", "[1]", "{}", "null"}) {
    EXPECT_EQ(Check(R"({"type":"number"})", value), "`x` input: provided value is not a number")
        << value;
  }
  for (const std::string_view value : {R"("True")", R"("yes")", "1", "0", "null", R"("")"}) {
    EXPECT_EQ(Check(R"({"type":"boolean"})", value), "`x` input: provided value is not a boolean")
        << value;
  }
  for (const std::string_view value : {R"("a,b")", R"("{}")", "{}", "1", "null"}) {
    EXPECT_EQ(Check(R"({"type":"array"})", value), "`x` input: provided value is not an array")
        << value;
  }
  EXPECT_EQ(Check(R"({"type":"array"})", "1", ValueOrigin::kDefault),
            "`x` input: default value is not an array");
}

TEST(InputSpecTest, HostileTextForAnArrayIsRefusedForItsType) {
  EXPECT_EQ(Check(R"({"type":"array"})", "\"" + std::string(100'000, '[') + "\""),
            "`x` input: provided value is not an array");
}

TEST(InputSpecTest, OptionsOfAStringAreComparedByText) {
  const std::string_view spec = R"({"options":["a",1,true,"é"]})";
  for (const std::string_view value : {R"("a")", "1", R"("1")", "true", R"("true")", R"("é")"}) {
    EXPECT_EQ(Check(spec, value).find("cannot be used"), std::string::npos) << value;
  }
  for (const std::string_view value : {R"("A")", R"("")", "1.0", "false", R"("a ")"}) {
    EXPECT_NE(Check(spec, value).find("because it is not in the list of allowed options"),
              std::string::npos)
        << value;
  }
  EXPECT_EQ(Check(R"({"options":[]})", R"("a")"),
            "`x` input: `a` cannot be used because it is not in the list of allowed options");
  EXPECT_EQ(Check(R"({"options":null})", R"("a")"), R"("a")");
}

TEST(InputSpecTest, OptionsOfANumberAreComparedByValue) {
  const std::string_view spec =
      R"({"type":"number","options":[1,2.5,"3",10000000000000000000001]})";
  for (const std::string_view value : {"1", "1.0", R"("1")", "25e-1", "10000000000000000000001"}) {
    EXPECT_EQ(Check(spec, value).find("cannot be used"), std::string::npos) << value;
  }
  EXPECT_EQ(Check(spec, "3"),
            "`x` input: `3` cannot be used because it is not in the list of the allowed options");
  EXPECT_NE(Check(spec, "10000000000000000000002").find("cannot be used"), std::string::npos);
  EXPECT_EQ(Check(spec, R"("abc")"),
            "`x` input: provided value is not a number, `x` input: `abc` cannot be used because it "
            "is not in the list of the allowed options");
}

TEST(InputSpecTest, RegexesAreFoundAnywhereInTheText) {
  EXPECT_EQ(Check(R"({"regex":"b+"})", R"("abbc")"), R"("abbc")");
  EXPECT_EQ(Check(R"({"regex":""})", R"("")"), R"("")");
  EXPECT_EQ(Check(R"({"regex":"^b"})", R"("ab")"),
            "`x` input: provided value does not match required RegEx pattern");
  EXPECT_EQ(Check(R"({"regex":"^a$"})", R"("a\nb")"),
            "`x` input: provided value does not match required RegEx pattern");
  EXPECT_EQ(Check(R"({"regex":"^a"})", R"("b")", ValueOrigin::kDefault),
            "`x` input: default value does not match required RegEx pattern");
  EXPECT_EQ(Check(R"j({"regex":"(?=a)"})j", R"("a")"), "`x` input: invalid regular expression");
  EXPECT_EQ(Check(R"j({"regex":"(x{100}){100}"})j", R"("a")"),
            "`x` input: invalid regular expression");
  EXPECT_EQ(Check(R"({"regex":null})", R"("a")"), R"("a")");
}

TEST(InputSpecTest, DeclarationsThatAreWrong) {
  EXPECT_EQ(Check(R"({"type":"foo"})", "1"),
            "unknown input specification for `x` (valid types: array, boolean, number, string)");
  EXPECT_EQ(Check(R"({"type":1})", "1"),
            "unknown input specification for `x` (valid types: array, boolean, number, string)");
  EXPECT_EQ(Check(R"("text")", "1"),
            "unknown input specification for `x` (valid types: array, boolean, number, string)");
  EXPECT_EQ(Check(R"({"defualt":1})", "1"),
            "header:spec:inputs:x config contains unknown keys: defualt");
  EXPECT_EQ(Check(R"({"options":"a"})", "1"),
            "header:spec:inputs:x input options should be a array");
  EXPECT_EQ(Check(R"({"regex":1})", "1"), "header:spec:inputs:x input regex should be a string");
  EXPECT_EQ(
      Check(R"({"rules":[{"options":["a"]}],"default":"a"})", "1"),
      "header:spec:inputs:x config please use only one of the following keys: rules, default");
  EXPECT_EQ(Check(R"({"rules":{}})", "1"), "header:spec:inputs:x rules config should be a array");
  EXPECT_EQ(Check(R"({"rules":["a"]})", "1"), "`x` input: should be a hash");
  EXPECT_EQ(Check(R"({"rules":[{"if":1}]})", "1"), "`x` input: if should be a string");
  EXPECT_EQ(Check(R"({"rules":[{"options":"a"}]})", "1"), "`x` input: options should be a array");
  EXPECT_EQ(Check(R"({"rules":[{"optoins":[]}]})", "1"),
            "`x` input: contains unknown keys: optoins");
  EXPECT_EQ(Check(R"({"description":["a"]})", "1"),
            "header:spec:inputs:x input description must be an alphanumeric string");
  EXPECT_EQ(std::string(ParseInputSpecs("[]").status().message()),
            "`spec: inputs` is not a map of inputs");
  EXPECT_EQ(std::string(ParseInputSpecs(R"({"a":null,"a":null})").status().message()),
            "`a` input: declared twice");
  EXPECT_FALSE(ParseInputSpecs("{").ok());
}

TEST(InputSpecTest, WhatNoValueCanMendIsFoundWithoutOne) {
  const auto problems = [](std::string_view json) {
    std::vector<std::string> found;
    for (const InputSpecProblem& problem : CheckInputSpecs(json)) {
      found.push_back(problem.input + "." + problem.attribute + ": " + problem.message);
    }
    return found;
  };
  using Found = std::vector<std::string>;
  EXPECT_EQ(problems("{}"), Found());
  EXPECT_EQ(problems(R"({"a":null,"b":{"default":null,"type":"number"},"c":{"regex":"a"}})"),
            Found());
  EXPECT_EQ(
      problems(R"({"n":{"type":"number","default":"x"},"b":{"type":"boolean","options":[1]}})"),
      Found({"n.default: `n` input: default value is not a number",
             "b.options: `b` input: Options can only be used with string and number inputs"}));
  EXPECT_EQ(problems(R"({"n":{"type":"number","regex":"1","default":1}})"),
            Found({"n.regex: `n` input: RegEx validation can only be used with string inputs"}));
  EXPECT_EQ(problems(R"j({"s":{"regex":"("}})j"),
            Found({"s.regex: `s` input: invalid regular expression"}));
  EXPECT_EQ(problems(R"({"s":{"options":["a"],"default":"b"}})"),
            Found({"s.default: `s` input: `b` cannot be used because it is not in the list of "
                   "allowed options"}));
  // A declaration that cannot be read is not checked further.
  EXPECT_EQ(problems(R"({"x":{"type":"foo","default":[]},"y":{"defualt":1,"regex":1}})"),
            Found({"x.type: unknown input specification for `x` (valid types: array, boolean, "
                   "number, string)",
                   "y.defualt: header:spec:inputs:y config contains unknown keys: defualt",
                   "y.regex: header:spec:inputs:y input regex should be a string"}));
  EXPECT_EQ(problems("[]"), Found({".: `spec: inputs` is not a map of inputs"}));
}

TEST(InputSpecTest, LimitsHoldAtAndOnePast) {
  const auto options = [](int count) {
    std::string json = R"({"options":["a")";
    for (int i = 1; i < count; ++i) json += ",\"o\"";
    return json + "]}";
  };
  EXPECT_EQ(Check(options(50), R"("a")"), R"("a")");
  EXPECT_EQ(Check(options(51), R"("a")"),
            "header:spec:inputs:x config cannot define more than 50 options");
  const auto regex = [](size_t bytes) { return R"({"regex":")" + std::string(bytes, 'a') + "\"}"; };
  EXPECT_EQ(Check(regex(1000), "\"" + std::string(1000, 'a') + "\"").size(), 1002u);
  EXPECT_EQ(Check(regex(1001), R"("a")"),
            "header:spec:inputs:x input regex has 1001 bytes; at most 1000 are allowed");
}

TEST(InputSpecTest, AtMostThreeMessagesAreJoined) {
  EXPECT_EQ(JoinInputErrors({"a"}), "a");
  EXPECT_EQ(JoinInputErrors({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(JoinInputErrors({"a", "b", "c", "d"}), "a, b, c");
}

TEST(InputSpecTest, RulesLeaveOptionsAndDefaultToGitLab) {
  const auto specs = ParseInputSpecs(
      R"({"x":{"rules":[{"if":"$[[ inputs.y ]] == \"1\"","options":["a"],"default":"a"}]}})");
  ASSERT_TRUE(specs.ok());
  EXPECT_FALSE(specs->front().is_required());
  const auto without_default = ParseInputSpecs(R"({"x":{"rules":[{"options":["a"]}]}})");
  ASSERT_TRUE(without_default.ok());
  EXPECT_TRUE(without_default->front().is_required());
  EXPECT_EQ(Check(R"({"rules":[{"options":["a"]}],"regex":"^b"})", R"("b")"), R"("b")");
  EXPECT_EQ(Check(R"({"rules":[{"options":["a"]}],"type":"number"})", R"("b")"),
            "`x` input: provided value is not a number");
}

}  // namespace
}  // namespace cievents::matcher
