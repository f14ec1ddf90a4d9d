#include "services/lib/ci_yaml/inputs.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <map>
#include <optional>
#include <span>

#include "matcher/inputs/input_plan.h"
#include "matcher/inputs/input_spec.h"
#include "services/lib/base/json_writer.h"

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

std::string Message(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

std::vector<std::string> CheckSpecInputs(std::string_view spec_inputs_json) {
  const auto specs = matcher::ParseInputSpecs(spec_inputs_json);
  if (!specs.ok()) return {Message(specs.status())};
  std::vector<std::string> problems;
  for (const matcher::InputSpec& spec : *specs) {
    std::optional<matcher::InputValue> value = spec.default_value();
    if (value.has_value()) spec.Check(matcher::ValueOrigin::kDefault, &*value, &problems);
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
    if (!matcher::ParseInputSpecs(spec).ok()) continue;
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
