#include "services/lib/ci_yaml/text_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "matcher/inputs/block.h"
#include "matcher/inputs/input_spec.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {
namespace {

// GitLab's limit on `!reference` inside `!reference`.
constexpr int kReferenceDepthMax = 10;

// The part of a block before its functions.
std::string_view AccessOf(std::string_view data) {
  std::string_view access = data.substr(0, data.find('|'));
  while (!access.empty() && (access.back() == ' ' || access.back() == '\t'))
    access.remove_suffix(1);
  return access;
}

bool IsEventAccess(std::string_view access) {
  if (access.starts_with("gitlab.")) access.remove_prefix(7);
  return access == "event" || access.starts_with("event.");
}

bool HoldsEventBlock(std::string_view text) {
  const std::vector<matcher::BlockPlace> blocks = matcher::FindBlocks(text);
  return std::any_of(blocks.begin(), blocks.end(), [](const matcher::BlockPlace& block) {
    return IsEventAccess(AccessOf(block.data));
  });
}

class ScriptChecker {
 public:
  ScriptChecker(const yaml::Node& root, const StringSet& event_inputs, std::string_view content,
                IssueSink* sink)
      : root_(root), event_inputs_(event_inputs), content_(content), sink_(sink) {}

  void Run() {
    for (const KeyValue& item : ItemsOf(root_)) {
      if (IsScriptKey(item.key)) {
        CheckTexts(*item.value, 0);
      } else if (item.value->is_map()) {
        CheckJob(*item.value);
      }
    }
  }

 private:
  static bool IsScriptKey(std::string_view key) {
    return key == "script" || key == "before_script" || key == "after_script" ||
           key == "pre_get_sources_script";
  }

  // A job, a hidden job, or `default`.
  void CheckJob(const yaml::Node& job) {
    for (const KeyValue& item : ItemsOf(job)) {
      if (IsScriptKey(item.key)) {
        CheckTexts(*item.value, 0);
      } else if (item.key == "hooks" && item.value->is_map()) {
        CheckJob(*item.value);
      } else if (item.key == "run" && item.value->is_sequence()) {
        for (const yaml::NodePtr& step : item.value->items) {
          if (step->is_map()) CheckJob(*step);
        }
      }
    }
  }

  // All texts of a script: lists may stand in lists, and anchors share them among jobs.
  void CheckTexts(const yaml::Node& node, int references) {
    if (!checked_.insert(&node).second) return;
    if (node.is_scalar()) return CheckText(node);
    if (node.tag == "!reference") {
      const yaml::Node* target = references < kReferenceDepthMax ? Resolve(node) : nullptr;
      if (target != nullptr) CheckTexts(*target, references + 1);
      return;
    }
    for (const yaml::NodePtr& item : node.items) CheckTexts(*item, references);
  }

  const yaml::Node* Resolve(const yaml::Node& reference) const {
    const yaml::Node* target = &root_;
    for (const yaml::NodePtr& key : reference.items) {
      if (target == nullptr || !target->is_map() || !key->is_scalar()) return nullptr;
      target = target->Find(key->scalar);
    }
    return target;
  }

  // Says it once a text: its other blocks have the same cure.
  void CheckText(const yaml::Node& text) {
    for (const matcher::BlockPlace& block : matcher::FindBlocks(text.scalar)) {
      const std::string_view access = AccessOf(block.data);
      const bool is_event = IsEventAccess(access);
      if (!is_event && !IsEventInput(access)) continue;
      const std::string_view written =
          std::string_view(text.scalar).substr(block.begin, block.end - block.begin);
      sink_->Add(
          kEventTextInScript, PlaceOf(text, written),
          fmt::format("`{}` is {}: the shell would run what is written in it",
                      yaml::Shorten(written),
                      is_event ? "text of the event" : "filled with text of the event"),
          "set a variable to it, `variables: {TEXT: '$[[ .. ]]'}`, and write \"$TEXT\", with "
          "the quotes, in the script");
      return;
    }
  }

  bool IsEventInput(std::string_view access) const {
    constexpr std::string_view kInputs = "inputs.";
    return access.starts_with(kInputs) && event_inputs_.contains(access.substr(kInputs.size()));
  }

  // Where `written` first stands in the scalar: also of a `|` block, on its own line.
  matcher::Position PlaceOf(const yaml::Node& scalar, std::string_view written) {
    const size_t begin = OffsetOf(scalar.mark);
    const size_t found = content_.find(written, begin);
    if (found == std::string_view::npos) return PositionOf(scalar.mark);
    const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), found);
    const auto line = static_cast<int>(next - line_starts_.begin());
    return {line, static_cast<int>(found - *(next - 1)) + 1};
  }

  size_t OffsetOf(yaml::Mark mark) {
    if (line_starts_.empty()) {
      line_starts_.push_back(0);
      for (size_t at = content_.find('\n'); at != std::string_view::npos;
           at = content_.find('\n', at + 1)) {
        line_starts_.push_back(at + 1);
      }
    }
    const size_t line = std::min(static_cast<size_t>(mark.line), line_starts_.size());
    return std::min(line_starts_[line - 1] + mark.column - 1, content_.size());
  }

  const yaml::Node& root_;
  const StringSet& event_inputs_;
  const std::string_view content_;
  IssueSink* const sink_;
  absl::flat_hash_set<const yaml::Node*> checked_;
  std::vector<size_t> line_starts_;  // filled when first needed
};

}  // namespace

StringSet CheckEventInputs(const std::vector<matcher::Entry>& entries,
                           std::string_view spec_inputs_json, IssueSink* sink) {
  StringSet names;
  const auto specs = matcher::ParseInputSpecs(spec_inputs_json);
  if (!specs.ok()) return names;
  for (const matcher::Entry& entry : entries) {
    for (const matcher::InputBinding& input : entry.inputs) {
      if (names.contains(input.name) || !HoldsEventBlock(input.value_json)) continue;
      const auto spec = std::find_if(
          specs->begin(), specs->end(),
          [&](const matcher::InputSpec& candidate) { return candidate.name() == input.name; });
      if (spec == specs->end() || !spec->is_unconstrained_text()) continue;
      names.insert(input.name);
      sink->Add(kUnconstrainedEventInput, input.position,
                fmt::format("the input `{}` takes any text of the event: neither `options` nor "
                            "`regex` constrains it",
                            yaml::Shorten(input.name)),
                "declare a `regex` or `options` for it, or another `type`; in scripts use it only "
                "through a variable: `variables: {TEXT: '$[[ inputs.NAME ]]'}` and \"$TEXT\"");
    }
  }
  return names;
}

void CheckNoInputs(const std::vector<matcher::Entry>& entries, IssueSink* sink) {
  const auto giver = std::find_if(entries.begin(), entries.end(), [](const matcher::Entry& entry) {
    return !entry.inputs.empty();
  });
  if (giver == entries.end()) return;
  sink->Add(kUndeclaredInputs, giver->inputs.front().position,
            std::string(matcher::kInputsNotDeclared), "declare them under `spec: inputs`");
}

void CheckScripts(const yaml::Node& body, const StringSet& event_inputs, std::string_view content,
                  IssueSink* sink) {
  if (body.is_map()) ScriptChecker(body, event_inputs, content, sink).Run();
}

}  // namespace cievents::ci_yaml
