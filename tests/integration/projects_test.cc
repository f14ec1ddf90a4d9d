// The life of a project through the command line, seen by the matcher; and pushes of many projects.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/project.h"
#include "tests/support/json.h"
#include "tests/support/temp_folder.h"

namespace cievents::integration {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFile[] = ".gitlab/ci/events/a.yml";

// `cievents projects VERB ID ARGUMENTS... --json`, seen by the matcher.
support::Json Projects(const std::string& verb, const Project& project,
                       std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), {"projects", verb, std::to_string(project.id())});
  arguments.push_back("--json");
  const support::Finished done = Server().Cli(arguments);
  EXPECT_EQ(done.exit_code, 0) << done.err;
  AwaitMatcher();
  return support::Json(done.out);
}

// Without ancestors: only a project that the matcher knows can have the event.
EventOutcome Emit(const Project& project, std::string_view name) {
  Event event = project.MakeEvent(name);
  event.clear_namespace_ids();
  return Publish(event);
}

Project Pushed(const std::string& content = "spec: {events: [custom/a]}\n---\n") {
  Project project;
  project.Set(kFile, content);
  EXPECT_EQ(project.Push().result(), config::v1::PUSH_RESULT_APPLIED);
  return project;
}

TEST(ProjectLifeTest, WhileArchivedMatchesAreCountedAndMakeNoRequests) {
  const Project project = Pushed();
  const auto ids = project.Ids();
  EXPECT_TRUE(Projects("archive", project)["archived"].boolean());
  EventOutcome outcome = Emit(project, "custom/a");
  EXPECT_EQ(outcome.matched_count(), 0);
  EXPECT_EQ(outcome.suspended_count(), 1);
  EXPECT_TRUE(project.Subscriptions().at(0).suspended());
  EXPECT_FALSE(Projects("unarchive", project, {"--ci-disabled"})["archived"].boolean());
  EXPECT_EQ(Emit(project, "custom/a").suspended_count(), 1) << "its CI is disabled";
  Projects("unarchive", project);
  outcome = Emit(project, "custom/a");
  EXPECT_EQ(outcome.matched_count(), 1);
  EXPECT_EQ(outcome.suspended_count(), 0);
  EXPECT_EQ(project.Ids(), ids);
}

TEST(ProjectLifeTest, ADeletedProjectsSubscriptionsEndAndReturnWithTheirIds) {
  const Project project = Pushed();
  const auto ids = project.Ids();
  const auto place = std::vector<std::string>{"--namespace-ids", std::to_string(project.root_id())};
  EXPECT_TRUE(Projects("delete", project, {"--sequence", "50"})["deleted"].boolean());
  EXPECT_THAT(project.Subscriptions(), IsEmpty());
  EXPECT_EQ(Emit(project, "custom/a").reason(), events::v1::OUTCOME_REASON_UNKNOWN_PROJECT);

  PushConfigRequest late = project.Request();
  late.set_push_sequence(49);
  EXPECT_EQ(project.Push(late).result(), config::v1::PUSH_RESULT_STALE);
  EXPECT_THAT(project.Subscriptions(), IsEmpty()) << "older than the deletion";

  EXPECT_EQ(Projects("upsert", project, place)["sequence"].number(), 51);
  EXPECT_EQ(project.Ids(), ids);
  EXPECT_EQ(project.Fires("custom/a"), 1);

  Projects("delete", project);
  const PushConfigResponse back = project.Push();
  EXPECT_EQ(back.result(), config::v1::PUSH_RESULT_APPLIED);
  EXPECT_EQ(back.added(), 1) << "it was not live";
  EXPECT_EQ(project.Ids(), ids);
}

TEST(ProjectLifeTest, AMoveKeepsIdsAndSuspendsOtherScopesUntilTheNextPush) {
  Project project;
  project.Set(kFile,
              "spec:\n  events:\n    - custom/own\n    - {name: custom/of-group, scope: group}\n"
              "---\n");
  const auto push = [&project](int64_t root) {
    PushConfigRequest request = project.Request();
    request.clear_namespace_ids();
    request.add_namespace_ids(root);
    request.mutable_permissions()->set_group_scope(true);
    return project.Push(request);
  };
  push(project.root_id());
  const auto ids = project.Ids();
  const int64_t other_root = Project().root_id();
  const auto fires = [&](std::string_view name, int64_t group) {
    Event event = MakeEvent(name);
    event.add_namespace_ids(group);
    return project.Fires(event);
  };
  EXPECT_EQ(fires("custom/of-group", project.root_id()), 1);

  const support::Json moved =
      Projects("transfer", project, {"--namespace-ids", std::to_string(other_root)});
  EXPECT_TRUE(moved["scopes_suspended"].boolean()) << moved.text();
  EXPECT_EQ(fires("custom/of-group", project.root_id()), 0) << "it is there no more";
  EXPECT_EQ(fires("custom/of-group", other_root), 0) << "and nobody has allowed it here";
  EXPECT_EQ(project.Fires("custom/own"), 1);
  EXPECT_EQ(project.Ids(), ids);

  push(other_root);
  EXPECT_EQ(fires("custom/of-group", other_root), 1);
  EXPECT_EQ(project.Ids(), ids);
}

