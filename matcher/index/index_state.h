// What an index and its matchers share.
#ifndef MATCHER_INDEX_INDEX_STATE_H_
#define MATCHER_INDEX_INDEX_STATE_H_

#include <atomic>
#include <cstdint>

#include "matcher/base/mutex.h"
#include "matcher/index/epoch.h"
#include "matcher/index/index.h"
#include "matcher/index/tables.h"

namespace cievents::matcher {

struct Index::State {
  State();
  ~State();
  // Publishes what was prepared and takes out what nobody can see any more. REQUIRES: writer held.
  void Finish();
  // Frees tables that nobody can find any more, once no reader is in them. REQUIRES: writer held.
  void Drop(Tables* gone);

  mutable EpochDomain epochs;
  mutable Mutex writer;  // one change at a time; readers never take it
  uint64_t loads = 0;    // guarded by writer
  std::atomic<Tables*> tables;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_INDEX_STATE_H_
