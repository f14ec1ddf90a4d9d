#include "matcher/index/scope_lists.h"

#include <algorithm>
#include <limits>
#include <new>

#include "absl/container/flat_hash_set.h"
#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

constexpr int kViewDirectoryBits = 10;
constexpr int kBucketDirectoryBits = 11;

bool IsConditional(const SharedPosting& posting) {
  return !posting.definition_entry().access.empty();
}

bool ByPattern(const SharedPosting& a, const SharedPosting& b) { return a.pattern < b.pattern; }

// Calls visit(postings of one pattern) for each pattern.
template <typename Visit>
void ForEachPattern(std::vector<SharedPosting> postings, const Visit& visit) {
  std::stable_sort(postings.begin(), postings.end(), ByPattern);
  for (auto begin = postings.begin(); begin != postings.end();) {
    const auto end = std::upper_bound(begin, postings.end(), *begin, ByPattern);
    visit(std::vector<SharedPosting>(begin, end));
    begin = end;
  }
}

}  // namespace

SharedSet* SharedSet::Make(int64_t project_id, const ProjectSet::Parts& parts, Epoch since) {
  const ProjectSet* const set = ProjectSet::Make(parts, sizeof(SharedSet));
  auto* const memory = reinterpret_cast<uint8_t*>(const_cast<ProjectSet*>(set)) - sizeof(SharedSet);
  auto* const made = new (memory) SharedSet();
  made->since = since;
  made->project_id = project_id;
  made->plain_from_ms = std::numeric_limits<int64_t>::min();
  for (const SubscriptionNumbers& one : parts.numbers) {
    made->plain_from_ms = std::max(made->plain_from_ms, one.created_time_ms);
    if (one.suspended) made->plain_from_ms = kNeverPlain;
  }
  return made;
}

void SharedSet::Free(SharedSet* set) {
  const ProjectSet* const project_set = &set->set();
  set->~SharedSet();
  ProjectSet::Free(project_set, sizeof(SharedSet));
}

void ScopeLists::Run::Release(Run* run) {
  if (--run->users > 0) return;
  void* const memory = run->memory();
  run->~Run();
  ::operator delete(memory);
}

void ScopeLists::FreeBucket(const Bucket* bucket) {
  const std::span<Run* const> runs = bucket->runs();
  // It may lie in the memory of its only run.
  const bool is_own = runs.size() != 1 || runs.front()->memory() != bucket;
  for (size_t i = runs.size(); i > 0; --i) Run::Release(runs[i - 1]);
  if (is_own) ::operator delete(const_cast<Bucket*>(bucket));
}

ScopeLists::ScopeLists(EpochDomain& epochs, void (*free_set)(SharedSet* set, void* context),
                       void* free_context)
    : epochs_(epochs),
      free_set_(free_set),
      free_context_(free_context),
      views_(epochs, kViewDirectoryBits),
      buckets_(epochs, kBucketDirectoryBits) {}

ScopeLists::~ScopeLists() {
  absl::flat_hash_set<SharedSet*> sets;
  for (const Removal& removal : removals_) sets.insert(removal.set);
  views_.ForEach([&](const View* view) {
    for (const SharedPosting& posting : view->tail()) sets.insert(posting.set);
    ::operator delete(const_cast<View*>(view));
  });
  buckets_.ForEach([&](const Bucket* bucket) {
    for (const Run* run : bucket->runs()) {
      for (const SharedPosting& posting : run->postings()) sets.insert(posting.set);
    }
    FreeBucket(bucket);
  });
  for (SharedSet* set : sets) SharedSet::Free(set);
}

uint64_t ScopeLists::TableKey(const ScopeKey& scope) {
  // Ids of 2^61 and more share keys with others: the predicate tells them apart.
  return (static_cast<uint64_t>(scope.id) << 2 | static_cast<uint64_t>(scope.kind)) &
         (~uint64_t{0} >> 1);
}

const ScopeLists::View* ScopeLists::Find(const ScopeKey& scope) const {
  return views_.Find(TableKey(scope), [&](const View* view) { return view->key == scope; });
}

void ScopeLists::Prefetch(const ScopeKey& scope) const { views_.Prefetch(TableKey(scope)); }

void ScopeLists::PrefetchBucket(const View& view, PatternId pattern) const {
  buckets_.Prefetch(BucketKey(view.scope_number, pattern));
}

