#include "matcher/access/access_builder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/access/access_index.h"
#include "matcher/access/access_tables.h"
#include "matcher/access/literal_hash.h"
#include "matcher/access/regex_keys.h"
#include "matcher/access/regex_limits.h"
#include "matcher/access/selectivity.h"
#include "matcher/base/check.h"
#include "matcher/condition/condition.h"
#include "matcher/event/event_path.h"

namespace cievents::matcher {
namespace {

void SortUnique(std::vector<uint32_t>* numbers) {
  std::sort(numbers->begin(), numbers->end());
  numbers->erase(std::unique(numbers->begin(), numbers->end()), numbers->end());
}

class Builder {
 public:
  explicit Builder(const RegexLimits& limits) : limits_(limits) {}

  void AddItem(uint32_t item, const AccessGroup* group) {
    if (group == nullptr) {
      always_.push_back(item);
      return;
    }
    if (group->size() > 1) tables_.has_items_of_many_keys = true;
    for (const AccessTerm& term : *group) AddTerm(item, term);
  }

  AccessTables Finish(size_t items, size_t number_end) {
    CIEVENTS_CHECK(number_end < AccessIndex::kCertain);  // a bit of an item is taken
    tables_.items = static_cast<uint32_t>(items);
    tables_.number_end = static_cast<uint32_t>(number_end);
    tables_.always = Store(always_);
    FillSlots();
    for (size_t path = 0; path < drafts_.size(); ++path) FinishPath(path);
    tables_.paths.shrink_to_fit();
    tables_.numbers.shrink_to_fit();
    return std::move(tables_);
  }

 private:
  using Range = AccessTables::Range;
  struct HashedItem {
    uint64_t hash;
    uint32_t item;
    friend bool operator==(const HashedItem&, const HashedItem&) = default;
    friend bool operator<(const HashedItem& a, const HashedItem& b) {
      return std::tie(a.hash, a.item) < std::tie(b.hash, b.item);
    }
  };
  // What a path is given besides its slots.
  struct PathDraft {
    std::vector<uint32_t> prefix_bytes;
    std::vector<uint32_t> dependents;
    std::vector<RegexKeys::Key> regexes;
  };

  uint32_t FindPath(const std::shared_ptr<const EventPath>& path) {
    const auto next = static_cast<uint32_t>(drafts_.size());
    const auto [found, added] = path_indices_.try_emplace(path.get(), next);
    if (added) {
      drafts_.emplace_back();
      tables_.paths.emplace_back().path = path;
    }
    return found->second;
  }

  void AddTerm(uint32_t item, const AccessTerm& term) {
    const uint32_t path = FindPath(term.path);
    AccessPathKeys& keys = tables_.paths[path];
    PathDraft& draft = drafts_[path];
    draft.dependents.push_back(item);
    const auto bytes = static_cast<uint32_t>(term.literal.size());
    CIEVENTS_CHECK(bytes == term.literal.size());
    switch (term.kind) {
      case AccessTerm::Kind::kRegex:
        draft.regexes.push_back({term.literal, item});
        return;
      case AccessTerm::Kind::kPrefix:
        draft.prefix_bytes.push_back(bytes);
        break;
      case AccessTerm::Kind::kEquals:
        keys.equals_bytes_min = std::min(keys.equals_bytes_min, bytes);
        keys.equals_bytes_max = std::max(keys.equals_bytes_max, bytes);
        break;
    }
    PrefixHasher hasher(term.literal);
    hashed_.push_back({HashKey(&hasher, bytes, path, term.kind), item});
  }

  Range Store(const std::vector<uint32_t>& numbers) {
    const Range range{static_cast<uint32_t>(tables_.numbers.size()),
                      static_cast<uint32_t>(numbers.size())};
    tables_.numbers.insert(tables_.numbers.end(), numbers.begin(), numbers.end());
    CIEVENTS_CHECK(tables_.numbers.size() <= std::numeric_limits<uint32_t>::max());
    return range;
  }

