#include "services/lib/ci_yaml/assemble.h"

#include <fmt/format.h>

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/test_commit.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kIssueHeader[] = "spec: {events: [issue/closed]}\n---\n";

TEST(AssembleTest, TheCiFileAndTheEventListMakeOneSubscription) {
  const Assembly assembly = Commit()
                                .Add(".gitlab-ci-event.yml", "events: [package/published]\n")
                                .Add(".gitlab-ci.yml", "workflow: {events: [issue/closed]}\n")
                                .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab-ci.yml(issue/closed package/published)"));
  EXPECT_THAT(Issues(assembly), IsEmpty());
  EXPECT_THAT(assembly.paths_of_interest, ElementsAre(".gitlab-ci-event.yml", ".gitlab-ci.yml"));
  // The digest of no inputs is that of an empty object.
  EXPECT_EQ(assembly.drafts[0].inputs_digest,
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_EQ(assembly.drafts[0].workflow_id, WorkflowId(assembly.drafts[0].entries, {}, "{}"));
}

TEST(AssembleTest, TheConfiguredCiFileIsUsedInsteadOfTheDefault) {
  Commit commit;
  commit.Add(".gitlab-ci.yml", "workflow: {events: [issue/closed]}\n")
      .Add("ci/main.yml", "workflow: {events: [issue/created]}\n");
  commit.request().ci_config_path = "ci/main.yml";
  EXPECT_THAT(Drafts(commit.Assemble()), ElementsAre("ci/main.yml(issue/created)"));
}

TEST(AssembleTest, FilesOfTheEventsFolderSubscribeAndThoseOfSubfoldersDoNot) {
  const Assembly assembly = Commit()
                                .Add(".gitlab/ci/events/b.yaml", kIssueHeader)
                                .Add(".gitlab/ci/events/a.yml", kIssueHeader)
                                .Add(".gitlab/ci/events/none.yml", "job: {script: a}\n")
                                .Add(".gitlab/ci/events/sub/c.yml", kIssueHeader)
                                .Add(".gitlab/ci/events.yml", kIssueHeader)
                                .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab/ci/events/a.yml(issue/closed)",
                                            ".gitlab/ci/events/b.yaml(issue/closed)"));
  EXPECT_THAT(Issues(assembly), IsEmpty());
}

TEST(AssembleTest, IncludedFilesSubscribeWithTheInputsOfTheInclude) {
  const Assembly assembly =
      Commit()
          .Add(".gitlab-ci.yml",
               "include:\n  - {local: my/a.yml, inputs: {env: test}}\n"
               "  - {local: my/a.yml, inputs: {env: live}}\n"
               "  - {local: /my/a.yml, with: {env: test}}\n  - plain.yml\n")
          .Add("my/a.yml", "spec: {events: [issue/closed], inputs: {env: }}\n---\n[broken")
          .Add("my/not-included.yml", kIssueHeader)
          .Add("plain.yml", "job: {script: a}\n")
          .Assemble();
  EXPECT_THAT(Drafts(assembly),
              testing::UnorderedElementsAre("my/a.yml(issue/closed)env=\"test\"",
                                            "my/a.yml(issue/closed)env=\"live\""));
  EXPECT_THAT(Issues(assembly), IsEmpty());
  EXPECT_LT(assembly.drafts[0].inputs_digest, assembly.drafts[1].inputs_digest);
  EXPECT_EQ(assembly.drafts[0].workflow_id, assembly.drafts[1].workflow_id);
  EXPECT_THAT(assembly.paths_of_interest,
              ElementsAre(".gitlab-ci-event.yml", ".gitlab-ci.yml", "my/a.yml", "plain.yml"));
}

