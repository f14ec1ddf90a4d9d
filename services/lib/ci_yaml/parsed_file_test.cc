#include "services/lib/ci_yaml/parsed_file.h"

#include <fmt/format.h>

#include <chrono>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kCi = FileRole::kCiFile;
constexpr auto kList = FileRole::kEventList;
constexpr auto kHeader = FileRole::kHeaderOnly;

ParsedFile Read(FileRole role, std::string_view content) {
  return ParseFile(role, "f.yml", content, *Catalogue::BuiltIn());
}

std::string Repeat(std::string_view text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated.append(text);
  return repeated;
}

// The patterns of all entries, those of one entry joined by '+'.
std::string Patterns(const ParsedFile& file) {
  std::string text;
  for (const matcher::Entry& entry : file.entries) {
    if (!text.empty()) text += " ";
    for (size_t i = 0; i < entry.patterns.size(); ++i) {
      text += (i > 0 ? "+" : "") + entry.patterns[i].text();
    }
  }
  return text;
}

// LINE:COLUMN CODE of each issue, infos too.
std::vector<std::string> Issues(const ParsedFile& file) {
  std::vector<std::string> texts;
  for (const Issue& issue : file.issues) {
    EXPECT_EQ(issue.file, "f.yml");
    EXPECT_FALSE(issue.message.empty());
    texts.push_back(fmt::format("{}:{} {}", issue.line, issue.column, issue.code));
  }
  return texts;
}

struct FormCase {
  FileRole role;
  const char* content;
  const char* patterns;
};

TEST(ParsedFileTest, EverySyntaxFormGivesItsEntries) {
  const FormCase cases[] = {
      // Proposal 1.
      {kCi, "workflow:\n  events:\n    - events/package/published\n", "package/published"},
      {kCi, "workflow:\n  on:\n    - events/package/published\n", "package/published"},
      {kCi, "workflow:\n  on: issue/created\n", "issue/created"},
      {kCi, "spec:\n  on:\n    - package/published\n    - package/removed\n---\na: {script: b}\n",
       "package/published package/removed"},
      {kCi, "spec:\n  on:\n    package: [published, removed]\n---\n",
       "package/published package/removed"},
      {kCi, "spec: {on: {package: published, issue: [closed]}}\n---\n",
       "package/published issue/closed"},
      {kCi, "spec:\n  events: [package/published]\n---\nworkflow: {events: [issue/created]}\n",
       "package/published issue/created"},
      // YAML 1.1 reads `on` as true, and tools write it back so.
      {kCi, "workflow:\n  true: [issue/created]\n", "issue/created"},
      {kHeader, "spec:\n  true:\n    package: [published]\n---\n", "package/published"},
      {kHeader, "spec:\n  'on': issue/created\n---\n", "issue/created"},
      // Proposal 3.
      {kHeader, "spec:\n  events:\n    - name: package/published\n---\nany: [thing\n",
       "package/published"},
      // Proposal 4.
      {kList, "events:\n  - package/published\n  - issue/created\n",
       "package/published issue/created"},
      {kList, "events: issue/created", "issue/created"},
      {kList, "", ""},
      // Proposal 5.
      {kHeader,
       "spec:\n  events:\n    - events/package/published\n    - events/audit/package/*\n"
       "  inputs:\n    env:\n---\n",
       "package/published audit/package/*"},
      // Entries.
      {kHeader, "spec: {events: {name: [package/published, issue/closed]}}\n---\n",
       "package/published+issue/closed"},
      {kHeader, "spec: {events: [package: [published, removed], issue/closed]}\n---\n",
       "package/published package/removed issue/closed"},
      {kHeader, "spec: {events: [issues/create]}\n---\n", "issue/created"},
      {kHeader, "x: &x {name: issue/closed}\nspec: {events: [{<<: *x}]}\n---\n", "issue/closed"},
      // The Serverless seed.
      {kHeader,
       "spec:\n  events:\n    new_merge_request_created:\n      cloud_event:\n"
       "        type: knative.gitlab.merge_request.created\n---\n",
       "merge_request/created"},
      {kHeader, "spec: {events: {x: {gitlab: {webhook: new_merge_request_created}}}}\n---\n",
       "merge_request/created"},
      {kHeader,
       "spec: {events: {x: {gitlab: {webhook: new_merge_request_created}, cloud_event: {type: "
       "com.gitlab.merge_requests.created}}}}\n---\n",
       "merge_request/created"},
      // What is no header.
      {kHeader, "spec:\n  events: [issue/closed]\n", ""},
      {kHeader, "job: {script: a}\n---\nspec: {events: [issue/closed]}\n", ""},
      {kHeader, "spec:\n---\n", ""},
      {kCi, "job: {script: a}\n", ""},
      {kCi, "workflow:\n", ""},
      {kCi, "", ""},
  };
  for (const FormCase& c : cases) {
    const ParsedFile file = Read(c.role, c.content);
    EXPECT_EQ(Patterns(file), c.patterns) << c.content;
    const bool has_unknown_key = std::string_view(c.content).starts_with("x: &x");
    EXPECT_EQ(HasErrors(file.issues), has_unknown_key) << c.content;
  }
}

