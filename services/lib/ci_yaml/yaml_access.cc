#include "services/lib/ci_yaml/yaml_access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>

#include "matcher/base/string_map.h"
#include "services/lib/base/nearest.h"

namespace cievents::ci_yaml {
namespace {

bool IsMergeKey(const yaml::Node& key) { return key.plain && key.scalar == "<<"; }

void Collect(const yaml::Node& map, StringSet* seen, std::vector<KeyValue>* items) {
  for (const yaml::MapItem& item : map.map) {
    if (IsMergeKey(*item.key)) continue;
    const std::string_view key = item.key->is_scalar() ? item.key->scalar : std::string_view();
    if (seen->emplace(key).second) items->push_back({key, item.key->mark, item.value.get()});
  }
  // Of several `<<` keys the later one wins, as in yaml::Node::Find.
  for (auto item = map.map.rbegin(); item != map.map.rend(); ++item) {
    if (!IsMergeKey(*item->key)) continue;
    if (item->value->is_map()) Collect(*item->value, seen, items);
    for (const yaml::NodePtr& merged : item->value->items) {
      if (merged->is_map()) Collect(*merged, seen, items);
    }
  }
}

std::string QuotedList(const std::vector<std::string>& texts) {
  return fmt::format("`{}`", fmt::join(texts, "`, `"));
}

}  // namespace

std::vector<KeyValue> ItemsOf(const yaml::Node& map) {
  StringSet seen;
  std::vector<KeyValue> items;
  Collect(map, &seen, &items);
  return items;
}

bool IsOnKey(std::string_view key) { return key == "on" || key == "true"; }

std::string_view NameOfKind(const yaml::Node& node) {
  switch (node.kind) {
    case yaml::Kind::kNull:
      return "null";
    case yaml::Kind::kScalar:
      return "a single value";
    case yaml::Kind::kSequence:
      return node.tag == "!reference" ? "a `!reference`" : "a list";
    case yaml::Kind::kMap:
      break;
  }
  return "a map";
}

void AddUnknownKey(const KeyValue& item, std::string_view where,
                   const std::vector<std::string>& known, IssueSink* sink) {
  const std::vector<std::string> nearest = NearestTexts(item.key, known, 1);
  sink->Add(kUnknownKey, item.key_mark,
            fmt::format("`{}` is not a key of {}", yaml::Shorten(item.key), where),
            nearest.empty() ? "known keys: " + QuotedList(known)
                            : fmt::format("did you mean `{}`?", nearest[0]));
}

void AddWrongType(const KeyValue& item, std::string_view expected, IssueSink* sink) {
  sink->Add(kWrongType, item.value->mark,
            fmt::format("`{}` must be {}, not {}", yaml::Shorten(item.key), expected,
                        NameOfKind(*item.value)));
}

void AddBadValue(const KeyValue& item, const std::vector<std::string>& allowed, IssueSink* sink) {
  if (!item.value->is_scalar()) {
    AddWrongType(item, QuotedList(allowed), sink);
    return;
  }
  const std::vector<std::string> nearest = NearestTexts(item.value->scalar, allowed, 1);
  sink->Add(kBadValue, item.value->mark,
            fmt::format("`{}` is not a value of `{}`", yaml::Shorten(item.value->scalar),
                        yaml::Shorten(item.key)),
            nearest.empty() ? "one of: " + QuotedList(allowed)
                            : fmt::format("did you mean `{}`?", nearest[0]));
}

std::vector<matcher::InputBinding> ParseInputs(const KeyValue& item, IssueSink* sink) {
  std::vector<matcher::InputBinding> inputs;
  if (item.value->is_null()) return inputs;
  if (!item.value->is_map()) {
    AddWrongType(item, "a map of inputs", sink);
    return inputs;
  }
  simdjson::dom::parser parser;
  for (const KeyValue& input : ItemsOf(*item.value)) {
    std::string json = yaml::ToCanonicalJson(*input.value);
    // YAML bounds no number; what JSON readers refuse must not reach the database.
    if (parser.parse(json).error() != simdjson::SUCCESS) {
      sink->Add(kBadValue, input.value->mark,
                fmt::format("the value of the input `{}` has a number out of range",
                            yaml::Shorten(input.key)),
                "quote the number");
      continue;
    }
    inputs.push_back({std::string(input.key), std::move(json), PositionOf(input.key_mark)});
  }
  std::sort(inputs.begin(), inputs.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return inputs;
}

}  // namespace cievents::ci_yaml
