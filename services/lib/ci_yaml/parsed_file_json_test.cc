// The JSON forms: what is written is read back equal, and what is not ours is refused.
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/assemble.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::HasSubstr;

// Makes values that use every field, from a seed.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  ParsedFile File() {
    ParsedFile file;
    file.entries = Entries();
    file.has_spec_events = Chance();
    file.spec_inputs_json = Chance() ? "{}" : R"({"a":{"default":1.50},"b":null})";
    for (int i = Number(3); i > 0; --i) {
      file.includes.push_back({Text(), Chance(), Inputs(), IncludeRules(), Place()});
    }
    file.has_unread_includes = Chance();
    if (Chance()) {
      const auto root = yaml::Parse("a: {rules: [{if: $X}, !reference [.b, rules]]}\n");
      file.body = ReadBody(*std::get<yaml::NodePtr>(root));
    }
    for (int i = Number(3); i > 0; --i) {
      const Severity severities[] = {Severity::kInfo, Severity::kWarning, Severity::kError};
      file.issues.push_back(
          {severities[Number(2)], Text(), Text(), Number(9), Number(9), Text(), Text()});
    }
    return file;
  }

  std::vector<matcher::Entry> Entries() {
    std::vector<matcher::Entry> entries;
    for (int i = Number(4); i > 0; --i) entries.push_back(Entry());
    return entries;
  }

 private:
  int Number(int max) { return static_cast<int>(random_() % (max + 1)); }
  bool Chance() { return Number(1) == 1; }

  std::string Text() {
    const std::string pieces[] = {"a", "\"",  "\\", "\n", "\x01", "é", "$[[ event.x ]]",
                                  "/", "🙂"};
    std::string text;
    for (int i = Number(4); i > 0; --i) text += pieces[Number(8)];
    return text;
  }

  matcher::Position Place() { return {Number(1000), Number(100)}; }

  std::vector<matcher::Pattern> Patterns(int min) {
    const char* texts[] = {"package/published", "**", "*", "issue/*", "a.b-c_d/1"};
    std::vector<matcher::Pattern> patterns;
    for (int i = min + Number(2); i > 0; --i) {
      patterns.push_back(*matcher::Pattern::Parse(texts[Number(4)]));
    }
    return patterns;
  }

  std::optional<std::vector<IncludeRule>> IncludeRules() {
    if (Chance()) return std::nullopt;
    std::vector<IncludeRule> rules;
    for (int i = Number(3); i > 0; --i) {
      IncludeRule rule;
      if (Chance()) rule.if_text = Text();
      for (int j = Number(2); j > 0; --j) rule.exists.push_back(Text());
      rule.has_undecidable_part = Chance();
      rule.never = Chance();
      rules.push_back(std::move(rule));
    }
    return rules;
  }

  std::vector<matcher::InputBinding> Inputs() {
    const char* values[] = {"1",
                            "1.50",
                            "-2e3",
                            "true",
                            "null",
                            "\"\"",
                            "[]",
                            "{}",
                            "18446744073709551615",
                            R"({"a":[1,{"b":"c\n"}],"z":0.10})"};
    std::vector<matcher::InputBinding> inputs;
    for (int i = Number(3); i > 0; --i) inputs.push_back({Text(), values[Number(9)], Place()});
    return inputs;
  }

  matcher::Entry Entry() {
    using matcher::ScopeKind;
    using matcher::When;
    matcher::Entry entry;
    entry.patterns = Patterns(1);
    entry.position = Place();
    entry.confidential = Chance();
    entry.inputs = Inputs();
    const matcher::Scope scopes[] = {{ScopeKind::kProject, 0},
                                     {ScopeKind::kGroup, 0},
                                     {ScopeKind::kInstance, 0},
                                     {ScopeKind::kOtherProject, INT64_MAX}};
    entry.scope = scopes[Number(3)];
    if (Chance()) entry.options_json = R"({"debounce":{"edge":"last","time_ms":30000}})";
    if (Chance()) {
      entry.rules.emplace();
      const When whens[] = {When::kAlways, When::kOnSuccess, When::kNever};
      for (int i = Number(3); i > 0; --i) {
        matcher::RuleClause clause{
            .if_text = {}, .if_position = {}, .events = Patterns(0), .when = whens[Number(2)]};
        if (Chance()) clause.if_text = Text();
        if (clause.if_text.has_value()) clause.if_position = Place();
        entry.rules->push_back(std::move(clause));
      }
    }
    return entry;
  }

  std::mt19937 random_;
};

