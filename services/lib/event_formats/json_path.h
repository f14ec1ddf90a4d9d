// Fields of a parsed JSON document by the path of their keys. Includes simdjson: for .cc files.
#ifndef SERVICES_LIB_EVENT_FORMATS_JSON_PATH_H_
#define SERVICES_LIB_EVENT_FORMATS_JSON_PATH_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "simdjson.h"

namespace cievents {

// The value at `path` (keys joined by '.'); nullopt if it is absent or null, or if a part of the
// path is no object. Where a key stands twice, the first counts.
std::optional<simdjson::dom::element> FindPath(simdjson::dom::element root, std::string_view path);

// The same for one type; nullopt (or the empty text) for any other.
std::string_view TextAt(simdjson::dom::element root, std::string_view path);
std::optional<bool> BoolAt(simdjson::dom::element root, std::string_view path);
// A GitLab id: an integer above 0, else 0.
int64_t IdAt(simdjson::dom::element root, std::string_view path);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_JSON_PATH_H_