  void FillSlots() {
    std::sort(hashed_.begin(), hashed_.end());
    hashed_.erase(std::unique(hashed_.begin(), hashed_.end()), hashed_.end());
    size_t keys = 0;
    for (size_t i = 0; i < hashed_.size(); ++i) {
      if (i == 0 || hashed_[i].hash != hashed_[i - 1].hash) ++keys;
    }
    const bool scanned = keys <= kScannedKeysMax;
    tables_.homes = static_cast<uint32_t>(scanned ? keys : keys + keys / 2);
    tables_.slots.reserve(scanned ? keys : tables_.homes + 16);
    if (!scanned) tables_.filter.resize(keys / 8 + 1);
    std::vector<uint32_t> items;
    for (size_t i = 0; i < hashed_.size();) {
      const uint64_t hash = hashed_[i].hash;
      items.clear();
      for (; i < hashed_.size() && hashed_[i].hash == hash; ++i) items.push_back(hashed_[i].item);
      const Range range = items.size() == 1 ? Range{items[0], 1} : Store(items);
      if (!scanned) {
        const size_t bit = tables_.FilterBit(hash);
        tables_.filter[bit / 64] |= uint64_t{1} << bit % 64;
        const size_t home = AccessTables::Home(hash, tables_.homes);
        if (home > tables_.slots.size()) tables_.slots.resize(home);
      }
      tables_.slots.push_back({hash, range.begin, range.count});
    }
    if (scanned) return;
    tables_.slots.resize(std::max<size_t>(tables_.slots.size() + 1, tables_.homes));
    tables_.slots.shrink_to_fit();
  }

  void FinishPath(size_t path) {
    PathDraft& draft = drafts_[path];
    AccessPathKeys& keys = tables_.paths[path];
    SortUnique(&draft.prefix_bytes);
    keys.prefix_bytes = Store(draft.prefix_bytes);
    SortUnique(&draft.dependents);
    keys.dependents = Store(draft.dependents);
    std::vector<uint32_t> with_regex;
    for (const RegexKeys::Key& key : draft.regexes) with_regex.push_back(key.item);
    SortUnique(&with_regex);
    if (with_regex.size() < kFilteredRegexItemsMin) {
      keys.if_present = Store(with_regex);
    } else {
      keys.regexes = RegexKeys::Build(std::move(draft.regexes), limits_);
    }
  }

  const RegexLimits limits_;
  AccessTables tables_;
  std::vector<PathDraft> drafts_;  // by place in tables_.paths
  absl::flat_hash_map<const EventPath*, uint32_t> path_indices_;
  std::vector<HashedItem> hashed_;
  std::vector<uint32_t> always_;
};

}  // namespace

AccessTables BuildAccessTables(std::span<const std::vector<AccessGroup>* const> items,
                               std::span<const uint32_t> numbers, const RegexLimits& limits) {
  const std::vector<const AccessGroup*> groups = ChooseGroups(items);
  Builder builder(limits);
  size_t number_end = 0;
  for (size_t item = 0; item < groups.size(); ++item) {
    const uint32_t number = numbers.empty() ? static_cast<uint32_t>(item) : numbers[item];
    number_end = std::max<size_t>(number_end, size_t{number} + 1);
    builder.AddItem(number, groups[item]);
  }
  return builder.Finish(groups.size(), number_end);
}

size_t AccessTables::bytes() const {
  size_t total = sizeof(*this) + paths.capacity() * sizeof(paths[0]) +
                 slots.capacity() * sizeof(slots[0]) + filter.capacity() * sizeof(filter[0]) +
                 numbers.capacity() * sizeof(numbers[0]);
  for (const AccessPathKeys& keys : paths) {
    if (keys.regexes != nullptr) total += keys.regexes->bytes();
  }
  return total;
}

}  // namespace cievents::matcher
