// Every example of the blueprint: the five proposals, the decision record, and the Serverless
// proposal before them, as they are written there, and what each subscribes to.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/test_commit.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kCi[] = ".gitlab-ci.yml";

TEST(BlueprintTest, TheDecisionRecordHasJobsOnEvents) {
  const Assembly assembly = Commit()
                                .Add(kCi, R"(annotate:
  on: issue/created
  script: ./annotate $[[ event.issue.id ]]

summarize:
  on: issue/closed
  script: ./summarize $[[ event.issue.id ]]
)")
                                .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab-ci.yml(issue/created issue/closed)"));
  // Each job runs for its own event alone.
  const auto& jobs = assembly.drafts.at(0).hoisted_rules.jobs;
  ASSERT_TRUE(jobs.has_value());
  ASSERT_EQ(jobs->size(), 2u);
  EXPECT_EQ(jobs->at(0).name, "annotate");
  EXPECT_EQ(jobs->at(0).lists.at(0).at(0).events.at(0).text(), "issue/created");
  // Event data in a script deserves its warning.
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab-ci.yml:3:22 event-text-in-script",
                                            ".gitlab-ci.yml:7:23 event-text-in-script"));
}

TEST(BlueprintTest, Proposal1NamesEventsInTheWorkflow) {
  for (const char* text : {R"(    workflow:
      events:
        - events/package/published
)",
                           R"(    workflow:
      on:
        - events/package/published
)"}) {
    const Assembly assembly = Commit().Add(kCi, text).Assemble();
    EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab-ci.yml(package/published)")) << text;
    EXPECT_THAT(Issues(assembly), IsEmpty()) << text;
  }
}

TEST(BlueprintTest, Proposal1NamesEventsInTheHeader) {
  const char* const texts[] = {R"(spec:
  on:
    - events/package/published
    - events/package/removed
  # on:
  #   package: [published, removed]
---
do_something:
  script: echo "Hello World"
)",
                               R"(spec:
  # on:
  #   - events/package/published
  #   - events/package/removed
  on:
    package: [published, removed]
---
do_something:
  script: echo "Hello World"
)"};
  for (const char* text : texts) {
    const Assembly assembly = Commit().Add(kCi, text).Assemble();
    EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab-ci.yml(package/published package/removed)"))
        << text;
    EXPECT_FALSE(HasErrors(assembly.issues)) << text;
  }
}

TEST(BlueprintTest, Proposal2FiltersJobsByRules) {
  const Assembly assembly = Commit()
                                .Add(kCi, R"(workflow:
  rules:
    - events: ["package/*"]

test_package_published:
  script: echo testing published package
  rules:
    - events: ["package/published"]

test_package_removed:
  script: echo testing removed package
  rules:
    - events: ["package/removed"]
)")
                                .Assemble();
  EXPECT_THAT(Drafts(assembly),
              ElementsAre(".gitlab-ci.yml(package/* package/published package/removed)"));
  EXPECT_FALSE(HasErrors(assembly.issues));
  const matcher::HoistedRules& rules = assembly.drafts.at(0).hoisted_rules;
  ASSERT_TRUE(rules.workflow.has_value());
  EXPECT_EQ(rules.workflow->at(0).events.at(0).text(), "package/*");
  ASSERT_TRUE(rules.jobs.has_value());
  EXPECT_EQ(rules.jobs->size(), 2u);
}

TEST(BlueprintTest, Proposal3HasAFileForEachGroupOfEvents) {
  const Assembly assembly = Commit()
                                .Add(".gitlab/ci/events/package-published.yml",
                                     R"(# .gitlab/ci/events/package-published.yml

spec:
  events:
    - name: package/published
---
include:
  - local: .gitlab-ci.yml
    with:
      event: $[[ gitlab.event.name ]]
)")
                                .Add(kCi, R"(# .gitlab-ci.yml

spec:
  inputs:
    event:
      default: push
---
job1:
  script: echo "Hello World"

job2:
  script: echo "Hello World"

job-for-package-published:
  script: echo "Hello World"
  rules:
    - if: $[[ inputs.event ]] == "package/published"
)")
                                .Assemble();
  EXPECT_THAT(Drafts(assembly),
              ElementsAre(".gitlab/ci/events/package-published.yml(package/published)"));
  EXPECT_THAT(Issues(assembly), IsEmpty());
}

TEST(BlueprintTest, Proposal4HasAListOfEvents) {
  const Assembly assembly = Commit()
                                .Add(".gitlab-ci-event.yml", R"(events:
  - package/published
  - issue/created
)")
                                .Add(kCi, "job: {script: echo}\n")
                                .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab-ci.yml(package/published issue/created)"));
  EXPECT_THAT(Issues(assembly), IsEmpty());
}

TEST(BlueprintTest, Proposal5IncludesFilesWithInputs) {
  const Assembly assembly = Commit()
                                .Add("my/events/packages.yaml", R"(# my/events/packages.yaml

spec:
  events:
    - events/package/published
    - events/audit/package/*
  inputs:
    env:
---
do_something:
  script: ./run_for $[[ event.name ]] --env $[[ inputs.env ]]
  rules:
    - if: $[[ event.payload.package.name ]] == "my_package"
)")
                                .Add(kCi, R"(# .gitlab-ci.yml

include:
  - local: my/events/packages.yaml
    inputs:
      env: test
)")
                                .Assemble();
  EXPECT_THAT(
      Drafts(assembly),
      ElementsAre("my/events/packages.yaml(package/published audit/package/*)env=\"test\""));
  // A package that is published is told by two events.
  EXPECT_THAT(Issues(assembly), ElementsAre("my/events/packages.yaml:6:7 same-act"));
}

// The proposal's `events` stand in `serverless.yaml`; here they stand under `spec`.
TEST(BlueprintTest, TheServerlessProposalNamesEventsByTheirWebhooks) {
  for (const char* types : {R"(    new_merge_request_created:
      cloud_event:
        type: knative.gitlab.merge_request.created
      # or, both ways correct
      gitlab:
        webhook: new_merge_request_created # or however we call that in a webhook payload
)",
                            R"(    new_merge_request_created:
      cloud_event:
        type: knative.gitlab.merge_request.created
)",
                            R"(    new_merge_request_created:
      gitlab:
        webhook: new_merge_request_created # or however we call that in a webhook payload
)"}) {
    const std::string text = std::string("spec:\n  events:\n") + types + "---\n";
    const Assembly assembly = Commit().Add(".gitlab/ci/events/echo.yml", text).Assemble();
    EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab/ci/events/echo.yml(merge_request/created)"))
        << text;
    EXPECT_THAT(Issues(assembly), IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace cievents::ci_yaml
