// A diagnostic for a user's file: what is wrong, where, and what to do (docs/issues.md lists the
// codes). Issues are for users' mistakes; Status is for the world, CHECK for our bugs.
#ifndef SERVICES_LIB_BASE_ISSUE_H_
#define SERVICES_LIB_BASE_ISSUE_H_

#include <string>
#include <string_view>
#include <vector>

namespace cievents {

enum class Severity { kInfo, kWarning, kError };

struct Issue {
  Severity severity = Severity::kError;
  std::string code;  // stable, kebab-case: `unknown-key`
  std::string file;  // path in the project
  int line = 0;      // 1-based; 0 = the whole file
  int column = 0;    // 1-based, in bytes
  std::string message;
  std::string suggestion;  // what to write instead; empty = none
};

std::string_view SeverityName(Severity severity);  // "error", "warning", "info"

bool HasErrors(const std::vector<Issue>& issues);

// FILE:LINE:COL: severity: message [code]
std::string FormatIssue(const Issue& issue);

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_ISSUE_H_
