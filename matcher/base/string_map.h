// Hash containers with std::string keys that a std::string_view can look up in. Debian's Abseil has
// a string_view of its own, so its built-in transparent hash does not take the standard one.
#ifndef MATCHER_BASE_STRING_MAP_H_
#define MATCHER_BASE_STRING_MAP_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"

namespace cievents {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return absl::Hash<std::string_view>{}(text); }
};

template <typename Value>
using StringMap = absl::flat_hash_map<std::string, Value, StringHash, std::equal_to<>>;
using StringSet = absl::flat_hash_set<std::string, StringHash, std::equal_to<>>;

}  // namespace cievents

#endif  // MATCHER_BASE_STRING_MAP_H_