TEST(ParsedFileTest, AnEntryCarriesAllItsKeys) {
  const ParsedFile file = Read(kHeader, R"(# licence
---
spec:
  events:
    - name: merge_request/*
      rules:
        - if: $[[ event.payload.object_attributes.target_branch ]] == "main"
          events: merge_request/merged
          when: always
        - when: never
      inputs: {iid: "$[[ event.payload.iid ]]", a: 1.50}
      scope: {project: 42}
      confidential: true
      on_loop: ignore-caused
      debounce: {time: 5m, edge: first}
      emits: [package/published, events/custom/x]
      on_ambiguous: retry
  inputs: {iid: {default: b, type: string, regex: b}, a: {default: 1, type: number}}
---
)");
  EXPECT_THAT(Issues(file), ElementsAre("5:7 option-without-effect"));
  ASSERT_EQ(file.entries.size(), 1u);
  const matcher::Entry& entry = file.entries[0];
  EXPECT_EQ(entry.position, (matcher::Position{5, 7}));
  EXPECT_EQ(entry.scope, (matcher::Scope{matcher::ScopeKind::kOtherProject, 42}));
  EXPECT_TRUE(entry.confidential);
  ASSERT_TRUE(entry.rules.has_value());
  ASSERT_EQ(entry.rules->size(), 2u);
  const matcher::RuleClause& clause = (*entry.rules)[0];
  EXPECT_EQ(clause.if_text, "$[[ event.payload.object_attributes.target_branch ]] == \"main\"");
  EXPECT_EQ(clause.if_position, (matcher::Position{7, 15}));
  ASSERT_EQ(clause.events.size(), 1u);
  EXPECT_EQ(clause.events[0].text(), "merge_request/merged");
  EXPECT_EQ(clause.when, matcher::When::kAlways);
  EXPECT_EQ((*entry.rules)[1].when, matcher::When::kNever);
  ASSERT_EQ(entry.inputs.size(), 2u);
  EXPECT_EQ(entry.inputs[0].name, "a");
  EXPECT_EQ(entry.inputs[0].value_json, "1.50");
  EXPECT_EQ(entry.inputs[1].value_json, "\"$[[ event.payload.iid ]]\"");
  EXPECT_EQ(entry.options_json,
            R"({"debounce":{"edge":"first","time_ms":300000},"emits":["custom/x",)"
            R"("package/published"],"on_ambiguous":"retry","on_loop":"ignore-caused"})");
  EXPECT_TRUE(file.has_spec_events);
  EXPECT_EQ(
      file.spec_inputs_json,
      R"({"a":{"default":1,"type":"number"},"iid":{"default":"b","regex":"b","type":"string"}})");
}

TEST(ParsedFileTest, IncludesOfTheCiFileKeepPathInputsAndPlace) {
  const ParsedFile file = Read(kCi, R"(include:
  - /a.yml
  - local: my/b.yaml
    inputs: {z: 1, y: [q]}
  - {local: c.yml, with: {env: test}}
  - [nested.yml]
)");
  EXPECT_THAT(Issues(file), IsEmpty());
  ASSERT_EQ(file.includes.size(), 4u);
  EXPECT_EQ(file.includes[0].path, "a.yml");
  EXPECT_EQ(file.includes[0].position, (matcher::Position{2, 5}));
  EXPECT_EQ(file.includes[1].path, "my/b.yaml");
  EXPECT_EQ(InputsToJson(file.includes[1].inputs), R"({"y":["q"],"z":1})");
  EXPECT_EQ(file.includes[2].inputs.size(), 1u);
  EXPECT_EQ(file.includes[3].path, "nested.yml");
  EXPECT_EQ(Read(kCi, "include: a.yml").includes.size(), 1u);
  EXPECT_EQ(Read(kCi, "include: {local: a.yml}").includes.size(), 1u);
  EXPECT_EQ(Read(kCi, "include:").includes.size(), 0u);
}

struct IssueCase {
  FileRole role;
  const char* content;
  const char* issue;       // all issues, joined by a comma
  const char* suggestion;  // part of the first one's
};

// Puts `value` where entries stand: column 1 of the value is line 2, column 3.
#define EVENTS(value) "spec: {events:\n  " value "}\n---\n"

TEST(ParsedFileTest, EveryIssueHasItsCodeAndPlace) {
  const IssueCase cases[] = {
      {kCi, "a: [\n", "2:1 yaml-syntax", ""},
      {kCi, "spec: {}\n---\n\n- */published\n", "4:3 yaml-syntax", "\"*/published\""},
      {kHeader, "a: 1\na: 2\n---\n", "2:1 yaml-duplicate-key", ""},
      {kHeader, "spec: \"\xFF\"\n---\n", "1:8 yaml-not-utf8", "UTF-8"},
      {kHeader, "# c\nspec:\n  events: [issue/closed]\n", "1:1 header-not-closed", "`---`"},
      {kCi, "spec:\n  events: [issue/closed]\n", "1:1 header-not-closed", "`---`"},
      {kCi, "a: {}\n---\nb: {}\n---\nc: {}\n", "4:1 too-many-documents", "remove"},
      {kList, "events: [issue/closed]\n---\na\n", "1:1 too-many-documents", "remove"},
      {kHeader, "spec: {}\njob: {}\n---\n", "2:1 unknown-key", "`spec`"},
      {kHeader, "spec: {evnets: [issue/closed]}\n---\n", "1:8 unknown-key", "`events`"},
      {kHeader, "spec: [a]\n---\n", "1:7 wrong-type", ""},
      {kHeader, "spec: {inputs: [a]}\n---\n", "1:16 wrong-type", ""},
      {kHeader, "spec: {inputs: {a: {default: 1e999}}}\n---\n", "1:8 bad-value", "quote"},
      {kList, "event: [issue/closed]\n", "1:1 unknown-key", "`events`"},
      {kList, "- issue/closed\n", "1:1 wrong-type", "`events:`"},
      {kList, "events:\n", "1:1 wrong-type", ""},
      {kCi, "- a\n", "1:1 wrong-type", ""},
      {kCi, "workflow: {events: }\n", "1:12 wrong-type", ""},
      {kHeader, EVENTS("[]"), "1:8 empty-events", ""},
      {kHeader, EVENTS("[[issue/closed]]"), "2:4 wrong-type", ""},
      {kHeader, EVENTS("!reference [a, b]"), "2:3 wrong-type", ""},
      {kHeader, EVENTS("{}"), "2:3 wrong-type", ""},
      {kHeader, EVENTS("[Package/published]"), "2:4 bad-pattern", ""},
      {kHeader, EVENTS("[pack*/published]"), "2:4 bad-pattern", ""},
      {kHeader, EVENTS("{name: []}"), "2:10 empty-events", ""},
      {kHeader, EVENTS("{name: ~}"), "2:10 wrong-type", ""},
      {kHeader, EVENTS("{name: {a: b}}"), "2:10 wrong-type", ""},
      {kHeader, EVENTS("{rules: [{when: never}]}"), "2:4 missing-name", "name:"},
      {kHeader, EVENTS("{package: ~}"), "2:13 wrong-type", ""},
      {kHeader, EVENTS("{package: []}"), "2:4 empty-events", ""},
      {kHeader, EVENTS("{package: [{}]}"), "2:14 wrong-type", ""},
      {kHeader, EVENTS("[issue/creatd]"), "2:4 unknown-event", "`issue/created`"},
      {kHeader, EVENTS("[isue/*]"), "2:4 unknown-event", "`issue/*`"},
      {kHeader, EVENTS("[custom/order/shipped]"), "", ""},
      {kHeader, EVENTS("[package]"), "2:4 subject-only", "`package/**`"},
      {kHeader, EVENTS("['**']"), "2:4 matches-everything", "name the events"},
      {kHeader, EVENTS("['*']"), "2:4 matches-everything", "name the events"},
      {kHeader, EVENTS("[audit/*]"), "2:4 unknown-event", "`audit/**`"},
      {kHeader, EVENTS("{x: {gitlab: {webhook: new_issue_creatd}}}"), "2:26 unknown-event-type",
       "`new_issue_created`"},
      {kHeader, EVENTS("{x: {cloud_event: {type: zzz}}}"), "2:28 unknown-event-type",
       "events list"},
      {kHeader,
       EVENTS("{x: {gitlab: {webhook: new_issue_created}, cloud_event: {type: "
              "com.gitlab.merge_requests.created}}}"),
       "2:7 event-types-differ", ""},
      {kHeader, EVENTS("{x: {gitlub: {webhook: push}}}"), "2:8 unknown-key", "`gitlab`"},
      {kHeader, EVENTS("{x: {gitlab: push}}"), "2:16 wrong-type", ""},
      {kHeader, EVENTS("{x: {gitlab: {hook: push}}}"), "2:17 unknown-key", "`webhook`"},
      {kHeader, EVENTS("{x: {}}"), "2:7 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, inptus: {}}"), "2:24 unknown-key", "`inputs`"},
      {kHeader, EVENTS("{name: issue/closed, rules: []}"), "2:31 empty-rules", ""},
      {kHeader, EVENTS("{name: issue/closed, rules: {if: a}}"), "2:31 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, rules: [a]}"), "2:32 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, rules: !reference [a]}"), "2:31 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, rules: [{changes: [a]}]}"),
       "2:33 unsupported-rule-key", "job"},
      {kHeader, EVENTS("{name: issue/closed, rules: [{exists: [a]}]}"), "2:33 unsupported-rule-key",
       "job"},
      {kHeader, EVENTS("{name: issue/closed, rules: [{variables: {}}]}"),
       "2:33 unsupported-rule-key", "job"},
      {kHeader, EVENTS("{name: issue/closed, rules: [{iff: a}]}"), "2:33 unknown-key", "`if`"},
      {kHeader, EVENTS("{name: issue/closed, rules: [{if: [a]}]}"), "2:37 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, rules: [{if: !$CI_X}]}"), "2:37 wrong-type", "quote"},
      {kHeader, EVENTS("{name: issue/closed, rules: [{when: manual}]}"), "2:39 bad-value", "never"},
      {kHeader, EVENTS("{name: issue/closed, rules: [{when: neverr}]}"), "2:39 bad-value",
       "`never`?"},
      {kHeader, EVENTS("{name: issue/closed, rules: [{if: a}]}"), "2:37 bad-condition", ""},
      {kHeader, EVENTS("{name: issue/closed, rules: [{if: '$[[ event.id ]]'}]}"), "", ""},
      {kHeader, EVENTS("{name: issue/closed, inputs: {a: '$[[ event.name ]]'}}"),
       "2:33 undeclared-inputs", ""},
      {kHeader, EVENTS("{name: issue/closed, inputs: {a: b}}"), "2:33 undeclared-inputs", ""},
      {kHeader, EVENTS("{name: issue/closed, inputs: [a]}"), "2:32 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, inputs: {a: 123456789012345678901234567890}}"),
       "2:36 bad-value", "quote"},
      {kHeader, EVENTS("{name: issue/closed, scope: groups}"), "2:31 bad-value", "`group`?"},
      {kHeader, EVENTS("{name: issue/closed, scope: [group]}"), "2:31 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, scope: {}}"), "2:31 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, scope: {project: a/b}}"), "2:41 bad-value", "42"},
      {kHeader, EVENTS("{name: issue/closed, scope: {projct: 1}}"), "2:32 unknown-key",
       "`project`"},
      {kHeader, EVENTS("{name: issue/closed, confidential: 'true'}"), "2:38 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, on_loop: alow}"), "2:33 bad-value", "`allow`"},
      {kHeader, EVENTS("{name: issue/closed, on_loop: [allow]}"), "2:33 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, on_ambiguous: drop}"), "2:38 bad-value", "`hold`"},
      {kHeader, EVENTS("{name: issue/closed, debounce: 30}"), "2:34 bad-value", "`30s`"},
      {kHeader, EVENTS("{name: issue/closed, debounce: 0s}"), "2:34 bad-value", "`30s`"},
      {kHeader, EVENTS("{name: issue/closed, debounce: 25h}"), "2:34 bad-value", "`30s`"},
      {kHeader, EVENTS("{name: issue/closed, debounce: {edge: last}}"), "2:34 bad-value", "time"},
      {kHeader, EVENTS("{name: issue/closed, debounce: {time: 1s, edge: both}}"), "2:51 bad-value",
       "`first`"},
      {kHeader, EVENTS("{name: issue/closed, debounce: {tmie: 1s}}"),
       "2:34 bad-value,2:35 unknown-key", "time"},
      {kHeader, EVENTS("{name: issue/closed, emits: [a/*]}"), "2:32 bad-pattern", "literal"},
      {kHeader, EVENTS("{name: issue/closed, emits: {}}"), "2:31 wrong-type", ""},
      {kHeader, EVENTS("{name: issue/closed, emits: issue/created}"), "2:3 option-without-effect",
       ""},
      {kCi, ".a: {on: x, rules: [{events: [x]}]}\nvariables: {on: x}\n", "", ""},
      {kCi, "include: [~]\n", "1:11 bad-include", ""},
      {kCi, "include: {local: a.yml, project: b}\n", "1:25 bad-include", "two includes"},
      {kCi, "include: {local: a.yml, with: {}, inputs: {}}\n", "1:35 bad-include", "`inputs`"},
      {kCi, "include: {rules: []}\n", "1:10 bad-include", "`local"},
      {kCi, "include: {local: ''}\n", "1:18 bad-include", ""},
      {kCi, "include: {local: [a]}\n", "1:18 wrong-type", ""},
      {kCi, "include: {lokal: a.yml}\n", "1:11 unknown-key", "`local`"},
      {kCi, "include: {local: a.yml, inputs: [a]}\n", "1:33 wrong-type", ""},
      {kCi, "include: {local: a.yml, rules: [{if: $X}]}\n", "", ""},
      {kCi, "include: {local: !reference [a, b]}\n", "1:18 include-not-followed", ""},
      {kCi, "include: {local: '$[[ event.name ]].yml'}\n", "1:18 include-not-followed", "literal"},
      {kCi, "include: https://x/y.yml\n", "1:10 include-not-followed", "local"},
      {kCi, "include: [{local: 'a/$X.yml'}]\n", "1:19 include-not-followed", ""},
      {kCi, "include: [{project: a, file: b}]\n", "1:12 include-not-followed", ""},
      {kCi, "include: [{component: a}, {template: b}]\n",
       "1:12 include-not-followed,1:28 include-not-followed", ""},
      {kCi, "include: !reference [a]\n", "1:10 include-not-followed", ""},
  };
  for (const IssueCase& c : cases) {
    const ParsedFile file = Read(c.role, c.content);
    std::string issues;
    for (const std::string& issue : Issues(file)) issues += (issues.empty() ? "" : ",") + issue;
    EXPECT_EQ(issues, c.issue) << c.content;
    if (!file.issues.empty()) {
      EXPECT_THAT(file.issues[0].suggestion, HasSubstr(c.suggestion)) << c.content;
    }
  }
}

