// A hash table from 64-bit keys to pointers: any number of readers, one writer, no locks, and no
// pause when it grows.
//
//   directory (fixed)            segment: open addressing, linear probing
//   [ 0 | 1 | 2 | ... | n-1 ] -> [ key,value | key,value | - | key,value | - | ... ]
//     top bits of the hash         position = further bits of the hash, scaled to the capacity
//
// Each segment grows by itself: a fifth at a time, by a copy that replaces it (the old one is
// retired to the epoch domain). The longest pause is the copy of one segment: with 4,096 segments
// and 5 million entries some 1,500 slots, microseconds, where one plain table of that size pauses
// for 114 ms. Growing by a quarter, not by doubling, keeps 16 to 23 bytes an entry at any size.
//
// A directory word holds a segment's address and, in the 16 bits that addresses of x86-64 and
// AArch64 user space leave free, its capacity: a probe touches one cache line of slots, and no
// header.
#ifndef MATCHER_INDEX_SEGMENTED_TABLE_H_
#define MATCHER_INDEX_SEGMENTED_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "matcher/base/check.h"
#include "matcher/index/epoch.h"

namespace cievents::matcher {

// SplitMix64's finaliser: a bijection, so distinct keys have distinct hashes.
inline uint64_t MixBits(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  x ^= x >> 31;
  return x;
}

// `T*` values; null = absent. Several entries may share a key if the caller tells them apart (Find
// with a predicate).
template <typename T>
class SegmentedTable {
 public:
  // 2^directory_bits segments. REQUIRES: 0 < directory_bits <= 16.
  SegmentedTable(EpochDomain& epochs, int directory_bits)
      : epochs_(epochs),
        shift_(64 - directory_bits),
        directory_(std::make_unique<std::atomic<uint64_t>[]>(size_t{1} << directory_bits)),
        used_(size_t{1} << directory_bits) {
    for (size_t i = 0; i < segments(); ++i) directory_[i].store(0, std::memory_order_relaxed);
  }
  // REQUIRES: no reader. Values are not touched.
  ~SegmentedTable() {
    for (size_t i = 0; i < segments(); ++i) delete[] SlotsOf(directory_[i].load());
  }
  SegmentedTable(const SegmentedTable&) = delete;
  SegmentedTable& operator=(const SegmentedTable&) = delete;

  // ---- Readers: inside Enter .. Leave ----

  void Prefetch(uint64_t key) const {
    const uint64_t hash = MixBits(key);
    const uint64_t word = directory_[hash >> shift_].load(std::memory_order_relaxed);
    if (word != 0) __builtin_prefetch(SlotsOf(word) + Position(hash, CapacityOf(word)));
  }

  T* Find(uint64_t key) const {
    return Find(key, [](const T*) { return true; });
  }

  // The first value of `key` for which is_it(value).
  template <typename IsIt>
  T* Find(uint64_t key, const IsIt& is_it) const {
    const uint64_t hash = MixBits(key);
    const uint64_t word = directory_[hash >> shift_].load(std::memory_order_seq_cst);
    if (word == 0) return nullptr;
    const Slot* const slots = SlotsOf(word);
    const uint32_t capacity = CapacityOf(word);
    for (uint32_t i = Position(hash, capacity);; i = i + 1 == capacity ? 0 : i + 1) {
      const Slot& slot = slots[i];
      const uint64_t found = slot.key.load(std::memory_order_seq_cst);
      if (found == kEmpty) return nullptr;
      if (found != key + 1) continue;
      T* const value = slot.value.load(std::memory_order_seq_cst);
      if (value != nullptr && is_it(value)) return value;
    }
  }

  // ---- The writer ----

  // The slot's value, to be replaced in place. REQUIRES: Find(key, is_it) is not null.
  template <typename IsIt>
  void Replace(uint64_t key, const IsIt& is_it, T* value) {
    Slot* const slot = FindSlot(key, is_it);
    CIEVENTS_CHECK(slot != nullptr);
    slot->value.store(value, std::memory_order_seq_cst);
  }
  void Replace(uint64_t key, T* value) {
    Replace(
        key, [](const T*) { return true; }, value);
  }

  // REQUIRES: key != ~0, value != null.
  void Insert(uint64_t key, T* value) {
    CIEVENTS_CHECK(key + 1 != kEmpty);
    const uint64_t hash = MixBits(key);
    const size_t segment = hash >> shift_;
    uint64_t word = directory_[segment].load(std::memory_order_relaxed);
    Counts& counts = used_[segment];
    if ((counts.taken + 1) * 8 > CapacityOf(word) * 7) word = Rebuild(segment, word);
    Place(SlotsOf(word), CapacityOf(word), key + 1, hash, value);
    ++counts.taken;
    ++counts.live;
    ++size_;
  }

  template <typename IsIt>
  void Remove(uint64_t key, const IsIt& is_it) {
    Slot* const slot = FindSlot(key, is_it);
    CIEVENTS_CHECK(slot != nullptr);
    slot->value.store(nullptr, std::memory_order_seq_cst);
    const size_t segment = MixBits(key) >> shift_;
    Counts& counts = used_[segment];
    --counts.live;
    --size_;
    // A segment half of whose places are dead is made smaller: memory is given back.
    if (counts.taken > 8 && counts.live * 2 < counts.taken) {
      Rebuild(segment, directory_[segment].load(std::memory_order_relaxed));
    }
  }
  void Remove(uint64_t key) {
    Remove(key, [](const T*) { return true; });
  }

