#include "matcher/index/tables.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

constexpr int kProjectDirectoryBits = 12;

// From so many conditional entries under one pattern on, a project's own entries go to the shared
// lists, where an access index finds the few that an event can concern.
constexpr size_t kOwnConditionalMax = 8;
void MakeContextKey(const std::vector<int64_t>& namespace_ids, std::string_view ref,
                    std::string* key) {
  const size_t count = namespace_ids.size();
  key->assign(reinterpret_cast<const char*>(&count), sizeof(count));
  key->append(reinterpret_cast<const char*>(namespace_ids.data()), count * sizeof(int64_t));
  key->append(ref);
}

std::vector<const Definition*> DefinitionsOf(const ProjectSet& set) {
  std::vector<const Definition*> definitions;
  definitions.reserve(set.subscriptions());
  for (size_t i = 0; i < set.subscriptions(); ++i) definitions.push_back(&set.definition(i));
  return definitions;
}

// Ids are positive: 0 stands for "no project" in events, and -1 for an empty place of the table.
bool HasProjectId(const ProjectSubscriptions& set, std::vector<UnusableSubscription>* unusable) {
  if (set.project_id > 0) return true;
  for (const Subscription& one : set.subscriptions) {
    unusable->push_back({set.project_id, one.subscription_id, one.path,
                         fmt::format("{} is no project's id", set.project_id)});
  }
  return false;
}

}  // namespace

Tables::Tables(EpochDomain& epochs, uint64_t id)
    : epochs_(epochs),
      id_(id),
      patterns_(epochs),
      definitions_(epochs, patterns_),
      projects_(epochs, kProjectDirectoryBits),
      scopes_(
          epochs,
          [](SharedSet* set, void* context) {
            static_cast<Tables*>(context)->epochs_.Retire(set, context, &FreeSharedSet);
          },
          this) {}

Tables::~Tables() {
  projects_.ForEach([&](void* value) {
    const void* at = value;
    const ProjectSet* set = static_cast<const ProjectSet*>(at);
    if (IsTransition(at)) set = AsTransition(at)->set;
    // Those with postings in shared scopes are freed with the postings.
    if (set != nullptr && !set->has_memory_before()) ProjectSet::Free(set);
    while (IsTransition(at)) {
      const std::unique_ptr<Transition> gone(AsTransition(at));
      at = gone->older;
    }
  });
}

const ProjectContext* Tables::AcquireContext(const ProjectSubscriptions& set) {
  MakeContextKey(set.namespace_ids, set.default_branch, &context_key_);
  auto at = contexts_.find(std::string_view(context_key_));
  if (at == contexts_.end()) {
    auto made = std::make_unique<ProjectContext>();
    made->namespace_ids = set.namespace_ids;
    made->ref = set.default_branch;
    at = contexts_.emplace(context_key_, std::move(made)).first;
  }
  ++at->second->users;
  return at->second.get();
}

void Tables::ReleaseContext(const ProjectContext* context) {
  MakeContextKey(context->namespace_ids, context->ref, &context_key_);
  const auto at = contexts_.find(std::string_view(context_key_));
  CIEVENTS_CHECK(at != contexts_.end() && at->second.get() == context);
  if (--at->second->users == 0) contexts_.erase(at);
}

