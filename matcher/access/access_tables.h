// The arrays that an AccessIndex consists of: few, flat, without a pointer an item.
#ifndef MATCHER_ACCESS_ACCESS_TABLES_H_
#define MATCHER_ACCESS_ACCESS_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "matcher/access/literal_hash.h"
#include "matcher/access/regex_keys.h"
#include "matcher/condition/condition.h"
#include "matcher/event/event_path.h"

namespace cievents::matcher {

// Up to so many keys are compared one after the other, without a hash table's empty slots.
inline constexpr size_t kScannedKeysMax = 8;

// An equality or a prefix: the hash of path, kind and literal stands for all three. Two keys of one
// hash would share their items, which are evaluated in full anyway: literals need not be kept.
struct AccessSlot {
  static constexpr uint64_t kEmpty = std::numeric_limits<uint64_t>::max();  // more than any hash

  uint64_t hash = kEmpty;  // 63 bits
  uint32_t value = 0;      // count 1: the item; more: where its items begin in numbers
  uint32_t count = 0;
};

// The hash of a key whose literal is the first `bytes` bytes of what `hasher` hashes.
inline uint64_t HashKey(PrefixHasher* hasher, size_t bytes, uint32_t path, AccessTerm::Kind kind) {
  return hasher->HashPrefix(bytes, uint64_t{path} << 2 | static_cast<uint64_t>(kind)) >> 1;
}

struct AccessPathKeys {
  // A part of AccessTables::numbers.
  struct Range {
    uint32_t begin = 0;
    uint32_t count = 0;
  };

  std::shared_ptr<const EventPath> path;
  std::unique_ptr<const RegexKeys> regexes;  // null = none
  Range prefix_bytes;                        // the distinct lengths of prefixes, ascending
  // Items with a regex, where so few have one that trying them all is cheaper than a filter:
  // candidates whenever the path has a value.
  Range if_present;
  Range dependents;  // all items with a key of this path: candidates if the value is kFailed
  // A text of another length equals none of the literals; it is not even hashed.
  uint32_t equals_bytes_min = std::numeric_limits<uint32_t>::max();
  uint32_t equals_bytes_max = 0;
};

struct AccessTables {
  using Range = AccessPathKeys::Range;

  std::vector<AccessPathKeys> paths;
  std::vector<AccessSlot> slots;  // see Find
  uint32_t homes = 0;             // slots where a search may begin; fewer than slots.size()
  std::vector<uint64_t> filter;   // bits, eight a key: those of the keys' hashes are set
  std::vector<uint32_t> numbers;  // items and lengths, in ranges
  Range always;                   // items without groups
  uint32_t items = 0;
  uint32_t number_end = 0;              // items have numbers below it
  bool has_items_of_many_keys = false;  // such an item can be found twice for one event

  std::span<const uint32_t> Numbers(Range range) const {
    return {numbers.data() + range.begin, range.count};
  }

  // Null if no key has this hash. Up to kScannedKeysMax slots are full and in no order; more are an
  // open-addressed table, a third empty, in which hashes ascend: a key stands at its home or, where
  // that is taken, as soon behind it as the order allows, and the last slot is empty. So a search
  // that finds nothing is as short as one that does, about two slots, and never wraps around. Seven
  // of eight that find nothing end at the filter, which is small enough for the first caches.
  const AccessSlot* Find(uint64_t hash) const {
    const AccessSlot* slot = slots.data();
    if (slots.size() <= kScannedKeysMax) {
      for (const AccessSlot* const end = slot + slots.size(); slot != end; ++slot) {
        if (slot->hash == hash) return slot;
      }
      return nullptr;
    }
    const size_t bit = FilterBit(hash);
    if ((filter[bit / 64] >> bit % 64 & 1) == 0) return nullptr;
    slot += Home(hash, homes);
    while (slot->hash < hash) ++slot;
    return slot->hash == hash ? slot : nullptr;
  }

  size_t FilterBit(uint64_t hash) const {
    return static_cast<size_t>((hash & 0xffffffff) * (filter.size() * 64) >> 32);
  }

  // Where the search for `hash` begins: its high bits as a fraction of any number of slots.
  static size_t Home(uint64_t hash, uint32_t homes) {
    return static_cast<size_t>((hash >> 31) * homes >> 32);
  }

  size_t bytes() const;
};

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_ACCESS_TABLES_H_
