// Which of many conditional entries an event can concern, without trying each: the access
// conditions of one bucket (entries that share scope and pattern).
//
// Items are numbered 0 .. n-1 by their place in what Build was given, or as it was told. Collect
// gives a superset of the items whose condition does not evaluate to kFalse; whoever asks evaluates
// the candidates in full, so a false candidate costs time and nothing else.
//
//   item 7: env == "prod" && number == "42" && ref =~ /^team-/          three groups of one term
//             ^ 90,000 items    ^ 10 items        ^ 3,000 items         counted: selectivity.h
//                               |
//   paths     event.payload.number: its value is asked for and hashed once an event
//               |-- equality, prefixes of each length in use --> filter --> slots --> items
//               |-- regexes: one RE2::Set                                         --> items
//               '-- the value cannot be read: all items of this path              --> items
//   always    items without groups                                                --> items
//
// Costs, for n items: a path that items are registered under costs its value, a hash of it and a
// probe for each kind of key and each length of prefix in use, whatever n is; then the candidates.
// 29 bytes an item with a key of its own (a hash and a number; literals are not kept), 10 where ten
// items share one. loadtest/access_benchmark.cc measures it.
//
// Rejected, with figures of one 2-core machine, one thread:
//   - Counting how many conditions of each item hold: it touches each item for each of its
//     conditions, and a condition that everybody has (`env == "prod"`) touches everybody.
//   - A tree of conditions in a fixed order of fields: 270 times slower than itself if the common
//     field sorts first (967 against 261,000 events/s). Hence the choice by count, in every bucket.
//   - BE-tree: splits domains up to 1,000 values; 10,000 package names were 10,000 evaluations an
//     event (2,900 events/s; 749,000 with that limit lifted, still below a hash).
//   - One automaton a condition (value machines): 10,700 events/s at 100,000 items of five
//     conditions where one hash on the rare field does 4.9 million; 1.2 to 13 KB an item.
//   - Hyperscan for the regexes: 10,000 take 9.5 s to compile (RE2::Set: 0.05 s) and match at 1.2
//     million values/s (RE2::Set: 2.8 million; one by one: 3,100).
//
// A new kind of access condition (a suffix, a range of numbers) goes into AccessTerm::Kind, which
// the extraction of matcher/condition fills; into AccessPathKeys (access_tables.h) as one more flat
// structure a path; into Builder::AddTerm and FinishPath; into PathLookup::LookUp; and into
// TermHolds of testing/access_fixture.cc, which the property test compares with. Suffixes would be
// prefixes of the reversed text, ranges a sorted array of bounds.
#ifndef MATCHER_ACCESS_ACCESS_INDEX_H_
#define MATCHER_ACCESS_ACCESS_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "matcher/access/regex_limits.h"
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
  // one is used that leaves the fewest items together under one key, measured over this bucket; a
  // regex counts as some more (selectivity.h). A group without terms is passed over.
  // `numbers`: what Collect gives for each item instead of its place; none = its place. Distinct.
  static std::unique_ptr<const AccessIndex> Build(std::span<const AccessGroups* const> items,
                                                  std::span<const uint32_t> numbers = {},
                                                  const RegexLimits& limits = {});
  ~AccessIndex();

  // Set in a candidate that was found by a regex, whose text was searched: that term holds for
  // certain. (Equalities and prefixes are found by their hashes.)
  static constexpr uint32_t kCertain = uint32_t{1} << 31;

  // Appends the candidates, each once, in no order; some with kCertain. Allocates nothing once
  // scratch and `out` have grown, except what RE2::Set does.
  void Collect(EventFields& event, AccessScratch& scratch, std::vector<uint32_t>* out) const;

  size_t items() const;
  // Heap bytes held. RE2's are estimated, without the automaton that it builds as texts come: that
  // grows up to the budget of RegexLimits.
  size_t bytes() const;

 private:
  struct State;
  explicit AccessIndex(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_ACCESS_INDEX_H_
