// Checks inputs against what `spec: inputs` declares, as far as no event can change it
// (docs/subscriptions.md, "Inputs").
#ifndef SERVICES_LIB_CI_YAML_INPUTS_H_
#define SERVICES_LIB_CI_YAML_INPUTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/event_path.h"
#include "matcher/subscription.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

// What is wrong with one input; GitLab's message. No position: the caller's default.
struct InputProblem {
  matcher::Position position;
  std::string message;
};

// What is wrong with the declarations alone, each at its place. REQUIRES: `spec_inputs`, the value
// of `spec: inputs`, is a map.
std::vector<InputProblem> CheckSpecInputs(const yaml::Node& spec_inputs);

// What is wrong with each of `bindings` by itself: its blocks, its name, its value. What the file
// that declares them does not require here may come from somewhere else.
std::vector<InputProblem> CheckInputs(const std::vector<matcher::InputBinding>& bindings,
                                      std::string_view spec_inputs_json,
                                      matcher::EventPathTable& paths);

// What keeps the two together from making a request, whatever the event; empty = nothing.
std::string CheckRequestInputs(const std::vector<matcher::InputBinding>& include_inputs,
                               const std::vector<matcher::InputBinding>& entry_inputs,
                               std::string_view spec_inputs_json, matcher::EventPathTable& paths);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_INPUTS_H_
