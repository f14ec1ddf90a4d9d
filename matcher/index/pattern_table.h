// Interned patterns, and the patterns that match a name.
//
// Names are few and come again and again: each reader remembers, for a name, the ids of all
// patterns that match it (NameCache), so a wildcard costs nothing per event. A name that is new is
// looked up once per *shape* in use: the shape of `a/*/c` is "three segments, the second a star",
// and for the name x/y/z it asks the table for `x/*/z`. Shapes are few (a dozen on a busy instance,
// at most 511 for a name), however many patterns there are; a trie would be walked along as many
// branches, one cache miss each, and would have to be changed under its readers.
#ifndef MATCHER_INDEX_PATTERN_TABLE_H_
#define MATCHER_INDEX_PATTERN_TABLE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/index/epoch.h"
#include "matcher/index/segmented_table.h"
#include "matcher/pattern.h"

namespace cievents::matcher {

using PatternId = uint32_t;

class PatternTable {
 public:
  explicit PatternTable(EpochDomain& epochs);
  ~PatternTable();

  // ---- The writer ----

  // Each Acquire is undone by one Release, when no reader can see who used the pattern.
  PatternId Acquire(const Pattern& pattern);
  void Release(PatternId id);
  size_t size() const { return table_.size(); }

  // ---- Readers: inside Enter .. Leave ----

  // Changes whenever a pattern comes or goes: what is remembered of names is then out of date.
  uint64_t version() const { return version_.load(std::memory_order_seq_cst); }
  // Ids of all patterns that match `name`, ascending.
  std::vector<PatternId> Find(std::string_view name) const;

 private:
  // Which segments are stars. With `rest` a final `**` follows the `segments` ones.
  struct Shape {
    uint8_t segments = 0;
    uint8_t stars = 0;  // bit i: segment i
    bool rest = false;
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  struct Interned {
    PatternId id = 0;
    std::string text;
    Shape shape;
    uint32_t users = 0;
  };
  struct ShapeInUse {
    Shape shape;
    uint32_t patterns = 0;
  };
  using Shapes = std::vector<ShapeInUse>;

  static Shape ShapeOf(std::string_view text);
  void CountShape(const Shape& shape, int change);

  EpochDomain& epochs_;
  SegmentedTable<Interned> table_;  // by the hash of the text
  std::atomic<const Shapes*> shapes_;
  std::atomic<uint64_t> version_{1};
  std::vector<Interned*> by_id_;       // the writer's
  std::vector<PatternId> unused_ids_;  // the writer's: no reader remembers them
};

// What one reader remembers of names. Not thread-safe.
//
// A name costs two cache misses where there are many: its slot, then its entry, one block of the
// pattern ids and the name. Both can be loaded ahead for all names of a batch.
class NameCache {
 public:
  NameCache() = default;
  ~NameCache() { Clear(); }
  NameCache(const NameCache&) = delete;
  NameCache& operator=(const NameCache&) = delete;

  // Forgets everything if patterns came or went, or if it has grown too large. To be called at
  // Enter; what Find gave before ends here.
  void Refresh(uint64_t tables_id, const PatternTable& patterns);

  static uint64_t Hash(std::string_view name);
  // Starts to load the slot of a name with this hash; its entry, which reads the slot.
  void PrefetchSlot(uint64_t hash) const;
  void PrefetchEntry(uint64_t hash) const;
  // Ids of all patterns that match `name`, ascending. REQUIRES: hash == Hash(name).
  std::span<const PatternId> Find(std::string_view name, uint64_t hash,
                                  const PatternTable& patterns);

 private:
  // Beyond this, names are made up by somebody: 64 Ki names x some 150 bytes = 10 MB a reader.
  static constexpr size_t kNamesMax = 64 * 1024;

  // The ids and then the name are part of its own memory.
  struct Entry {
    uint32_t name_bytes = 0;
    uint32_t id_count = 0;

    std::span<const PatternId> ids() const {
      return {reinterpret_cast<const PatternId*>(this + 1), id_count};
    }
    bool IsOf(std::string_view name) const {
      return name_bytes == name.size() &&
             std::memcmp(ids().data() + id_count, name.data(), name_bytes) == 0;
    }
  };
  // Open addressing, at most half full; entry null = empty.
  struct Slot {
    uint64_t hash = 0;
    Entry* entry = nullptr;
  };

  void Clear();
  void Grow();
  // That of the name, or the empty one where it would be.
  size_t FindSlot(uint64_t hash, std::string_view name) const;
  const Entry* Add(std::string_view name, uint64_t hash, const PatternTable& patterns);

  uint64_t tables_id_ = 0;
  uint64_t version_ = 0;
  std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two
  size_t names_ = 0;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_PATTERN_TABLE_H_
