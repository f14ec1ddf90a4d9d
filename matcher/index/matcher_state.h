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
  uint32_t subscription = 0;
  Decision decision;
  SubscriptionNumbers numbers;
  EventFields* fields = nullptr;

  const Definition& definition() const { return set->definition(subscription); }
  const DefinitionEntry& entry() const { return definition().entries[decision.entry]; }
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

  // What the look-ups of one event found: parts of `patterns` and `views`.
  struct Prepared {
    uint32_t patterns_begin = 0;
    uint32_t patterns_end = 0;
    uint32_t views_begin = 0;
    uint32_t views_end = 0;
    const ProjectSet* set = nullptr;
  };

  // The three steps of a batch: names and the start of all look-ups; look-ups; matching.
  void Announce(const Pin& pin, const EventView& event, Prepared* prepared);
  void LookUp(const Pin& pin, const EventView& event, Prepared* prepared);
  MatchCounts MatchPrepared(const Pin& pin, const EventView& event, const Prepared& prepared,
                            size_t position,
                            absl::FunctionRef<void(size_t, const Match&)> on_match);

  // Calls visit(set, subscription) for each subscription one of whose entries has a pattern and a
  // scope of the event; some more than once. `fields` null: whatever their conditions say.
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
  std::vector<NamedPattern> patterns;          // of the batch's events
  std::vector<const ScopeLists::View*> views;  // of the batch's events
  absl::flat_hash_set<std::pair<const ProjectSet*, uint32_t>> seen;
};

template <typename Visit>
void Matcher::State::ForEachCandidate(const Pin& pin, const Prepared& prepared,
                                      EventFields* fields_or_null, const Visit& visit) {
  const std::span<const NamedPattern> named = PatternsOf(prepared);
  if (prepared.set != nullptr) {
    // Both are sorted by pattern.
    size_t at = 0;
    for (const OwnPosting& posting : prepared.set->own_postings()) {
      while (at < named.size() && named[at].pattern < posting.pattern) ++at;
      if (at == named.size()) break;
      if (named[at].pattern == posting.pattern) visit(prepared.set, posting.subscription);
    }
  }
  for (uint32_t v = prepared.views_begin; v < prepared.views_end; ++v) {
    for (const NamedPattern& one : named) {
      pin.tables.scopes().ForEach(*views[v], one.pattern, fields_or_null, access, &ordinals,
                                  [&](const SharedPosting& posting) {
                                    if (!posting.set->VisibleAt(pin.epoch)) return;
                                    visit(posting.set->set, posting.subscription);
                                  });
    }
  }
}

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_MATCHER_STATE_H_
