#include "matcher/index/pattern_table.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/hash/hash.h"
#include "matcher/access/literal_hash.h"
#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

constexpr int kDirectoryBits = 8;

// The table stores key + 1.
uint64_t KeyOf(std::string_view text) {
  return absl::Hash<std::string_view>{}(text) & ~(uint64_t{1} << 63);
}

struct Segments {
  std::array<std::string_view, kNameSegmentsMax> text;
  size_t count = 0;
};

Segments Split(std::string_view name) {
  Segments segments;
  while (segments.count < segments.text.size()) {
    const size_t slash = name.find('/');
    segments.text[segments.count++] = name.substr(0, slash);
    if (slash == std::string_view::npos) break;
    name.remove_prefix(slash + 1);
  }
  return segments;
}

}  // namespace

PatternTable::PatternTable(EpochDomain& epochs)
    : epochs_(epochs), table_(epochs, kDirectoryBits), shapes_(new Shapes) {}

PatternTable::~PatternTable() {
  table_.ForEach([](Interned* pattern) { delete pattern; });
  delete shapes_.load();
}

PatternTable::Shape PatternTable::ShapeOf(std::string_view text) {
  const Segments segments = Split(text);
  Shape shape;
  shape.segments = static_cast<uint8_t>(segments.count);
  if (segments.text[segments.count - 1] == "**") {
    shape.rest = true;
    --shape.segments;
  }
  for (size_t i = 0; i < shape.segments; ++i) {
    if (segments.text[i] == "*") shape.stars = static_cast<uint8_t>(shape.stars | 1u << i);
  }
  return shape;
}

PatternId PatternTable::Acquire(const Pattern& pattern) {
  const uint64_t key = KeyOf(pattern.text());
  Interned* found =
      table_.Find(key, [&](const Interned* one) { return one->text == pattern.text(); });
  if (found != nullptr) {
    ++found->users;
    return found->id;
  }
  auto made = std::make_unique<Interned>();
  made->text = pattern.text();
  made->shape = ShapeOf(made->text);
  made->users = 1;
  if (unused_ids_.empty()) {
    made->id = static_cast<PatternId>(by_id_.size());
    by_id_.push_back(made.get());
  } else {
    made->id = unused_ids_.back();
    unused_ids_.pop_back();
    by_id_[made->id] = made.get();
  }
  CountShape(made->shape, 1);
  const PatternId id = made->id;
  table_.Insert(key, made.release());
  version_.fetch_add(1, std::memory_order_seq_cst);
  return id;
}

void PatternTable::Release(PatternId id) {
  Interned* const pattern = by_id_[id];
  CIEVENTS_CHECK(pattern != nullptr && pattern->users > 0);
  if (--pattern->users > 0) return;
  table_.Remove(KeyOf(pattern->text), [&](const Interned* one) { return one == pattern; });
  CountShape(pattern->shape, -1);
  by_id_[id] = nullptr;
  version_.fetch_add(1, std::memory_order_seq_cst);
  // The id is used again only when no reader remembers what it meant.
  epochs_.Retire(pattern, this, [](void* object, void* context) {
    const std::unique_ptr<Interned> gone(static_cast<Interned*>(object));
    static_cast<PatternTable*>(context)->unused_ids_.push_back(gone->id);
  });
}

void PatternTable::CountShape(const Shape& shape, int change) {
  const Shapes& old = *shapes_.load();
  const auto at = std::find_if(old.begin(), old.end(),
                               [&](const ShapeInUse& one) { return one.shape == shape; });
  if (at != old.end() && (change > 0 || at->patterns > 1)) {
    // Readers do not look at the count.
    const_cast<ShapeInUse&>(*at).patterns += static_cast<uint32_t>(change);
    return;
  }
  auto changed = std::make_unique<Shapes>(old);
  if (at == old.end()) {
    changed->push_back({shape, 1});
  } else {
    changed->erase(changed->begin() + (at - old.begin()));
  }
  shapes_.store(changed.release(), std::memory_order_seq_cst);
  epochs_.Retire(const_cast<Shapes*>(&old), nullptr,
                 [](void* object, void*) { delete static_cast<Shapes*>(object); });
}

std::vector<PatternId> PatternTable::Find(std::string_view name) const {
  std::vector<PatternId> ids;
  const Segments segments = Split(name);
  std::string text;
  for (const ShapeInUse& in_use : *shapes_.load(std::memory_order_seq_cst)) {
    const Shape& shape = in_use.shape;
    if (shape.rest ? segments.count <= shape.segments : segments.count != shape.segments) continue;
    text.clear();
    for (size_t i = 0; i < shape.segments; ++i) {
      if (i > 0) text += '/';
      if ((shape.stars >> i & 1) != 0) {
        text += '*';
      } else {
        text += segments.text[i];
      }
    }
    if (shape.rest) text += text.empty() ? "**" : "/**";
    const Interned* const found =
        table_.Find(KeyOf(text), [&](const Interned* one) { return one->text == text; });
    if (found != nullptr) ids.push_back(found->id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

void NameCache::Refresh(uint64_t tables_id, const PatternTable& patterns) {
  const uint64_t version = patterns.version();
  if (tables_id == tables_id_ && version == version_ && names_ < kNamesMax) return;
  tables_id_ = tables_id;
  version_ = version;
  Clear();
}

void NameCache::Clear() {
  for (Slot& slot : slots_) {
    ::operator delete(slot.entry);
    slot = {};
  }
  names_ = 0;
}

uint64_t NameCache::Hash(std::string_view name) { return HashLiteral(name, 0); }

void NameCache::PrefetchSlot(uint64_t hash) const {
  __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

void NameCache::PrefetchEntry(uint64_t hash) const {
  __builtin_prefetch(slots_[hash & (slots_.size() - 1)].entry);
}

size_t NameCache::FindSlot(uint64_t hash, std::string_view name) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].entry != nullptr &&
         (slots_[at].hash != hash || !slots_[at].entry->IsOf(name))) {
    at = (at + 1) & mask;
  }
  return at;
}

std::span<const PatternId> NameCache::Find(std::string_view name, uint64_t hash,
                                           const PatternTable& patterns) {
  const Entry* entry = slots_[FindSlot(hash, name)].entry;
  if (entry == nullptr) [[unlikely]] {
    entry = Add(name, hash, patterns);
  }
  return entry->ids();
}

const NameCache::Entry* NameCache::Add(std::string_view name, uint64_t hash,
                                       const PatternTable& patterns) {
  if (2 * (names_ + 1) > slots_.size()) Grow();
  const std::vector<PatternId> ids = patterns.Find(name);
  auto* const entry =
      new (::operator new(sizeof(Entry) + ids.size() * sizeof(PatternId) + name.size())) Entry();
  entry->name_bytes = static_cast<uint32_t>(name.size());
  entry->id_count = static_cast<uint32_t>(ids.size());
  auto* const place = reinterpret_cast<PatternId*>(entry + 1);
  std::copy(ids.begin(), ids.end(), place);
  std::copy(name.begin(), name.end(), reinterpret_cast<char*>(place + ids.size()));
  slots_[FindSlot(hash, name)] = {hash, entry};
  ++names_;
  return entry;
}

void NameCache::Grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_ = std::vector<Slot>(2 * old.size());
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.entry == nullptr) continue;
    size_t at = slot.hash & mask;
    while (slots_[at].entry != nullptr) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace cievents::matcher
