#include "services/cli/project_list.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temp_folder.h"

namespace cievents::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PushOptions Defaults() {
  PushOptions options;
  options.from_dir = "/checkouts";
  options.namespace_ids = {1, 2};
  options.user_id = 5;
  return options;
}

// DIR PROJECT GROUPS, then what is not as in Defaults.
std::vector<std::string> Describe(const absl::StatusOr<std::vector<PushOptions>>& projects) {
  if (!projects.ok()) return {std::string(projects.status().message())};
  std::vector<std::string> lines;
  for (const PushOptions& project : *projects) {
    lines.push_back(fmt::format("{} {} {}", project.dir, project.project_id,
                                fmt::join(project.namespace_ids, "/")));
  }
  return lines;
}

std::vector<std::string> Json(std::string_view text) {
  return Describe(ParseProjectList(text, ListFormat::kJson, Defaults()));
}
std::vector<std::string> Csv(std::string_view text) {
  return Describe(ParseProjectList(text, ListFormat::kCsv, Defaults()));
}

TEST(ProjectListTest, JsonGivesEachProjectItsOwnFieldsAndTheCommandLineTheRest) {
  const auto projects = ParseProjectList(
      R"([{"dir": "a", "project_id": 7},
          {"dir": "deep/b/", "project_id": "8", "namespace_ids": [3], "project_path": "x/b",
           "branch": "trunk", "ci_config_path": "ci.yml", "commit": "c1", "sequence": 4,
           "user_id": 6, "allowed_scopes": ["group", "project:9"], "allow_confidential": true}])",
      ListFormat::kJson, Defaults());
  ASSERT_THAT(Describe(projects), ElementsAre("/checkouts/a 7 1/2", "/checkouts/deep/b/ 8 3"));
  const PushOptions& first = (*projects)[0];
  EXPECT_EQ(first.branch, "main");
  EXPECT_EQ(first.user_id, 5);
  const PushOptions& second = (*projects)[1];
  EXPECT_EQ(second.project_path, "x/b");
  EXPECT_EQ(second.branch, "trunk");
  EXPECT_EQ(second.ci_config_path, "ci.yml");
  EXPECT_EQ(second.commit, "c1");
  EXPECT_EQ(second.sequence, 4);
  EXPECT_EQ(second.user_id, 6);
  EXPECT_THAT(second.allowed_scopes, ElementsAre("group", "project:9"));
  EXPECT_TRUE(second.allow_confidential);
}

TEST(ProjectListTest, CsvSeparatesListsBySpacesAndReadsQuotes) {
  const auto projects = ParseProjectList(
      "dir,project_id,namespace_ids,project_path,allow_confidential\r\n"
      "a,7,3 4,\"with, comma and \"\"quotes\"\"\",true\r\n"
      "\n"
      "b,8,,,\n",
      ListFormat::kCsv, Defaults());
  ASSERT_THAT(Describe(projects), ElementsAre("/checkouts/a 7 3/4", "/checkouts/b 8 1/2"));
  EXPECT_EQ((*projects)[0].project_path, "with, comma and \"quotes\"");
  EXPECT_TRUE((*projects)[0].allow_confidential);
  EXPECT_FALSE((*projects)[1].allow_confidential) << "an empty field says nothing";
}

