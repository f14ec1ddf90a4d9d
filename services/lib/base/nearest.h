// The spelling that was probably meant: for suggestions in issues and error messages.
#ifndef SERVICES_LIB_BASE_NEAREST_H_
#define SERVICES_LIB_BASE_NEAREST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cievents {

// Candidates nearest to `text` by Damerau-Levenshtein distance (a swap of neighbours is one edit),
// best first, equally near ones in the order given, at most `count`; only those within
// max(2, size of `text` / 3), and never one that shares nothing with `text`.
std::vector<std::string> NearestTexts(std::string_view text,
                                      const std::vector<std::string>& candidates, size_t count);

}  // namespace cievents

#endif  // SERVICES_LIB_BASE_NEAREST_H_
