#include "matcher/access/access_index.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/access/access_builder.h"
#include "matcher/access/access_tables.h"
#include "matcher/access/literal_hash.h"
#include "matcher/access/regex_keys.h"
#include "matcher/base/check.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

struct AccessScratch::State {
  // stamps[item] == epoch: the item is among the candidates of this Collect already.
  std::vector<uint32_t> stamps;
  uint32_t epoch = 0;
  std::vector<int> matched_regexes;

  // Returns stamps of at least `items` elements, none of which is the new epoch.
  uint32_t* StartEpoch(size_t items) {
    if (stamps.size() < items) stamps.resize(items, 0);
    if (epoch == std::numeric_limits<uint32_t>::max()) {
      std::fill(stamps.begin(), stamps.end(), 0);
      epoch = 0;
    }
    ++epoch;
    return stamps.data();
  }
};

AccessScratch::AccessScratch() : state_(std::make_unique<State>()) {}
AccessScratch::~AccessScratch() = default;

namespace {

// Where candidates go.
class Candidates {
 public:
  // `stamps` null: no item can come twice.
  Candidates(uint32_t* stamps, uint32_t epoch, std::vector<uint32_t>* out)
      : stamps_(stamps), epoch_(epoch), out_(out) {}

  void Add(uint32_t item, uint32_t certain = 0) {
    if (stamps_ != nullptr) {
      if (stamps_[item] == epoch_) return;
      stamps_[item] = epoch_;
    }
    out_->push_back(item | certain);
  }
  void Add(std::span<const uint32_t> items) {
    if (stamps_ == nullptr) {
      out_->insert(out_->end(), items.begin(), items.end());
    } else {
      for (const uint32_t item : items) Add(item);
    }
  }

 private:
  uint32_t* stamps_;
  uint32_t epoch_;
  std::vector<uint32_t>* out_;
};

// The look-ups of one path's value.
class PathLookup {
 public:
  PathLookup(const AccessTables& tables, uint32_t path, std::vector<int>* matched_regexes)
      : tables_(tables), keys_(tables.paths[path]), path_(path), matched_(matched_regexes) {}

  void LookUp(std::string_view text, Candidates* candidates) const {
    PrefixHasher hasher(text);
    for (const uint32_t bytes : tables_.Numbers(keys_.prefix_bytes)) {
      if (bytes > text.size()) break;
      AddKey(HashKey(&hasher, bytes, path_, AccessTerm::Kind::kPrefix), candidates);
    }
    if (text.size() >= keys_.equals_bytes_min && text.size() <= keys_.equals_bytes_max) {
      AddKey(HashKey(&hasher, text.size(), path_, AccessTerm::Kind::kEquals), candidates);
    }
    if (keys_.regexes == nullptr) return;
    keys_.regexes->Match(text, matched_, [candidates](uint32_t item, bool found) {
      candidates->Add(item, found ? AccessIndex::kCertain : 0);
    });
  }

 private:
  void AddKey(uint64_t hash, Candidates* candidates) const {
    const AccessSlot* slot = tables_.Find(hash);
    if (slot == nullptr) return;
    if (slot->count == 1) {
      candidates->Add(slot->value);
    } else {
      candidates->Add(tables_.Numbers({slot->value, slot->count}));
    }
  }

  const AccessTables& tables_;
  const AccessPathKeys& keys_;
  const uint32_t path_;
  std::vector<int>* const matched_;
};

std::string_view TextOf(const Value& value) {
  if (value.kind != Value::Kind::kBoolean) return value.text;
  return value.boolean ? "true" : "false";
}

}  // namespace

struct AccessIndex::State {
  AccessTables tables;
};

AccessIndex::AccessIndex(std::unique_ptr<const State> state) : state_(std::move(state)) {}
AccessIndex::~AccessIndex() = default;

std::unique_ptr<const AccessIndex> AccessIndex::Build(std::span<const AccessGroups* const> items,
                                                      std::span<const uint32_t> numbers,
                                                      const RegexLimits& limits) {
  CIEVENTS_CHECK(numbers.empty() || numbers.size() == items.size());
  auto state = std::make_unique<State>();
  state->tables = BuildAccessTables(items, numbers, limits);
  return std::unique_ptr<const AccessIndex>(new AccessIndex(std::move(state)));
}

void AccessIndex::Collect(EventFields& event, AccessScratch& scratch,
                          std::vector<uint32_t>* out) const {
  const AccessTables& tables = state_->tables;
  const std::span<const uint32_t> always = tables.Numbers(tables.always);
  if (!always.empty()) out->insert(out->end(), always.begin(), always.end());
  AccessScratch::State& memory = *scratch.state_;
  // Taken when first needed: where every item has one key, only a list can find it twice.
  uint32_t* stamps = tables.has_items_of_many_keys ? memory.StartEpoch(tables.number_end) : nullptr;
  for (uint32_t path = 0; path < tables.paths.size(); ++path) {
    const AccessPathKeys& keys = tables.paths[path];
    const Value& value = event.Get(*keys.path);
    if (value.kind == Value::Kind::kNull) continue;
    const bool is_list = value.kind == Value::Kind::kList;
    if (is_list && stamps == nullptr) stamps = memory.StartEpoch(tables.number_end);
    Candidates candidates(stamps, memory.epoch, out);
    if (value.kind == Value::Kind::kFailed) {
      candidates.Add(tables.Numbers(keys.dependents));
      continue;
    }
    if (keys.if_present.count > 0) candidates.Add(tables.Numbers(keys.if_present));
    const PathLookup lookup(tables, path, &memory.matched_regexes);
    if (!is_list) {
      lookup.LookUp(TextOf(value), &candidates);
      continue;
    }
    for (const Value& element : value.list) lookup.LookUp(TextOf(element), &candidates);
  }
}

size_t AccessIndex::items() const { return state_->tables.items; }

size_t AccessIndex::bytes() const {
  return sizeof(*this) + sizeof(State) - sizeof(AccessTables) + state_->tables.bytes();
}

}  // namespace cievents::matcher
