#include <algorithm>
#include <array>

#include "absl/base/attributes.h"
#include "matcher/base/check.h"
#include "matcher/index/matcher_state.h"

namespace cievents::matcher {

bool IsBeforeCreation(const EventView& event, int64_t created_time_ms) {
  if (event.replayed || event.time_ms == 0 || created_time_ms <= event.time_ms) return false;
  // Unsigned, because the difference of two times that came from outside may not fit.
  const uint64_t before_ms =
      static_cast<uint64_t>(created_time_ms) - static_cast<uint64_t>(event.time_ms);
  return before_ms > static_cast<uint64_t>(kBeforeCreationToleranceMs);
}

int64_t Match::subscription_id() const {
  return state_->posting != nullptr ? state_->posting->subscription_id
                                    : state_->set->subscription_id(state_->subscription);
}
int64_t Match::project_id() const { return state_->project_id; }
int64_t Match::root_namespace_id() const { return state_->set->context().root_namespace_id(); }
std::string_view Match::path() const { return state_->definition().path; }
std::string_view Match::ref() const { return state_->set->context().ref; }
std::string Match::commit_sha() const { return state_->set->commit_sha(); }
std::string_view Match::workflow_id() const { return state_->definition().workflow_id; }
int64_t Match::owner_user_id() const {
  return state_->set->numbers(state_->subscription).owner_user_id;
}
uint32_t Match::entry() const { return state_->decision.entry; }
uint32_t Match::name() const { return state_->decision.name; }
std::string_view Match::options_json() const { return state_->entry().options_json; }

bool Match::ResolveInputs(std::string* json, std::string* reason) const {
  json->clear();
  reason->clear();
  state_->fields->SetName(state_->decision.name);
  return state_->entry().inputs->Resolve(*state_->fields, json, reason);
}

Matcher::Matcher(const Index& index) : state_(std::make_unique<State>(index)) {}
Matcher::~Matcher() = default;

void Matcher::State::HashNames(const EventView& event, Prepared* prepared) {
  prepared->names_begin = static_cast<uint32_t>(name_hashes.size());
  for (const std::string& name : event.names) {
    const uint64_t hash = NameCache::Hash(name);
    names.PrefetchSlot(hash);
    name_hashes.push_back(hash);
  }
}

void Matcher::State::FindNames(const Pin& pin, const EventView& event, Prepared* prepared) {
  prepared->patterns_begin = static_cast<uint32_t>(patterns.size());
  const uint64_t* const hashes = name_hashes.data() + prepared->names_begin;
  for (uint32_t name = 0; name < event.names.size(); ++name) {
    for (const PatternId id : names.Find(event.names[name], hashes[name], pin.tables.patterns())) {
      patterns.push_back({id, name});
    }
  }
  if (event.names.size() > 1) {
    // By pattern; of the names that one pattern matches the first stays.
    const auto begin = patterns.begin() + prepared->patterns_begin;
    std::sort(begin, patterns.end(), [](const NamedPattern& a, const NamedPattern& b) {
      return a.pattern != b.pattern ? a.pattern < b.pattern : a.name < b.name;
    });
    patterns.erase(std::unique(begin, patterns.end(),
                               [](const NamedPattern& a, const NamedPattern& b) {
                                 return a.pattern == b.pattern;
                               }),
                   patterns.end());
  }
  prepared->patterns_end = static_cast<uint32_t>(patterns.size());
  if (prepared->patterns_begin == prepared->patterns_end) return;
  const ScopeLists& scopes = pin.tables.scopes();
  if (event.project_id != 0) {
    pin.tables.PrefetchProject(event.project_id);
    scopes.Prefetch({ScopeKey::Kind::kProject, event.project_id});
  }
  for (const int64_t group : event.namespace_ids) scopes.Prefetch({ScopeKey::Kind::kGroup, group});
}

void Matcher::State::FindScopes(const Pin& pin, const EventView& event, Prepared* prepared) {
  prepared->views_begin = static_cast<uint32_t>(views.size());
  prepared->views_end = prepared->views_begin;
  prepared->set = nullptr;
  if (prepared->patterns_begin == prepared->patterns_end) return;
  const auto look_up = [&](const ScopeKey& scope) {
    const ScopeLists::View* const view = pin.tables.scopes().Find(scope);
    if (view == nullptr) return;
    __builtin_prefetch(view);
    views.push_back(view);
  };
  if (event.project_id != 0) {
    prepared->set = pin.tables.FindProject(event.project_id, pin.epoch);
    if (prepared->set != nullptr) {
      __builtin_prefetch(prepared->set);
      __builtin_prefetch(reinterpret_cast<const char*>(prepared->set) + 64);
    }
    look_up({ScopeKey::Kind::kProject, event.project_id});
  }
  for (size_t i = 0; i < event.namespace_ids.size(); ++i) {
    const int64_t group = event.namespace_ids[i];
    const auto before = event.namespace_ids.first(i);
    // An ancestor that is named twice is one scope.
    if (std::find(before.begin(), before.end(), group) == before.end()) {
      look_up({ScopeKey::Kind::kGroup, group});
    }
  }
  if (instance_view != nullptr) views.push_back(instance_view);
  if (prepared->views_begin < views.size()) {
    __builtin_prefetch(event.payload.data());
    __builtin_prefetch(event.payload.data() + 64);
  }
  prepared->views_end = static_cast<uint32_t>(views.size());
}

void Matcher::State::PlaceBuckets(const Pin& pin, const Prepared& prepared) {
  for (uint32_t v = prepared.views_begin; v < prepared.views_end; ++v) {
    if (!views[v]->has_buckets) continue;
    for (const NamedPattern& one : PatternsOf(prepared)) {
      pin.tables.scopes().PrefetchBucket(*views[v], one.pattern);
    }
  }
}

void Matcher::State::FindBuckets(const Pin& pin, Prepared* prepared) {
  prepared->buckets_begin = static_cast<uint32_t>(buckets.size());
  for (uint32_t v = prepared->views_begin; v < prepared->views_end; ++v) {
    for (const NamedPattern& one : PatternsOf(*prepared)) {
      const ScopeLists::Bucket* bucket = nullptr;
      if (views[v]->has_buckets) bucket = pin.tables.scopes().FindBucket(*views[v], one.pattern);
      if (bucket != nullptr) ScopeLists::Prefetch(*bucket);
      buckets.push_back(bucket);
    }
  }
}

std::span<const ScopeLists::Bucket* const> Matcher::State::BucketsOf(
    const Prepared& prepared) const {
  const size_t count = size_t{prepared.views_end - prepared.views_begin} *
                       (prepared.patterns_end - prepared.patterns_begin);
  return std::span(buckets).subspan(prepared.buckets_begin, count);
}

void Matcher::State::Prepare(const Pin& pin, std::span<const EventView> events,
                             std::span<Prepared> prepared) {
  name_hashes.clear();
  patterns.clear();
  views.clear();
  buckets.clear();
  for (const EventView& event : events) {
    __builtin_prefetch(event.names.data());
    __builtin_prefetch(event.namespace_ids.data());
  }
  for (size_t i = 0; i < events.size(); ++i) {
    prepared[i].place = static_cast<uint32_t>(i);
    HashNames(events[i], &prepared[i]);
  }
  for (const uint64_t hash : name_hashes) names.PrefetchEntry(hash);
  for (size_t i = 0; i < events.size(); ++i) FindNames(pin, events[i], &prepared[i]);
  instance_view = pin.tables.scopes().Find({ScopeKey::Kind::kInstance, 0});
  for (size_t i = 0; i < events.size(); ++i) FindScopes(pin, events[i], &prepared[i]);
  if (views.empty()) return;
  for (size_t i = 0; i < events.size(); ++i) PlaceBuckets(pin, prepared[i]);
  for (size_t i = 0; i < events.size(); ++i) FindBuckets(pin, &prepared[i]);
  for (size_t i = 0; i < events.size(); ++i) {
    for (const ScopeLists::Bucket* bucket : BucketsOf(prepared[i])) {
      if (bucket != nullptr) ScopeLists::PrefetchSets(*bucket);
    }
  }
}

void Matcher::State::CollectFound(std::span<const EventView> events,
                                  std::span<const Prepared> prepared) {
  found.Clear();
  for (size_t i = 0; i < events.size(); ++i) {
    if (!prepared[i].has_views()) continue;
    FieldsOf(prepared[i]).Reset(events[i]);
    for (const ScopeLists::Bucket* bucket : BucketsOf(prepared[i])) {
      if (bucket != nullptr) ScopeLists::Collect(*bucket, FieldsOf(prepared[i]), &found);
    }
  }
  ScopeLists::PrefetchConditions(found);
}

EventContext Matcher::State::StartEvent(const Pin& pin, const EventView& event,
                                        const Prepared& prepared) {
  memo.Reset(pin.tables.condition_id_end());
  if (!prepared.has_views()) FieldsOf(prepared).Reset(event);
  return {&event, PatternsOf(prepared), &FieldsOf(prepared), &memo};
}

// Decides about the postings of one event and reports what fires.
class Matcher::State::EventMatch {
 public:
  EventMatch(State& state, const Pin& pin, const EventView& event, const Prepared& prepared,
             size_t position, absl::FunctionRef<void(size_t, const Match&)> on_match)
      : state_(state),
        event_(event),
        epoch_(pin.epoch),
        context_(state.StartEvent(pin, event, prepared)),
        is_timeless_(event.time_ms == 0 || event.replayed),
        time_ms_(std::min(is_timeless_ ? SharedSet::kNeverPlain : event.time_ms,
                          SharedSet::kNeverPlain - 1)),
        position_(position),
        on_match_(on_match) {
    match_.fields = context_.fields;
  }

