// Warnings of inputs that go nowhere, and of event data that reaches a shell: whoever causes an
// event chooses its texts, and a block in a script is filled in before the shell reads it.
#ifndef SERVICES_LIB_CI_YAML_TEXT_CHECKS_H_
#define SERVICES_LIB_CI_YAML_TEXT_CHECKS_H_

#include <string_view>
#include <vector>

#include "matcher/base/string_map.h"
#include "matcher/subscription.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

// The names of the inputs of type string that one of `entries` fills from the event and that
// neither `options` nor `regex` constrains. Reports each where it is filled first. What is declared
// wrongly is left to those who check declarations.
StringSet CheckEventInputs(const std::vector<matcher::Entry>& entries,
                           std::string_view spec_inputs_json, IssueSink* sink);

// Reports the first input of `entries`. REQUIRES: nothing is declared, here or in an included
// header.
void CheckNoInputs(const std::vector<matcher::Entry>& entries, IssueSink* sink);

// Reports the event blocks, and the blocks of `event_inputs`, in the scripts of a body. `content`
// is the whole file.
void CheckScripts(const yaml::Node& body, const StringSet& event_inputs, std::string_view content,
                  IssueSink* sink);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_TEXT_CHECKS_H_
