#include "matcher/access/selectivity.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/access/literal_hash.h"
#include "matcher/base/check.h"
#include "matcher/condition/condition.h"

namespace cievents::matcher {
namespace {

using Items = std::span<const std::vector<AccessGroup>* const>;

// How many items a term would leave together.
struct Sharing {
  uint32_t items = 0;
  uint32_t last_item = std::numeric_limits<uint32_t>::max();  // counted once, however often named
};

// The terms of all items in order, as indices into `sharing`.
struct Census {
  std::vector<uint32_t> terms;
  std::vector<Sharing> sharing;
};

Census CountTerms(Items items) {
  Census census;
  absl::flat_hash_map<uint64_t, uint32_t> known;
  for (uint32_t item = 0; item < items.size(); ++item) {
    if (items[item] == nullptr) continue;
    for (const AccessGroup& group : *items[item]) {
      for (const AccessTerm& term : group) {
        const auto [found, added] =
            known.try_emplace(HashTerm(term), static_cast<uint32_t>(census.sharing.size()));
        const uint32_t index = found->second;
        if (added) census.sharing.emplace_back();
        census.terms.push_back(index);
        if (census.sharing[index].last_item == item) continue;
        census.sharing[index].last_item = item;
        ++census.sharing[index].items;
      }
    }
  }
  return census;
}

// Less is better.
using Score = std::tuple<uint64_t, size_t, AccessTerm::Kind>;

Score ScoreGroup(const AccessGroup& group, const uint32_t* terms,
                 const std::vector<Sharing>& sharing) {
  uint64_t worst = 0;
  AccessTerm::Kind kind = AccessTerm::Kind::kEquals;
  for (size_t i = 0; i < group.size(); ++i) {
    const bool is_regex = group[i].kind == AccessTerm::Kind::kRegex;
    worst = std::max(worst, sharing[terms[i]].items + (is_regex ? kRegexHandicap : 0));
    kind = std::max(kind, group[i].kind);
  }
  return {worst, group.size(), kind};
}

}  // namespace

uint64_t HashTerm(const AccessTerm& term) {
  CIEVENTS_CHECK(term.path != nullptr);
  return HashLiteral(term.literal, uint64_t{term.path->id} << 2 | static_cast<uint64_t>(term.kind));
}

std::vector<const AccessGroup*> ChooseGroups(Items items) {
  std::vector<const AccessGroup*> chosen(items.size(), nullptr);
  // Where no item has a choice there is nothing to count.
  const bool has_choice = std::any_of(items.begin(), items.end(), [](const auto* groups) {
    return groups != nullptr && groups->size() > 1;
  });
  const Census census = has_choice ? CountTerms(items) : Census{};
  size_t term = 0;
  for (size_t item = 0; item < items.size(); ++item) {
    if (items[item] == nullptr) continue;
    Score best{std::numeric_limits<uint64_t>::max(), 0, AccessTerm::Kind::kEquals};
    for (const AccessGroup& group : *items[item]) {
      if (group.empty()) continue;
      if (!has_choice) {
        chosen[item] = &group;
        continue;
      }
      const Score score = ScoreGroup(group, census.terms.data() + term, census.sharing);
      term += group.size();
      if (score >= best) continue;
      best = score;
      chosen[item] = &group;
    }
  }
  return chosen;
}

}  // namespace cievents::matcher
