// Which of many conditional entries an event can concern, without trying each: the access
// conditions of one bucket (entries that share scope and pattern).
//
// Items are numbered 0 .. n-1 by their place in what Build was given. Collect gives a superset of
// the items whose condition does not evaluate to kFalse; whoever asks evaluates the candidates in
// full, so a false candidate costs time and nothing else.
#ifndef MATCHER_ACCESS_ACCESS_INDEX_H_
#define MATCHER_ACCESS_ACCESS_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "matcher/access/regex_memory.h"
#include "matcher/condition/condition.h"
#include "matcher/event/event_fields.h"

namespace cievents::matcher {

// The access groups of one item: all must hold; empty = always a candidate. Several alternatives
// (an entry with several clauses) are one group each way: the entry that made them says how.
using AccessGroups = std::vector<AccessGroup>;

// Memory of one thread between calls; see Collect.
class AccessScratch {
 public:
  AccessScratch();
  ~AccessScratch();

 private:
  friend class AccessIndex;
  struct State;
  std::unique_ptr<State> state_;
};

// Immutable; any number of threads may collect, each with its own scratch.
class AccessIndex {
 public:
  // Pointers are read during the call only; null = an item without groups. Of an item's groups the
  // one is used that leaves the fewest items together under one key, measured over this bucket.
  static std::unique_ptr<const AccessIndex> Build(std::span<const AccessGroups* const> items,
                                                  const RegexMemory& memory = {});
  ~AccessIndex();

  // Appends the candidates, each once, in no order.
  void Collect(EventFields& event, AccessScratch& scratch, std::vector<uint32_t>* out) const;

  size_t items() const;
  size_t bytes() const;  // heap bytes held, RE2's estimated

 private:
  struct State;
  explicit AccessIndex(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_ACCESS_INDEX_H_
