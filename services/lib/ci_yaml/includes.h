// Reads `include` of a CI file: which files of the same commit it names literally.
#ifndef SERVICES_LIB_CI_YAML_INCLUDES_H_
#define SERVICES_LIB_CI_YAML_INCLUDES_H_

#include <vector>

#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {

std::vector<LocalInclude> ReadIncludes(const KeyValue& include, IssueSink* sink);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_INCLUDES_H_
