#include "services/lib/ci_yaml/variant_inputs.h"

#include <optional>
#include <utility>

#include "matcher/base/json_escape.h"
#include "matcher/base/status.h"
#include "matcher/inputs/block.h"
#include "matcher/inputs/input_spec.h"
#include "matcher/inputs/json_text.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

using matcher::BlockPlace;
using matcher::InputValue;
using matcher::JsonNode;

constexpr std::string_view kValidPattern = "$[[ inputs.NAME ]]";
constexpr std::string_view kInputsPrefix = "inputs.";

bool IsWholeBlock(std::string_view text, const std::vector<BlockPlace>& places) {
  return places.size() == 1 && places[0].begin == 0 && places[0].end == text.size();
}

bool HoldsBlocks(const JsonNode& node) {
  if (node.kind == JsonNode::Kind::kString) return !matcher::FindBlocks(node.text).empty();
  for (const JsonNode& item : node.items) {
    if (HoldsBlocks(item)) return true;
  }
  for (const matcher::JsonMember& member : node.members) {
    if (HoldsBlocks(member.value)) return true;
  }
  return false;
}

}  // namespace

// Fills in the blocks over inputs of one text or JSON value.
class InputsResolver {
 public:
  explicit InputsResolver(const VariantInputs& inputs) : inputs_(inputs) {}

  absl::Status AppendJson(const JsonNode& node, std::string* out) {
    CIEVENTS_RETURN_IF_ERROR(CheckSize(*out));
    switch (node.kind) {
      case JsonNode::Kind::kString:
        return AppendString(node.text, out);
      case JsonNode::Kind::kArray:
        return AppendArray(node, out);
      case JsonNode::Kind::kObject:
        return AppendObject(node, out);
      default:
        matcher::AppendJson(node, out);
        return absl::OkStatus();
    }
  }

  // The text with all its blocks over inputs replaced by their text.
  absl::StatusOr<std::string> ResolveText(std::string_view text) {
    std::string out;
    size_t at = 0;
    size_t blocks = 0;  // that are left in `out`
    for (const BlockPlace& place : matcher::FindBlocks(text)) {
      out.append(text.substr(at, place.begin - at));
      at = place.end;
      if (!place.data.starts_with(kInputsPrefix)) {
        out.append(text.substr(place.begin, place.end - place.begin));
        ++blocks;
        continue;
      }
      CIEVENTS_ASSIGN_OR_RETURN(const Resolved resolved, Resolve(place.data));
      if (resolved.dynamic_json.has_value()) {
        CIEVENTS_ASSIGN_OR_RETURN(const std::string pasted, TextOf(*resolved.dynamic_json));
        blocks += matcher::FindBlocks(pasted).size();
        out.append(pasted);
      } else {
        out.append(resolved.value.AsText());
      }
      CIEVENTS_RETURN_IF_ERROR(CheckSize(out));
    }
    out.append(text.substr(at));
    // Pieces of text must not make a block where none was written: values are filled in once.
    if (matcher::FindBlocks(out).size() != blocks) {
      return Error(absl::StatusCode::kInvalidArgument, "the value of an input holds `$[[`");
    }
    return out;
  }

 private:
  struct Resolved {
    InputValue value;
    std::optional<std::string> dynamic_json;  // instead: a value with blocks over the event
  };

  static absl::Status CheckSize(const std::string& out) {
    if (out.size() <= kIncludeInputsBytesMax) return absl::OkStatus();
    return Error(absl::StatusCode::kResourceExhausted,
                 "with the values filled in it has more than {} bytes", kIncludeInputsBytesMax);
  }

  static absl::StatusOr<std::string> TextOf(const std::string& json) {
    CIEVENTS_ASSIGN_OR_RETURN(const JsonNode node, matcher::ParseJson(json));
    if (node.kind == JsonNode::Kind::kString) return node.text;
    return Error(absl::StatusCode::kInvalidArgument,
                 "a list or map that an event fills in cannot stand inside of a text");
  }

  absl::StatusOr<Resolved> Resolve(std::string_view data) {
    CIEVENTS_ASSIGN_OR_RETURN(const matcher::Block block, matcher::ParseBlock(data, kValidPattern));
    const std::string name = block.access.substr(kInputsPrefix.size());
    const auto known = inputs_.known_.find(name);
    if (known == inputs_.known_.end()) {
      const auto problem = inputs_.problems_.find(name);
      return Error(
          absl::StatusCode::kInvalidArgument, "{}",
          problem != inputs_.problems_.end()
              ? problem->second
              : fmt::format("unknown input name provided: `{}` in `inputs.{}`", name, name));
    }
    Resolved resolved;
    if (known->second.is_dynamic) {
      CIEVENTS_ASSIGN_OR_RETURN(resolved.dynamic_json, WithFunctions(known->second.json, data));
      return resolved;
    }
    resolved.value = known->second.value;
    for (const matcher::FunctionCall& call : block.functions) {
      if (call.function->reads == matcher::Function::Reads::kVariables) {
        return Error(absl::StatusCode::kFailedPrecondition,
                     "what `{}` makes of it is known at pipeline creation only",
                     call.function->name);
      }
      CIEVENTS_RETURN_IF_ERROR(
          matcher::ApplyFunction(call, matcher::FunctionContext(), &resolved.value));
    }
    return resolved;
  }