  void Own(const ProjectSet& set, const OwnPosting& posting, uint32_t name) {
    const Candidate candidate{&set, nullptr, posting.subscription, name};
    const InternedCondition* const shortcut = set.definition(posting.subscription).shortcut;
    const Decision decision = NeedsAll(shortcut) ? DecideInFull(candidate, shortcut)
                                                 : DecideShortly(*shortcut, name, Certainty::kNone);
    if (decision.kind == Decision::Kind::kNone) return;
    Report(candidate, decision, is_timeless_ && !set.some_suspended());
  }

  void Shared(std::span<const SharedPosting> postings, uint32_t name, Certainty certainty) {
    const SharedPosting* const end = postings.data() + postings.size();
    for (const SharedPosting* first = postings.data(); first != end;) {
      const SharedPosting* next = first + 1;
      const InternedCondition* const shortcut = first->shortcut;
      if (NeedsAll(shortcut)) {
        TryInFull(*first, name);
      } else {
        while (next != end && next->shortcut == shortcut) ++next;
        const Decision decision = DecideShortly(*shortcut, name, certainty);
        if (decision.kind != Decision::Kind::kNone) ReportAll({first, next}, decision);
      }
      first = next;
    }
  }

  const MatchCounts& counts() const { return counts_; }

 private:
  // What the subscription itself has against firing for this event.
  enum class Obstacle : uint8_t { kNone, kSuspended, kBeforeCreation };

