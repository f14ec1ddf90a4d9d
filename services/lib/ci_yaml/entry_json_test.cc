// The JSON form of hoisted rules: what is written is read back equal, and what is not ours is
// refused. (Entries and inputs: parsed_file_json_test.cc.)
#include "services/lib/ci_yaml/entry_json.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/assemble.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::StartsWith;

// Makes hoisted rules that use every field, from a seed.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  matcher::HoistedRules Rules() {
    matcher::HoistedRules rules;
    if (Chance()) rules.workflow = List();
    if (!Chance()) return rules;
    rules.jobs.emplace();
    for (int i = Number(3); i > 0; --i) {
      matcher::HoistedJob& job = rules.jobs->emplace_back();
      job.name = Text();
      for (int list = Number(3); list > 0; --list) job.lists.push_back(List());
    }
    return rules;
  }

 private:
  int Number(int max) { return static_cast<int>(random_() % (max + 1)); }
  bool Chance() { return Number(1) == 1; }

  std::string Text() {
    const char* pieces[] = {"a", "\"", "\\", "\n", "\x01", "é", "$[[ event.x ]]", "/", "🙂"};
    std::string text;
    for (int i = Number(4); i > 0; --i) text += pieces[Number(8)];
    return text;
  }

  matcher::RuleList List() {
    const char* patterns[] = {"package/published", "**", "*", "issue/*", "a.b-c_d/1"};
    const matcher::When whens[] = {matcher::When::kAlways, matcher::When::kOnSuccess,
                                   matcher::When::kNever};
    matcher::RuleList list;
    for (int i = Number(3); i > 0; --i) {
      matcher::RuleClause& clause = list.emplace_back();
      if (Chance()) clause.if_text = Text();
      for (int pattern = Number(2); pattern > 0; --pattern) {
        clause.events.push_back(*matcher::Pattern::Parse(patterns[Number(4)]));
      }
      clause.when = whens[Number(2)];
      clause.has_undecidable_part = Chance();
    }
    return list;
  }

  std::mt19937 random_;
};

TEST(HoistedRulesJsonTest, WhatIsWrittenIsReadBackEqual) {
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    const matcher::HoistedRules rules = Generator(seed).Rules();
    const std::string json = HoistedRulesToJson(rules);
    const auto read = HoistedRulesFromJson(json);
    ASSERT_TRUE(read.ok()) << read.status().ToString() << "\n" << json;
    EXPECT_EQ(*read, rules) << json;
    EXPECT_EQ(HoistedRulesToJson(*read), json);
  }
}

TEST(HoistedRulesJsonTest, NoRulesAreAnEmptyObject) {
  EXPECT_EQ(HoistedRulesToJson({}), "{}");
  EXPECT_TRUE(HoistedRulesFromJson("{}")->empty());
}

TEST(HoistedRulesJsonTest, RulesReadClearlyInSql) {
  matcher::HoistedRules rules;
  rules.workflow.emplace();
  rules.workflow->push_back({.if_text = "$[[ event.bot ]]",
                             .if_position = {3, 9},
                             .events = {},
                             .when = matcher::When::kNever});
  rules.jobs.emplace();
  matcher::RuleClause undecided;
  undecided.events.push_back(*matcher::Pattern::Parse("package/*"));
  undecided.has_undecidable_part = true;
  rules.jobs->push_back({.name = "test", .lists = {{undecided}, {}}});
  EXPECT_EQ(HoistedRulesToJson(rules),
            R"({"jobs":[{"lists":[[{"events":["package/*"],"has_undecidable_part":true,)"
            R"("when":"on_success"}],[]],"name":"test"}],)"
            R"("workflow":[{"events":[],"if":"$[[ event.bot ]]","when":"never"}]})");
}

TEST(HoistedRulesJsonTest, KeysThatADatabaseMovedAndSpacedAreReadTheSame) {
  const auto rules = HoistedRulesFromJson(
      R"( { "workflow" : [ {"when": "never", "if": "$A", "events": ["a/b"]} ] , "jobs" : [ ] } )");
  ASSERT_TRUE(rules.ok()) << rules.status().ToString();
  EXPECT_EQ(HoistedRulesToJson(*rules),
            R"({"jobs":[],"workflow":[{"events":["a/b"],"if":"$A","when":"never"}]})");
}

TEST(HoistedRulesJsonTest, WhatCannotBeReadIsDataLoss) {
  const char* bad[] = {
      "",
      "[]",
      "null",
      "{",
      "{} x",
      R"({"surplus":0})",
      R"({"workflow":{}})",
      R"({"workflow":null})",
      R"({"workflow":[{"when":"manual"}]})",
      R"({"workflow":[{"if":7}]})",
      R"({"workflow":[{"surplus":""}]})",
      R"({"workflow":[{"events":["Package/*"]}]})",
      R"({"workflow":[{"has_undecidable_part":"yes"}]})",
      R"({"jobs":{}})",
      R"({"jobs":["test"]})",
      R"({"jobs":[{}]})",
      R"({"jobs":[{"name":"test"}]})",
      R"({"jobs":[{"lists":[{}],"name":"test"}]})",
      R"({"jobs":[{"lists":[],"name":"test","when":"never"}]})",
  };
  for (const char* json : bad) {
    const auto read = HoistedRulesFromJson(json);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << json;
    EXPECT_THAT(std::string(read.status().message()),
                StartsWith("the hoisted rules cannot be read: "));
  }
}

// No part of a text is taken for the whole, wherever it is cut.
TEST(HoistedRulesJsonTest, APartIsDataLoss) {
  const std::string json =
      R"({"jobs":[{"lists":[[{"events":["a/b"],"if":"$A","when":"never"}]],"name":"x"}]})";
  ASSERT_TRUE(HoistedRulesFromJson(json).ok());
  for (size_t length = 0; length < json.size(); ++length) {
    const auto read = HoistedRulesFromJson(json.substr(0, length));
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << json.substr(0, length);
  }
}

TEST(WorkflowIdTest, ChangesWithTheHoistedRules) {
  const std::string none = WorkflowId({}, {}, "{}");
  matcher::HoistedRules rules;
  rules.workflow.emplace();
  const std::string nothing_runs = WorkflowId({}, rules, "{}");
  EXPECT_NE(nothing_runs, none);
  rules.workflow->push_back({.if_text = "$[[ event.bot ]]", .if_position = {}, .events = {}});
  const std::string bots = WorkflowId({}, rules, "{}");
  EXPECT_NE(bots, nothing_runs);
  rules.workflow->at(0).if_position = {7, 9};
  EXPECT_EQ(WorkflowId({}, rules, "{}"), bots) << "positions are no part of what a workflow is";
  rules.workflow->at(0).has_undecidable_part = true;
  EXPECT_NE(WorkflowId({}, rules, "{}"), bots);
}

}  // namespace
}  // namespace cievents::ci_yaml