TEST(ParsedFileJsonTest, WhatIsWrittenIsReadBackEqual) {
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    const ParsedFile file = Generator(seed).File();
    const std::string json = ParsedFileToJson(file);
    const auto read = ParsedFileFromJson(json);
    ASSERT_TRUE(read.ok()) << read.status().ToString() << "\n" << json;
    EXPECT_EQ(read->entries, file.entries) << json;
    EXPECT_EQ(read->has_spec_events, file.has_spec_events);
    EXPECT_EQ(read->spec_inputs_json, file.spec_inputs_json);
    EXPECT_EQ(read->includes, file.includes) << json;
    EXPECT_EQ(read->has_unread_includes, file.has_unread_includes);
    EXPECT_EQ(read->body, file.body) << json;
    EXPECT_EQ(ParsedFileToJson(*read), json);

    const auto entries = EntriesFromJson(EntriesToJson(file.entries));
    ASSERT_TRUE(entries.ok()) << entries.status().ToString();
    EXPECT_EQ(*entries, file.entries);
    if (file.includes.empty()) continue;
    const auto inputs = InputsFromJson(InputsToJson(file.includes[0].inputs));
    ASSERT_TRUE(inputs.ok()) << inputs.status().ToString();
    std::vector<matcher::InputBinding> without_positions = file.includes[0].inputs;
    for (matcher::InputBinding& input : without_positions) input.position = {};
    EXPECT_EQ(*inputs, without_positions);
  }
}

