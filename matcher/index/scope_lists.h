// Who listens to other scopes than their own project: groups, the instance, other projects. (Also a
// project's own entries where so many share one pattern that an access index pays.)
//
//   scope -> tail: up to 64 postings, by pattern, searched directly
//         -> buckets, one a pattern, when the scope has outgrown its tail, or the pattern has more
//            than 8 conditional postings:
//              runs of postings, each built once: unconditional ones, conditional ones with an
//              AccessIndex over their conditions; postings of one condition stand together and
//              are one item of it
//
// Reading a bucket is done in two steps, Collect and ForEachInBucket, so that a batch of events can
// take the first for all of them: what the second reads is then on its way to the cache.
//
// The logarithmic method (J. Bentley and J. Saxe, "Decomposable searching problems", 1980): a full
// tail is emptied into its buckets as new runs, and a bucket merges a new run with those before it
// that are at most twice its size. So a posting is rebuilt a logarithmic number of times, an event
// asks a logarithmic number of runs, and a change copies 64 postings, not the scope.
//
// Versions. A project's set may have postings in many scopes, and an event must see all of them or
// none. So a posting names its set (SharedSet) with the epochs between which it is visible: those
// of a new set become visible, and those of the old one invisible, with one Publish, to readers
// that enter later. What is invisible to every reader is taken out afterwards (Settle).
#ifndef MATCHER_INDEX_SCOPE_LISTS_H_
#define MATCHER_INDEX_SCOPE_LISTS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/access/access_index.h"
#include "matcher/index/epoch.h"
#include "matcher/index/project_set.h"
#include "matcher/index/segmented_table.h"

namespace cievents::matcher {

struct ScopeKey {
  enum class Kind : uint8_t { kProject, kGroup, kInstance };
  Kind kind = Kind::kInstance;
  int64_t id = 0;  // 0 with kInstance

  friend bool operator==(const ScopeKey&, const ScopeKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const ScopeKey& key) {
    return H::combine(std::move(state), static_cast<uint8_t>(key.kind), key.id);
  }
};

// A set that has postings here: lies directly before its ProjectSet, in the same block of memory.
struct SharedSet {
  static SharedSet* Make(int64_t project_id, const ProjectSet::Parts& parts, Epoch since);
  static void Free(SharedSet* set);

  const ProjectSet& set() const { return *reinterpret_cast<const ProjectSet*>(this + 1); }
  bool VisibleAt(Epoch epoch) const {
    return since <= epoch && epoch < until.load(std::memory_order_seq_cst);
  }

  Epoch since = 0;
  std::atomic<Epoch> until{kForever};
  int64_t project_id = 0;
  // Events of this time or later have no obstacle in its subscriptions: none was created after it
  // or is suspended.
  int64_t plain_from_ms = 0;
  uint64_t postings = 0;  // the writer's: how many of its postings still stand somewhere

  static constexpr Epoch kForever = ~Epoch{0};
  static constexpr int64_t kNeverPlain = std::numeric_limits<int64_t>::max();
};

struct SharedPosting {
  PatternId pattern = 0;
  uint16_t subscription = 0;
  uint16_t entry = 0;
  SharedSet* set = nullptr;
  const InternedCondition* shortcut = nullptr;  // Definition::shortcut
  // Here too, so that a match that asks for nothing else does not touch the subscription's numbers.
  int64_t subscription_id = 0;

  const DefinitionEntry& definition_entry() const {
    return set->set().definition(subscription).entries[entry];
  }
  friend bool operator==(const SharedPosting&, const SharedPosting&) = default;
};

// A posting and where it belongs.
struct PlacedPosting {
  ScopeKey scope;
  SharedPosting posting;
};

// What the way to a posting says of its condition.
enum class Certainty : uint8_t {
  kNone,
  kAccessHolds,  // the term by which it was found holds
};

// What Collect found for the events of a batch, in the order in which it was asked.
class FoundPostings {
 public:
  // Found was the first; those behind it that have its shortcut were found with it.
  struct Hit {
    const SharedPosting* first = nullptr;
    const SharedPosting* run_end = nullptr;
    Certainty certainty = Certainty::kNone;

    std::span<const SharedPosting> postings() const {
      const SharedPosting* end = first + 1;
      if (first->shortcut != nullptr) {
        while (end != run_end && end->shortcut == first->shortcut) ++end;
      }
      return {first, end};
    }
  };

