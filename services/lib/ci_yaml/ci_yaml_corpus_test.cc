// Goal: CI files of the real world cause no false errors. Method: every file of the corpus is read
// in every role; what is reported is printed, and errors are only those that are listed here.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

std::filesystem::path SharedData() {
  const char* configured = std::getenv("CIEVENTS_SHARED_DATA");
  return configured != nullptr ? configured : "../shared/data";
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(CiYamlCorpusTest, RealFilesAreReadInEveryRoleQuicklyAndWithoutFalseErrors) {
  const std::filesystem::path folder = SharedData() / "gitlab" / "ci-yaml";
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "no corpus at " << folder << "; set CIEVENTS_SHARED_DATA";
  }
  const auto catalogue = Catalogue::BuiltIn();
  int files = 0, includes = 0, errors = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = file.path().filename().string();
    if (!file.is_regular_file() || !(name.ends_with(".yml") || name.ends_with(".yaml"))) continue;
    ++files;
    const std::string text = ReadText(file.path());
    for (const FileRole role : {FileRole::kCiFile, FileRole::kHeaderOnly, FileRole::kEventList}) {
      const auto start = std::chrono::steady_clock::now();
      const ParsedFile parsed = ParseFile(role, name, text, *catalogue);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      EXPECT_LT(elapsed.count(), 5.0) << name;
      EXPECT_TRUE(parsed.entries.empty()) << name << " subscribes to something";
      if (role == FileRole::kEventList) continue;  // none of them is one
      if (role == FileRole::kCiFile) includes += static_cast<int>(parsed.includes.size());
      for (const Issue& issue : parsed.issues) {
        if (issue.severity == Severity::kInfo) continue;
        fmt::print("{}\n", FormatIssue(issue));
        if (issue.severity != Severity::kError) continue;
        ++errors;
        // A file that is over the limit says so; there is no other honest error in the corpus.
        EXPECT_EQ(issue.code, "yaml-too-many-aliases") << FormatIssue(issue);
        EXPECT_FALSE(name.ends_with("__.gitlab-ci.yml")) << FormatIssue(issue);
      }
    }
  }
  fmt::print("{} files read in three roles, {} local includes, {} errors\n", files, includes,
             errors);
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace cievents::ci_yaml
