// The access groups of a condition: what must be true of an event for the condition to hold, in a
// form that an index can look up (matcher/access).
//
// Sound because every term is a comparison, which gives false where it does not hold: a false
// operand of `&&` makes the whole false, and an `||` is false if all of its operands are.
#ifndef MATCHER_CONDITION_ACCESS_H_
#define MATCHER_CONDITION_ACCESS_H_

#include <vector>

#include "matcher/condition/compiled.h"
#include "matcher/condition/condition.h"

namespace cievents::matcher {

std::vector<AccessGroup> FindAccess(const CompiledCondition& condition);

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_ACCESS_H_