  // Where scope and name led here and the event is not confidential, the condition is all that is
  // left: of a subscription that has a shortcut.
  bool NeedsAll(const InternedCondition* shortcut) const {
    return shortcut == nullptr || event_.confidential;
  }

  Decision DecideShortly(const InternedCondition& shortcut, uint32_t name, Certainty certainty) {
    Decision decision{Decision::Kind::kFires, 0, name};
    if (&shortcut == &kAlwaysHolds) return decision;
    if (certainty == Certainty::kAccessHolds && shortcut.is_access_regex) return decision;
    EvaluationContext evaluation;
    evaluation.event = context_.fields;
    const Verdict verdict = context_.memo->Evaluate(shortcut, evaluation);
    if (verdict == Verdict::kFalse) decision.kind = Decision::Kind::kNone;
    if (verdict == Verdict::kFailed) decision.kind = Decision::Kind::kFailed;
    return decision;
  }

  ABSL_ATTRIBUTE_NOINLINE Decision DecideInFull(const Candidate& candidate,
                                                const InternedCondition* shortcut) {
    // What has several postings may come by several of them.
    if (shortcut == nullptr && !state_.seen.emplace(candidate.set, candidate.subscription).second) {
      return {};
    }
    const Subscriber subscriber{candidate.project_id(event_),
                                candidate.set->context().parent_group_id()};
    return Decide(candidate.set->definition(candidate.subscription), subscriber, context_, nullptr);
  }

  ABSL_ATTRIBUTE_NOINLINE Obstacle FindObstacle(const Candidate& candidate) const {
    const SubscriptionNumbers numbers = candidate.set->numbers(candidate.subscription);
    if (IsBeforeCreation(event_, numbers.created_time_ms)) return Obstacle::kBeforeCreation;
    return numbers.suspended ? Obstacle::kSuspended : Obstacle::kNone;
  }

  ABSL_ATTRIBUTE_NOINLINE void TryInFull(const SharedPosting& posting, uint32_t name) {
    if (!posting.set->VisibleAt(epoch_)) return;
    const Candidate candidate{&posting.set->set(), &posting, posting.subscription, name};
    const Decision decision = DecideInFull(candidate, posting.shortcut);
    if (decision.kind == Decision::Kind::kNone) return;
    Report(candidate, decision, posting.set->plain_from_ms <= time_ms_);
  }

