// Finds `events` and `on` where they belong to later work (rules of the CI file and jobs), so that
// nobody waits for a pipeline that will not come.
#ifndef SERVICES_LIB_CI_YAML_UNSUPPORTED_H_
#define SERVICES_LIB_CI_YAML_UNSUPPORTED_H_

#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

// `body` is the root map of a CI file. Reports the first such place, once.
void WarnOfUnsupportedEvents(const yaml::Node& body, IssueSink* sink);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_UNSUPPORTED_H_
