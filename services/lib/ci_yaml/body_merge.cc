#include "services/lib/ci_yaml/body_merge.h"

#include <algorithm>

#include "matcher/base/check.h"

namespace cievents::ci_yaml {
namespace {

constexpr std::string_view kBlockBegin = "$[[";
constexpr std::string_view kBlockEnd = "]]";

bool IsMap(const BodyLayer& layer) { return layer.value->kind == BodyValue::Kind::kMap; }

const BodyValue& Unresolvable() {
  static const BodyValue* const value = [] {
    auto* made = new BodyValue;
    made->kind = BodyValue::Kind::kReference;
    return made;
  }();
  return *value;
}

}  // namespace

MergedValue MergedValue::Of(std::span<const BodyLayer> layers) {
  CIEVENTS_CHECK(!layers.empty());
  MergedValue merged;
  if (!IsMap(layers.back())) {
    merged.layers_ = {layers.back()};
    return merged;
  }
  const auto other = std::find_if_not(layers.rbegin(), layers.rend(), IsMap);
  if (std::any_of(other, layers.rend(), IsMap)) {
    merged.layers_ = {{&Unresolvable(), layers.back().file}};
  } else {
    merged.layers_.assign(other.base(), layers.end());
  }
  return merged;
}

std::vector<std::string_view> MergedValue::Keys() const {
  std::vector<std::string_view> keys;
  StringSet seen;
  for (const BodyLayer& layer : layers_) {
    for (const auto& [key, value] : layer.value->map) {
      if (layers_.size() == 1 || seen.emplace(key).second) keys.push_back(key);
    }
  }
  return keys;
}

std::optional<MergedValue> MergedValue::Find(std::string_view key) const {
  std::vector<BodyLayer> found;
  for (const BodyLayer& layer : layers_) {
    if (const BodyValue* value = layer.value->Find(key)) found.push_back({value, layer.file});
  }
  if (found.empty()) return std::nullopt;
  return Of(found);
}

size_t MergedValue::size() const {
  size_t size = 0;
  for (const BodyLayer& layer : layers_) size += layer.value->map.size();
  return size;
}

MergedBodies::MergedBodies(std::span<const BodyFile> bodies, size_t first) {
  for (size_t file = first; file < bodies.size(); ++file) {
    for (const auto& [name, value] : bodies[file].body->root.map) {
      std::vector<BodyLayer>& layers = layers_[name];
      if (layers.empty()) names_.push_back(name);
      layers.push_back({&value, file});
      if (HasBlock(name)) has_interpolated_names_ = true;
    }
  }
}

const std::vector<BodyLayer>* MergedBodies::Find(std::string_view name) const {
  const auto found = layers_.find(name);
  return found == layers_.end() ? nullptr : &found->second;
}

bool MergedBodies::MayBeInterpolated(std::string_view name) const {
  if (!has_interpolated_names_) return false;
  return std::any_of(names_.begin(), names_.end(), [name](std::string_view text) {
    const size_t begin = text.find(kBlockBegin);
    if (begin == std::string_view::npos || !name.starts_with(text.substr(0, begin))) return false;
    const size_t end = text.rfind(kBlockEnd);
    return end == std::string_view::npos || name.ends_with(text.substr(end + kBlockEnd.size()));
  });
}

bool HasBlock(std::string_view text) { return text.find(kBlockBegin) != std::string_view::npos; }

}  // namespace cievents::ci_yaml
