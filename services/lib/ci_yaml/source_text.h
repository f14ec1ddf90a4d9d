// The text of a file beside its tree: where in the file a byte of a scalar's value stands.
#ifndef SERVICES_LIB_CI_YAML_SOURCE_TEXT_H_
#define SERVICES_LIB_CI_YAML_SOURCE_TEXT_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "matcher/subscription.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

class SourceText {
 public:
  // `content` must outlive the object.
  explicit SourceText(std::string_view content) : content_(content) {}

  // The place of byte `offset` (0-based) of a scalar's value: exact for a plain or quoted scalar as
  // far as it stands on one line, else the place of the value itself (of a block scalar: of its `|`
  // or `>`).
  matcher::Position PlaceIn(const yaml::Node& scalar, size_t offset) const;

 private:
  // From the mark to the end of its line; empty if the mark is not in the text.
  std::string_view LineFrom(yaml::Mark mark) const;

  std::string_view content_;
  mutable std::vector<size_t> line_starts_;  // filled when first needed
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_SOURCE_TEXT_H_
