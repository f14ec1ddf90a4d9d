// Subscriptions as rows, written as the ingest would have written them, by COPY: a million pushes
// would take an hour.
#ifndef LOADTEST_SERVICE_SUBSCRIPTION_ROWS_H_
#define LOADTEST_SERVICE_SUBSCRIPTION_ROWS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "matcher/subscription.h"

namespace cievents::loadtest {

// Writes projects 0 .. count - 1 with their subscriptions into an empty, migrated database. `make`
// is called twice for each. Ends the load test if Postgres does not take them.
void WriteProjects(const std::string& dsn, int64_t count,
                   const std::function<matcher::ProjectSubscriptions(int64_t)>& make);

// A project whose events with `name` fire `fan_out` subscriptions, each of which takes one input
// from the payload of MakeData. Ids follow from the number, and so do the subscriptions' ids:
// number * fan_out + 1, ...
matcher::ProjectSubscriptions MakeFanOutProject(int64_t number, int fan_out,
                                                const std::string& name, int64_t root_namespaces);
// What their requests hold as inputs.
inline constexpr char kFanOutInputsJson[] = "{\"iid\":4711}";

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_SUBSCRIPTION_ROWS_H_