  // `$[[ event.a ]]` in `$[[ inputs.x | f ]]` is `$[[ event.a | f ]]`.
  static absl::StatusOr<std::string> WithFunctions(const std::string& json, std::string_view data) {
    const size_t bar = data.find('|');
    if (bar == std::string_view::npos) return json;
    CIEVENTS_ASSIGN_OR_RETURN(const JsonNode node, matcher::ParseJson(json));
    const std::vector<BlockPlace> places = matcher::FindBlocks(node.text);
    if (node.kind != JsonNode::Kind::kString || !IsWholeBlock(node.text, places)) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "functions cannot be applied to a text that an event fills in");
    }
    std::string out;
    AppendJsonString(fmt::format("$[[ {} {} ]]", places[0].data, data.substr(bar)), &out);
    return out;
  }

  absl::Status AppendString(const std::string& text, std::string* out) {
    const std::vector<BlockPlace> places = matcher::FindBlocks(text);
    if (IsWholeBlock(text, places) && places[0].data.starts_with(kInputsPrefix)) {
      CIEVENTS_ASSIGN_OR_RETURN(const Resolved resolved, Resolve(places[0].data));
      if (resolved.dynamic_json.has_value()) {
        out->append(*resolved.dynamic_json);
      } else {
        resolved.value.AppendJson(out);
      }
      return CheckSize(*out);
    }
    CIEVENTS_ASSIGN_OR_RETURN(const std::string resolved, ResolveText(text));
    AppendJsonString(resolved, out);
    return CheckSize(*out);
  }

  absl::Status AppendArray(const JsonNode& node, std::string* out) {
    out->push_back('[');
    bool is_first = true;
    for (const JsonNode& item : node.items) {
      std::string json;
      CIEVENTS_RETURN_IF_ERROR(AppendJson(item, &json));
      // As GitLab does, an array that a block stands for is spliced into the array around it.
      const bool is_spliced = item.kind == JsonNode::Kind::kString && json.starts_with('[');
      const std::string_view items =
          is_spliced ? std::string_view(json).substr(1, json.size() - 2) : std::string_view(json);
      if (items.empty()) continue;
      if (!is_first) out->push_back(',');
      is_first = false;
      out->append(items);
    }
    out->push_back(']');
    return CheckSize(*out);
  }

  absl::Status AppendObject(const JsonNode& node, std::string* out) {
    out->push_back('{');
    for (size_t i = 0; i < node.members.size(); ++i) {
      if (i > 0) out->push_back(',');
      AppendJsonString(node.members[i].key, out);
      out->push_back(':');
      CIEVENTS_RETURN_IF_ERROR(AppendJson(node.members[i].value, out));
    }
    out->push_back('}');
    return CheckSize(*out);
  }

  const VariantInputs& inputs_;
};

VariantInputs::VariantInputs(const std::vector<matcher::InputBinding>& given,
                             std::string_view spec_inputs_json) {
  for (const matcher::InputBinding& binding : given) {
    const auto node = matcher::ParseJson(binding.value_json);
    if (!node.ok() || node->kind == JsonNode::Kind::kNull) continue;  // as if it were not given
    Known known;
    known.is_dynamic = HoldsBlocks(*node);
    known.value = InputValue::Of(*node);
    known.json = binding.value_json;
    known_.insert_or_assign(binding.name, std::move(known));
  }
  const auto specs = matcher::ParseInputSpecs(spec_inputs_json);
  if (!specs.ok()) return;
  for (const matcher::InputSpec& spec : *specs) {
    std::vector<std::string> errors;
    const auto found = known_.find(spec.name());
    if (found != known_.end()) {
      if (found->second.is_dynamic) continue;
      if (spec.Check(matcher::ValueOrigin::kProvided, &found->second.value, &errors)) continue;
      known_.erase(found);
      problems_.emplace(spec.name(), errors.front());
    } else if (spec.default_value().has_value()) {
      Known known;
      known.value = *spec.default_value();
      if (spec.Check(matcher::ValueOrigin::kDefault, &known.value, &errors)) {
        known.value.AppendJson(&known.json);
        known_.emplace(spec.name(), std::move(known));
      } else {
        problems_.emplace(spec.name(), errors.front());
      }
    } else {
      problems_.emplace(spec.name(), spec.RequiredError());
    }
  }
}

bool VariantInputs::IsStatic(std::string_view name) const {
  const auto found = known_.find(name);
  return found != known_.end() ? !found->second.is_dynamic
                               : problems_.find(name) == problems_.end();
}

matcher::Value VariantInputs::GetInput(std::string_view name) {
  const auto found = known_.find(name);
  if (found == known_.end()) return {};
  return matcher::ToValue(InputValue(found->second.value), &found->second.scratch);
}

absl::StatusOr<std::string> VariantInputs::ResolvePath(std::string_view path) const {
  CIEVENTS_ASSIGN_OR_RETURN(std::string resolved, InputsResolver(*this).ResolveText(path));
  if (matcher::FindBlocks(resolved).empty()) return resolved;
  return Error(absl::StatusCode::kFailedPrecondition, "only an event names the file");
}

absl::StatusOr<std::vector<matcher::InputBinding>> VariantInputs::ResolveInputs(
    const std::vector<matcher::InputBinding>& inputs) const {
  std::vector<matcher::InputBinding> resolved = inputs;
  size_t bytes = 0;
  for (matcher::InputBinding& input : resolved) {
    if (input.value_json.find(kInputsPrefix) != std::string::npos) {
      CIEVENTS_ASSIGN_OR_RETURN(const JsonNode node, matcher::ParseJson(input.value_json));
      std::string json;
      CIEVENTS_RETURN_IF_ERROR(InputsResolver(*this).AppendJson(node, &json));
      input.value_json = std::move(json);
    }
    bytes += input.name.size() + input.value_json.size();
  }
  if (bytes <= kIncludeInputsBytesMax) return resolved;
  return Error(absl::StatusCode::kResourceExhausted,
               "{} bytes of inputs; an include has at most {}", bytes, kIncludeInputsBytesMax);
}

}  // namespace cievents::ci_yaml