TEST(ParsedFileJsonTest, EntriesReadClearlyInSql) {
  matcher::Entry entry;
  entry.patterns.push_back(*matcher::Pattern::Parse("package/*"));
  entry.rules.emplace();
  entry.rules->push_back({.if_text = "$[[ event.name ]]", .if_position = {3, 9}, .events = {}});
  entry.inputs.push_back({"iid", "\"$[[ event.payload.iid ]]\"", {4, 5}});
  entry.position = {2, 7};
  EXPECT_EQ(EntriesToJson({entry}),
            R"([{"column":7,"confidential":false,)"
            R"("inputs":[{"column":5,"line":4,"name":"iid","value":"$[[ event.payload.iid ]]"}],)"
            R"("line":2,"options":{},"patterns":["package/*"],)"
            R"("rules":[{"column":9,"events":[],"if":"$[[ event.name ]]","line":3,)"
            R"("when":"on_success"}],"scope":"project"}])");
}

TEST(ParsedFileJsonTest, KeysThatADatabaseMovedAndSpacedAreReadTheSame) {
  const auto entries = EntriesFromJson(
      R"([ {"line": 2, "scope": {"project": 7}, "inputs": [{"name": "a", "value": {"z": 1.50 , "b": [ ]}}],
          "options": {"on_loop": "allow", "emits": []}, "patterns": ["a/b"], "column": 7} ])");
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  EXPECT_EQ(entries->at(0).inputs.at(0).value_json, R"({"b":[],"z":1.50})");
  EXPECT_EQ(entries->at(0).options_json, R"({"emits":[],"on_loop":"allow"})");
  EXPECT_EQ(entries->at(0).scope.project_id, 7);
}

TEST(ParsedFileJsonTest, WhatCannotBeReadIsDataLoss) {
  const std::string good = ParsedFileToJson(Generator(7).File());
  const std::string bad[] = {
      "",
      "null",
      "[]",
      "{}",
      "{",
      R"({"version":1})",
      R"({"version":3,"surplus":0})",
      R"({"version":3,"body":[]})",
      R"({"version":3,"body":{"root":["x"]}})",
      R"({"version":3,"includes":[{"surplus":0}]})",
      R"({"version":3,"includes":[{"rules":[{"when":"never"}]}]})",
      good + "x",
      good.substr(0, good.size() - 1),
      R"({"version":3,"entries":[{"patterns":["A"]}]})",
      R"({"version":3,"entries":[{"patterns":[]}]})",
      R"({"version":3,"entries":[{"patterns":["a"],"scope":"all"}]})",
      R"({"version":3,"entries":[{"patterns":["a"],"line":-1}]})",
      R"({"version":3,"entries":[{"patterns":["a"],"rules":[{"when":"manual"}]}]})",
      R"({"version":3,"entries":[{"patterns":["a"],"inputs":[{"name":"x"}]}]})",
      R"({"version":3,"spec_inputs":)" + std::string(300, '[') + std::string(300, ']') + "}",
  };
  for (const std::string& json : bad) {
    const auto read = ParsedFileFromJson(json);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << json.substr(0, 100);
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("cannot be read"));
  }
  for (const std::string json : {"", "{}", "[1]", R"([{"patterns":["a"]}] x)"}) {
    EXPECT_EQ(EntriesFromJson(json).status().code(), absl::StatusCode::kDataLoss) << json;
  }
  EXPECT_EQ(InputsFromJson("[]").status().code(), absl::StatusCode::kDataLoss);
}

std::string IdOf(std::string_view content) {
  const ParsedFile file = ParseFile(FileRole::kHeaderOnly, "f.yml", content, *Catalogue::BuiltIn());
  EXPECT_FALSE(HasErrors(file.issues)) << content;
  return WorkflowId(file.entries, {}, file.spec_inputs_json);
}

TEST(WorkflowIdTest, IsTheSameForWhatMeansTheSame) {
  const std::string id = IdOf(
      "spec:\n  events:\n    - name: issue/closed\n      inputs: {a: 1, b: 2}\n"
      "  inputs: {a: , b: , x: {default: 1, type: number}}\n---\n");
  const char* same[] = {
      "# comment\n---\nspec:\n  inputs: {x: {type: number, default: 1}, a: , b: }\n  events:\n"
      "  - inputs: {b: 2, a: 1}   # moved\n    name: events/issue/closed\n---\nbody: {}\n",
      "spec: {events: {name: [issue/closed], scope: project, inputs: {a: 1, b: 2}},"
      " inputs: {a: , b: , x: {default: 1, type: number}}}\n---\n",
  };
  for (const char* content : same) EXPECT_EQ(IdOf(content), id) << content;
}

TEST(WorkflowIdTest, DiffersForWhatMeansAnother) {
  const std::string id = IdOf("spec: {events: {name: issue/closed, inputs: {a: 1}}}\n---\n");
  const char* others[] = {
      "spec: {events: {name: issue/created, inputs: {a: 1}}}\n---\n",
      "spec: {events: {name: issue/closed, inputs: {a: '1'}}}\n---\n",
      "spec: {events: {name: issue/closed, inputs: {a: 1}}, inputs: {a: }}\n---\n",
      "spec: {events: {name: issue/closed, inputs: {a: 1}, confidential: true}}\n---\n",
      "spec: {events: {name: issue/closed, inputs: {a: 1}, debounce: 1s}}\n---\n",
      "spec: {events: {name: issue/closed, inputs: {a: 1}, rules: [{when: never}]}}\n---\n",
      "spec: {events: [issue/closed, issue/closed]}\n---\n",
  };
  for (const char* content : others) EXPECT_NE(IdOf(content), id) << content;
}

// Golden: whoever changes the canonical form changes every stored id, and must raise its version.
TEST(WorkflowIdTest, IsStable) {
  EXPECT_EQ(WorkflowId({}, {}, "{}"),
            "6d26c9a38e81d8e8d0868de4aefe91f697ea4439720991855dab544d0c24ce6a");
  EXPECT_EQ(IdOf("spec: {events: [package/published]}\n---\n"),
            "5a920d143baefb26c7ad356e046b8aebaba2e56746d2a967dac69f3446f2eab6");
}

}  // namespace
}  // namespace cievents::ci_yaml