const ScopeLists::Bucket* ScopeLists::FindBucket(const View& view, PatternId pattern) const {
  return buckets_.Find(BucketKey(view.scope_number, pattern));
}

namespace {

// Postings of a bucket whose sets are loaded ahead; more than that would only push each other out.
constexpr ptrdiff_t kPrefetchedPostings = 8;
constexpr size_t kPrefetchedLines = 4;

}  // namespace

void ScopeLists::Prefetch(const Bucket& bucket) {
  __builtin_prefetch(&bucket);
  __builtin_prefetch(reinterpret_cast<const char*>(&bucket) + 64);
}

void ScopeLists::PrefetchSets(const Bucket& bucket) {
  for (const Run* run : bucket.runs()) {
    const size_t count = std::min<size_t>(run->unconditional, size_t{kPrefetchedPostings});
    for (const SharedPosting& posting : run->postings().first(count)) {
      __builtin_prefetch(posting.set);
    }
  }
}

void ScopeLists::Collect(const Bucket& bucket, EventFields& fields, FoundPostings* found) {
  for (const Run* run : bucket.runs()) {
    if (run->access == nullptr) continue;
    found->ordinals_.clear();
    run->access->Collect(fields, found->scratch_, &found->ordinals_);
    const SharedPosting* const postings = run->postings().data();
    for (const uint32_t ordinal : found->ordinals_) {
      const SharedPosting* const posting = postings + (ordinal & ~AccessIndex::kCertain);
      __builtin_prefetch(posting);
      found->hits_.push_back(
          {posting, postings + run->size,
           (ordinal & AccessIndex::kCertain) != 0 ? Certainty::kAccessHolds : Certainty::kNone});
    }
    found->ends_.push_back(static_cast<uint32_t>(found->hits_.size()));
  }
}

void ScopeLists::PrefetchConditions(const FoundPostings& found) {
  for (const FoundPostings::Hit& hit : found.hits()) {
    __builtin_prefetch(hit.first->set);
    if (hit.first->shortcut == nullptr) continue;
    hit.first->shortcut->Prefetch();
    // Postings of the same condition lie behind it.
    for (size_t line = 1; line < kPrefetchedLines; ++line) {
      __builtin_prefetch(reinterpret_cast<const char*>(hit.first) + 64 * line);
    }
  }
  for (const FoundPostings::Hit& hit : found.hits()) {
    if (hit.first->shortcut != nullptr) hit.first->shortcut->PrefetchTests();
  }
  for (const FoundPostings::Hit& hit : found.hits()) {
    if (hit.first->shortcut == nullptr) continue;
    hit.first->shortcut->PrefetchLiterals();
    // The set of the first is on its way.
    const auto* const end = hit.first + std::min(hit.run_end - hit.first, kPrefetchedPostings);
    for (const SharedPosting* next = hit.first + 1;
         next < end && next->shortcut == hit.first->shortcut; ++next) {
      __builtin_prefetch(next->set);
    }
  }
}

void ScopeLists::Add(std::span<const PlacedPosting> postings) {
  absl::flat_hash_map<ScopeKey, std::vector<SharedPosting>> by_scope;
  for (const PlacedPosting& placed : postings) {
    by_scope[placed.scope].push_back(placed.posting);
    ++placed.posting.set->postings;
  }
  for (auto& [key, added] : by_scope) AddTo(FindOrAddScope(key), std::move(added));
}

ScopeLists::Scope* ScopeLists::FindOrAddScope(const ScopeKey& key) {
  std::unique_ptr<Scope>& scope = scopes_[key];
  if (scope != nullptr) return scope.get();
  scope = std::make_unique<Scope>();
  scope->key = key;
  if (unused_numbers_.empty()) {
    scope->number = numbers_++;
  } else {
    scope->number = unused_numbers_.back();
    unused_numbers_.pop_back();
  }
  return scope.get();
}

void ScopeLists::SetView(Scope* scope, std::vector<SharedPosting> tail) {
  const View* const old = scope->view;
  View* made = nullptr;
  if (!tail.empty() || scope->buckets > 0) {
    std::stable_sort(tail.begin(), tail.end(), ByPattern);
    made = new (::operator new(sizeof(View) + tail.size() * sizeof(SharedPosting))) View();
    made->key = scope->key;
    made->scope_number = scope->number;
    made->tail_size = static_cast<uint32_t>(tail.size());
    made->flushes = scope->flushes;
    made->has_buckets = scope->buckets > 0;
    std::uninitialized_copy(tail.begin(), tail.end(), reinterpret_cast<SharedPosting*>(made + 1));
  }
  scope->view = made;
  const uint64_t key = TableKey(scope->key);
  const auto is_it = [&](const View* view) { return view == old; };
  if (old == nullptr) {
    if (made != nullptr) views_.Insert(key, made);
  } else if (made != nullptr) {
    views_.Replace(key, is_it, made);
  } else {
    views_.Remove(key, is_it);
  }
  if (old != nullptr) {
    epochs_.Retire(const_cast<View*>(old), nullptr,
                   [](void* object, void*) { ::operator delete(object); });
  }
}

