#include "services/lib/ci_yaml/inputs.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <map>
#include <optional>
#include <span>

#include "matcher/inputs/input_plan.h"
#include "matcher/inputs/input_spec.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {
namespace {

// The declaration of each input, as JSON. What cannot be read is left out: CheckSpecInputs says so.
std::map<std::string, std::string> Declarations(std::string_view spec_inputs_json) {
  std::map<std::string, std::string> declarations;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(simdjson::padded_string(spec_inputs_json)).get_object().get(object) !=
      simdjson::SUCCESS) {
    return declarations;
  }
  for (const simdjson::dom::key_value_pair item : object) {
    declarations[std::string(item.key)] = simdjson::minify(item.value);
  }
  return declarations;
}

std::string OneDeclaration(const std::string& name, const std::string& declaration) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key(name);
  writer.Raw(declaration);
  writer.EndObject();
  return writer.Take();
}

// Where an attribute of a declared input stands; the input itself if it has none of this name.
matcher::Position PlaceOf(const KeyValue& input, std::string_view attribute) {
  if (input.value->is_map() && !attribute.empty()) {
    for (const KeyValue& item : ItemsOf(*input.value)) {
      if (item.key == attribute) return PositionOf(item.key_mark);
    }
  }
  return PositionOf(input.key_mark);
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

std::vector<InputProblem> CheckSpecInputs(const yaml::Node& spec_inputs) {
  std::vector<InputProblem> problems;
  for (const KeyValue& input : ItemsOf(spec_inputs)) {
    const std::string json =
        OneDeclaration(std::string(input.key), yaml::ToCanonicalJson(*input.value));
    for (matcher::InputSpecProblem& problem : matcher::CheckInputSpecs(json)) {
      problems.push_back({PlaceOf(input, problem.attribute), std::move(problem.message)});
    }
  }
  return problems;
}

std::vector<InputProblem> CheckInputs(const std::vector<matcher::InputBinding>& bindings,
                                      std::string_view spec_inputs_json,
                                      matcher::EventPathTable& paths) {
  std::vector<InputProblem> problems;
  const std::map<std::string, std::string> declarations = Declarations(spec_inputs_json);
  for (const matcher::InputBinding& binding : bindings) {
    const auto declared = declarations.find(binding.name);
    if (declared == declarations.end() && !declarations.empty()) {
      problems.push_back(
          {binding.position, fmt::format("unknown input arguments: {}", binding.name)});
      continue;
    }
    const std::string spec =
        declared == declarations.end() ? "{}" : OneDeclaration(binding.name, declared->second);
    // A declaration that is wrong itself is reported where it stands.
    if (!matcher::CheckInputSpecs(spec).empty()) continue;
    const auto plan = matcher::InputPlan::Compile({}, std::span(&binding, 1), spec, paths);
    if (!plan.ok()) problems.push_back({binding.position, Message(plan.status())});
  }
  return problems;
}

std::string CheckRequestInputs(const std::vector<matcher::InputBinding>& include_inputs,
                               const std::vector<matcher::InputBinding>& entry_inputs,
                               std::string_view spec_inputs_json, matcher::EventPathTable& paths) {
  const auto plan =
      matcher::InputPlan::Compile(include_inputs, entry_inputs, spec_inputs_json, paths);
  return plan.ok() ? "" : Message(plan.status());
}

}  // namespace cievents::ci_yaml