TEST(AssembleTest, ADraftCarriesWhatItsPipelineFileDeclares) {
  const Assembly assembly =
      Commit()
          .Add(".gitlab-ci-event.yml", "events: [package/published]\n")
          .Add(".gitlab-ci.yml",
               "spec: {inputs: {n: {type: number, default: 1.50}}}\n---\ninclude: a.yml\n")
          .Add("a.yml", "spec: {events: [issue/closed], inputs: {env: {default: b}}}\n---\n")
          .Add(".gitlab/ci/events/b.yml", kIssueHeader)
          .Assemble();
  EXPECT_THAT(Issues(assembly), IsEmpty());
  std::vector<std::string> declared;
  for (const SubscriptionDraft& draft : assembly.drafts) {
    declared.push_back(draft.path + draft.spec_inputs_json);
  }
  EXPECT_THAT(declared,
              ElementsAre(R"(.gitlab-ci.yml{"n":{"default":1.50,"type":"number"}})",
                          ".gitlab/ci/events/b.yml{}", R"(a.yml{"env":{"default":"b"}})"));
}

TEST(AssembleTest, AFileOfTheEventsFolderThatIsIncludedIsSubscribedOnlyAsIncluded) {
  const Assembly assembly =
      Commit()
          .Add(".gitlab-ci.yml", "include: {local: .gitlab/ci/events/a.yml, inputs: {x: 1}}\n")
          .Add(".gitlab/ci/events/a.yml", kIssueHeader)
          .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab/ci/events/a.yml(issue/closed)x=1"));
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab/ci/events/a.yml:1:1 subscribed-as-included"));
}

TEST(AssembleTest, UnknownContentIsAskedForAndMissingPathsAreOfInterest) {
  const Assembly assembly = Commit()
                                .Add(".gitlab-ci.yml", "include: [a.yml, gone.yml]\n")
                                .AddUnknown("a.yml")
                                .AddUnknown(".gitlab/ci/events/b.yml")
                                .AddUnknown("other.yml")
                                .Assemble();
  EXPECT_THAT(assembly.needs_content, ElementsAre(".gitlab/ci/events/b.yml", "a.yml"));
  EXPECT_THAT(assembly.paths_of_interest, Contains("gone.yml"));
  EXPECT_THAT(assembly.paths_of_interest, testing::Not(Contains("other.yml")));
}

TEST(AssembleTest, AnUnknownCiFileIsNotAMissingOne) {
  const Assembly assembly = Commit()
                                .AddUnknown(".gitlab-ci.yml")
                                .Add(".gitlab-ci-event.yml", "events: [issue/closed]\n")
                                .Assemble();
  EXPECT_THAT(assembly.needs_content, ElementsAre(".gitlab-ci.yml"));
  EXPECT_THAT(Issues(assembly), IsEmpty());
}

TEST(AssembleTest, ABrokenFileCountsAsItsLastGoodVersion) {
  Commit commit;
  commit.Add(".gitlab/ci/events/a.yml", "spec: {events: [A]}\n---\n")
      .Add(".gitlab/ci/events/b.yml", "spec: {events: [A]}\n---\n")
      .WithLastGood(".gitlab/ci/events/a.yml", kIssueHeader);
  const Assembly assembly = commit.Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab/ci/events/a.yml(issue/closed)"));
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab/ci/events/a.yml:1:17 bad-pattern",
                                            ".gitlab/ci/events/b.yml:1:17 bad-pattern"));
}

TEST(AssembleTest, IssuesCarryThePathEvenIfTheSameContentWasParsedElsewhere) {
  const ParsedFile parsed = ParseFile(FileRole::kHeaderOnly, "elsewhere.yml",
                                      "spec: {events: ['**']}\n---\n", *Catalogue::BuiltIn());
  AssembleRequest request;
  const auto catalogue = Catalogue::BuiltIn();
  request.catalogue = catalogue.get();
  request.manifest_paths = {".gitlab/ci/events/a.yml"};
  request.lookup = [&](std::string_view, FileRole role, CommitFile* file) {
    EXPECT_EQ(role, FileRole::kHeaderOnly);
    *file = {&parsed, &parsed};
    return FilePresence::kGiven;
  };
  EXPECT_THAT(Issues(Assemble(request)),
              ElementsAre(".gitlab/ci/events/a.yml:1:17 matches-everything"));
}

