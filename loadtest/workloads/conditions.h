// S2, S4 and S5: all subscriptions share name and scope, and what the payload says decides.
#ifndef LOADTEST_WORKLOADS_CONDITIONS_H_
#define LOADTEST_WORKLOADS_CONDITIONS_H_

#include <cstdint>
#include <string>

#include "loadtest/workloads/workload.h"

namespace cievents::loadtest {

// S2 and S4: the subscriptions listen to `package/published` of project number 0, out of other
// projects of 200: one bucket. Of the events, half match one subscription each.
//
// S2: `payload.package.name` == "pkg-i"; the event has pkg-(7919j mod 2n).
Workload MakeS2(std::string id, int64_t subscriptions);
// S4p: `payload.ref` begins with refs/heads/team-i/; it is refs/heads/team-(7919j mod
// 2n)/feature-x.
Workload MakeS4Prefix(std::string id, int64_t subscriptions);
// S4l: `payload.ref` has -appi- somewhere; it is eu-app(7919j mod 2n)-db.
Workload MakeS4Infix(std::string id, int64_t subscriptions);
// S4r: `payload.ref` is refs/tags/vi.DIGITS-rcDIGITS; it is refs/tags/v(7919j mod 2n).3-rc1.
Workload MakeS4Regex(std::string id, int64_t subscriptions);

// S5: one bucket of the instance. Condition i: env is prod, number is i mod 10000, tags have tag1
// or tag2, region is not moon, type is app or database. The payload is the whole document of 107
// bytes (`event.type` is a word of the envelope, so type is asked for as `event.payload.type`).
Workload MakeS5(std::string id, int64_t subscriptions);

}  // namespace cievents::loadtest

#endif  // LOADTEST_WORKLOADS_CONDITIONS_H_
