// Where a text stops being JSON. simdjson says that a document is bad, not where: this second, slow
// look is taken only then.
#ifndef SERVICES_LIB_EVENT_FORMATS_JSON_ERROR_H_
#define SERVICES_LIB_EVENT_FORMATS_JSON_ERROR_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cievents {

struct JsonSyntaxError {
  size_t offset = 0;  // of the first byte that cannot stand there; the size of the text at its end
  std::string message;  // "expected ':' after the key"
};

// The first mistake in `text`, or nullopt if it is one JSON value (RFC 8259) in UTF-8.
std::optional<JsonSyntaxError> FindJsonSyntaxError(std::string_view text);

// kInvalidArgument: "DOCUMENT is not valid JSON at line L, column C: ...". `otherwise` says what is
// wrong where the syntax is right (a number that does not fit, too deep).
absl::Status NotJsonError(std::string_view document, std::string_view text,
                          std::string_view otherwise);

// The beginning of `text`, at most 64 bytes and never half a character: what a message shows of
// what came in, since messages travel in protobuf strings. REQUIRES: `text` is UTF-8.
std::string_view ShownText(std::string_view text);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_JSON_ERROR_H_
