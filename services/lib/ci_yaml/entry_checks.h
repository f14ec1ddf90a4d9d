// What is odd about the entries of one file, seen together or as a whole.
#ifndef SERVICES_LIB_CI_YAML_ENTRY_CHECKS_H_
#define SERVICES_LIB_CI_YAML_ENTRY_CHECKS_H_

#include <vector>

#include "matcher/subscription.h"
#include "services/lib/ci_yaml/issue_sink.h"

namespace cievents::ci_yaml {

void CheckEntries(const std::vector<matcher::Entry>& entries, IssueSink* sink);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ENTRY_CHECKS_H_
