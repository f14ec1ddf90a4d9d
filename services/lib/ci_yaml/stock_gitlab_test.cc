#include "services/lib/ci_yaml/stock_gitlab.h"

#include <fmt/format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Check(FileRole role, std::string_view content) {
  std::vector<std::string> texts;
  for (const Issue& issue : CheckForStockGitlab(role, "f.yml", content)) {
    EXPECT_EQ(issue.code, "rejected-by-gitlab");
    EXPECT_EQ(issue.severity, Severity::kWarning);
    texts.push_back(fmt::format("{}:{}", issue.line, issue.column));
  }
  return texts;
}

constexpr char kEveryForm[] = R"(spec:
  events: [issue/closed]
  on: [issue/created]
---
include:
  - {local: a.yml, with: {x: 1}}
workflow:
  events: [issue/closed]
  rules:
    - events: [issue/closed]
job:
  on: issue/closed
  script: echo $[[ event.name ]]
  rules:
    - if: $[[ event.name ]] == "a"
    - [{events: [issue/closed]}]
variables: {on: x, events: y}
)";

TEST(StockGitlabTest, EveryKeywordThatGitlabDoesNotKnowIsAWarning) {
  for (const FileRole role : {FileRole::kCiFile, FileRole::kIncluded}) {
    EXPECT_THAT(Check(role, kEveryForm),
                ElementsAre("2:3", "3:3", "6:20", "8:3", "10:7", "12:3", "15:11", "16:9"));
  }
}

TEST(StockGitlabTest, FilesThatGitlabDoesNotReadAreFine) {
  EXPECT_THAT(Check(FileRole::kHeaderOnly, kEveryForm), IsEmpty());
  EXPECT_THAT(Check(FileRole::kEventList, "events: [issue/closed]\n"), IsEmpty());
}

TEST(StockGitlabTest, OrdinaryFilesAreFine) {
  EXPECT_THAT(Check(FileRole::kCiFile, R"(spec:
  inputs: {env: {default: a}}
---
include: [{local: a.yml, inputs: {x: '$[[ inputs.env ]]'}}]
workflow: {rules: [{if: $CI_COMMIT_BRANCH}]}
job: {script: 'echo $[[ inputs.env ]]', only: [main], events: 1}
)"),
              IsEmpty());
  EXPECT_THAT(Check(FileRole::kCiFile, "job: {script: 'echo $[[ event.name ]]'}\n"), IsEmpty())
      << "without declared inputs GitLab leaves it as text";
  EXPECT_THAT(Check(FileRole::kCiFile, "["), IsEmpty());
}

TEST(StockGitlabTest, WithDeclaredInputsGitlabWouldFillInEveryBlock) {
  EXPECT_THAT(Check(FileRole::kCiFile,
                    "spec: {inputs: {a: }}\n---\njob: {script: 'echo $[[ event.name ]]'}\n"),
              ElementsAre("3:15"));
}

}  // namespace
}  // namespace cievents::ci_yaml