  // Report for postings of one decision; a loop of its own because an event may have many.
  void ReportAll(std::span<const SharedPosting> postings, const Decision& decision) {
    const bool fires = decision.kind == Decision::Kind::kFires;
    match_.decision = decision;
    for (const SharedPosting& posting : postings) {
      const SharedSet& shared = *posting.set;
      if (!shared.VisibleAt(epoch_)) continue;
      if (!fires || shared.plain_from_ms > time_ms_) [[unlikely]] {
        Report({&shared.set(), &posting, posting.subscription, decision.name}, decision,
               shared.plain_from_ms <= time_ms_);
        continue;
      }
      ++counts_.matched;
      match_.set = &shared.set();
      match_.posting = &posting;
      match_.project_id = shared.project_id;
      match_.subscription = posting.subscription;
      on_match_(position_, Match(&match_));
    }
  }

  ABSL_ATTRIBUTE_NOINLINE void Report(const Candidate& candidate, const Decision& decision,
                                      bool is_plain) {
    const Obstacle obstacle = is_plain ? Obstacle::kNone : FindObstacle(candidate);
    if (obstacle == Obstacle::kBeforeCreation) return;
    if (decision.kind == Decision::Kind::kFailed) {
      ++counts_.failed_payload;
      return;
    }
    if (decision.kind == Decision::Kind::kFiltered) {
      ++counts_.filtered_by_rules;
      return;
    }
    if (obstacle == Obstacle::kSuspended) {
      ++counts_.suspended;
      return;
    }
    ++counts_.matched;
    match_.set = candidate.set;
    match_.posting = candidate.posting;
    match_.project_id = candidate.project_id(event_);
    match_.subscription = candidate.subscription;
    match_.decision = decision;
    on_match_(position_, Match(&match_));
  }

  State& state_;
  const EventView& event_;
  const Epoch epoch_;
  EventContext context_;
  const bool is_timeless_;  // before no subscription's creation
  const int64_t time_ms_;   // to be compared with SharedSet::plain_from_ms
  const size_t position_;
  const absl::FunctionRef<void(size_t, const Match&)> on_match_;
  Match::State match_;
  MatchCounts counts_;
};

MatchCounts Matcher::State::MatchPrepared(const Pin& pin, const EventView& event,
                                          const Prepared& prepared, size_t position,
                                          absl::FunctionRef<void(size_t, const Match&)> on_match) {
  if (prepared.set == nullptr && !prepared.has_views()) return {};
  if (!seen.empty()) seen.clear();
  EventMatch event_match(*this, pin, event, prepared, position, on_match);
  ForEachPosting(prepared, &found, event_match);
  return event_match.counts();
}

void Matcher::MatchBatch(std::span<const EventView> events, std::span<MatchCounts> counts,
                         absl::FunctionRef<void(size_t event, const Match&)> on_match) {
  CIEVENTS_CHECK(counts.size() == events.size());
  State& state = *state_;
  const State::Pin pin(state);
  std::array<State::Prepared, State::kStepEvents> prepared;
  for (size_t begin = 0; begin < events.size(); begin += State::kStepEvents) {
    const std::span<const EventView> step =
        events.subspan(begin, std::min(State::kStepEvents, events.size() - begin));
    state.Prepare(pin, step, std::span(prepared).first(step.size()));
    state.CollectFound(step, std::span(prepared).first(step.size()));
    for (size_t i = 0; i < step.size(); ++i) {
      counts[begin + i] = state.MatchPrepared(pin, step[i], prepared[i], begin + i, on_match);
    }
  }
}

MatchCounts Matcher::MatchEvent(const EventView& event,
                                absl::FunctionRef<void(const Match&)> on_match) {
  MatchCounts counts;
  MatchBatch({&event, 1}, {&counts, 1},
             [&](size_t /*event*/, const Match& match) { on_match(match); });
  return counts;
}

bool Matcher::FindNamespaces(int64_t project_id, std::vector<int64_t>* namespace_ids) {
  const State::Pin pin(*state_);
  const ProjectSet* const set = pin.tables.FindProject(project_id, pin.epoch);
  if (set == nullptr) return false;
  *namespace_ids = set->context().namespace_ids;
  return true;
}

}  // namespace cievents::matcher
