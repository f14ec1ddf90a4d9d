// GitLab's own cases of spec:inputs and interpolation, from the shared data: directory in
// CIEVENTS_SHARED_DATA, or ../shared/data beside the source tree.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "matcher/base/json_escape.h"
#include "matcher/inputs/block.h"
#include "matcher/inputs/input_plan.h"
#include "matcher/inputs/input_spec.h"
#include "matcher/inputs/interpolation.h"
#include "matcher/inputs/json_text.h"

namespace cievents::matcher {
namespace {

const JsonNode* Find(const JsonNode& object, std::string_view key) {
  for (const JsonMember& member : object.members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string ToJson(const JsonNode& node) {
  std::string json;
  AppendJson(node, &json);
  return json;
}

class InputsConformanceTest : public ::testing::Test {
 protected:
  // Skips where the data is not there.
  void SetUp() override {
    const char* directory = std::getenv("CIEVENTS_SHARED_DATA");
    const std::string path = std::string(directory != nullptr ? directory : "../shared/data") +
                             "/gitlab/spec_inputs_cases.json";
    std::ifstream file(path);
    if (!file) GTEST_SKIP() << "no " << path;
    std::ostringstream text;
    text << file.rdbuf();
    auto cases = ParseJson(text.str());
    ASSERT_TRUE(cases.ok()) << cases.status();
    cases_ = *std::move(cases);
  }

  JsonNode cases_;
};

TEST_F(InputsConformanceTest, EveryInputCaseGivesGitLabsAnswer) {
  const JsonNode* cases = Find(cases_, "input_cases");
  ASSERT_NE(cases, nullptr);
  EXPECT_EQ(cases->items.size(), 22u);
  int compared = 0;
  for (const JsonNode& test : cases->items) {
    const JsonNode* spec = Find(test, "spec_inputs");
    std::vector<InputBinding> arguments;
    for (const JsonMember& argument : Find(test, "args")->members) {
      arguments.push_back({argument.key, ToJson(argument.value), {}});
    }
    EventPathTable paths;
    EventFields event;
    const auto plan =
        InputPlan::Compile({}, arguments, spec == nullptr ? "{}" : ToJson(*spec), paths);
    std::string answer;
    std::string json;
    if (plan.ok()) {
      EXPECT_TRUE((*plan)->Resolve(event, &json, &answer));
    } else {
      answer = std::string(plan.status().message());
    }
    if (spec == nullptr) {
      // Nothing declared: the reader of the file says it, who knows what else may declare inputs
      // (services/lib/ci_yaml/text_checks_test.cc).
      EXPECT_TRUE(plan.ok());
      EXPECT_EQ(Find(test, "error")->text, kInputsNotDeclared);
    } else if (const JsonNode* error = Find(test, "error")) {
      EXPECT_EQ(answer, error->text) << ToJson(test);
    } else {
      EXPECT_EQ(answer, "") << ToJson(test);
      EXPECT_EQ(json, ToJson(*Find(test, "result"))) << ToJson(test);
    }
    ++compared;
  }
  EXPECT_EQ(compared, 22);
}

TEST_F(InputsConformanceTest, EveryInterpolationCaseGivesGitLabsAnswer) {
  const JsonNode* cases = Find(cases_, "interpolation_cases");
  ASSERT_NE(cases, nullptr);
  EXPECT_EQ(cases->items.size(), 13u);
  for (const JsonNode& test : cases->items) {
    std::map<std::string, std::string, std::less<>> variables;
    if (const JsonNode* given = Find(test, "variables")) {
      for (const JsonMember& variable : given->members) {
        variables[variable.key] = variable.value.text;
      }
    }
    std::string json;
    AppendJsonString(Find(test, "block")->text, &json);
    std::string answer;
    std::vector<Block> blocks;
    const auto compiled = Template::Compile(json, "$[[ inputs.input ]]", &blocks);
    if (!compiled.ok()) {
      answer = std::string(compiled.status().message());
    } else {
      std::string unknown;
      std::map<size_t, std::string> scratches;
      const auto lookup = [&](size_t block) {
        const std::string& access = blocks[block].access;
        const std::string name = access.substr(access.find('.') + 1);
        const JsonNode* value = Find(*Find(test, "inputs"), name);
        if (!access.starts_with("inputs.") || value == nullptr) {
          unknown = "unknown input name provided: `" + name + "` in `" + access + "`";
          return Value();
        }
        return ToValue(InputValue::Of(*value), &scratches[block]);
      };
      InputValue value;
      std::string reason;
      switch (compiled->Evaluate(lookup, FunctionContext{&variables}, &value, &reason)) {
        case Template::Outcome::kValue:
          value.AppendJson(&answer);
          break;
        case Template::Outcome::kAbsent:
          answer = unknown;
          break;
        case Template::Outcome::kFailed:
          answer = reason;
          break;
      }
    }
    const JsonNode* error = Find(test, "error");
    EXPECT_EQ(answer, error != nullptr ? error->text : ToJson(*Find(test, "value")))
        << ToJson(test);
  }
}

}  // namespace
}  // namespace cievents::matcher
