// Bodies merged as GitLab merges includes: later ones win, maps are merged deeply, lists and texts
// replaced. Nothing is copied: a merged value is a view of the layers that it lies in.
#ifndef SERVICES_LIB_CI_YAML_BODY_MERGE_H_
#define SERVICES_LIB_CI_YAML_BODY_MERGE_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/string_map.h"
#include "matcher/subscription.h"
#include "services/lib/ci_yaml/body.h"
#include "services/lib/ci_yaml/hoisting.h"

namespace cievents::ci_yaml {

// A value of one body; `file` is the body's index in HoistRequest::bodies.
struct BodyLayer {
  const BodyValue* value = nullptr;
  size_t file = 0;
};

// What layers make of one value. A view: the bodies must outlive it.
class MergedValue {
 public:
  explicit MergedValue(BodyLayer layer) : layers_{layer} {}
  // Of layers, earlier ones first. REQUIRES: there is one. Where it would matter in which order
  // they are merged with each other (a map, then no map, then a map), the value is unresolvable.
  static MergedValue Of(std::span<const BodyLayer> layers);

  BodyValue::Kind kind() const { return last().value->kind; }
  bool is_map() const { return kind() == BodyValue::Kind::kMap; }
  const std::string& text() const { return last().value->text; }
  const std::vector<BodyValue>& items() const { return last().value->items; }
  // Where the layer stands that came last.
  size_t file() const { return last().file; }
  matcher::Position position() const { return last().value->position; }

  // Distinct, in the order of the layers.
  std::vector<std::string_view> Keys() const;
  // None if this is no map or has no such key.
  std::optional<MergedValue> Find(std::string_view key) const;
  // How many keys Find looks at.
  size_t size() const;

 private:
  MergedValue() = default;
  const BodyLayer& last() const { return layers_.back(); }

  std::vector<BodyLayer> layers_;  // one, or maps
};

class MergedBodies {
 public:
  // Of `bodies` those from the index `first` on.
  MergedBodies(std::span<const BodyFile> bodies, size_t first);

  // Top-level keys, in the order in which GitLab has them.
  const std::vector<std::string_view>& names() const { return names_; }
  // The layers of a top-level key, null if there is no such key.
  const std::vector<BodyLayer>* Find(std::string_view name) const;

  // A top-level key has a block in it, `$[[ inputs.x ]]`: it may turn out to be any name.
  bool has_interpolated_names() const { return has_interpolated_names_; }
  // One of them may turn out to be `name`.
  bool MayBeInterpolated(std::string_view name) const;

 private:
  std::vector<std::string_view> names_;
  StringMap<std::vector<BodyLayer>> layers_;
  bool has_interpolated_names_ = false;
};

// True if there is a block (`$[[ .. ]]`) in the text.
bool HasBlock(std::string_view text);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_BODY_MERGE_H_