TEST(AssembleTest, IncludesThatCannotBeReadAreErrorsAtTheirPlace) {
  const Assembly assembly = Commit()
                                .Add(".gitlab-ci.yml",
                                     "include:\n  - my/evnts.yml\n  - local: README.md\n"
                                     "  - .gitlab-ci.yml\n")
                                .Add("my/events.yml", kIssueHeader)
                                .Assemble();
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab-ci.yml:2:5 include-not-found",
                                            ".gitlab-ci.yml:3:5 include-not-yaml"));
  EXPECT_THAT(assembly.issues[0].suggestion, HasSubstr("`my/events.yml`"));
  EXPECT_THAT(assembly.drafts, IsEmpty());
}

TEST(AssembleTest, AnEventListNeedsACiFile) {
  const Assembly assembly =
      Commit().Add(".gitlab-ci-event.yml", "events:\n  - issue/closed\n").Assemble();
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab-ci-event.yml:2:5 ci-file-missing"));
  EXPECT_THAT(assembly.drafts, IsEmpty());
}

TEST(AssembleTest, MisspelledPathsAreWarnings) {
  const Assembly assembly = Commit()
                                .Add(".gitlab-ci-event.yaml", "")
                                .Add(".gitlab/ci/event/a.yml", "")
                                .Add("docs/.gitlab-ci-event.yaml", "")
                                .Assemble();
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab-ci-event.yaml:1:1 misspelled-path",
                                            ".gitlab/ci/event/a.yml:1:1 misspelled-path"));
  EXPECT_THAT(assembly.issues[0].suggestion, HasSubstr("`.gitlab-ci-event.yml`"));
  EXPECT_THAT(assembly.issues[1].suggestion, HasSubstr("`.gitlab/ci/events/a.yml`"));
}

constexpr char kScopes[] = R"(spec:
  events:
    - issue/closed
    - {name: issue/created, scope: group}
    - {name: issue/created, scope: instance}
    - {name: issue/created, scope: {project: 7}}
    - {name: issue/created, confidential: true}
---
)";

TEST(AssembleTest, EntriesThatThePusherMayNotHaveAreLeftOutAlone) {
  const Assembly assembly =
      Commit()
          .Add(".gitlab-ci.yml", "include:\n  - {local: a.yml, inputs: {x: 1}}\n  - a.yml\n")
          .Add("a.yml", kScopes)
          .Assemble();
  EXPECT_THAT(Drafts(assembly),
              testing::UnorderedElementsAre("a.yml(issue/closed)", "a.yml(issue/closed)x=1"));
  EXPECT_THAT(Issues(assembly),
              ElementsAre("a.yml:4:7 scope-not-allowed", "a.yml:5:7 scope-not-allowed",
                          "a.yml:6:7 scope-not-allowed", "a.yml:7:7 confidential-not-allowed"));
}

TEST(AssembleTest, PermittedScopesAreKept) {
  Commit commit;
  commit.Add(".gitlab/ci/events/a.yml", kScopes);
  commit.request().permissions = {
      .group = true, .instance = true, .project_ids = {7}, .confidential = true};
  const Assembly assembly = commit.Assemble();
  EXPECT_THAT(Issues(assembly), IsEmpty());
  EXPECT_EQ(assembly.drafts.at(0).entries.size(), 5u);
  commit.request().permissions.project_ids = {8};
  EXPECT_THAT(Issues(commit.Assemble()),
              ElementsAre(".gitlab/ci/events/a.yml:6:7 scope-not-allowed"));
}

TEST(AssembleTest, ASubscriptionWithoutEntriesIsNone) {
  const Assembly assembly = Commit()
                                .Add(".gitlab/ci/events/a.yml",
                                     "spec: {events: [{name: issue/closed, scope: group}]}\n---\n")
                                .Add(".gitlab-ci.yml", "workflow: {events: []}\n")
                                .Assemble();
  EXPECT_THAT(assembly.drafts, IsEmpty());
}

TEST(AssembleTest, AnEmptyCommitIsFine) {
  const Assembly assembly = Commit().Assemble();
  EXPECT_THAT(assembly.drafts, IsEmpty());
  EXPECT_THAT(assembly.issues, IsEmpty());
  EXPECT_THAT(assembly.paths_of_interest, ElementsAre(".gitlab-ci-event.yml", ".gitlab-ci.yml"));
}

