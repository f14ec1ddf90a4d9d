// Turns a syntax error into words for the person who wrote the file: yaml-cpp says what its scanner
// met, this looks at the text there and says what was probably meant.
#ifndef SERVICES_LIB_YAML_SYNTAX_ERROR_H_
#define SERVICES_LIB_YAML_SYNTAX_ERROR_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace cievents::yaml::internal {

struct Explanation {
  std::string message;
  std::string suggestion;  // empty = none
};

// `offset` is where in `text` the parser stopped (may be past the end), `reason` is its own
// message.
Explanation ExplainSyntaxError(std::string_view text, size_t offset, std::string_view reason);

// `!$[[ .. ]]`: YAML takes `!$` for a tag and the rest for a list.
Explanation ExplainNegatedBlock();

}  // namespace cievents::yaml::internal

#endif  // SERVICES_LIB_YAML_SYNTAX_ERROR_H_