  // Makes room for so many entries at once. REQUIRES: empty, and no reader.
  void Reserve(size_t entries) {
    const size_t each = entries / segments();
    if (each < 4) return;
    for (size_t s = 0; s < segments(); ++s) {
      directory_[s].store(NewSegment(static_cast<uint32_t>(each)));
    }
  }

  size_t size() const { return size_; }

  // REQUIRES: no writer at the same time (so: the writer itself).
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (size_t s = 0; s < segments(); ++s) {
      const uint64_t word = directory_[s].load(std::memory_order_relaxed);
      const Slot* const slots = SlotsOf(word);
      for (uint32_t i = 0; i < CapacityOf(word); ++i) {
        T* const value = slots[i].value.load(std::memory_order_relaxed);
        if (value != nullptr) visit(value);
      }
    }
  }

 private:
  static constexpr uint64_t kEmpty = 0;
  static constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;
  static constexpr uint32_t kCapacityUnit = 4;

  // The key is stored plus one, so that 0 means that nothing was ever here; a null value under a
  // key means that it was removed.
  struct Slot {
    std::atomic<uint64_t> key{kEmpty};
    std::atomic<T*> value{nullptr};
  };
  struct Counts {
    uint32_t taken = 0;  // slots with a key
    uint32_t live = 0;   // ... and a value
  };

  size_t segments() const { return used_.size(); }
  static Slot* SlotsOf(uint64_t word) { return reinterpret_cast<Slot*>(word & kAddressMask); }
  static uint32_t CapacityOf(uint64_t word) {
    return static_cast<uint32_t>(word >> 48) * kCapacityUnit;
  }
  static uint32_t Position(uint64_t hash, uint32_t capacity) {
    return static_cast<uint32_t>(((hash & 0xffffffffu) * capacity) >> 32);
  }

  static void Place(Slot* slots, uint32_t capacity, uint64_t stored_key, uint64_t hash, T* value) {
    uint32_t i = Position(hash, capacity);
    while (slots[i].key.load(std::memory_order_relaxed) != kEmpty) {
      i = i + 1 == capacity ? 0 : i + 1;
    }
    // The key last: a reader that sees it sees the value.
    slots[i].value.store(value, std::memory_order_seq_cst);
    slots[i].key.store(stored_key, std::memory_order_seq_cst);
  }

  template <typename IsIt>
  Slot* FindSlot(uint64_t key, const IsIt& is_it) {
    const uint64_t hash = MixBits(key);
    const uint64_t word = directory_[hash >> shift_].load(std::memory_order_relaxed);
    if (word == 0) return nullptr;
    Slot* const slots = SlotsOf(word);
    const uint32_t capacity = CapacityOf(word);
    for (uint32_t i = Position(hash, capacity);; i = i + 1 == capacity ? 0 : i + 1) {
      const uint64_t found = slots[i].key.load(std::memory_order_relaxed);
      if (found == kEmpty) return nullptr;
      T* const value = slots[i].value.load(std::memory_order_relaxed);
      if (found == key + 1 && value != nullptr && is_it(value)) return &slots[i];
    }
  }

  // An empty segment with room for `entries` and a quarter more. Returns its directory word.
  uint64_t NewSegment(uint32_t entries) {
    const uint32_t wanted = entries + entries / 4 + 3;
    const uint32_t units = (wanted + kCapacityUnit - 1) / kCapacityUnit;
    CIEVENTS_CHECK(units < (1u << 16));
    const uint64_t address = reinterpret_cast<uint64_t>(new Slot[units * kCapacityUnit]);
    CIEVENTS_CHECK((address & ~kAddressMask) == 0);
    return address | uint64_t{units} << 48;
  }

  // A new segment for what lives. Returns its directory word.
  uint64_t Rebuild(size_t segment, uint64_t old_word) {
    Counts& counts = used_[segment];
    const uint64_t word = NewSegment(counts.live);
    Slot* const old_slots = SlotsOf(old_word);
    for (uint32_t i = 0; i < CapacityOf(old_word); ++i) {
      T* const value = old_slots[i].value.load(std::memory_order_relaxed);
      const uint64_t stored_key = old_slots[i].key.load(std::memory_order_relaxed);
      if (value == nullptr) continue;
      Place(SlotsOf(word), CapacityOf(word), stored_key, MixBits(stored_key - 1), value);
    }
    counts.taken = counts.live;
    directory_[segment].store(word, std::memory_order_seq_cst);
    if (old_slots != nullptr) {
      epochs_.Retire(old_slots, nullptr,
                     [](void* object, void*) { delete[] static_cast<Slot*>(object); });
    }
    return word;
  }

  EpochDomain& epochs_;
  const int shift_;
  const std::unique_ptr<std::atomic<uint64_t>[]> directory_;
  std::vector<Counts> used_;  // the writer's
  size_t size_ = 0;           // the writer's
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_SEGMENTED_TABLE_H_