  void Clear() {
    hits_.clear();
    ends_.clear();
    next_ = 0;
  }
  std::span<const Hit> hits() const { return hits_; }
  // The hits of the next run of those that were asked.
  std::span<const Hit> Next() {
    const uint32_t begin = next_ == 0 ? 0 : ends_[next_ - 1];
    const uint32_t end = ends_[next_++];
    return {hits_.data() + begin, hits_.data() + end};
  }

 private:
  friend class ScopeLists;
  std::vector<Hit> hits_;
  std::vector<uint32_t> ends_;  // in hits_, one for each run
  size_t next_ = 0;
  AccessScratch scratch_;
  std::vector<uint32_t> ordinals_;
};

class ScopeLists {
 public:
  ScopeLists(EpochDomain& epochs, void (*free_set)(SharedSet* set, void* context),
             void* free_context);
  ~ScopeLists();  // REQUIRES: no reader. Frees the shared sets whose postings still stand.

  // ---- The writer ----

  // All of `postings` must be of sets whose `since` is the epoch that comes next.
  void Add(std::span<const PlacedPosting> postings);
  // Takes out the postings of `set`, which `places` lists, once no reader can see them (Settle).
  // The set is given to free_set when the last of them is gone. REQUIRES: set->until is set.
  void RemoveLater(SharedSet* set, std::vector<PlacedPosting> places);
  void Settle(Epoch oldest_pinned);

  // ---- Readers ----

  // One state of a scope's postings. Null = none.
  class View;
  // One state of a bucket. Null = none.
  class Bucket;

  void Prefetch(const ScopeKey& scope) const;
  const View* Find(const ScopeKey& scope) const;
  // REQUIRES: view.has_buckets.
  void PrefetchBucket(const View& view, PatternId pattern) const;
  const Bucket* FindBucket(const View& view, PatternId pattern) const;

  // Appends to *found what the access indexes of the bucket's runs say of the event of `fields`.
  static void Collect(const Bucket& bucket, EventFields& fields, FoundPostings* found);

  // Calls visit(postings, certainty) for those under `pattern`: visible ones and others. Of a
  // bucket with access indexes, for those that the next of `found` has; all if that is null.
  template <typename Visit>
  static void ForEachInTail(const View& view, PatternId pattern, const Visit& visit);
  template <typename Visit>
  static void ForEachInBucket(const View& view, const Bucket& bucket, FoundPostings* found,
                              const Visit& visit);

  // Start to load what visiting reads: the sets of the unconditional postings; of those that were
  // found, sets, conditions and what these compare with.
  static void Prefetch(const Bucket& bucket);
  static void PrefetchSets(const Bucket& bucket);
  static void PrefetchConditions(const FoundPostings& found);

 private:
  static constexpr size_t kTailMax = 64;
  // With one pattern; more are better looked up by their conditions than tried.
  static constexpr size_t kTailConditionalMax = 8;

  class Run;
  // The writer's side of a scope.
  struct Scope {
    ScopeKey key;
    uint32_t number = 0;  // of the buckets' keys
    const View* view = nullptr;
    absl::flat_hash_map<PatternId, uint32_t> dead;  // of each bucket, how many postings are gone
    size_t buckets = 0;
    uint32_t flushes = 0;  // how often postings went from the tail to buckets
  };
  struct Removal {
    Epoch epoch;
    SharedSet* set;
    std::vector<PlacedPosting> places;
  };

  static uint64_t TableKey(const ScopeKey& scope);
  static uint64_t BucketKey(uint32_t scope_number, PatternId pattern) {
    return uint64_t{scope_number} << 32 | pattern;
  }
  Scope* FindOrAddScope(const ScopeKey& key);
  void SetView(Scope* scope, std::vector<SharedPosting> tail);
  void AddTo(Scope* scope, std::vector<SharedPosting> added);
  void AddToBucket(Scope* scope, std::vector<SharedPosting> added);
  void SetBucket(Scope* scope, PatternId pattern, const Bucket* old, std::vector<Run*> runs,
                 uint32_t flushes);
  void RemoveFrom(Scope* scope, SharedSet* set, std::vector<SharedPosting> gone);
  void CountDead(Scope* scope, PatternId pattern);
  // Drops what no reader can see any more, as far as it is known to be so.
  void KeepLive(std::span<const SharedPosting> postings, std::vector<SharedPosting>* kept);
  void Unpin(SharedSet* set);
  static Run* MakeRun(std::vector<SharedPosting> postings);
  static void FreeBucket(const Bucket* bucket);