TEST(ProjectLifeTest, AnUpsertMakesAProjectKnownBeforeItsFirstPush) {
  const Project project;
  EXPECT_EQ(Emit(project, "custom/a").reason(), events::v1::OUTCOME_REASON_UNKNOWN_PROJECT);
  EXPECT_EQ(Server().Cli({"projects", "archive", std::to_string(project.id())}).exit_code, 2)
      << "only an upsert makes it known";
  const support::Json known =
      Projects("upsert", project,
               {"--namespace-ids", std::to_string(project.root_id()), "--project-path", "g/p"});
  EXPECT_EQ(known["result"].string(), "applied");
  EXPECT_EQ(known["project_path"].string(), "g/p");
  EXPECT_EQ(project.Fires("custom/a"), 0);
}

TEST(BulkPushTest, EveryFolderIsPushedAndASecondRunChangesNothing) {
  const support::TempFolder folder;
  std::vector<Project> projects(12);
  std::string list = "dir,project_id,namespace_ids\n";
  for (const Project& project : projects) {
    folder.Write(fmt::format("p{}/{}", project.id(), kFile), "spec: {events: [custom/a]}\n---\n");
    list += fmt::format("p{0},{0},{1}\n", project.id(), project.root_id());
  }
  folder.Write("projects.csv", list);
  support::Finished done = Server().Cli({"push", "--from-dir", folder.path(), "--jobs", "3"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "12 projects: 12 applied\n");
  EXPECT_THAT(done.err, HasSubstr("12/12 pushed, 0 failed"));
  AwaitMatcher();
  for (const Project& project : projects) EXPECT_EQ(project.Fires("custom/a"), 1);

  folder.Write(fmt::format("p{}/{}", projects[0].id(), kFile), "spec: {events: [custom/b]}\n---\n");
  folder.Write(fmt::format("p{}/{}", projects[1].id(), kFile), "spec: {events: [Custom]}\n---\n");
  done = Server().Cli({"push", "--from-dir", folder.path(), "--json"});
  EXPECT_EQ(done.exit_code, 1) << "one has an error";
  EXPECT_THAT(done.err, HasSubstr("12 projects: 1 applied, 1 applied_with_errors, 10 unchanged"));
  EXPECT_THAT(done.err, HasSubstr("bad-pattern")) << "what is wrong is said at once";
  const std::vector<support::Json> lines = support::JsonLines(done.out);
  ASSERT_THAT(lines, SizeIs(12));
  EXPECT_TRUE(lines[0]["push"].Has("result")) << lines[0].text();
  AwaitMatcher();
  EXPECT_EQ(projects[0].Fires("custom/b"), 1);
  EXPECT_EQ(projects[1].Fires("custom/a"), 1) << "the last good version";
  EXPECT_EQ(Server().Cli({"push", "--from-dir", folder.path(), "--force"}).out,
            "12 projects: 11 applied, 1 applied_with_errors\n");
}

TEST(BulkPushTest, AListThatIsWrongPushesNothing) {
  const support::TempFolder folder;
  folder.Write("projects.json", R"([{"dir": "a"}])");
  const support::Finished done = Server().Cli({"push", "--from-dir", folder.path()});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.err, HasSubstr("project 1: `project_id` is missing"));
}

TEST(BulkPushTest, AServerOutOfReachEndsTheRun) {
  const support::TempFolder folder;
  for (int i = 1; i <= 30; ++i) folder.Write(fmt::format("{}/.gitlab-ci.yml", i), "");
  const support::Finished done =
      Server().Cli({"push", "--from-dir", folder.path(), "--namespace-ids", "1", "--endpoint",
                    "127.0.0.1:1", "--timeout", "0.1", "--jobs", "2"});
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_THAT(done.out, HasSubstr("not tried: run the command again"));
}

}  // namespace
}  // namespace cievents::integration
