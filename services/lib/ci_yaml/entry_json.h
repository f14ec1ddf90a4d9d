// The JSON form of entries and inputs, shared by the cache, the database and the workflow id. Keys
// are sorted, so that equal entries have equal text.
#ifndef SERVICES_LIB_CI_YAML_ENTRY_JSON_H_
#define SERVICES_LIB_CI_YAML_ENTRY_JSON_H_

#include <vector>

#include "matcher/subscription.h"
#include "services/lib/base/json_writer.h"

namespace cievents::ci_yaml {

// Positions are for people and messages; they are no part of what a workflow is.
enum class Positions { kWith, kWithout };

void WriteEntries(const std::vector<matcher::Entry>& entries, Positions positions,
                  JsonWriter* writer);
void WriteInputs(const std::vector<matcher::InputBinding>& inputs, Positions positions,
                 JsonWriter* writer);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ENTRY_JSON_H_