void Tables::Places(std::span<const Definition* const> definitions, int64_t project_id,
                    const ProjectContext& context, std::vector<OwnPosting>* own,
                    std::vector<PlacedPosting>* places) {
  own->clear();
  for (size_t s = 0; s < definitions.size(); ++s) {
    const std::vector<DefinitionEntry>& entries = definitions[s]->entries;
    for (size_t e = 0; e < entries.size(); ++e) {
      ScopeKey scope{ScopeKey::Kind::kInstance, 0};
      switch (entries[e].scope.kind) {
        case ScopeKind::kProject:
          scope = {ScopeKey::Kind::kProject, project_id};
          break;
        case ScopeKind::kOtherProject:
          scope = {ScopeKey::Kind::kProject, entries[e].scope.project_id};
          break;
        case ScopeKind::kGroup:
          scope = {ScopeKey::Kind::kGroup, context.parent_group_id()};
          break;
        case ScopeKind::kInstance:
          break;
      }
      if (scope.kind != ScopeKey::Kind::kInstance && scope.id == 0) continue;  // covers nothing
      const bool is_own = scope.kind == ScopeKey::Kind::kProject && scope.id == project_id;
      for (const PatternId pattern : entries[e].patterns) {
        const OwnPosting posting{pattern, static_cast<uint16_t>(s), static_cast<uint16_t>(e)};
        if (is_own) {
          own->push_back(posting);
        } else {
          places->push_back(
              {scope,
               {pattern, posting.subscription, posting.entry, nullptr, definitions[s]->shortcut}});
        }
      }
    }
  }
  std::stable_sort(own->begin(), own->end(),
                   [](const OwnPosting& a, const OwnPosting& b) { return a.pattern < b.pattern; });
  const bool too_many = own->size() > kOwnPostingsPerSetMax;
  if (own->size() <= kOwnConditionalMax) return;
  auto kept = own->begin();
  for (auto begin = own->begin(); begin != own->end();) {
    const auto end = std::find_if(
        begin, own->end(), [&](const OwnPosting& one) { return one.pattern != begin->pattern; });
    const auto conditional = std::count_if(begin, end, [&](const OwnPosting& one) {
      return !definitions[one.subscription]->entries[one.entry].access.empty();
    });
    const bool elsewhere = too_many || static_cast<size_t>(conditional) > kOwnConditionalMax;
    for (; begin != end; ++begin) {
      if (elsewhere) {
        places->push_back({{ScopeKey::Kind::kProject, project_id},
                           {begin->pattern, begin->subscription, begin->entry, nullptr,
                            definitions[begin->subscription]->shortcut}});
      } else {
        *kept++ = *begin;
      }
    }
  }
  own->erase(kept, own->end());
}

Tables::Prepared Tables::Prepare(const ProjectSubscriptions& set, Epoch since,
                                 std::vector<UnusableSubscription>* unusable) {
  std::vector<const Definition*>& definitions = prepared_definitions_;
  std::vector<SubscriptionNumbers>& numbers = prepared_numbers_;
  definitions.clear();
  numbers.clear();
  for (size_t i = 0; i < set.subscriptions.size(); ++i) {
    const Subscription& one = set.subscriptions[i];
    if (i >= kSubscriptionsPerSetMax) {
      unusable->push_back(
          {set.project_id, one.subscription_id, one.path,
           fmt::format("a project has at most {} subscriptions", kSubscriptionsPerSetMax)});
      continue;
    }
    const Definition* const definition = definitions_.Acquire(one);
    if (!definition->unusable.empty()) {
      unusable->push_back({set.project_id, one.subscription_id, one.path, definition->unusable});
    }
    definitions.push_back(definition);
    numbers.push_back({one.subscription_id, one.owner_user_id, one.created_time_ms, one.suspended});
  }
  const ProjectContext* const context = AcquireContext(set);
  Prepared prepared;
  Places(definitions, set.project_id, *context, &prepared_own_, &prepared.places);
  const std::string_view commit = set.commit_sha;
  const ProjectSet::Parts parts{.context = context,
                                .commit_sha = commit.substr(0, kCommitBytesMax),
                                .definitions = definitions,
                                .numbers = numbers,
                                .own_postings = prepared_own_};
  if (prepared.places.empty()) {
    prepared.set = ProjectSet::Make(parts);
  } else {
    prepared.shared = SharedSet::Make(set.project_id, parts, since);
    prepared.set = &prepared.shared->set();
    for (PlacedPosting& place : prepared.places) {
      place.posting.set = prepared.shared;
      place.posting.subscription_id = numbers[place.posting.subscription].subscription_id;
    }
  }
  subscriptions_ += definitions.size();
  return prepared;
}

void Tables::Put(const ProjectSubscriptions& set, std::vector<UnusableSubscription>* unusable) {
  if (!HasProjectId(set, unusable)) return;
  Prepared prepared = Prepare(set, epochs_.next(), unusable);
  scopes_.Add(prepared.places);
  Change(set.project_id, prepared.set);
  if (prepared.shared != nullptr) shared_sets_[set.project_id] = prepared.shared;
}

