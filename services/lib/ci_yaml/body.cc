#include "services/lib/ci_yaml/body.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {
namespace {

constexpr std::string_view kBlockBegin = "$[[";

// A reference without a path stands for what cannot be known here.
BodyValue Unresolvable(yaml::Mark mark) {
  BodyValue value;
  value.kind = BodyValue::Kind::kReference;
  value.position = PositionOf(mark);
  return value;
}

// Tags that say what a value is anyway.
bool IsOrdinaryTag(std::string_view tag) {
  return tag.empty() || tag.starts_with("!!") || tag.starts_with("tag:yaml.org,2002:");
}

BodyValue ToValue(const yaml::Node& node) {
  // GitLab knows one tag, and refuses the rest.
  const bool is_reference = node.tag == "!reference" && node.is_sequence();
  if (!is_reference && !IsOrdinaryTag(node.tag)) return Unresolvable(node.mark);
  BodyValue value;
  value.position = PositionOf(node.mark);
  switch (node.kind) {
    case yaml::Kind::kNull:
      break;
    case yaml::Kind::kScalar:
      value.kind = BodyValue::Kind::kText;
      value.text = node.scalar;
      break;
    case yaml::Kind::kSequence:
      value.kind = is_reference ? BodyValue::Kind::kReference : BodyValue::Kind::kList;
      value.items.reserve(node.items.size());
      for (const yaml::NodePtr& item : node.items) value.items.push_back(ToValue(*item));
      break;
    case yaml::Kind::kMap:
      value.kind = BodyValue::Kind::kMap;
      for (const KeyValue& item : ItemsOf(node)) {
        value.map.emplace_back(item.key, ToValue(*item.value));
      }
      break;
  }
  return value;
}

bool IsIn(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

enum class ItemKind { kWorkflow, kHiddenJob, kJob };

bool IsKept(ItemKind kind, std::string_view key) {
  // A key with a block in it may turn out to be any of the others.
  if (key.find(kBlockBegin) != std::string_view::npos) return true;
  switch (kind) {
    case ItemKind::kWorkflow:
      return IsIn(key, {"extends", "rules"});
    case ItemKind::kHiddenJob:
      return !IsIn(key, {"script", "before_script", "after_script", "run"});
    case ItemKind::kJob:
      break;
  }
  return IsIn(key, {"extends", "rules", "on", "only", "except", "when"});
}

// The value of a top-level key; its position is the key's.
BodyValue ReadItem(ItemKind kind, const KeyValue& item) {
  BodyValue value;
  if (item.value->is_map() && IsOrdinaryTag(item.value->tag)) {
    value.kind = BodyValue::Kind::kMap;
    for (const KeyValue& child : ItemsOf(*item.value)) {
      const std::string_view key = IsOnKey(child.key) ? "on" : child.key;
      if (!IsKept(kind, key)) continue;
      const auto same = std::find_if(value.map.begin(), value.map.end(),
                                     [key](const auto& other) { return other.first == key; });
      if (same == value.map.end()) {
        value.map.emplace_back(key, ToValue(*child.value));
      } else {  // `on` beside `true`: which of them counts depends on who reads
        same->second = Unresolvable(child.key_mark);
      }
    }
  } else if (kind != ItemKind::kJob || !IsOrdinaryTag(item.value->tag)) {
    value = ToValue(*item.value);
  }
  value.position = PositionOf(item.key_mark);
  return value;
}

// What is left of a body that is too large.
void KeepWorkflowAlone(Body* body) {
  std::optional<BodyValue> workflow;
  for (auto& [key, value] : body->root.map) {
    if (key == "workflow" && !workflow.has_value()) workflow = std::move(value);
    // A name with a block in it may turn out to be `workflow`.
    if (key.find(kBlockBegin) != std::string::npos) workflow = Unresolvable({});
  }
  body->is_complete = false;
  body->root.map.clear();
  if (!workflow.has_value()) return;
  const matcher::Position position = workflow->position;
  body->root.map.emplace_back("workflow", *std::move(workflow));
  if (BodyToJson(*body).size() <= kBodyBytesMax) return;
  body->root.map[0].second = Unresolvable({position.line, position.column});
}

}  // namespace

const BodyValue* BodyValue::Find(std::string_view key) const {
  const auto found =
      std::find_if(map.begin(), map.end(), [key](const auto& item) { return item.first == key; });
  return found == map.end() ? nullptr : &found->second;
}

bool IsGlobalKeyword(std::string_view key) {
  // `spec` and `types` are none: in a body they are names as good as any.
  return IsIn(key, {"after_script", "before_script", "cache", "default", "image", "include",
                    "services", "stages", "variables", "workflow"});
}

Body ReadBody(const yaml::Node& root) {
  Body body;
  body.root.kind = BodyValue::Kind::kMap;
  body.root.position = PositionOf(root.mark);
  if (!root.is_map()) return body;
  for (const KeyValue& item : ItemsOf(root)) {
    const bool is_workflow = item.key == "workflow";
    if (!is_workflow && IsGlobalKeyword(item.key)) continue;
    const ItemKind kind = is_workflow                 ? ItemKind::kWorkflow
                          : item.key.starts_with('.') ? ItemKind::kHiddenJob
                                                      : ItemKind::kJob;
    body.root.map.emplace_back(item.key, ReadItem(kind, item));
  }
  if (BodyToJson(body).size() > kBodyBytesMax) KeepWorkflowAlone(&body);
  return body;
}

}  // namespace cievents::ci_yaml
