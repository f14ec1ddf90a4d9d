#include "services/lib/ci_yaml/includes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "matcher/inputs/block.h"
#include "services/lib/ci_yaml/include_rules.h"

namespace cievents::ci_yaml {
namespace {

class IncludeReader {
 public:
  explicit IncludeReader(IssueSink* sink) : sink_(sink) {}

  void Read(const yaml::Node& item) {
    if (item.is_scalar()) {
      ReadPath(item, {{}, false, {}, {}, PositionOf(item.mark)});
    } else if (item.is_map()) {
      ReadMap(item);
    } else if (item.is_sequence()) {
      // A list that an anchor or `!reference` brought in: GitLab flattens the first, and resolves
      // the second when it creates the pipeline.
      if (!item.tag.empty()) return NotFollowed(item.mark, "`!reference`");
      for (const yaml::NodePtr& nested : item.items) Read(*nested);
    } else {
      sink_->Add(kBadInclude, item.mark, "`include` names nothing",
                 "name a file: `local: path.yml`");
    }
  }

  Includes Take() { return std::move(includes_); }

 private:
  // The parts of a map; `is_sound` is false after an error.
  struct Parts {
    const KeyValue* location = nullptr;
    const KeyValue* inputs = nullptr;
    const KeyValue* rules = nullptr;
    bool is_sound = true;
  };

  void NotFollowed(yaml::Mark mark, std::string_view what) {
    includes_.has_unread = true;
    sink_->Add(kIncludeNotFollowed, mark,
               fmt::format("{} is not followed: subscriptions in it are not found", what),
               "include the file by its literal path: `local: path.yml`");
  }

  Parts FindParts(const std::vector<KeyValue>& items) {
    Parts parts;
    for (const KeyValue& item : items) {
      if (IsLocation(item.key)) {
        if (parts.location != nullptr) {
          sink_->Add(
              kBadInclude, item.key_mark,
              fmt::format("an include has either `{}` or `{}`", parts.location->key, item.key),
              "make two includes of it");
          parts.is_sound = false;
          return parts;
        }
        parts.location = &item;
      } else if (item.key == "inputs" || item.key == "with") {
        if (parts.inputs != nullptr) {
          sink_->Add(kBadInclude, item.key_mark, "`inputs` and `with` are the same",
                     "put all values under `inputs`");
          parts.is_sound = false;
          return parts;
        }
        parts.inputs = &item;
      } else if (item.key == "rules") {
        parts.rules = &item;
      }
    }
    return parts;
  }

  void ReadMap(const yaml::Node& map) {
    const std::vector<KeyValue> items = ItemsOf(map);
    const Parts parts = FindParts(items);
    if (!parts.is_sound) return;
    if (parts.location == nullptr) return AddNoLocation(map, items);
    const KeyValue& location = *parts.location;
    if (location.key != "local") {
      return NotFollowed(location.key_mark, fmt::format("`include: {}`", location.key));
    }
    if (!location.value->is_scalar()) {
      if (location.value->tag == "!reference") {
        return NotFollowed(location.value->mark, "`!reference`");
      }
      return AddWrongType(location, "a path", sink_);
    }
    LocalInclude include;
    include.position = PositionOf(map.mark);
    include.inputs = ReadInputs(parts.inputs);
    if (parts.rules != nullptr) include.rules = ReadIncludeRules(*parts.rules->value);
    ReadPath(*location.value, std::move(include));
  }

  static bool IsLocation(std::string_view key) {
    return key == "local" || key == "project" || key == "remote" || key == "template" ||
           key == "component" || key == "artifact";
  }

  void AddNoLocation(const yaml::Node& map, const std::vector<KeyValue>& items) {
    const std::vector<std::string> known = {"local",     "project",  "remote", "template",
                                            "component", "artifact", "inputs", "rules"};
    const auto unknown = std::find_if(items.begin(), items.end(), [&](const KeyValue& item) {
      return item.key != "file" && item.key != "ref" &&
             std::find(known.begin(), known.end(), item.key) == known.end();
    });
    if (unknown != items.end()) return AddUnknownKey(*unknown, "`include`", known, sink_);
    sink_->Add(kBadInclude, map.mark, "the include does not say what to include",
               "add `local: path.yml`");
  }

