// What today's GitLab, without CI Events, refuses in a file that it reads. A project that tries
// subscriptions out must not lose its other pipelines by it.
//
// It reads the CI file and what that includes. It never looks into `.gitlab/ci/events/` or at
// `.gitlab-ci-event.yml` by itself: proposals 3 and 4 are safe, the others are not.
#ifndef SERVICES_LIB_CI_YAML_STOCK_GITLAB_H_
#define SERVICES_LIB_CI_YAML_STOCK_GITLAB_H_

#include <string_view>
#include <vector>

#include "services/lib/base/issue.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {

// Warnings, in the order of the text; none for roles that GitLab does not read, and none where the
// text is no YAML, which ParseFile reports.
std::vector<Issue> CheckForStockGitlab(FileRole role, std::string_view path,
                                       std::string_view content);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_STOCK_GITLAB_H_
