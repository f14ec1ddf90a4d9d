#include <fmt/format.h>

#include <map>

#include "services/lib/yaml/yaml.h"

namespace cievents::yaml {
namespace {

// The text is valid UTF-8 (Parse checks it), so only JSON's own characters are escaped.
void AppendString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '\r') {
      out->append("\\r");
    } else if (c == '\t') {
      out->append("\\t");
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out->append(fmt::format("\\u{:04x}", static_cast<int>(c)));
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

// Own keys win over merged ones; of several `<<` keys the later wins, as in GitLab.
void CollectItems(const Node& node, std::map<std::string_view, const Node*>* items) {
  const auto is_merge = [](const Node& key) { return key.plain && key.scalar == "<<"; };
  for (const MapItem& item : node.map) {
    // GitLab's parser has the empty text for a null key.
    const std::string_view key = item.key->is_scalar() ? item.key->scalar : std::string_view();
    if (!is_merge(*item.key)) items->emplace(key, item.value.get());
  }
  for (auto item = node.map.rbegin(); item != node.map.rend(); ++item) {
    if (!is_merge(*item->key)) continue;
    CollectItems(*item->value, items);
    for (const NodePtr& merged : item->value->items) CollectItems(*merged, items);
  }
}

void Append(const Node& node, std::string* out);

void AppendMap(const Node& node, std::string* out) {
  std::map<std::string_view, const Node*> items;
  CollectItems(node, &items);
  char separator = '{';
  for (const auto& [key, value] : items) {
    out->push_back(separator);
    separator = ',';
    AppendString(key, out);
    out->push_back(':');
    Append(*value, out);
  }
  out->append(separator == '{' ? "{}" : "}");
}

void AppendSequence(const Node& node, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (i > 0) out->push_back(',');
    Append(*node.items[i], out);
  }
  out->push_back(']');
}

void Append(const Node& node, std::string* out) {
  switch (node.kind) {
    case Kind::kNull:
      out->append("null");
      return;
    case Kind::kSequence:
      AppendSequence(node, out);
      return;
    case Kind::kMap:
      AppendMap(node, out);
      return;
    case Kind::kScalar:
      break;
  }
  if (const std::optional<bool> boolean = node.AsBool()) {
    out->append(*boolean ? "true" : "false");
  } else if (node.IsNumber()) {
    out->append(node.scalar);
  } else {
    AppendString(node.scalar, out);
  }
}

}  // namespace

std::string ToCanonicalJson(const Node& node) {
  std::string json;
  Append(node, &json);
  return json;
}

}  // namespace cievents::yaml
