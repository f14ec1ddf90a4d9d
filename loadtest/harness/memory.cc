#include "loadtest/harness/memory.h"

#include <malloc.h>

namespace cievents::loadtest {

size_t HeapBytesInUse() {
  malloc_trim(0);
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

}  // namespace cievents::loadtest
