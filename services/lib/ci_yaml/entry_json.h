// The JSON form of entries, rules and inputs, shared by the cache, the database and the workflow
// id. Keys are sorted, so that equal entries have equal text.
#ifndef SERVICES_LIB_CI_YAML_ENTRY_JSON_H_
#define SERVICES_LIB_CI_YAML_ENTRY_JSON_H_

#include <simdjson.h>

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

// The readers of a *FromJson that holds entries or inputs; they throw (json_reading.h).
std::vector<matcher::Entry> ReadEntries(simdjson::ondemand::value value);
std::vector<matcher::InputBinding> ReadInputs(simdjson::ondemand::value value);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ENTRY_JSON_H_