void Tables::Remove(int64_t project_id) {
  if (projects_.Find(static_cast<uint64_t>(project_id)) == nullptr) return;
  Change(project_id, nullptr);
}

void Tables::Change(int64_t project_id, const ProjectSet* set) {
  const auto key = static_cast<uint64_t>(project_id);
  void* const old = projects_.Find(key);
  const ProjectSet* const old_set =
      IsTransition(old) ? AsTransition(old)->set : static_cast<const ProjectSet*>(old);
  if (set != nullptr) ++project_count_;
  if (old_set != nullptr) --project_count_;
  auto* const transition = new Transition{epochs_.next(), set, old};
  if (old == nullptr) {
    projects_.Insert(key, Marked(transition));
  } else {
    projects_.Replace(key, Marked(transition));
  }
  young_.push_back({project_id, transition});
  if (old_set != nullptr) Displace(project_id, old_set);
}

void Tables::Displace(int64_t project_id, const ProjectSet* set) {
  subscriptions_ -= set->subscriptions();
  const auto at = shared_sets_.find(project_id);
  if (at == shared_sets_.end()) {
    epochs_.Retire(const_cast<ProjectSet*>(set), this, &FreeSet);
    return;
  }
  SharedSet* const shared = at->second;
  shared_sets_.erase(at);
  std::vector<PlacedPosting> places;
  Places(DefinitionsOf(*set), project_id, set->context(), &prepared_own_, &places);
  for (PlacedPosting& place : places) place.posting.set = shared;
  shared->until.store(epochs_.next(), std::memory_order_seq_cst);
  scopes_.RemoveLater(shared, std::move(places));
}

void Tables::Load(const ProjectSubscriptions& set, std::vector<UnusableSubscription>* unusable) {
  const auto key = static_cast<uint64_t>(set.project_id);
  if (projects_.Find(key) != nullptr || !HasProjectId(set, unusable)) return;
  // Visible to whoever finds these tables, in whatever epoch.
  Prepared prepared = Prepare(set, 0, unusable);
  projects_.Insert(key, const_cast<ProjectSet*>(prepared.set));
  ++project_count_;
  if (prepared.shared == nullptr) return;
  shared_sets_[set.project_id] = prepared.shared;
  loading_.insert(loading_.end(), prepared.places.begin(), prepared.places.end());
}

void Tables::FinishLoad() {
  scopes_.Add(loading_);
  loading_ = {};
}

void Tables::Settle() {
  const Epoch oldest = epochs_.OldestPinned();
  SettleYoung(oldest);
  scopes_.Settle(oldest);
}

void Tables::SettleYoung(Epoch oldest_pinned) {
  while (!young_.empty() && young_.front().transition->since <= oldest_pinned) {
    const Young young = young_.front();
    young_.pop_front();
    const auto key = static_cast<uint64_t>(young.project_id);
    if (projects_.Find(key) != Marked(young.transition)) continue;  // a younger one settles both
    if (young.transition->set != nullptr) {
      projects_.Replace(key, const_cast<ProjectSet*>(young.transition->set));
    } else {
      projects_.Remove(key);
    }
    for (const void* at = Marked(young.transition); IsTransition(at);) {
      Transition* const gone = AsTransition(at);
      at = gone->older;
      epochs_.Retire(gone, nullptr,
                     [](void* object, void*) { delete static_cast<Transition*>(object); });
    }
  }
}

void Tables::ReleaseParts(const ProjectSet& set) {
  if (closing_) return;
  for (const Definition* definition : DefinitionsOf(set)) definitions_.Release(definition);
  ReleaseContext(&set.context());
}

void Tables::FreeSet(void* object, void* context) {
  const auto* const set = static_cast<const ProjectSet*>(object);
  static_cast<Tables*>(context)->ReleaseParts(*set);
  ProjectSet::Free(set);
}

void Tables::FreeSharedSet(void* object, void* context) {
  auto* const shared = static_cast<SharedSet*>(object);
  static_cast<Tables*>(context)->ReleaseParts(shared->set());
  SharedSet::Free(shared);
}

Index::Stats Tables::stats() const {
  return {project_count_, subscriptions_, patterns_.size(), definitions_.conditions()};
}

}  // namespace cievents::matcher