TEST(ParsedFileTest, ATrailingStarThatMissesDeeperNamesIsAnInfo) {
  const auto catalogue = Catalogue::Parse(
      "- {name: a/b, summary: One.}\n- {name: a/b/c, summary: Two.}\n", "events.yaml");
  ASSERT_EQ(catalogue.index(), 0u);
  const ParsedFile file =
      ParseFile(kList, "f.yml", "events: ['a/*', 'a/**', 'a/b/*']\n", *std::get<0>(catalogue));
  EXPECT_THAT(Issues(file), ElementsAre("1:10 deeper-names"));
  EXPECT_THAT(file.issues.at(0).suggestion, HasSubstr("`a/**`"));
}

TEST(ParsedFileTest, AnEntryWithAnErrorIsLeftOutAndTheOthersStay) {
  const ParsedFile file =
      Read(kHeader,
           "spec:\n  events:\n    - {name: issue/closed, inptus: {}}\n    - issue/created\n---\n");
  EXPECT_EQ(Patterns(file), "issue/created");
}

TEST(ParsedFileTest, OnlyTheHeaderIsReadOfAFileWithAHeader) {
  std::string content = "spec: {events: [issue/closed]}\n---\n";
  content += "\xFF\t{broken\n" + Repeat("[", 100'000);
  content.resize(8 * 1024 * 1024, '{');
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Patterns(Read(kHeader, content)), "issue/closed");
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  // Reading 100 bodies of 8 MiB would take many times as long.
  EXPECT_LT(elapsed.count(), 2.0);
  EXPECT_THAT(Issues(Read(kHeader, content)), IsEmpty());
}

}  // namespace
}  // namespace cievents::ci_yaml
