#include "services/lib/store/sql_text.h"

#include <algorithm>
#include <charconv>

namespace cievents::store {

std::vector<int64_t> ParseIds(std::string_view text) {
  std::vector<int64_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    int64_t id = 0;
    at = std::from_chars(at, end, id).ptr + 1;  // past the comma
    ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace cievents::store
