// Every form that users write, from YAML through gRPC to the requests that it makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/project.h"

namespace cievents::integration {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Form {
  const char* name;
  std::map<std::string, std::string> files;
  std::string path;                     // of the only subscription
  std::vector<const char*> matches;     // events that fire it
  std::vector<const char*> no_matches;  // events that do not
};

const std::vector<Form>& Forms() {
  static const auto* forms = new std::vector<Form>{
      {"workflow: events",
       {{".gitlab-ci.yml", "workflow:\n  events: [issue/created, release/*]\njob: {script: a}\n"}},
       ".gitlab-ci.yml",
       {"issue/created", "release/published"},
       {"issue/closed", "release"}},
      {"workflow: events, one text",
       {{".gitlab-ci.yml", "workflow: {events: issue/created}\njob: {script: a}\n"}},
       ".gitlab-ci.yml",
       {"issue/created"},
       {"issue/closed"}},
      {"workflow: on, where YAML 1.1 reads the key as true",
       {{".gitlab-ci.yml", "workflow:\n  on:\n    - issue/created\njob: {script: a}\n"}},
       ".gitlab-ci.yml",
       {"issue/created"},
       {"issue/closed"}},
      {"workflow: \"on\" in quotes",
       {{".gitlab-ci.yml", "workflow:\n  \"on\": issue/created\njob: {script: a}\n"}},
       ".gitlab-ci.yml",
       {"issue/created"},
       {"issue/closed"}},
      {"spec: on, a list, in the CI file",
       {{".gitlab-ci.yml", "spec:\n  on: [package/published]\n---\njob: {script: a}\n"}},
       ".gitlab-ci.yml",
       {"package/published"},
       {"package/removed"}},
      {"spec: on, a map",
       {{".gitlab-ci.yml",
         "spec:\n  on:\n    package: [published, removed]\n    issue: closed\n---\njob: {script: "
         "a}\n"}},
       ".gitlab-ci.yml",
       {"package/published", "issue/closed"},
       {"package/created", "issue/published"}},
      {"spec: events in the CI file",
       {{".gitlab-ci.yml", "spec: {events: [tag/*]}\n---\njob: {script: a}\n"}},
       ".gitlab-ci.yml",
       {"tag/created"},
       {"branch/created"}},
      {"the event list",
       {{".gitlab-ci.yml", "job: {script: a}\n"},
        {".gitlab-ci-event.yml", "events:\n  - issue/created\n  - name: [tag/*, release/*]\n"}},
       ".gitlab-ci.yml",
       {"issue/created", "tag/created", "release/published"},
       {"issue/closed"}},
      {"the events folder, with a body that is no YAML",
       {{".gitlab/ci/events/a.yml", "spec:\n  events: [issue/*]\n---\n{{{ not: [yaml\n"}},
       ".gitlab/ci/events/a.yml",
       {"issue/created", "issue/closed"},
       {"merge_request/created"}},
      {"the events folder, .yaml",
       {{".gitlab/ci/events/a.yaml", "spec: {events: issue/created}\n---\n"}},
       ".gitlab/ci/events/a.yaml",
       {"issue/created"},
       {"issue/closed"}},
      {"include, a text",
       {{".gitlab-ci.yml", "include: /ci/a.yml\njob: {script: a}\n"},
        {"ci/a.yml", "spec: {events: [issue/created]}\n---\n"}},
       "ci/a.yml",
       {"issue/created"},
       {"issue/closed"}},
      {"include, a list of texts",
       {{".gitlab-ci.yml", "include: [ci/a.yml]\njob: {script: a}\n"},
        {"ci/a.yml", "spec: {events: [issue/created]}\n---\n"}},
       "ci/a.yml",
       {"issue/created"},
       {"issue/closed"}},
      {"include, a map",
       {{".gitlab-ci.yml", "include: {local: ci/a.yml}\njob: {script: a}\n"},
        {"ci/a.yml", "spec: {events: [issue/created]}\n---\n"}},
       "ci/a.yml",
       {"issue/created"},
       {"issue/closed"}},
      {"include, a list of maps",
       {{".gitlab-ci.yml",
         "include:\n  - local: ci/a.yml\n  - template: X.yml\njob: {script: a}\n"},
        {"ci/a.yml", "spec: {events: [issue/created]}\n---\n"}},
       "ci/a.yml",
       {"issue/created"},
       {"issue/closed"}},
      {"`*` is one segment, in any place",
       {{".gitlab/ci/events/a.yml", "spec: {events: ['custom/*/shipped']}\n---\n"}},
       ".gitlab/ci/events/a.yml",
       {"custom/order/shipped"},
       {"custom/shipped", "custom/order/big/shipped", "custom/order/shipped/today"}},
      {"`**` is one or more segments, at the end",
       {{".gitlab/ci/events/a.yml", "spec: {events: ['custom/**']}\n---\n"}},
       ".gitlab/ci/events/a.yml",
       {"custom/order", "custom/order/shipped", "custom/a/b/c/d/e/f/g"},
       {"custom", "customs/order"}},
      {"the prefix events/ is dropped",
       {{".gitlab/ci/events/a.yml", "spec: {events: [events/issue/created]}\n---\n"}},
       ".gitlab/ci/events/a.yml",
       {"issue/created", "events/issue/created"},
       {"issue/closed"}},
      {"a cloud event type of the catalogue",
       {{".gitlab/ci/events/a.yml",
         "spec:\n  events:\n    - opened:\n        cloud_event: {type: "
         "knative.gitlab.merge_request.created}\n---\n"}},
       ".gitlab/ci/events/a.yml",
       {"merge_request/created"},
       {"merge_request/merged"}},
      {"a configured CI file",
       {{"ci/main.yml", "workflow: {events: [issue/created]}\njob: {script: a}\n"},
        {".gitlab-ci.yml", "workflow: {events: [issue/closed]}\njob: {script: a}\n"}},
       "ci/main.yml",
       {"issue/created"},
       {"issue/closed"}},
  };
  return *forms;
}

TEST(SyntaxTest, EveryFormFiresOnWhatItNamesAndOnNothingElse) {
  std::vector<std::unique_ptr<Project>> projects;
  for (const Form& form : Forms()) {
    SCOPED_TRACE(form.name);
    projects.push_back(std::make_unique<Project>());
    Project& project = *projects.back();
    for (const auto& [path, content] : form.files) project.Set(path, content);
    PushConfigRequest request = project.Request();
    if (form.path == "ci/main.yml") request.set_ci_config_path("ci/main.yml");
    const auto pushed = PushWithClient(request, project.files());
    ASSERT_TRUE(pushed.ok()) << pushed.status();
    EXPECT_EQ(pushed->result(), config::v1::PUSH_RESULT_APPLIED) << pushed->DebugString();
    ASSERT_EQ(pushed->subscriptions_size(), 1) << pushed->DebugString();
    EXPECT_EQ(pushed->subscriptions(0).path(), form.path);
    EXPECT_GT(pushed->subscriptions(0).subscription_id(), 0);
  }
  AwaitMatcher();
  for (size_t i = 0; i < Forms().size(); ++i) {
    const Form& form = Forms()[i];
    SCOPED_TRACE(form.name);
    for (const char* name : form.matches) EXPECT_EQ(projects[i]->Fires(name), 1) << name;
    for (const char* name : form.no_matches) EXPECT_EQ(projects[i]->Fires(name), 0) << name;
    EXPECT_THAT(projects[i]->Requests(), SizeIs(form.matches.size()));
  }
}

TEST(SyntaxTest, IncludesWithOtherInputsAreSubscriptionsOfTheirOwn) {
  Project project;
  project
      .Set(".gitlab-ci.yml",
           "include:\n"
           "  - {local: ci/a.yml, inputs: {env: staging, level: 1}}\n"
           "  - {local: ci/a.yml, with: {env: production}}\n"
           "  - {local: /ci/a.yml, inputs: {env: production}}\n")
      .Set("ci/a.yml",
           "spec:\n  events:\n    - name: custom/x\n      inputs: {env: entry, extra: [1, 2]}\n"
           "---\n");
  const PushConfigResponse pushed = project.Push();
  ASSERT_EQ(pushed.subscriptions_size(), 2) << pushed.DebugString();
  EXPECT_EQ(project.Fires("custom/x"), 2);
  std::vector<std::string> inputs;
  for (const PipelineRequest& request : project.Requests()) inputs.push_back(request.inputs_json());
  std::sort(inputs.begin(), inputs.end());
  // What the includer fixed wins over what the entry gives.
  EXPECT_THAT(inputs, ElementsAre(R"({"env":"production","extra":[1,2]})",
                                  R"({"env":"staging","extra":[1,2],"level":1})"));
}

TEST(SyntaxTest, AnIncludedFileWithoutSpecEventsSubscribesNothing) {
  Project project;
  project.Set(".gitlab-ci.yml", "include: ci/a.yml\n").Set("ci/a.yml", "job: {script: a}\n");
  EXPECT_EQ(project.Push().result(), config::v1::PUSH_RESULT_APPLIED);
  EXPECT_THAT(project.Subscriptions(), IsEmpty());
}

TEST(SyntaxTest, ASubFolderOfTheEventsFolderIsNotLookedAt) {
  Project project;
  project.Set(".gitlab/ci/events/deep/a.yml", "spec: {events: [custom/x]}\n---\n")
      .Set(".gitlab/ci/events/a.txt", "spec: {events: [custom/x]}\n---\n");
  project.Push();
  EXPECT_THAT(project.Subscriptions(), IsEmpty());
  EXPECT_EQ(project.Fires("custom/x"), 0);
}

TEST(SyntaxTest, AllSourcesOfOnePipelineFileAreOneSubscriptionThatFiresOnce) {
  Project project;
  project.Set(".gitlab-ci.yml", "workflow: {events: [issue/created]}\njob: {script: a}\n")
      .Set(".gitlab-ci-event.yml", "events: ['issue/*', issue/created, tag/created]\n");
  project.Push();
  ASSERT_THAT(project.Subscriptions(), SizeIs(1));
  EXPECT_THAT(project.Subscriptions()[0].patterns(),
              ElementsAre("issue/created", "issue/*", "issue/created", "tag/created"));
  Event event = project.MakeEvent("issue/updated");
  event.add_names("issue/created");
  EXPECT_EQ(project.Fires(event), 1);
  ASSERT_THAT(project.Requests(), SizeIs(1));
  EXPECT_EQ(project.Requests()[0].event_name(), "issue/created")
      << "the first name that the deciding entry matches";
}

TEST(SyntaxTest, ConfidentialEventsAreSeenOnlyWithPermission) {
  Project project;
  project.Set(".gitlab/ci/events/open.yml", "spec: {events: [custom/x]}\n---\n")
      .Set(".gitlab/ci/events/secret.yml",
           "spec: {events: [{name: custom/x, confidential: true}]}\n---\n");
  const PushConfigResponse refused = project.Push();
  EXPECT_EQ(refused.result(), config::v1::PUSH_RESULT_APPLIED_WITH_ERRORS);
  EXPECT_EQ(FindIssue(refused, "confidential-not-allowed").file(), ".gitlab/ci/events/secret.yml");
  Event event = project.MakeEvent("custom/x");
  event.set_confidential(true);
  EXPECT_EQ(project.Fires(event), 0);

  PushConfigRequest request = project.Request();
  request.mutable_permissions()->set_allow_confidential(true);
  EXPECT_EQ(project.Push(request).result(), config::v1::PUSH_RESULT_APPLIED);
  event.set_id("again");
  EXPECT_EQ(project.Fires(event), 1);
  EXPECT_EQ(project.Fires("custom/x"), 2) << "others see both";
}

TEST(SyntaxTest, AnotherProjectsEventsNeedThePushersPermission) {
  Project source;
  source.Push();
  Project listener;
  listener.Set(".gitlab/ci/events/a.yml",
               "spec: {events: [{name: custom/x, scope: {project: " + std::to_string(source.id()) +
                   "}}, custom/own]}\n---\n");
  const PushConfigResponse refused = listener.Push();
  EXPECT_EQ(FindIssue(refused, "scope-not-allowed").line(), 1);
  EXPECT_EQ(source.Fires("custom/x"), 0);
  EXPECT_EQ(listener.Fires("custom/own"), 1) << "only the refused entry is dropped";

  PushConfigRequest request = listener.Request();
  request.mutable_permissions()->add_project_ids(source.id());
  EXPECT_EQ(listener.Push(request).result(), config::v1::PUSH_RESULT_APPLIED);
  EXPECT_EQ(source.Fires("custom/x"), 1);
  EXPECT_EQ(listener.Fires("custom/x"), 0);
  EXPECT_EQ(listener.Requests()[0].event_project_id(), source.id());
}

}  // namespace
}  // namespace cievents::integration