void ScopeLists::AddTo(Scope* scope, std::vector<SharedPosting> added) {
  std::vector<SharedPosting> tail;
  if (scope->view != nullptr) {
    tail.assign(scope->view->tail().begin(), scope->view->tail().end());
  }
  tail.insert(tail.end(), added.begin(), added.end());
  const bool too_long = tail.size() > kTailMax;
  std::vector<SharedPosting> kept;
  // The buckets first, then the view without what went there: a reader in between finds a posting
  // in both (ForEachInBucket visits it once), never in neither.
  ++scope->flushes;
  ForEachPattern(std::move(tail), [&](std::vector<SharedPosting> postings) {
    const auto conditional = std::count_if(postings.begin(), postings.end(), IsConditional);
    if (too_long || static_cast<size_t>(conditional) > kTailConditionalMax) {
      AddToBucket(scope, std::move(postings));
    } else {
      kept.insert(kept.end(), postings.begin(), postings.end());
    }
  });
  SetView(scope, std::move(kept));
}

void ScopeLists::AddToBucket(Scope* scope, std::vector<SharedPosting> added) {
  const PatternId pattern = added.front().pattern;
  const Bucket* const old = buckets_.Find(BucketKey(scope->number, pattern));
  std::vector<Run*> runs;
  if (old != nullptr) runs.assign(old->runs().begin(), old->runs().end());
  while (!runs.empty() && runs.back()->size <= 2 * added.size()) {
    KeepLive(runs.back()->postings(), &added);
    runs.pop_back();
  }
  if (!added.empty()) runs.push_back(MakeRun(std::move(added)));
  SetBucket(scope, pattern, old, std::move(runs), scope->flushes);
}

void ScopeLists::SetBucket(Scope* scope, PatternId pattern, const Bucket* old,
                           std::vector<Run*> runs, uint32_t flushes) {
  const uint64_t key = BucketKey(scope->number, pattern);
  Bucket* made = nullptr;
  if (!runs.empty()) {
    // A run that nobody has yet has room for the bucket of it alone.
    void* const memory = runs.size() == 1 && runs.front()->users == 0
                             ? runs.front()->memory()
                             : ::operator new(sizeof(Bucket) + runs.size() * sizeof(Run*));
    made = new (memory) Bucket();
    made->run_count = static_cast<uint32_t>(runs.size());
    made->flushes = flushes;
    std::copy(runs.begin(), runs.end(), reinterpret_cast<Run**>(made + 1));
    for (Run* run : runs) {
      ++run->users;
      made->postings += run->size;
    }
  }
  if (old == nullptr) {
    if (made == nullptr) return;
    buckets_.Insert(key, made);
    ++scope->buckets;
  } else if (made != nullptr) {
    buckets_.Replace(key, made);
  } else {
    buckets_.Remove(key);
    --scope->buckets;
    scope->dead.erase(pattern);
  }
  if (old == nullptr) return;
  epochs_.Retire(const_cast<Bucket*>(old), nullptr,
                 [](void* object, void*) { FreeBucket(static_cast<Bucket*>(object)); });
}

