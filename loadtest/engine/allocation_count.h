// Counts calls of the global `operator new`, which this program replaces.
#ifndef LOADTEST_ENGINE_ALLOCATION_COUNT_H_
#define LOADTEST_ENGINE_ALLOCATION_COUNT_H_

#include <cstdint>

namespace cievents::loadtest {

// By the calling thread, since it began.
uint64_t ThreadAllocations();

}  // namespace cievents::loadtest

#endif  // LOADTEST_ENGINE_ALLOCATION_COUNT_H_