  std::vector<matcher::InputBinding> ReadInputs(const KeyValue* item) {
    if (item == nullptr) return {};
    std::vector<matcher::InputBinding> inputs = ParseInputs(*item, sink_);
    size_t bytes = 0;
    for (const matcher::InputBinding& input : inputs) {
      bytes += input.name.size() + input.value_json.size();
    }
    if (bytes <= kIncludeInputsBytesMax) return inputs;
    sink_->Add(
        kIncludeInputsTooLarge, item->key_mark,
        fmt::format("{} bytes of inputs; an include has at most {}", bytes, kIncludeInputsBytesMax),
        "put large values into the included file");
    return {};
  }

  void ReadPath(const yaml::Node& node, LocalInclude include) {
    const IncludePath path = ReadIncludePath(node.scalar, PathBlocks::kUnresolved);
    switch (path.kind) {
      case IncludePath::Kind::kLocal:
        include.path = std::string(path.path);
        include.is_wildcard = path.is_wildcard;
        includes_.local.push_back(std::move(include));
        return;
      case IncludePath::Kind::kEmpty:
        sink_->Add(kBadInclude, node.mark, "the path of the include is empty", "name a file");
        return;
      case IncludePath::Kind::kTooLong:
        sink_->Add(kBadInclude, node.mark,
                   fmt::format("the path of the include has {} bytes; the limit is {}",
                               node.scalar.size(), kIncludePathBytesMax),
                   "use a shorter path");
        return;
      case IncludePath::Kind::kUrl:
      case IncludePath::Kind::kVariable:
      case IncludePath::Kind::kEventBlock:
        NotFollowed(node.mark, NameOfKind(path.kind));
    }
  }

  IssueSink* const sink_;
  Includes includes_;
};

// What of a path stands outside of its blocks; none if a block is about anything but inputs.
std::optional<std::string> TextOutsideBlocks(std::string_view text) {
  std::string outside;
  size_t at = 0;
  for (const matcher::BlockPlace& block : matcher::FindBlocks(text)) {
    if (!block.data.starts_with("inputs.")) return std::nullopt;
    outside.append(text.substr(at, block.begin - at));
    at = block.end;
  }
  outside.append(text.substr(at));
  return outside;
}

}  // namespace

IncludePath ReadIncludePath(std::string_view text, PathBlocks blocks) {
  using Kind = IncludePath::Kind;
  if (text.starts_with("https://") || text.starts_with("http://")) return {Kind::kUrl, {}, false};
  std::string outside(text);
  if (blocks == PathBlocks::kUnresolved) {
    const std::optional<std::string> found = TextOutsideBlocks(text);
    if (!found.has_value()) return {Kind::kEventBlock, {}, false};
    outside = *found;
  }
  if (outside.find('$') != std::string::npos) return {Kind::kVariable, {}, false};
  while (text.starts_with('/')) text.remove_prefix(1);
  if (text.empty()) return {Kind::kEmpty, {}, false};
  if (text.size() > kIncludePathBytesMax) return {Kind::kTooLong, {}, false};
  return {Kind::kLocal, text, outside.find('*') != std::string::npos};
}

std::string_view NameOfKind(IncludePath::Kind kind) {
  switch (kind) {
    case IncludePath::Kind::kUrl:
      return "a URL";
    case IncludePath::Kind::kEventBlock:
      return "a path that an event would have to name";
    default:
      return "a path with `$`";
  }
}

Includes ReadIncludes(const KeyValue& include, IssueSink* sink) {
  IncludeReader reader(sink);
  // `include:` with nothing below it is empty, as in GitLab.
  if (!include.value->is_null()) reader.Read(*include.value);
  return reader.Take();
}

}  // namespace cievents::ci_yaml