TEST(RoleByPathTest, IsDecidedByThePathAlone) {
  EXPECT_EQ(RoleByPath(".gitlab-ci.yml", ""), FileRole::kCiFile);
  EXPECT_EQ(RoleByPath("ci.yml", "ci.yml"), FileRole::kCiFile);
  EXPECT_EQ(RoleByPath(".gitlab-ci.yml", "ci.yml"), std::nullopt);
  EXPECT_EQ(RoleByPath(".gitlab-ci-event.yml", ""), FileRole::kEventList);
  EXPECT_EQ(RoleByPath(".gitlab/ci/events/a.yml", ""), FileRole::kHeaderOnly);
  EXPECT_EQ(RoleByPath(".gitlab/ci/events/a.yaml", ""), FileRole::kHeaderOnly);
  EXPECT_EQ(RoleByPath(".gitlab/ci/events/a.md", ""), std::nullopt);
  EXPECT_EQ(RoleByPath(".gitlab/ci/events/b/a.yml", ""), std::nullopt);
  EXPECT_EQ(RoleByPath("a.yml", ""), std::nullopt);
}

TEST(AssembleTest, AnIncludeWhoseInputsDoNotFitSubscribesNothing) {
  const Assembly assembly =
      Commit()
          .Add(".gitlab-ci.yml",
               "include:\n  - local: a.yml\n    inputs: {n: seven}\n"
               "  - local: a.yml\n    inputs: {m: 1}\n  - {local: a.yml, inputs: {n: 7}}\n")
          .Add("a.yml", "spec: {events: [issue/closed], inputs: {n: {type: number}}}\n---\n")
          .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre("a.yml(issue/closed)n=7"));
  EXPECT_THAT(Issues(assembly),
              ElementsAre(".gitlab-ci.yml:3:14 bad-input", ".gitlab-ci.yml:5:14 bad-input"));
  EXPECT_THAT(assembly.issues[0].suggestion, HasSubstr("a.yml"));
}

TEST(AssembleTest, AnEntryThatNothingGivesARequiredInputIsDroppedAndTheOthersAreKept) {
  const Assembly assembly =
      Commit()
          .Add(".gitlab/ci/events/a.yml",
               "spec:\n  events:\n    - issue/closed\n"
               "    - {name: issue/created, inputs: {n: '$[[ event.issue.iid ]]'}}\n"
               "  inputs: {n: {type: number}}\n---\n")
          .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre(".gitlab/ci/events/a.yml(issue/created)"));
  EXPECT_THAT(Issues(assembly), ElementsAre(".gitlab/ci/events/a.yml:3:7 bad-input"));
  EXPECT_THAT(assembly.issues[0].message, HasSubstr("`n` input: required value"));
}

TEST(AssembleTest, WhatTheIncludeGivesIsNotMissing) {
  const Assembly assembly =
      Commit()
          .Add(".gitlab-ci.yml",
               "include:\n  - {local: a.yml, inputs: {n: 7}}\n  - a.yml\n"
               "  - {local: a.yml, inputs: {}}\n")
          .Add("a.yml", "spec: {events: [issue/closed], inputs: {n: {type: number}}}\n---\n")
          .Assemble();
  EXPECT_THAT(Drafts(assembly), ElementsAre("a.yml(issue/closed)n=7"));
  EXPECT_THAT(Issues(assembly), ElementsAre("a.yml:1:17 bad-input")) << "said once";
}

TEST(AssembleTest, AnEventListIsCheckedAgainstTheDeclarationsOfTheCiFile) {
  const char kCiFile[] = "spec: {inputs: {n: {type: number, default: 1}}}\n---\n";
  const auto with = [&](const std::string& value) {
    return Commit()
        .Add(".gitlab-ci.yml", kCiFile)
        .Add(".gitlab-ci-event.yml",
             "events:\n  - {name: issue/closed, inputs: {n: " + value + "}}\n")
        .Assemble();
  };
  EXPECT_THAT(Issues(with("2")), IsEmpty());
  EXPECT_THAT(Issues(with("two")), ElementsAre(".gitlab-ci-event.yml:2:5 bad-input"));
}

}  // namespace
}  // namespace cievents::ci_yaml
