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
  uint64_t hash = 0;
  uint32_t value = 0;  // count 1: the item; more: where its items begin in AccessTables::numbers
  uint32_t count = 0;  // 0 = an empty slot
};

inline uint64_t SlotHash(uint64_t literal_hash, uint32_t path, AccessTerm::Kind kind) {
  const uint64_t where = uint64_t{path} << 8 | static_cast<uint64_t>(kind);
  return MixWords(literal_hash ^ where, 0x8bb84b93962eacc9ULL);
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
  std::vector<uint32_t> numbers;  // items and lengths, in ranges
  Range always;                   // items without groups
  uint32_t items = 0;
  bool has_items_of_many_keys = false;  // such an item can be found twice for one event

  std::span<const uint32_t> Numbers(Range range) const {
    return {numbers.data() + range.begin, range.count};
  }

  // Null if no key has this hash. Up to kScannedKeysMax slots are full and in no order; more are an
  // open-addressed table with a quarter of its slots empty.
  const AccessSlot* Find(uint64_t hash) const {
    const AccessSlot* const begin = slots.data();
    const AccessSlot* const end = begin + slots.size();
    if (slots.size() <= kScannedKeysMax) {
      for (const AccessSlot* slot = begin; slot != end; ++slot) {
        if (slot->hash == hash) return slot;
      }
      return nullptr;
    }
    const AccessSlot* slot = begin + Home(hash, slots.size());
    while (slot->count != 0) {
      if (slot->hash == hash) return slot;
      if (++slot == end) slot = begin;
    }
    return nullptr;
  }

  // Where the search for `hash` begins, for any number of slots: its high bits as a fraction.
  static size_t Home(uint64_t hash, size_t slot_count) {
    return static_cast<size_t>((hash >> 32) * slot_count >> 32);
  }

  size_t bytes() const;
};

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_ACCESS_TABLES_H_
