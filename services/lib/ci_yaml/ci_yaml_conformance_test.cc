// Goal: every CI file of the corpus is answered as GitLab reads it, or with an issue that a person
// agrees with. Method: each is the CI file of a commit of its neighbours in the corpus; what is
// said of it is listed here, and nothing is said of all others. The corpus: directory in
// CIEVENTS_SHARED_DATA, or ../shared/data beside the source tree.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "services/lib/ci_yaml/test_commit.h"

namespace cievents::ci_yaml {
namespace {

using Answers = std::map<std::string, std::set<std::string>>;  // CI file -> FILE CODE

std::filesystem::path Corpus() {
  const char* configured = std::getenv("CIEVENTS_SHARED_DATA");
  return std::filesystem::path(configured != nullptr ? configured : "../shared/data") / "gitlab" /
         "ci-yaml";
}

std::map<std::string, std::string> ReadFolder(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (!file.is_regular_file() || file.path().extension() != ".yml") continue;
    std::ifstream stream(file.path(), std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    files[file.path().filename().string()] = text.str();
  }
  return files;
}

// `folder__sub__file.yml` is what the corpus calls folder/sub/file.yml.
std::string AsPath(std::string name) {
  for (size_t at = name.find("__"); at != std::string::npos; at = name.find("__", at)) {
    name.replace(at, 2, "/");
  }
  return name;
}

// What is said of `name` as the CI file of the commit that all files beside it, and below, make.
std::set<std::string> AnswersTo(const std::string& name,
                                const std::map<std::string, std::string>& files) {
  const size_t folder = name.rfind("__");
  const std::string prefix = folder == std::string::npos ? "" : name.substr(0, folder + 2);
  Commit commit;
  for (const auto& [other, content] : files) {
    if (other.starts_with(prefix)) commit.Add(AsPath(other.substr(prefix.size())), content);
  }
  commit.request().ci_config_path = name.substr(prefix.size());
  const Assembly assembly = commit.Assemble();
  EXPECT_TRUE(assembly.drafts.empty()) << name << " subscribes to something";
  EXPECT_TRUE(assembly.needs_content.empty()) << name;
  std::set<std::string> answers;
  for (const Issue& issue : assembly.issues) answers.insert(issue.file + " " + issue.code);
  return answers;
}

Answers AnswersToAll(const std::filesystem::path& folder, size_t* count) {
  const std::map<std::string, std::string> files = ReadFolder(folder);
  *count = files.size();
  Answers answers;
  for (const auto& [name, content] : files) {
    const std::set<std::string> answer = AnswersTo(name, files);
    if (!answer.empty()) answers[name] = answer;
  }
  return answers;
}

// One line a difference.
void ExpectEqual(const Answers& actual, const Answers& expected) {
  for (const auto& [name, answers] : actual) {
    const auto known = expected.find(name);
    for (const std::string& answer : answers) {
      EXPECT_TRUE(known != expected.end() && known->second.count(answer) > 0)
          << "unexpected: {\"" << name << "\", \"" << answer << "\"}";
    }
  }
  for (const auto& [name, answers] : expected) {
    const auto found = actual.find(name);
    for (const std::string& answer : answers) {
      EXPECT_TRUE(found != actual.end() && found->second.count(answer) > 0)
          << "missing: {\"" << name << "\", \"" << answer << "\"}";
    }
  }
}

TEST(CiYamlConformanceTest, FilesOfRealProjectsAreAnsweredAsListed) {
  if (!std::filesystem::is_directory(Corpus())) GTEST_SKIP() << "no " << Corpus();
  size_t count = 0;
  const Answers answers = AnswersToAll(Corpus(), &count);
  EXPECT_EQ(count, 59u);
  const Answers expected = {
      {"DataDog__dd-trace-go__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed", ".gitlab-ci.yml include-not-found",
        ".gitlab/benchmarks/macro/gitlab-ci.yml include-not-followed"}},
      {"DataDog__dd-trace-go__.gitlab__benchmarks__macro__gitlab-ci.yml",
       {"gitlab-ci.yml include-not-followed"}},
      {"LLNL__RAJA__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"PipeWire__pipewire__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"ROCm__rocPRIM__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"eFAILution__gitlab-component-helper__tests__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__duplicate-include-completion__."
       "gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__duplicate-include__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__enum-options__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__flow-inputs__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__local-include__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__revalidate-on-edit__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__sample.gitlab-ci.yml",
       {"sample.gitlab-ci.yml include-not-followed"}},
      {"eFAILution__gitlab-component-helper__tests__fixtures__spec-header-completion__.gitlab-ci."
       "yml",
       {".gitlab-ci.yml include-not-found"}},
      {"espressif__esp-mqtt__.gitlab-ci.yml", {".gitlab-ci.yml include-not-found"}},
      {"ginkgo-project__ginkgo__.gitlab-ci.yml", {".gitlab-ci.yml left-to-pipeline-creation"}},
      {"gitlabhq__gitlab-runner__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed", ".gitlab-ci.yml include-not-found",
        ".gitlab-ci.yml left-to-pipeline-creation",
        ".gitlab/ci/_rules.gitlab-ci.yml yaml-too-many-aliases",
        ".gitlab/ci/test.gitlab-ci.yml include-not-followed"}},
      {"gitlabhq__gitlab-runner__.gitlab__ci___rules.gitlab-ci.yml",
       {"rules.gitlab-ci.yml yaml-too-many-aliases"}},
      {"gitlabhq__gitlab-runner__.gitlab__ci__test.gitlab-ci.yml",
       {"test.gitlab-ci.yml include-not-followed"}},
      {"gitlabhq__omnibus-gitlab__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found", ".gitlab-ci.yml left-to-pipeline-creation",
        "gitlab-ci-config/gitlab-com.yml include-not-followed"}},
      {"gitlabhq__omnibus-gitlab__gitlab-ci-config__check-packages.yml",
       {"check-packages.yml include-not-found"}},
      {"gitlabhq__omnibus-gitlab__gitlab-ci-config__gitlab-com.yml",
       {"gitlab-com.yml include-not-followed"}},
      {"mendersoftware__mender__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"mendersoftware__mendertesting__.gitlab-ci-check-commits.yml",
       {".gitlab-ci-check-commits.yml include-not-followed"}},
      {"mendersoftware__mendertesting__.gitlab-ci-check-docker-build.yml",
       {".gitlab-ci-check-docker-build.yml include-not-followed"}},
      {"mendersoftware__mendertesting__.gitlab-ci-check-helm-version-bump.yml",
       {".gitlab-ci-check-helm-version-bump.yml include-not-followed"}},
      {"mendersoftware__mendertesting__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed", ".gitlab-ci.yml include-not-found"}},
  };
  ExpectEqual(answers, expected);
}

