#include "services/lib/ci_yaml/body.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <variant>

#include "gtest/gtest.h"

namespace cievents::ci_yaml {
namespace {

Body Read(std::string_view text) {
  const auto parsed = yaml::Parse(text);
  const auto* root = std::get_if<yaml::NodePtr>(&parsed);
  EXPECT_NE(root, nullptr) << text;
  return root == nullptr ? Body() : ReadBody(**root);
}

// A short spelling of a value: text, [a, b], {k: v}, !ref [a], null.
std::string Spell(const BodyValue& value) {
  std::string text;
  switch (value.kind) {
    case BodyValue::Kind::kNull:
      return "null";
    case BodyValue::Kind::kText:
      return value.text;
    case BodyValue::Kind::kMap:
      for (const auto& [key, item] : value.map) {
        text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", key, Spell(item));
      }
      return "{" + text + "}";
    case BodyValue::Kind::kList:
    case BodyValue::Kind::kReference:
      break;
  }
  for (const BodyValue& item : value.items) text += (text.empty() ? "" : ", ") + Spell(item);
  return fmt::format("{}[{}]", value.kind == BodyValue::Kind::kList ? "" : "!ref ", text);
}

std::string SpellBody(std::string_view text) { return Spell(Read(text).root); }

TEST(BodyTest, KeepsWorkflowRulesAndOfJobsWhatTheirRulesHangOn) {
  EXPECT_EQ(SpellBody(R"(
stages: [build]
default: {image: alpine}
variables: {A: b}
workflow:
  name: x
  rules:
    - if: $A == "b"
      when: never
build:
  script: [make]
  extends: .base
  rules: [{events: [package/published]}]
  on: issue/created
  only: [main]
  except: [tags]
  when: manual
  needs: []
.base:
  script: [make]
  before_script: [x]
  after_script: [x]
  variables: {A: 1}
  rules: []
.list: [a, 2, true]
pages: {script: x}
)"),
            "{workflow: {rules: [{if: $A == \"b\", when: never}]}, "
            "build: {extends: .base, rules: [{events: [package/published]}], on: issue/created, "
            "only: [main], except: [tags], when: manual}, "
            ".base: {variables: {A: 1}, rules: []}, .list: [a, 2, true], pages: {}}");
}

TEST(BodyTest, ResolvesAnchorsAndMergeKeysAndKeepsReferences) {
  EXPECT_EQ(SpellBody(R"(
.a: &a
  rules: &rules
    - if: $X
.b:
  <<: *a
  when: always
job:
  <<: *a
  script: x
other:
  rules:
    - !reference [.a, rules]
    - *rules
)"),
            "{.a: {rules: [{if: $X}]}, .b: {when: always, rules: [{if: $X}]}, "
            "job: {rules: [{if: $X}]}, "
            "other: {rules: [!ref [.a, rules], [{if: $X}]]}}");
}

TEST(BodyTest, ReadsTheKeyOnInBothReadings) {
  EXPECT_EQ(SpellBody("a: {on: x/y}\nb: {true: x/y}\n.c: {true: x/y}\n"),
            "{a: {on: x/y}, b: {on: x/y}, .c: {on: x/y}}");
  EXPECT_EQ(SpellBody("a: {on: x/y, true: x/z}\n"), "{a: {on: !ref []}}");
}

TEST(BodyTest, WhatGitLabWouldRefuseOrWhatIsWrittenLaterIsKeptAsUnresolvable) {
  EXPECT_EQ(SpellBody("a: {rules: !other [x]}\nb: !x {rules: []}\nc: {rules: !reference x}\n"),
            "{a: {rules: !ref []}, b: !ref [], c: {rules: !ref []}}");
  EXPECT_EQ(SpellBody("a: [1, 2]\nb: text\nspec: {script: x}\n"), "{a: null, b: null, spec: {}}");
  EXPECT_EQ(SpellBody("\"$[[ inputs.a ]]\": {script: x, \"$[[ inputs.b ]]\": 1}\n"),
            "{$[[ inputs.a ]]: {$[[ inputs.b ]]: 1}}");
}

TEST(BodyTest, ABodyThatIsNoMapHasNoItems) {
  for (const std::string_view text : {"", "[a, b]", "text", "~"}) {
    const Body body = Read(text);
    EXPECT_TRUE(body.root.map.empty()) << text;
    EXPECT_EQ(body.root.kind, BodyValue::Kind::kMap) << text;
    EXPECT_TRUE(body.is_complete) << text;
  }
}

TEST(BodyTest, PositionsAreThoseOfKeysAtTheTopAndOfValuesBelow) {
  const Body body = Read("# x\njob:\n  rules:\n    - if: $A\n");
  const BodyValue* job = body.root.Find("job");
  ASSERT_NE(job, nullptr);
  EXPECT_EQ(job->position, (matcher::Position{2, 1}));
  EXPECT_EQ(job->Find("rules")->items[0].Find("if")->position, (matcher::Position{4, 11}));
  EXPECT_EQ(body.root.Find("other"), nullptr);
}

std::string JobOf(size_t bytes) {
  return fmt::format("job: {{rules: [{{if: '{}'}}]}}\n", std::string(bytes, 'x'));
}

TEST(BodyTest, OverTheLimitOnlyWorkflowIsKept) {
  const std::string workflow = "workflow: {rules: [{if: $A}]}\n";
  const auto read = [&](size_t bytes) { return Read(workflow + JobOf(bytes)); };
  const size_t overhead = BodyToJson(read(1000)).size() - 1000;
  const Body fits = read(kBodyBytesMax - overhead);
  EXPECT_TRUE(fits.is_complete);
  EXPECT_NE(fits.root.Find("job"), nullptr);
  EXPECT_EQ(BodyToJson(fits).size(), kBodyBytesMax);
  const Body too_large = read(kBodyBytesMax - overhead + 1);
  EXPECT_FALSE(too_large.is_complete);
  EXPECT_EQ(Spell(too_large.root), "{workflow: {rules: [{if: $A}]}}");
}

TEST(BodyTest, AWorkflowThatIsTooLargeItselfIsUnresolvable) {
  const Body body =
      Read(fmt::format("workflow: {{rules: [{{if: '{}'}}]}}\n", std::string(kBodyBytesMax, 'x')));
  EXPECT_FALSE(body.is_complete);
  EXPECT_EQ(Spell(body.root), "{workflow: !ref []}");
}

TEST(BodyTest, InABodyThatIsTooLargeAnInterpolatedNameMayBeTheWorkflow) {
  const Body body =
      Read("workflow: {rules: []}\n\"$[[ inputs.a ]]\": {script: x}\n" + JobOf(kBodyBytesMax));
  EXPECT_EQ(Spell(body.root), "{workflow: !ref []}");
}

TEST(BodyTest, TheJsonFormGivesTheSameBodyBack) {
  for (const Body& body :
       {Read(""),
        Read("workflow: ~\na: {rules: [!reference [.b, rules], {if: \"\\\"\\u00e9\\n\"}, "
             "[[]], {}]}\n.b: {x: ~, '': y}\n"),
        Read(JobOf(kBodyBytesMax))}) {
    const std::string json = BodyToJson(body);
    const auto read = BodyFromJson(json);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, body) << json;
    EXPECT_EQ(BodyToJson(*read), json);
  }
}

TEST(BodyTest, TheJsonFormIsCheckedWhenItIsRead) {
  std::string deep = R"(["n",1,1])";
  for (int i = 0; i < 200; ++i) deep = R"(["l",1,1,)" + deep + "]";
  for (const std::string& json : std::vector<std::string>{
           "",
           "[]",
           "{}",
           R"({"root":["m",1,1]} x)",
           R"({"root":["l",1,1]})",
           R"({"root":["q",1,1]})",
           R"({"root":["m",1]})",
           R"({"root":["m",-1,1]})",
           R"({"root":["m",1,99999999999]})",
           R"({"root":["m",1,1,"key"]})",
           R"({"root":["m",1,1,5,["n",1,1]]})",
           R"({"root":["m",1,1,"key",["t",1,1]]})",
           R"({"root":["m",1,1,"key",["t",1,1,"a","b"]]})",
           R"({"root":["m",1,1,"key",["n",1,1,"a"]]})",
           R"({"root":["m",1,1],"other":1})",
           R"({"root":["m",1,1,"key",)" + deep + "]}",
       }) {
    const auto read = BodyFromJson(json);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << json.substr(0, 100);
  }
}

}  // namespace
}  // namespace cievents::ci_yaml
