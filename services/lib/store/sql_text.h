// Small lists that come out of SQL as one text.
#ifndef SERVICES_LIB_STORE_SQL_TEXT_H_
#define SERVICES_LIB_STORE_SQL_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cievents::store {

// The ids of `array_to_string(ids, ',')`.
std::vector<int64_t> ParseIds(std::string_view text);

// The texts of `array_to_string(texts, E'\n')`; none of them holds a line end or is empty.
std::vector<std::string> SplitLines(std::string_view text);

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_SQL_TEXT_H_