ScopeLists::Run* ScopeLists::MakeRun(std::vector<SharedPosting> postings) {
  const auto conditional = std::stable_partition(
      postings.begin(), postings.end(), [](const SharedPosting& p) { return !IsConditional(p); });
  // Those of one condition together, in the order of the conditions' first postings.
  absl::flat_hash_map<const InternedCondition*, size_t> firsts;
  std::vector<std::pair<size_t, SharedPosting>> placed;
  placed.reserve(static_cast<size_t>(postings.end() - conditional));
  for (auto it = conditional; it != postings.end(); ++it) {
    const size_t place = placed.size();
    const bool alone = it->shortcut == nullptr;
    placed.emplace_back(alone ? place : firsts.try_emplace(it->shortcut, place).first->second, *it);
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto unconditional = static_cast<size_t>(conditional - postings.begin());
  std::vector<const AccessGroups*> items;
  std::vector<uint32_t> numbers;
  for (size_t i = 0; i < placed.size(); ++i) {
    postings[unconditional + i] = placed[i].second;
    if (i > 0 && placed[i].first == placed[i - 1].first) continue;
    items.push_back(&placed[i].second.definition_entry().access);
    numbers.push_back(static_cast<uint32_t>(unconditional + i));
  }
  auto* const memory = static_cast<char*>(
      ::operator new(Run::kBytesBefore + sizeof(Run) + postings.size() * sizeof(SharedPosting)));
  auto* const run = new (memory + Run::kBytesBefore) Run();
  run->size = static_cast<uint32_t>(postings.size());
  run->unconditional = static_cast<uint32_t>(unconditional);
  if (!items.empty()) run->access = AccessIndex::Build(items, numbers);
  std::uninitialized_copy(postings.begin(), postings.end(),
                          reinterpret_cast<SharedPosting*>(run + 1));
  return run;
}

void ScopeLists::KeepLive(std::span<const SharedPosting> postings,
                          std::vector<SharedPosting>* kept) {
  for (const SharedPosting& posting : postings) {
    if (posting.set->until.load(std::memory_order_relaxed) <= settled_) {
      Unpin(posting.set);
    } else {
      kept->push_back(posting);
    }
  }
}

void ScopeLists::Unpin(SharedSet* set) {
  CIEVENTS_CHECK(set->postings > 0);
  if (--set->postings > 0) return;
  // Readers may still pass by it in a view or a run that was taken away.
  free_set_(set, free_context_);
}

void ScopeLists::RemoveLater(SharedSet* set, std::vector<PlacedPosting> places) {
  ++set->postings;  // until the removal is done: its last posting may be dropped by a merge before
  removals_.push_back({set->until.load(std::memory_order_relaxed), set, std::move(places)});
}

void ScopeLists::Settle(Epoch oldest_pinned) {
  settled_ = oldest_pinned;
  while (!removals_.empty() && removals_.front().epoch <= oldest_pinned) {
    Removal removal = std::move(removals_.front());
    removals_.pop_front();
    absl::flat_hash_map<ScopeKey, std::vector<SharedPosting>> by_scope;
    for (const PlacedPosting& placed : removal.places) {
      by_scope[placed.scope].push_back(placed.posting);
    }
    for (auto& [key, gone] : by_scope) {
      const auto at = scopes_.find(key);
      if (at != scopes_.end()) RemoveFrom(at->second.get(), removal.set, std::move(gone));
    }
    Unpin(removal.set);
  }
}

void ScopeLists::RemoveFrom(Scope* scope, SharedSet* set, std::vector<SharedPosting> gone) {
  std::vector<SharedPosting> tail;
  if (scope->view != nullptr) {
    for (const SharedPosting& posting : scope->view->tail()) {
      if (posting.set != set) {
        tail.push_back(posting);
        continue;
      }
      Unpin(set);
      const auto at = std::find_if(gone.begin(), gone.end(), [&](const SharedPosting& one) {
        return one.pattern == posting.pattern && one.subscription == posting.subscription &&
               one.entry == posting.entry;
      });
      CIEVENTS_CHECK(at != gone.end());
      gone.erase(at);
    }
  }
  // The others stand in buckets, if a merge has not dropped them already.
  for (const SharedPosting& posting : gone) CountDead(scope, posting.pattern);
  SetView(scope, std::move(tail));
  if (scope->view != nullptr) return;
  unused_numbers_.push_back(scope->number);
  scopes_.erase(ScopeKey(scope->key));
}

void ScopeLists::CountDead(Scope* scope, PatternId pattern) {
  const Bucket* const old = buckets_.Find(BucketKey(scope->number, pattern));
  if (old == nullptr) return;
  uint32_t& dead = scope->dead[pattern];
  ++dead;
  if (dead * 2 < old->postings) return;
  // Half of it is gone: what lives becomes one run.
  dead = 0;
  std::vector<SharedPosting> live;
  for (const Run* run : old->runs()) KeepLive(run->postings(), &live);
  std::vector<Run*> runs;
  if (!live.empty()) runs.push_back(MakeRun(std::move(live)));
  SetBucket(scope, pattern, old, std::move(runs), old->flushes);
}

}  // namespace cievents::matcher
