// A matcher's working memory and its steps.
#ifndef MATCHER_INDEX_MATCHER_STATE_H_
#define MATCHER_INDEX_MATCHER_STATE_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "matcher/access/access_index.h"
#include "matcher/event/event_fields.h"
#include "matcher/index/decision.h"
#include "matcher/index/index.h"
#include "matcher/index/index_state.h"
#include "matcher/index/tables.h"

namespace cievents::matcher {

struct Match::State {
  const ProjectSet* set = nullptr;
  int64_t project_id = 0;
  uint32_t subscription = 0;
  Decision decision;
  EventFields* fields = nullptr;

  const Definition& definition() const { return set->definition(subscription); }
  const DefinitionEntry& entry() const { return definition().entries[decision.entry]; }
};

// A subscription that may fire: one of its postings was found.
struct Candidate {
  const ProjectSet* set = nullptr;
  const SharedSet* shared = nullptr;  // null: found among the own postings of the event's project
  uint32_t subscription = 0;
  uint32_t name = 0;                            // of the event; the posting's pattern matches it
  const InternedCondition* shortcut = nullptr;  // Definition::shortcut
  Certainty certainty = Certainty::kNone;

  int64_t project_id(const EventView& event) const {
    return shared != nullptr ? shared->project_id : event.project_id;
  }
};

// The event was too long before the subscription's creation to fire it.
bool IsBeforeCreation(const EventView& event, int64_t created_time_ms);

struct Matcher::State {
  explicit State(const Index& from) : index(*from.state_), reader(from.state_->epochs) {}

  // Pins the tables for as long as it lives.
  class Pin {
   public:
    explicit Pin(State& state)
        : state_(state), epoch(state.reader.Enter()), tables(*state.index.tables.load()) {
      state.names.Refresh(tables.id(), tables.patterns());
    }
    ~Pin() { state_.reader.Leave(); }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

   private:
    State& state_;

   public:
    const Epoch epoch;
    const Tables& tables;
  };

  // What the look-ups of one event found: parts of `patterns`, `views` and `buckets`.
  struct Prepared {
    uint32_t patterns_begin = 0;
    uint32_t patterns_end = 0;
    uint32_t views_begin = 0;
    uint32_t views_end = 0;
    uint32_t buckets_begin = 0;  // one for each view and pattern, in this order; null = none
    const ProjectSet* set = nullptr;
  };

  // The steps of a batch. Each takes all events one step of the way and starts to load what the
  // next one reads: names and the scopes' places; scopes; the buckets' places; buckets; sets.
  void FindNames(const Pin& pin, const EventView& event, Prepared* prepared);
  void FindScopes(const Pin& pin, const EventView& event, Prepared* prepared);
  void PlaceBuckets(const Pin& pin, const Prepared& prepared);
  void FindBuckets(const Pin& pin, Prepared* prepared);
  std::span<const ScopeLists::Bucket* const> BucketsOf(const Prepared& prepared) const;
  // All of them.
  void Prepare(const Pin& pin, std::span<const EventView> events, std::span<Prepared> prepared);

  MatchCounts MatchPrepared(const Pin& pin, const EventView& event, const Prepared& prepared,
                            size_t position,
                            absl::FunctionRef<void(size_t, const Match&)> on_match);
  Decision DecideCandidate(const Candidate& candidate, EventContext& context);

  // Calls visit(candidate) for each posting under a pattern and a scope of the event; a
  // subscription may have several. `fields_or_null` null: whatever the conditions say.
  template <typename Visit>
  void ForEachCandidate(const Pin& pin, const Prepared& prepared, EventFields* fields_or_null,
                        const Visit& visit);

  std::span<const NamedPattern> PatternsOf(const Prepared& prepared) const {
    return {patterns.data() + prepared.patterns_begin, patterns.data() + prepared.patterns_end};
  }
  // Forgets the last event's values and verdicts.
  EventContext StartEvent(const Pin& pin, const EventView& event, const Prepared& prepared);

  const Index::State& index;
  EpochDomain::Reader reader;
  NameCache names;
  EventFields fields;
  ConditionMemo memo;
  AccessScratch access;
  std::vector<uint32_t> ordinals;
  std::vector<NamedPattern> patterns;              // of the batch's events, as are
  std::vector<const ScopeLists::View*> views;      //   these
  std::vector<const ScopeLists::Bucket*> buckets;  //   and these
  absl::flat_hash_set<std::pair<const ProjectSet*, uint32_t>> seen;
};

template <typename Visit>
void Matcher::State::ForEachCandidate(const Pin& pin, const Prepared& prepared,
                                      EventFields* fields_or_null, const Visit& visit) {
  const std::span<const NamedPattern> named = PatternsOf(prepared);
  if (prepared.set != nullptr) {
    const ProjectSet& set = *prepared.set;
    for (const NamedPattern& one : named) {
      for (size_t i = set.FindOwnPosting(one.pattern); i < set.own_postings(); ++i) {
        const OwnPosting posting = set.own_posting(i);
        if (posting.pattern != one.pattern) break;
        visit({&set, nullptr, posting.subscription, one.name,
               set.definition(posting.subscription).shortcut, Certainty::kNone});
      }
    }
  }
  size_t b = prepared.buckets_begin;
  for (uint32_t v = prepared.views_begin; v < prepared.views_end; ++v) {
    const ScopeLists::View& view = *views[v];
    for (const NamedPattern& one : named) {
      const auto visit_posting = [&](const SharedPosting& posting, Certainty certainty) {
        if (!posting.set->VisibleAt(pin.epoch)) return;
        visit({&posting.set->set(), posting.set, posting.subscription, one.name, posting.shortcut,
               certainty});
      };
      ScopeLists::ForEachInTail(view, one.pattern, visit_posting);
      const ScopeLists::Bucket* const bucket = buckets[b++];
      if (bucket == nullptr) continue;
      ScopeLists::ForEachInBucket(view, *bucket, fields_or_null, access, &ordinals, visit_posting);
    }
  }
}

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_MATCHER_STATE_H_
