#include "services/lib/base/issue.h"

#include <fmt/format.h>

#include <algorithm>

namespace cievents {

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      break;
  }
  return "error";
}

bool HasErrors(const std::vector<Issue>& issues) {
  return std::any_of(issues.begin(), issues.end(),
                     [](const Issue& issue) { return issue.severity == Severity::kError; });
}

std::string FormatIssue(const Issue& issue) {
  return fmt::format("{}:{}:{}: {}: {} [{}]", issue.file, issue.line, issue.column,
                     SeverityName(issue.severity), issue.message, issue.code);
}

}  // namespace cievents
