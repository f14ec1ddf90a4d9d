// All that one load of the index consists of, and the rules by which a set comes and goes. One
// writer; readers inside Enter .. Leave.
#ifndef MATCHER_INDEX_TABLES_H_
#define MATCHER_INDEX_TABLES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/string_map.h"
#include "matcher/index/definition.h"
#include "matcher/index/epoch.h"
#include "matcher/index/index.h"
#include "matcher/index/pattern_table.h"
#include "matcher/index/project_set.h"
#include "matcher/index/scope_lists.h"
#include "matcher/index/segmented_table.h"

namespace cievents::matcher {

class Tables {
 public:
  // `id` tells successive loads apart: what readers remember of another load is forgotten.
  Tables(EpochDomain& epochs, uint64_t id);
  ~Tables();  // REQUIRES: no reader
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  // ---- The writer ----

  // Prepares the set to be seen from the next epoch on: the caller publishes.
  void Put(const ProjectSubscriptions& set, std::vector<UnusableSubscription>* unusable);
  void Remove(int64_t project_id);
  // For a full load: room for so many projects.
  void Reserve(size_t projects) { projects_.Reserve(projects); }
  // Fills tables that no reader has seen yet, set by set, then FinishLoad. Of sets with equal
  // project ids the first counts: a reader of an older epoch may find these tables before the next
  // Publish and must not see the others, so they are never put in.
  void Load(const ProjectSubscriptions& set, std::vector<UnusableSubscription>* unusable);
  void FinishLoad();
  // Takes out what no reader can see any more.
  void Settle();
  // Another load has taken its place: from now on nothing is released piece by piece.
  void Close() { closing_ = true; }
  Index::Stats stats() const;

  // ---- Readers ----

  uint64_t id() const { return id_; }
  void PrefetchProject(int64_t project_id) const {
    projects_.Prefetch(static_cast<uint64_t>(project_id));
  }
  // The set of a project as of `epoch`; null = unknown.
  const ProjectSet* FindProject(int64_t project_id, Epoch epoch) const {
    const void* value = projects_.Find(static_cast<uint64_t>(project_id));
    while (IsTransition(value)) {
      const Transition* const transition = AsTransition(value);
      if (transition->since <= epoch) return transition->set;
      value = transition->older;
    }
    return static_cast<const ProjectSet*>(value);
  }
  const PatternTable& patterns() const { return patterns_; }
  const ScopeLists& scopes() const { return scopes_; }
  uint32_t condition_id_end() const { return definitions_.condition_id_end(); }

 private:
  // A project's place in the table while its change is young: readers of before `since` see
  // `older`, which is a set, another transition or null. Marked by the lowest bit of the pointer.
  struct Transition {
    Epoch since = 0;
    const ProjectSet* set = nullptr;  // null = removed
    const void* older = nullptr;
  };
  struct Young {
    int64_t project_id = 0;
    Transition* transition = nullptr;
  };
  // A set and what is to be put elsewhere for it.
  struct Prepared {
    const ProjectSet* set = nullptr;
    SharedSet* shared = nullptr;  // null: no posting in a shared scope
    std::vector<PlacedPosting> places;
  };

  static bool IsTransition(const void* value) {
    return (reinterpret_cast<uintptr_t>(value) & 1) != 0;
  }
  static Transition* AsTransition(const void* value) {
    return reinterpret_cast<Transition*>(reinterpret_cast<uintptr_t>(value) & ~uintptr_t{1});
  }
  static void* Marked(Transition* transition) {
    return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(transition) | 1);
  }

  Prepared Prepare(const ProjectSubscriptions& set, Epoch since,
                   std::vector<UnusableSubscription>* unusable);
  const ProjectContext* AcquireContext(const ProjectSubscriptions& set);
  void ReleaseContext(const ProjectContext* context);
  // The entries' places: own postings to `own`, the others as they stand in shared scopes.
  static void Places(std::span<const Definition* const> definitions, int64_t project_id,
                     const ProjectContext& context, std::vector<OwnPosting>* own,
                     std::vector<PlacedPosting>* places);
  void Change(int64_t project_id, const ProjectSet* set);
  void Displace(int64_t project_id, const ProjectSet* set);
  void SettleYoung(Epoch oldest_pinned);
  // Of a set that is about to be freed.
  void ReleaseParts(const ProjectSet& set);
  static void FreeSet(void* object, void* context);
  static void FreeSharedSet(void* object, void* context);

  EpochDomain& epochs_;
  const uint64_t id_;
  PatternTable patterns_;
  DefinitionTable definitions_;
  SegmentedTable<void> projects_;  // ProjectSet or marked Transition
  ScopeLists scopes_;

  // The writer's.
  StringMap<std::unique_ptr<ProjectContext>> contexts_;
  absl::flat_hash_map<int64_t, SharedSet*> shared_sets_;  // of the projects that have one
  std::deque<Young> young_;
  std::vector<PlacedPosting> loading_;  // what is put into shared scopes by FinishLoad
  // Scratch of Prepare.
  std::string context_key_;
  std::vector<const Definition*> prepared_definitions_;
  std::vector<SubscriptionNumbers> prepared_numbers_;
  std::vector<OwnPosting> prepared_own_;

  size_t subscriptions_ = 0;
  size_t project_count_ = 0;
  bool closing_ = false;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_TABLES_H_
