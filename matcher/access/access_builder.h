// From access groups to the arrays of an AccessIndex.
#ifndef MATCHER_ACCESS_ACCESS_BUILDER_H_
#define MATCHER_ACCESS_ACCESS_BUILDER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "matcher/access/access_tables.h"
#include "matcher/access/regex_limits.h"
#include "matcher/condition/condition.h"

namespace cievents::matcher {

// Items with a regex on one path below which these are tried whenever the path has a value: the
// evaluation runs the same regex, so that a filter would save nothing and cost kilobytes.
inline constexpr size_t kFilteredRegexItemsMin = 5;

// Item i is known as numbers[i] from here on; if `numbers` is empty, as i.
AccessTables BuildAccessTables(std::span<const std::vector<AccessGroup>* const> items,
                               std::span<const uint32_t> numbers, const RegexLimits& limits);

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_ACCESS_BUILDER_H_
