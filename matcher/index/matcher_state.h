// A matcher's working memory and its steps.
#ifndef MATCHER_INDEX_MATCHER_STATE_H_
#define MATCHER_INDEX_MATCHER_STATE_H_

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "matcher/event/event_fields.h"
#include "matcher/index/decision.h"
#include "matcher/index/index.h"
#include "matcher/index/index_state.h"
#include "matcher/index/tables.h"

namespace cievents::matcher {

struct Match::State {
  const ProjectSet* set = nullptr;
  const SharedPosting* posting = nullptr;  // null: found among the own postings of the project
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
  const SharedPosting* posting = nullptr;  // as in Match::State
  uint32_t subscription = 0;
  uint32_t name = 0;  // of the event; the posting's pattern matches it

  int64_t project_id(const EventView& event) const {
    return posting != nullptr ? posting->set->project_id : event.project_id;
  }
};

// The event was too long before the subscription's creation to fire it.
bool IsBeforeCreation(const EventView& event, int64_t created_time_ms);

struct Matcher::State {
  // How many events take each step together. Enough for their look-ups to overlap; the cache lines
  // that they load ahead fit into the first-level cache.
  static constexpr size_t kStepEvents = 16;

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

  // What the look-ups of one event found: parts of `name_hashes`, `patterns`, `views`, `buckets`.
  struct Prepared {
    uint32_t names_begin = 0;
    uint32_t patterns_begin = 0;
    uint32_t patterns_end = 0;
    uint32_t views_begin = 0;
    uint32_t views_end = 0;
    uint32_t buckets_begin = 0;  // one for each view and pattern, in this order; null = none
    uint32_t place = 0;          // among the events of the step
    const ProjectSet* set = nullptr;

    bool has_views() const { return views_begin != views_end; }
  };

  // The steps of a batch. Each takes all events one step of the way and starts to load what the
  // next one reads: names; the scopes' places; scopes; the buckets' places; buckets; sets and,
  // by the payload, conditional postings; their conditions.
  void HashNames(const EventView& event, Prepared* prepared);
  void FindNames(const Pin& pin, const EventView& event, Prepared* prepared);
  void FindScopes(const Pin& pin, const EventView& event, Prepared* prepared);
  void PlaceBuckets(const Pin& pin, const Prepared& prepared);
  void FindBuckets(const Pin& pin, Prepared* prepared);
  std::span<const ScopeLists::Bucket* const> BucketsOf(const Prepared& prepared) const;
  // All of them.
  void Prepare(const Pin& pin, std::span<const EventView> events, std::span<Prepared> prepared);

  // What the access indexes say of each event, to `found`.
  void CollectFound(std::span<const EventView> events, std::span<const Prepared> prepared);

  // What is left to do for one event.
  class EventMatch;
  MatchCounts MatchPrepared(const Pin& pin, const EventView& event, const Prepared& prepared,
                            size_t position,
                            absl::FunctionRef<void(size_t, const Match&)> on_match);

  // Calls visitor.Own(set, posting, name) and visitor.Shared(postings, name, certainty) for the
  // postings, visible or not, under the patterns and scopes of the event; a subscription may have
  // several. `found_or_null` null: whatever the conditions say.
  template <typename Visitor>
  void ForEachPosting(const Prepared& prepared, FoundPostings* found_or_null, Visitor&& visitor);

  std::span<const NamedPattern> PatternsOf(const Prepared& prepared) const {
    return {patterns.data() + prepared.patterns_begin, patterns.data() + prepared.patterns_end};
  }
  // The values of the batch's event with these look-ups.
  EventFields& FieldsOf(const Prepared& prepared) { return fields[prepared.place]; }
  // Forgets the last event's verdicts and, unless CollectFound has begun with this one, its values.
  EventContext StartEvent(const Pin& pin, const EventView& event, const Prepared& prepared);

  const Index::State& index;
  EpochDomain::Reader reader;
  NameCache names;
  std::array<EventFields, kStepEvents> fields;
  ConditionMemo memo;
  FoundPostings found;
  std::vector<uint64_t> name_hashes;                // of the batch's events, as are all of
  std::vector<NamedPattern> patterns;               //   these
  const ScopeLists::View* instance_view = nullptr;  // in this step
  std::vector<const ScopeLists::View*> views;
  std::vector<const ScopeLists::Bucket*> buckets;
  absl::flat_hash_set<std::pair<const ProjectSet*, uint32_t>> seen;
};

template <typename Visitor>
void Matcher::State::ForEachPosting(const Prepared& prepared, FoundPostings* found_or_null,
                                    Visitor&& visitor) {
  const std::span<const NamedPattern> named = PatternsOf(prepared);
  if (prepared.set != nullptr) {
    const ProjectSet& set = *prepared.set;
    for (const NamedPattern& one : named) {
      for (size_t i = set.FindOwnPosting(one.pattern); i < set.own_postings(); ++i) {
        const OwnPosting posting = set.own_posting(i);
        if (posting.pattern != one.pattern) break;
        visitor.Own(set, posting, one.name);
      }
    }
  }
  size_t b = prepared.buckets_begin;
  for (uint32_t v = prepared.views_begin; v < prepared.views_end; ++v) {
    const ScopeLists::View& view = *views[v];
    for (const NamedPattern& one : named) {
      const auto visit = [&](std::span<const SharedPosting> postings, Certainty certainty) {
        visitor.Shared(postings, one.name, certainty);
      };
      if (view.tail_size > 0) ScopeLists::ForEachInTail(view, one.pattern, visit);
      const ScopeLists::Bucket* const bucket = buckets[b++];
      if (bucket == nullptr) continue;
      ScopeLists::ForEachInBucket(view, *bucket, found_or_null, visit);
    }
  }
}

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_MATCHER_STATE_H_