  EpochDomain& epochs_;
  void (*const free_set_)(SharedSet* set, void* context);
  void* const free_context_;

  SegmentedTable<const View> views_;                              // by TableKey
  SegmentedTable<const Bucket> buckets_;                          // by BucketKey
  absl::flat_hash_map<ScopeKey, std::unique_ptr<Scope>> scopes_;  // the writer's
  std::vector<uint32_t> unused_numbers_;
  uint32_t numbers_ = 0;
  std::deque<Removal> removals_;
  Epoch settled_ = 0;  // no reader is older
};

// The tail is part of the view's own memory.
class ScopeLists::View {
 public:
  ScopeKey key;
  uint32_t scope_number = 0;
  uint32_t tail_size = 0;
  uint32_t flushes = 0;
  bool has_buckets = false;

  std::span<const SharedPosting> tail() const {
    return {reinterpret_cast<const SharedPosting*>(this + 1), tail_size};
  }
  bool Holds(const SharedPosting& posting) const {
    for (const SharedPosting& one : tail()) {
      if (one == posting) return true;
    }
    return false;
  }
};

// The runs, the oldest and largest first, are part of its own memory.
class alignas(alignof(void*)) ScopeLists::Bucket {
 public:
  uint32_t run_count = 0;
  uint32_t postings = 0;
  uint32_t flushes = 0;  // of the scope, when postings last came

  std::span<Run* const> runs() const {
    return {reinterpret_cast<Run* const*>(this + 1), run_count};
  }
};

// A built part of a bucket; the postings are part of its own memory. Shared by successive versions
// of the bucket, immutable but for `users`. Directly before it, in the same memory, is room for the
// bucket of this run alone: most have one run of a few postings, and are read with one cache miss.
class ScopeLists::Run {
 public:
  std::unique_ptr<const AccessIndex> access;  // over the conditional postings; null = none
  uint32_t unconditional = 0;                 // these come first
  uint32_t size = 0;
  uint32_t users = 0;  // the writer's: how many versions hold it

  static constexpr size_t kBytesBefore = sizeof(Bucket) + sizeof(Run*);

  std::span<const SharedPosting> postings() const {
    return {reinterpret_cast<const SharedPosting*>(this + 1), size};
  }
  void* memory() { return reinterpret_cast<char*>(this) - kBytesBefore; }
  static void Release(Run* run);
};

template <typename Visit>
void ScopeLists::ForEachInTail(const View& view, PatternId pattern, const Visit& visit) {
  const std::span<const SharedPosting> tail = view.tail();
  size_t begin = 0;
  while (begin < tail.size() && tail[begin].pattern < pattern) ++begin;
  size_t end = begin;
  while (end < tail.size() && tail[end].pattern == pattern) ++end;
  if (begin < end) visit(tail.subspan(begin, end - begin), Certainty::kNone);
}

template <typename Visit>
void ScopeLists::ForEachInBucket(const View& view, const Bucket& bucket, FoundPostings* found,
                                 const Visit& visit) {
  // The tail was emptied into the buckets after this view was taken: what stands in both was
  // visited.
  const bool repeats =
      static_cast<int32_t>(bucket.flushes - view.flushes) > 0 && view.tail_size > 0;
  const auto visit_once = [&](std::span<const SharedPosting> postings, Certainty certainty) {
    if (!repeats) [[likely]] {
      return visit(postings, certainty);
    }
    for (const SharedPosting& posting : postings) {
      if (!view.Holds(posting)) visit(std::span(&posting, 1), certainty);
    }
  };
  for (const Run* run : bucket.runs()) {
    const bool asked = run->access != nullptr && found != nullptr;
    const size_t direct = asked ? run->unconditional : run->size;
    if (direct > 0) visit_once(run->postings().first(direct), Certainty::kNone);
    if (!asked) continue;
    for (const FoundPostings::Hit& hit : found->Next()) {
      visit_once(hit.postings(), hit.certainty);
    }
  }
}

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_SCOPE_LISTS_H_
