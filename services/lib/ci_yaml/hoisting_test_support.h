// Texts in, short spellings of what hoisting made of them out: for the tests of this folder.
#ifndef SERVICES_LIB_CI_YAML_HOISTING_TEST_SUPPORT_H_
#define SERVICES_LIB_CI_YAML_HOISTING_TEST_SUPPORT_H_

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "services/lib/ci_yaml/hoisting.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

inline Body ReadText(std::string_view text) {
  const auto parsed = yaml::Parse(text);
  const auto* root = std::get_if<yaml::NodePtr>(&parsed);
  EXPECT_NE(root, nullptr) << text;
  return root == nullptr ? Body() : ReadBody(**root);
}

struct TestFile {
  std::string path;
  std::string_view text;
};

enum class Includes { kAllMerged, kSomeUnread };

// The last file is the CI file.
inline Hoisted HoistFiles(const std::vector<TestFile>& files,
                          Includes includes = Includes::kAllMerged) {
  std::vector<Body> bodies;
  for (const TestFile& file : files) bodies.push_back(ReadText(file.text));
  HoistRequest request;
  for (size_t i = 0; i < files.size(); ++i) request.bodies.push_back({files[i].path, &bodies[i]});
  request.all_includes_are_merged = includes == Includes::kAllMerged;
  return Hoist(request, *Catalogue::BuiltIn());
}

inline Hoisted HoistText(std::string_view text) { return HoistFiles({{".gitlab-ci.yml", text}}); }

inline std::string SpellClause(const matcher::RuleClause& clause) {
  std::string text;
  if (clause.when == matcher::When::kNever) text += " never";
  if (!clause.events.empty()) text += " events";
  for (const matcher::Pattern& pattern : clause.events) text += " " + pattern.text();
  if (clause.if_text.has_value()) text += " if " + *clause.if_text;
  if (clause.has_undecidable_part) text += " undecidable";
  return text.empty() ? "always" : text.substr(1);
}

inline std::string SpellList(const matcher::RuleList& list) {
  std::string text;
  for (const matcher::RuleClause& clause : list) {
    text += (text.empty() ? "" : "; ") + SpellClause(clause);
  }
  return "[" + text + "]";
}

// A line for the workflow and for each job that filters: `job: [clause; clause] [clause]`.
inline std::string SpellRules(const Hoisted& hoisted) {
  std::string text;
  if (hoisted.rules.workflow.has_value()) {
    text += fmt::format("workflow: {}\n", SpellList(*hoisted.rules.workflow));
  }
  if (!hoisted.rules.jobs.has_value()) return text;
  for (const matcher::HoistedJob& job : *hoisted.rules.jobs) {
    text += job.name + ":";
    for (const matcher::RuleList& list : job.lists) text += " " + SpellList(list);
    text += "\n";
  }
  return text;
}

inline std::string SpellPatterns(const Hoisted& hoisted) {
  std::string text;
  for (const matcher::Entry& entry : hoisted.entries) {
    for (const matcher::Pattern& pattern : entry.patterns) {
      text += (text.empty() ? "" : " ") + pattern.text();
    }
  }
  return text;
}

inline std::string SpellIssues(const Hoisted& hoisted) {
  std::string text;
  for (const Issue& issue : hoisted.issues) {
    text += fmt::format("{}:{}:{} {} {}\n", issue.file, issue.line, issue.column,
                        SeverityName(issue.severity), issue.code);
  }
  return text;
}

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_HOISTING_TEST_SUPPORT_H_
