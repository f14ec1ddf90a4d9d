// Collects the issues of one file: bounded, so that a hostile file cannot make a hostile answer.
#ifndef SERVICES_LIB_CI_YAML_ISSUE_SINK_H_
#define SERVICES_LIB_CI_YAML_ISSUE_SINK_H_

#include <string>
#include <string_view>
#include <vector>

#include "matcher/subscription.h"
#include "services/lib/base/issue.h"
#include "services/lib/ci_yaml/issue_codes.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

inline constexpr size_t kIssuesPerFileMax = 200;

matcher::Position PositionOf(yaml::Mark mark);

class IssueSink {
 public:
  explicit IssueSink(std::string_view file) : file_(file) {}

  void Add(const IssueCode& code, matcher::Position position, std::string message,
           std::string suggestion = "");
  void Add(const IssueCode& code, yaml::Mark mark, std::string message,
           std::string suggestion = "") {
    Add(code, PositionOf(mark), std::move(message), std::move(suggestion));
  }
  void Add(const yaml::ParseError& error);

  // How many errors came so far: whoever compares it before and after knows whether a part is
  // sound.
  int errors() const { return errors_; }

  // The issues by line and column. Of more than kIssuesPerFileMax the surplus is left out, but
  // never the only error.
  std::vector<Issue> Take();

 private:
  std::string file_;
  std::vector<Issue> issues_;
  int errors_ = 0;
  size_t left_out_ = 0;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ISSUE_SINK_H_
