// Builds the tree from yaml-cpp's events, counts what it costs, and stops at the first limit.
#ifndef SERVICES_LIB_YAML_BUILDER_H_
#define SERVICES_LIB_YAML_BUILDER_H_

#include <string_view>
#include <variant>

#include "services/lib/yaml/yaml.h"

namespace cievents::yaml::internal {

// Runs yaml-cpp over `text` once. REQUIRES: `text` is valid UTF-8 without control characters and
// without a byte order mark, and within limits.bytes_max.
std::variant<NodePtr, ParseError> BuildTree(std::string_view text, const ParseOptions& options);

// The place of a byte of the text.
Mark MarkAt(std::string_view text, size_t offset, int first_line);

}  // namespace cievents::yaml::internal

#endif  // SERVICES_LIB_YAML_BUILDER_H_