TEST(CiYamlConformanceTest, SmallConfigurationsAreAnsweredAsListed) {
  const std::filesystem::path folder = Corpus() / "gitlab-ci-local";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no " << folder;
  size_t count = 0;
  const Answers answers = AnswersToAll(folder, &count);
  EXPECT_EQ(count, 104u);
  const Answers expected = {
      {"component-inputs-edge-cases__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"component-inputs-multiple__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"include-component__component-latest-semver__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed"}},
      {"include-component__component-local__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed"}},
      {"include-component__component-major-semver__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed"}},
      {"include-component__component-non-semver-tag__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed"}},
      {"include-component__component__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"include-component__no-component-template-file__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-followed"}},
      {"include-inputs__input-templates__type-validation__boolean__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"include-inputs__input-templates__type-validation__string__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"include-inputs__input-templates__types__array__.gitlab-ci.yml",
       {".gitlab-ci.yml include-not-found"}},
      {"include-local__.gitlab-ci-invalid-config-relative-path.yml",
       {".gitlab-ci-invalid-config-relative-path.yml include-not-found"}},
      {"include-local__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"include-nested__.150-complex-nested-include-gitlab-ci.yml",
       {"nested-template.yml include-not-found"}},
      {"include-nested__.150-nested-include-gitlab-ci.yml",
       {".150-nested-include-gitlab-ci.yml include-not-found"}},
      {"include-nested__.151-complex-nested-include-gitlab-ci.yml",
       {".151-complex-nested-include-gitlab-ci.yml include-not-found",
        "nested-template.yml include-not-found"}},
      {"include-nested__.151-nested-include-gitlab-ci.yml",
       {".151-nested-include-gitlab-ci.yml include-not-found"}},
      {"include-nested__nested-template.yml", {"nested-template.yml include-not-found"}},
      {"include-project-file-ref-with-inner-local__mock-gitlab-module-with-local.yml",
       {"mock-gitlab-module-with-local.yml include-not-found"}},
      {"include-project-file-wildcard__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
      {"include-project-file__.gitlab-ci-1.yml", {".gitlab-ci-1.yml include-not-followed"}},
      {"include-project-file__.gitlab-ci-2.yml", {".gitlab-ci-2.yml include-not-followed"}},
      {"include-project-file__.gitlab-ci-3.yml", {".gitlab-ci-3.yml include-not-followed"}},
      {"include-project-file__.gitlab-ci-4.yml", {".gitlab-ci-4.yml include-not-followed"}},
      {"include-rules__.gitlab-ci.yml", {".gitlab-ci.yml left-to-pipeline-creation"}},
      {"include-template__.gitlab-ci.yml", {".gitlab-ci.yml include-not-followed"}},
  };
  ExpectEqual(answers, expected);
}

}  // namespace
}  // namespace cievents::ci_yaml
