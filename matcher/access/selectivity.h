// Which of an item's access groups it is registered under: the one that leaves the fewest items
// together, counted over the bucket. Never how a condition is spelled: an index that tries fields
// in alphabetical order was measured 270 times slower than itself with one field renamed.
#ifndef MATCHER_ACCESS_SELECTIVITY_H_
#define MATCHER_ACCESS_SELECTIVITY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "matcher/condition/condition.h"

namespace cievents::matcher {

// A regex counts as if this many items more shared it: running it costs about as much as evaluating
// that many candidates in vain, and kilobytes of memory.
inline constexpr uint64_t kRegexHandicap = 8;

// For each item the group to register it under, a pointer into `items`; null = none is of use, the
// item is always a candidate. A group without terms says nothing and is not chosen.
//
// A group is as good as its worst term: that shared by most items. Ties: fewer terms, then equals
// before prefix before regex, then the first.
std::vector<const AccessGroup*> ChooseGroups(
    std::span<const std::vector<AccessGroup>* const> items);

// Identifies a term within a bucket: its path, kind and literal.
uint64_t HashTerm(const AccessTerm& term);

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_SELECTIVITY_H_
