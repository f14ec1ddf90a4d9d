// Conditions and inputs over the real binary: what fires, what does not, what ends at once.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/integration/project.h"
#include "tests/support/json.h"

namespace cievents::integration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string FileIf(const std::string& condition, const std::string& more = "") {
  return "spec:\n  events:\n    - name: custom/x\n      rules:\n        - if: '" + condition +
         "'\n" + more + "---\n";
}

Event With(const Project& project, const std::string& data) {
  Event event = project.MakeEvent("custom/x");
  event.set_data(data);
  return event;
}

TEST(ConditionTest, TrueFiresFalseDoesNotAndUndecidedIsLeftToPipelineCreation) {
  Project project;
  project.Set(".gitlab/ci/events/true.yml", FileIf("$[[ event.payload.n ]] == \"1\""))
      .Set(".gitlab/ci/events/false.yml", FileIf("$[[ event.payload.n ]] == \"2\""))
      .Set(".gitlab/ci/events/undecided.yml", FileIf("$CI_COMMIT_BRANCH == \"main\""))
      .Set(".gitlab/ci/events/undecided-never.yml",
           FileIf("$CI_COMMIT_BRANCH == \"main\"",
                  "          when: never\n        - when: always\n"))
      .Set(".gitlab/ci/events/decided-all-the-same.yml",
           FileIf("$[[ event.payload.n ]] == \"2\" && $CI_COMMIT_BRANCH"));
  const PushConfigResponse pushed = project.Push();
  EXPECT_EQ(pushed.result(), config::v1::PUSH_RESULT_APPLIED) << pushed.DebugString();
  EXPECT_EQ(FindIssue(pushed, "left-to-pipeline-creation").severity(), config::v1::SEVERITY_INFO);
  EXPECT_EQ(project.Fires(With(project, R"({"n": 1})")), 3);
  std::vector<std::string> paths;
  for (const PipelineRequest& request : project.Requests()) paths.push_back(request.path());
  EXPECT_THAT(paths, ::testing::UnorderedElementsAre(".gitlab/ci/events/true.yml",
                                                     ".gitlab/ci/events/undecided.yml",
                                                     ".gitlab/ci/events/undecided-never.yml"));
}

