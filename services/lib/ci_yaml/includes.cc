#include "services/lib/ci_yaml/includes.h"

#include <fmt/format.h>

#include <algorithm>

namespace cievents::ci_yaml {
namespace {

class IncludeReader {
 public:
  explicit IncludeReader(IssueSink* sink) : sink_(sink) {}

  void Read(const yaml::Node& item) {
    if (item.is_scalar()) {
      ReadPath(item, {}, item.mark);
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

  std::vector<LocalInclude> Take() { return std::move(includes_); }

 private:
  void NotFollowed(yaml::Mark mark, std::string_view what) {
    sink_->Add(kIncludeNotFollowed, mark,
               fmt::format("{} is not followed: subscriptions in it are not found", what),
               "include the file by its literal path: `local: path.yml`");
  }

  void ReadMap(const yaml::Node& map) {
    const KeyValue* location = nullptr;
    const KeyValue* inputs = nullptr;
    const std::vector<KeyValue> items = ItemsOf(map);
    for (const KeyValue& item : items) {
      if (IsLocation(item.key)) {
        if (location != nullptr) {
          sink_->Add(kBadInclude, item.key_mark,
                     fmt::format("an include has either `{}` or `{}`", location->key, item.key),
                     "make two includes of it");
          return;
        }
        location = &item;
      } else if (item.key == "inputs" || item.key == "with") {
        if (inputs != nullptr) {
          sink_->Add(kBadInclude, item.key_mark, "`inputs` and `with` are the same",
                     "put all values under `inputs`");
          return;
        }
        inputs = &item;
      }
    }
    if (location == nullptr) return AddNoLocation(map, items);
    if (location->key != "local") {
      return NotFollowed(location->key_mark, fmt::format("`include: {}`", location->key));
    }
    if (!location->value->is_scalar()) return AddWrongType(*location, "a path", sink_);
    ReadPath(*location->value, ReadInputs(inputs), map.mark);
    for (const KeyValue& item : items) {
      if (item.key == "rules") {
        sink_->Add(kLeftToPipelineCreation, item.key_mark,
                   "the `rules` of an include are not evaluated here: the file counts as included");
      }
    }
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

  void ReadPath(const yaml::Node& node, std::vector<matcher::InputBinding> inputs,
                yaml::Mark mark) {
    std::string_view path = node.scalar;
    if (path.starts_with("https://") || path.starts_with("http://")) {
      return NotFollowed(node.mark, "a URL");
    }
    if (path.find('$') != std::string_view::npos) return NotFollowed(node.mark, "a path with `$`");
    if (path.find('*') != std::string_view::npos) return NotFollowed(node.mark, "a wildcard");
    while (path.starts_with('/')) path.remove_prefix(1);
    if (path.empty()) {
      sink_->Add(kBadInclude, node.mark, "the path of the include is empty", "name a file");
      return;
    }
    if (path.size() > kIncludePathBytesMax) {
      sink_->Add(kBadInclude, node.mark,
                 fmt::format("the path of the include has {} bytes; the limit is {}", path.size(),
                             kIncludePathBytesMax),
                 "use a shorter path");
      return;
    }
    includes_.push_back({std::string(path), false, std::move(inputs), {}, PositionOf(mark)});
  }

  IssueSink* const sink_;
  std::vector<LocalInclude> includes_;
};

}  // namespace

std::vector<LocalInclude> ReadIncludes(const KeyValue& include, IssueSink* sink) {
  IncludeReader reader(sink);
  // `include:` with nothing below it is empty, as in GitLab.
  if (!include.value->is_null()) reader.Read(*include.value);
  return reader.Take();
}

}  // namespace cievents::ci_yaml
