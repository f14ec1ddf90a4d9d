// S3: names of three levels and wildcards, 11.75 matches an event at 100,000 subscriptions.
#ifndef LOADTEST_WORKLOADS_THREE_LEVELS_H_
#define LOADTEST_WORKLOADS_THREE_LEVELS_H_

#include <cstdint>
#include <string>

#include "loadtest/workloads/workload.h"

namespace cievents::loadtest {

// x in 0..99999 numbers the names a00..a49 / b00..b49 / c00..c39, the last level fastest. Of
// 100,000 subscriptions 80,000 are exact (x = 61i mod 100000), 10,000 a/b/*, 5,000 a/*/c, 4,900
// */b/c and 100 a/*/*; smaller sizes have their share of each class. All listen to the instance,
// out of projects of 200. Event j has the name 7919j mod 100000 and happens in a project and a
// group that nobody listens to.
enum class S3Size { k1k, k10k, k100k };
Workload MakeS3(S3Size size);

}  // namespace cievents::loadtest

#endif  // LOADTEST_WORKLOADS_THREE_LEVELS_H_
