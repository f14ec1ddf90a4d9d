#include "services/lib/ci_yaml/issue_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "matcher/base/check.h"

namespace cievents::ci_yaml {

matcher::Position PositionOf(yaml::Mark mark) { return {mark.line, mark.column}; }

void IssueSink::Add(const IssueCode& code, matcher::Position position, std::string message,
                    std::string suggestion) {
  const bool first_error = code.severity == Severity::kError && errors_++ == 0;
  if (issues_.size() >= kIssuesPerFileMax && !first_error) {
    ++left_out_;
    return;
  }
  issues_.push_back({code.severity, std::string(code.text), file_, position.line, position.column,
                     std::move(message), std::move(suggestion)});
}

void IssueSink::Add(const yaml::ParseError& error) {
  const auto codes = AllIssueCodes();
  const auto code = std::find_if(codes.begin(), codes.end(),
                                 [&](const IssueCode& known) { return known.text == error.code; });
  CIEVENTS_CHECK(code != codes.end());
  Add(*code, error.mark, error.message, error.suggestion);
}

std::vector<Issue> IssueSink::Take() {
  std::stable_sort(issues_.begin(), issues_.end(), [](const Issue& a, const Issue& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (left_out_ > 0) {
    issues_.push_back({kTooManyIssues.severity, std::string(kTooManyIssues.text), file_, 0, 0,
                       fmt::format("{} further issues of this file are left out", left_out_),
                       "correct the others first"});
  }
  return std::move(issues_);
}

}  // namespace cievents::ci_yaml
