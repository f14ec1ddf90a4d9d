// Goal: CI files of the real world are hoisted without harm. Method: every file of the corpus goes
// through Hoist as a CI file; what was resolved is counted and printed.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <variant>

#include "gtest/gtest.h"
#include "services/lib/ci_yaml/header.h"
#include "services/lib/ci_yaml/hoisting_test_support.h"

namespace cievents::ci_yaml {
namespace {

std::filesystem::path SharedData() {
  const char* configured = std::getenv("CIEVENTS_SHARED_DATA");
  return configured != nullptr ? configured : "../shared/data";
}

std::string ReadFileText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The body of a CI file: its last document. None if it is no YAML.
std::optional<Body> BodyOf(std::string_view content) {
  const Documents documents = SplitDocuments(content);
  const auto parsed =
      yaml::Parse(documents.second.has_value() ? documents.second->text : documents.first.text);
  const auto* root = std::get_if<yaml::NodePtr>(&parsed);
  if (root == nullptr) return std::nullopt;
  return ReadBody(**root);
}

TEST(HoistingCorpusTest, RealFilesAreHoistedQuicklyAndSubscribeToNothing) {
  const std::filesystem::path folder = SharedData() / "gitlab" / "ci-yaml";
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "no corpus at " << folder << "; set CIEVENTS_SHARED_DATA";
  }
  const auto catalogue = Catalogue::BuiltIn();
  int files = 0, bodies = 0, top_level_items = 0, workflows = 0, jobs = 0, lists = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = file.path().filename().string();
    if (!file.is_regular_file() || !(name.ends_with(".yml") || name.ends_with(".yaml"))) continue;
    ++files;
    const std::optional<Body> body = BodyOf(ReadFileText(file.path()));
    if (!body.has_value()) continue;
    ++bodies;
    EXPECT_TRUE(body->is_complete) << name;
    top_level_items += static_cast<int>(body->root.map.size());
    const auto read_again = BodyFromJson(BodyToJson(*body));
    ASSERT_TRUE(read_again.ok()) << name << ": " << read_again.status();
    EXPECT_EQ(*read_again, *body) << name;

    HoistRequest request;
    request.bodies = {{name, &*body}};
    request.all_includes_are_merged = true;  // as if the includes added nothing
    const auto start = std::chrono::steady_clock::now();
    const Hoisted hoisted = Hoist(request, *catalogue);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    EXPECT_LT(elapsed.count(), 2.0) << name;
    EXPECT_TRUE(hoisted.entries.empty()) << name << ": " << SpellPatterns(hoisted);
    for (const Issue& issue : hoisted.issues) {
      fmt::print("{}\n", FormatIssue(issue));
      EXPECT_EQ(issue.severity, Severity::kInfo) << FormatIssue(issue);
    }
    workflows += hoisted.rules.workflow.has_value();
    if (!hoisted.rules.jobs.has_value()) continue;
    jobs += static_cast<int>(hoisted.rules.jobs->size());
    for (const auto& job : *hoisted.rules.jobs) lists += static_cast<int>(job.lists.size());
  }
  fmt::print(
      "{} files, {} bodies with {} jobs and hidden jobs; {} workflows filter, {} jobs with {} "
      "lists\n",
      files, bodies, top_level_items, workflows, jobs, lists);
  EXPECT_GT(bodies, 100);
}

}  // namespace
}  // namespace cievents::ci_yaml