TEST(ConditionTest, TheFirstEntryThatItsRulesAllowDecides) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", R"(spec:
  events:
    - name: custom/x
      rules:
        - if: $[[ event.payload.n ]] == "2"
      inputs: {which: first}
    - name: custom/*
      inputs: {which: second}
---
)");
  project.Push();
  EXPECT_EQ(project.Fires(With(project, R"({"n": 1})")), 1);
  ASSERT_THAT(project.Requests(), SizeIs(1));
  EXPECT_EQ(project.Requests()[0].inputs_json(), R"({"which":"second"})");
}

TEST(ConditionTest, ConditionsAndInputsAreListed) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml",
              "spec:\n  events:\n    - name: custom/x\n      rules:\n"
              "        - if: $[[ event.payload.n ]] == \"1\"\n"
              "      inputs: {n: '$[[ event.payload.n ]]'}\n---\n");
  project.Push();
  ASSERT_THAT(project.Subscriptions(), SizeIs(1));
  EXPECT_THAT(project.Subscriptions()[0].conditions(),
              ElementsAre("$[[ event.payload.n ]] == \"1\""));
  const auto listed = Server().Cli(
      {"subscriptions", "list", "--json", "--project-id", fmt::format("{}", project.id())});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  const support::Json json(listed.out);
  ASSERT_THAT(json["conditions"].items(), SizeIs(1));
  EXPECT_EQ(json["conditions"].items()[0].string(), "$[[ event.payload.n ]] == \"1\"");
  EXPECT_EQ(json["inputs"].text(), "{}");
  EXPECT_FALSE(json.Has("not_evaluated_yet"));
  const auto table =
      Server().Cli({"subscriptions", "list", "--project-id", fmt::format("{}", project.id())});
  EXPECT_THAT(table.out, HasSubstr("$[[ event.payload.n ]] == \"1\""));
  EXPECT_THAT(table.out, HasSubstr(R"({"n":"$[[ event.payload.n ]]"})"));
}

TEST(ConditionTest, ABadConditionKeepsTheLastGoodVersionAndSaysTheColumn) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", FileIf("$[[ event.payload.n ]] == \"1\""));
  project.Push();
  project.Set(".gitlab/ci/events/a.yml", FileIf("$[[ event.payload.n ]] == one"));
  const PushConfigResponse pushed = project.Push();
  EXPECT_EQ(pushed.result(), config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS);
  const config::v1::Issue issue = FindIssue(pushed, "bad-condition");
  EXPECT_EQ(issue.severity(), config::v1::SEVERITY_ERROR);
  EXPECT_EQ(issue.line(), 5);
  EXPECT_EQ(issue.column(), 42);  // of `one`
  EXPECT_EQ(project.Fires(With(project, R"({"n": 1})")), 1) << "the last good version is live";
}

TEST(ConditionTest, APayloadThatIsNoJsonFiresNothingWithAConditionAndIsCounted) {
  Project project;
  project.Set(".gitlab/ci/events/condition.yml", FileIf("$[[ event.payload.n ]] == \"1\""))
      .Set(".gitlab/ci/events/plain.yml", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  const EventOutcome outcome = Publish(With(project, "{\"m\": nonsense"));
  EXPECT_EQ(outcome.kind(), events::v1::OUTCOME_KIND_ACCEPTED);
  EXPECT_EQ(outcome.matched_count(), 1);
  EXPECT_EQ(outcome.failed_payload_count(), 1);
  EXPECT_EQ(Publish(With(project, R"({"n": 1})")).failed_payload_count(), 0);
}

TEST(InputTest, AnInputKeepsItsJsonType) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml", R"(spec:
  events:
    - name: custom/x
      inputs:
        number: $[[ event.payload.n ]]
        flag: $[[ event.payload.flag ]]
        list: $[[ event.payload.labels.title ]]
        text: "n is $[[ event.payload.n ]]"
        cut: $[[ event.payload.long | truncate(0,3) ]]
  inputs:
    number: {type: number}
    flag: {type: boolean}
    list: {type: array}
    text:
    cut:
    missing: {default: d}
---
)");
  EXPECT_EQ(ResultName(project.Push()), "PUSH_RESULT_APPLIED");
  EXPECT_EQ(project.Fires(With(project, R"({"n": 7, "flag": true, "long": "abcdef",
      "labels": [{"title": "a"}, {"title": "b"}]})")),
            1);
  ASSERT_THAT(project.Requests(), SizeIs(1));
  EXPECT_EQ(project.Requests()[0].state(), "ready") << project.Requests()[0].reason();
  EXPECT_EQ(project.Requests()[0].inputs_json(),
            R"({"cut":"abc","flag":true,"list":["a","b"],"missing":"d","number":7,)"
            R"("text":"n is 7"})");
}

TEST(InputTest, WhatTheIncludeFixedWinsOverTheEvent) {
  Project project;
  project.Set(".gitlab-ci.yml", "include: {local: a.yml, inputs: {env: live}}\n")
      .Set("a.yml",
           "spec:\n  events:\n    - name: custom/x\n"
           "      rules: [{if: '$[[ inputs.env ]] == \"live\"'}]\n"
           "      inputs: {env: '$[[ event.payload.env ]]'}\n  inputs: {env: }\n---\n");
  project.Push();
  EXPECT_EQ(project.Fires(With(project, R"({"env": "mine"})")), 1);
  ASSERT_THAT(project.Requests(), SizeIs(1));
  EXPECT_EQ(project.Requests()[0].inputs_json(), R"({"env":"live"})");
}

TEST(InputTest, ARequestWhoseInputDoesNotFitEndsAtOnceWithTheReason) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml",
              "spec:\n  events:\n    - name: custom/x\n"
              "      inputs: {n: '$[[ event.payload.n ]]'}\n  inputs: {n: {type: number}}\n---\n");
  project.Push();
  const Event event = With(project, R"({"n": "seven"})");
  EXPECT_EQ(project.Fires(event), 1);
  EXPECT_EQ(Publish(event).kind(), events::v1::OUTCOME_KIND_DUPLICATE) << "a retry changes nothing";
  ASSERT_THAT(project.Requests(), SizeIs(1));
  const PipelineRequest request = project.Requests()[0];
  EXPECT_EQ(request.state(), "failed_input");
  EXPECT_EQ(request.reason(), "`n` input: provided value is not a number");
  EXPECT_EQ(project.Fires(With(project, "{}")), 1);
  EXPECT_EQ(project.Requests()[0].reason(), "`n` input: required value has not been provided");

  const auto shown = Server().Cli({"requests", "show", "--json", request.request_id()});
  EXPECT_EQ(support::Json(shown.out)["state"].string(), "failed_input") << shown.err;
  const auto listed = Server().Cli({"requests", "list", "--json", "--state", "failed_input",
                                    "--project-id", fmt::format("{}", project.id())});
  EXPECT_THAT(support::JsonLines(listed.out), SizeIs(2)) << listed.err;
  // No worker gets it: what is leased here is other tests' work.
  LeasePipelineRequestsRequest lease;
  lease.set_owner("condition-test");
  lease.set_max_requests(1000);
  const auto leased = Call(lease);
  ASSERT_TRUE(leased.ok()) << leased.status();
  for (const PipelineRequest& one : leased->requests()) EXPECT_NE(one.project_id(), project.id());
}

TEST(InputTest, WhatNoEventCanMendIsSaidAtThePush) {
  Project project;
  project.Set(".gitlab/ci/events/a.yml",
              "spec:\n  events:\n    - name: custom/x\n      inputs: {n: seven}\n"
              "  inputs: {n: {type: number}}\n---\n");
  const config::v1::Issue issue = FindIssue(project.Push(), "bad-input");
  EXPECT_EQ(issue.line(), 4);
  EXPECT_EQ(issue.column(), 16);
  EXPECT_EQ(issue.message(), "`n` input: provided value is not a number");
  EXPECT_THAT(project.Subscriptions(), IsEmpty());
}

TEST(ReplaceTest, WhileASetIsReplacedAnEventSeesTheOldOrTheNewOneNeverAMix) {
  const auto set = [](int n) {
    const std::string file = fmt::format(
        "spec:\n  events:\n    - name: custom/x\n      rules: [{{if: '$[[ event.payload.n ]] == "
        "\"1\"'}}]\n      inputs: {{generation: {}}}\n---\n",
        n);
    return file;
  };
  Project project;
  for (const char* path : {".gitlab/ci/events/a.yml", ".gitlab/ci/events/b.yml"}) {
    project.Set(path, set(0));
  }
  project.Push();
  std::atomic<bool> stop{false};
  std::atomic<int> published{0};
  std::thread emitter([&] {
    while (!stop.load()) {
      const EventOutcome outcome = Publish(With(project, R"({"n": 1})"));
      EXPECT_EQ(outcome.matched_count(), 2);
      published.fetch_add(1);
    }
  });
  for (int n = 1; n <= 10; ++n) {
    for (const char* path : {".gitlab/ci/events/a.yml", ".gitlab/ci/events/b.yml"}) {
      project.Set(path, set(n));
    }
    EXPECT_EQ(ResultName(project.Push()), "PUSH_RESULT_APPLIED");
  }
  stop.store(true);
  emitter.join();
  EXPECT_GT(published.load(), 0);
  std::map<std::string, std::map<std::string, int>> by_event;
  for (const PipelineRequest& request : project.Requests()) {
    ++by_event[request.event_id()][request.inputs_json()];
  }
  for (const auto& [event, generations] : by_event) {
    EXPECT_THAT(generations, SizeIs(1)) << event << " saw two sets";
  }
}

}  // namespace
}  // namespace cievents::integration
