// What the CI file's own rules say of an event that an entry has let through
// (docs/subscriptions.md, "Hoisting").
#ifndef MATCHER_INDEX_HOISTED_H_
#define MATCHER_INDEX_HOISTED_H_

#include "matcher/index/decision.h"
#include "matcher/index/definition.h"
#include "matcher/index/explanation.h"

namespace cievents::matcher {

// False: a pipeline would have no job, whatever is known only when it is created. Conditions see
// the inputs and the `event.name` of the deciding `entry`. `trace` may be null.
// REQUIRES: context.fields has the deciding name set.
bool LetsRun(const DefinitionHoistedRules& rules, const DefinitionEntry& entry,
             EventContext& context, ExplainedHoistedRules* trace);

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_HOISTED_H_
