// What the allocator says. Resident memory is not used: it counts pages, and pages are given back
// late.
#ifndef LOADTEST_HARNESS_MEMORY_H_
#define LOADTEST_HARNESS_MEMORY_H_

#include <cstddef>

namespace cievents::loadtest {

// Bytes in use of the heap, allocator's headers included, over all arenas. What was freed is
// collected first.
size_t HeapBytesInUse();

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_MEMORY_H_
