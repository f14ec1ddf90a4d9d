// Collects the issues of several bodies, each with its own file.
#ifndef SERVICES_LIB_CI_YAML_FILE_ISSUES_H_
#define SERVICES_LIB_CI_YAML_FILE_ISSUES_H_

#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/lib/base/issue.h"
#include "services/lib/ci_yaml/hoisting.h"
#include "services/lib/ci_yaml/issue_sink.h"

namespace cievents::ci_yaml {

class FileIssues {
 public:
  // `bodies` must outlive it.
  explicit FileIssues(std::span<const BodyFile> bodies) : bodies_(bodies) {}

  // The sink of the file that a body stands in; `file` is the body's index.
  IssueSink& Of(size_t file) {
    const std::string& path = bodies_[file].path;
    return sinks_.try_emplace(path, path).first->second;
  }
  // Adds an issue that is worth saying once a file.
  void AddOnce(const IssueCode& code, size_t file, matcher::Position position, std::string message,
               std::string suggestion = "") {
    if (!said_.emplace(bodies_[file].path, code.text).second) return;
    Of(file).Add(code, position, std::move(message), std::move(suggestion));
  }

  // By path, line and column.
  std::vector<Issue> Take() {
    std::vector<Issue> issues;
    for (auto& [path, sink] : sinks_) {
      for (Issue& issue : sink.Take()) issues.push_back(std::move(issue));
    }
    return issues;
  }

 private:
  const std::span<const BodyFile> bodies_;
  std::map<std::string, IssueSink> sinks_;
  std::set<std::pair<std::string, std::string_view>> said_;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_FILE_ISSUES_H_