TEST(ProjectListTest, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_THAT(Json("{}"), ElementsAre(HasSubstr("not a JSON array of objects: it is no array")));
  EXPECT_THAT(Json("[{]"), ElementsAre(HasSubstr("not a JSON array of objects")));
  EXPECT_THAT(Json("[1]"), ElementsAre("project 1: not an object"));
  EXPECT_THAT(Json(R"([{"dir": "a", "project_id": 7}, {"dir": "b"}])"),
              ElementsAre("project 2: `project_id` is missing"));
  EXPECT_THAT(Json(R"([{"project_id": 7}])"), ElementsAre("project 1: `dir` is missing"));
  EXPECT_THAT(Json(R"([{"dir": "a", "project_id": 0}])"),
              ElementsAre("project 1: `project_id` must be a whole number greater than 0"));
  EXPECT_THAT(Json(R"([{"dir": "../a", "project_id": 7}])"),
              ElementsAre("project 1: `dir` '../a' is not below /checkouts"));
  EXPECT_THAT(Json(R"([{"dir": "a", "project_id": 7}, {"dir": "b", "project_id": 7}])"),
              ElementsAre("project 2: project 7 stands twice"));
  EXPECT_THAT(Json(R"([{"dir": "a", "id": 7}])"),
              ElementsAre(HasSubstr("project 1: `id` is none of: dir, project_id")));
  EXPECT_THAT(Json(R"([{"dir": "a", "project_id": 7, "namespace_ids": [1, -2]}])"),
              ElementsAre("project 1: `namespace_ids` must be ids greater than 0"));
  EXPECT_THAT(Json(R"([{"dir": {}, "project_id": 7}])"), ElementsAre(HasSubstr("`dir` must be")));
  EXPECT_THAT(Csv("dir,project_id\na,7\nb\n"), ElementsAre("line 3: 1 fields under a header of 2"));
  EXPECT_THAT(Csv("dir,project_id\n\"a,7\n"), ElementsAre("line 2: a quote is not closed"));
  EXPECT_THAT(Csv("dir,project_id\na,seven\n"), ElementsAre(HasSubstr("line 2: `project_id`")));
  EXPECT_THAT(Csv("dir,project_id,allow_confidential\na,7,yes\n"),
              ElementsAre("line 2: `allow_confidential` must be true or false"));
  PushOptions nowhere = Defaults();
  nowhere.namespace_ids.clear();
  EXPECT_THAT(
      Describe(ParseProjectList(R"([{"dir": "a", "project_id": 7}])", ListFormat::kJson, nowhere)),
      ElementsAre(HasSubstr("`namespace_ids` is missing")));
}

TEST(ProjectListTest, AnEmptyListIsNoError) {
  EXPECT_THAT(Json("[]"), IsEmpty());
  EXPECT_THAT(Csv("dir,project_id\n"), IsEmpty());
}

TEST(ProjectListTest, WithoutAListFoldersAreCalledByTheirIds) {
  const support::TempFolder folder;
  folder.Write("12-shop/.gitlab-ci.yml", "");
  folder.Write("7/.gitlab-ci.yml", "");
  folder.Write(".git/config", "");
  folder.Write("README.md", "");
  PushOptions options = Defaults();
  options.from_dir = folder.path();
  EXPECT_THAT(Describe(FindProjects(options)),
              ElementsAre(folder / "12-shop" + " 12 1/2", folder / "7" + " 7 1/2"));
  folder.Write("shop/.gitlab-ci.yml", "");
  EXPECT_THAT(Describe(FindProjects(options)),
              ElementsAre(HasSubstr("folders must be called ID or ID-NAME; 'shop' is not")));
  std::filesystem::remove_all(folder / "shop");
  folder.Write("7-twin/.gitlab-ci.yml", "");
  EXPECT_THAT(Describe(FindProjects(options)), ElementsAre("7-twin: project 7 stands twice"));
}

TEST(ProjectListTest, AListInTheFolderIsFoundAndAnotherMayBeNamed) {
  const support::TempFolder folder;
  PushOptions options = Defaults();
  options.from_dir = folder.path();
  folder.Write("projects.csv", "dir,project_id\nb,8\n");
  EXPECT_THAT(Describe(FindProjects(options)), ElementsAre(folder / "b" + " 8 1/2"));
  folder.Write("projects.json", R"([{"dir": "a", "project_id": 7}])");
  EXPECT_THAT(Describe(FindProjects(options)), ElementsAre(folder / "a" + " 7 1/2"));
  options.projects_file = folder.Write("other.csv", "dir,project_id\nc,9\n");
  EXPECT_THAT(Describe(FindProjects(options)), ElementsAre(folder / "c" + " 9 1/2"));
  options.projects_file = folder.Write("list.txt", "");
  EXPECT_THAT(Describe(FindProjects(options)), ElementsAre(HasSubstr("must end in .json or .csv")));
}

}  // namespace
}  // namespace cievents::cli
