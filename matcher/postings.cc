#include "matcher/postings.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

// Absent for a group entry of a project without a group: it listens to nothing.
std::optional<ScopeKey> KeyOf(const Scope& scope, const ProjectSubscriptions& set) {
  switch (scope.kind) {
    case ScopeKind::kProject:
      return ScopeKey{ScopeKey::Kind::kProject, set.project_id};
    case ScopeKind::kOtherProject:
      return ScopeKey{ScopeKey::Kind::kProject, scope.project_id};
    case ScopeKind::kGroup:
      if (set.namespace_ids.empty()) return std::nullopt;
      return ScopeKey{ScopeKey::Kind::kGroup, set.namespace_ids.back()};
    case ScopeKind::kInstance:
      return ScopeKey{ScopeKey::Kind::kInstance, 0};
  }
  return std::nullopt;
}

// Gathers postings by scope and pattern, one list each.
class ListBuilder {
 public:
  explicit ListBuilder(const ProjectSubscriptions& set) : set_(set) {}

  void Add(uint32_t subscription, uint32_t entry_index, const Entry& entry) {
    const std::optional<ScopeKey> scope = KeyOf(entry.scope, set_);
    if (!scope.has_value()) return;
    for (const Pattern& pattern : entry.patterns) {
      auto [it, added] = list_of_.try_emplace(std::pair(*scope, pattern.text()), lists_.size());
      if (added) lists_.push_back({*scope, pattern, {}});
      lists_[it->second].postings.push_back({subscription, entry_index, entry.confidential});
    }
  }

  std::vector<PostingList> TakeLists() { return std::move(lists_); }

 private:
  const ProjectSubscriptions& set_;
  std::vector<PostingList> lists_;
  absl::flat_hash_map<std::pair<ScopeKey, std::string>, size_t> list_of_;
};

// A table keeps its slots when it empties, and a walk over it visits them all: without this, an
// event would go on paying for the most listeners that there ever were.
template <typename Map>
void ShrinkIfSparse(Map* map) {
  constexpr size_t kSlotsPerElementMax = 8;
  if (map->capacity() > kSlotsPerElementMax * map->size()) map->rehash(0);
}

}  // namespace

PreparedProject PrepareProject(ProjectSubscriptions set) {
  PreparedProject prepared;
  auto shared = std::make_shared<const ProjectSubscriptions>(std::move(set));
  ListBuilder builder(*shared);
  for (size_t s = 0; s < shared->subscriptions.size(); ++s) {
    const Subscription& subscription = shared->subscriptions[s];
    if (subscription.suspended || subscription.NeedsEvaluation()) continue;
    for (size_t e = 0; e < subscription.entries.size(); ++e) {
      builder.Add(static_cast<uint32_t>(s), static_cast<uint32_t>(e), subscription.entries[e]);
    }
  }
  prepared.lists = builder.TakeLists();
  prepared.set = std::move(shared);
  return prepared;
}

Postings::Displaced Postings::Replace(PreparedProject project) {
  const int64_t project_id = project.set->project_id;
  Displaced displaced = Remove(project_id);
  Project& stored = projects_[project_id];
  stored.places.reserve(project.lists.size());
  for (PostingList& list : project.lists) {
    stored.places.push_back({list.scope, list.pattern.text()});
    Attach(std::move(list), project.set);
  }
  subscriptions_ += project.set->subscriptions.size();
  stored.set = std::move(project.set);
  return displaced;
}

Postings::Displaced Postings::Remove(int64_t project_id) {
  Displaced displaced;
  const auto it = projects_.find(project_id);
  if (it == projects_.end()) return displaced;
  displaced.project = std::move(it->second);
  projects_.erase(it);
  subscriptions_ -= displaced.project.set->subscriptions.size();
  displaced.listeners.reserve(displaced.project.places.size());
  for (const Place& place : displaced.project.places) {
    displaced.listeners.push_back(Detach(place, project_id));
  }
  return displaced;
}

void Postings::Attach(PostingList list, const std::shared_ptr<const ProjectSubscriptions>& set) {
  ScopeLists& scope = scopes_[list.scope];
  Listeners& listeners =
      list.pattern.is_literal()
          ? scope.literals[list.pattern.text()]
          : scope.wildcards.try_emplace(list.pattern.text(), list.pattern).first->second.listeners;
  listeners.insert_or_assign(set->project_id, Listener{set, std::move(list.postings)});
}

Postings::Listener Postings::Detach(const Place& place, int64_t project_id) {
  const auto scope = scopes_.find(place.scope);
  CIEVENTS_CHECK(scope != scopes_.end());
  ScopeLists& lists = scope->second;
  const auto take = [project_id](Listeners* listeners) {
    const auto it = listeners->find(project_id);
    CIEVENTS_CHECK(it != listeners->end());
    Listener listener = std::move(it->second);
    listeners->erase(it);
    ShrinkIfSparse(listeners);
    return listener;
  };
  Listener listener;
  if (const auto literal = lists.literals.find(place.pattern); literal != lists.literals.end()) {
    listener = take(&literal->second);
    if (literal->second.empty()) lists.literals.erase(literal);
  } else {
    const auto wildcard = lists.wildcards.find(place.pattern);
    CIEVENTS_CHECK(wildcard != lists.wildcards.end());
    listener = take(&wildcard->second.listeners);
    if (wildcard->second.listeners.empty()) {
      lists.wildcards.erase(wildcard);
      ShrinkIfSparse(&lists.wildcards);
    }
  }
  if (lists.literals.empty() && lists.wildcards.empty()) scopes_.erase(scope);
  return listener;
}

void Postings::Collect(const ScopeKey& scope, std::span<const std::string> names,
                       bool confidential_event, std::vector<Candidate>* out) const {
  const auto found = scopes_.find(scope);
  if (found == scopes_.end()) return;
  const auto append = [&](const Listeners& listeners, size_t name) {
    for (const auto& [project_id, listener] : listeners) {
      for (const Posting& posting : listener.postings) {
        if (confidential_event && !posting.confidential) continue;
        out->push_back(
            {listener.set, posting.subscription, posting.entry, static_cast<uint32_t>(name)});
      }
    }
  };
  const ScopeLists& lists = found->second;
  for (size_t n = 0; n < names.size(); ++n) {
    const auto literal = lists.literals.find(std::string_view(names[n]));
    if (literal != lists.literals.end()) append(literal->second, n);
  }
  for (const auto& [text, wildcard] : lists.wildcards) {
    for (size_t n = 0; n < names.size(); ++n) {
      if (!wildcard.pattern.Matches(names[n])) continue;
      append(wildcard.listeners, n);
      break;  // only the first of the names can be reported
    }
  }
}

const ProjectSubscriptions* Postings::Find(int64_t project_id) const {
  const auto it = projects_.find(project_id);
  return it == projects_.end() ? nullptr : it->second.set.get();
}

}  // namespace cievents::matcher
