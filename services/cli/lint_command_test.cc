// `cievents lint` as a user sees it: what it prints of a checkout, and its exit code.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cli/commands.h"

namespace cievents::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

// ctest runs the tests in the source root.
constexpr char kTenMistakes[] = "tests/lint/ten_mistakes";

// FILE:LINE:COL [CODE] of each issue that was printed.
std::vector<std::string> Places(const std::string& output) {
  std::vector<std::string> places;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const size_t code = line.rfind('[');
    const size_t place = line.find(": ");
    if (code == std::string::npos || line.starts_with(" ")) continue;
    places.push_back(line.substr(0, place) + " " + line.substr(code));
  }
  return places;
}

struct Linted {
  int exit_code = 0;
  std::string output;
};

Linted Lint(const LintOptions& options) {
  testing::internal::CaptureStdout();
  Linted linted;
  linted.exit_code = RunLint(options);
  linted.output = testing::internal::GetCapturedStdout();
  return linted;
}

class CheckoutTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("cievents-lint-" + std::to_string(::getpid()));
    fs::remove_all(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  void Write(const std::string& path, const std::string& content) {
    fs::create_directories((dir_ / path).parent_path());
    std::ofstream(dir_ / path) << content;
  }

  LintOptions Options() const {
    LintOptions options;
    options.project_dir = dir_.string();
    return options;
  }

  fs::path dir_;
};

TEST(LintCommandTest, AFileWithTenMistakesShowsTenIssuesEachAtItsPlace) {
  LintOptions options;
  options.project_dir = kTenMistakes;
  const Linted linted = Lint(options);
  EXPECT_EQ(linted.exit_code, kExitFindings);
  const std::string file = ".gitlab/ci/events/ten.yml:";
  EXPECT_THAT(
      Places(linted.output),
      testing::ElementsAre(file + "3:7 [bad-pattern]", file + "4:7 [unknown-event]",
                           file + "6:14 [bad-value]", file + "8:41 [bad-condition]",
                           file + "9:11 [unsupported-rule-key]", file + "10:7 [missing-name]",
                           file + "12:7 [unknown-key]", file + "13:14 [empty-rules]",
                           file + "14:21 [wrong-type]", file + "15:7 [comment-without-actor]"));
  EXPECT_THAT(linted.output, HasSubstr("10 issues"));
}

TEST_F(CheckoutTest, AFileWithEventsThatNothingIncludesIsAWarning) {
  Write(".gitlab-ci.yml", "include: used.yml\n");
  Write("used.yml", "spec: {events: [issue/closed]}\n---\n");
  Write("unused.yml", "spec: {events: [issue/closed]}\n---\n");
  Write("other.yml", "spec: {inputs: {}}\n---\n");
  const Linted linted = Lint(Options());
  EXPECT_EQ(linted.exit_code, kExitOk);
  EXPECT_THAT(Places(linted.output), testing::ElementsAre("unused.yml:1:1 [not-included]"));
}

TEST_F(CheckoutTest, TodaysGitlabIsATargetOfItsOwn) {
  Write(".gitlab-ci.yml", "include: used.yml\nworkflow:\n  events: [issue/closed]\n");
  Write("used.yml", "spec: {events: [issue/closed]}\n---\n");
  Write(".gitlab/ci/events/safe.yml", "spec: {events: [issue/closed]}\n---\n");
  EXPECT_THAT(Lint(Options()).output, Not(HasSubstr("rejected-by-gitlab")));
  LintOptions options = Options();
  options.target = "stock-gitlab";
  const Linted linted = Lint(options);
  EXPECT_EQ(linted.exit_code, kExitOk) << "warnings";
  EXPECT_THAT(Places(linted.output), testing::ElementsAre(".gitlab-ci.yml:3:3 [rejected-by-gitlab]",
                                                          "used.yml:1:8 [rejected-by-gitlab]"));
}

}  // namespace
}  // namespace cievents::cli
