#include <algorithm>
#include <array>

#include "matcher/base/check.h"
#include "matcher/index/matcher_state.h"

namespace cievents::matcher {
namespace {

// Enough for the look-ups of a batch to overlap; their cache lines fit into the first-level cache.
constexpr size_t kStepEvents = 16;

}  // namespace

bool IsBeforeCreation(const EventView& event, int64_t created_time_ms) {
  if (event.replayed || event.time_ms == 0 || created_time_ms <= event.time_ms) return false;
  // Unsigned, because the difference of two times that came from outside may not fit.
  const uint64_t before_ms =
      static_cast<uint64_t>(created_time_ms) - static_cast<uint64_t>(event.time_ms);
  return before_ms > static_cast<uint64_t>(kBeforeCreationToleranceMs);
}

int64_t Match::subscription_id() const { return state_->numbers.subscription_id; }
int64_t Match::project_id() const { return state_->set->project_id(); }
int64_t Match::root_namespace_id() const { return state_->set->context().root_namespace_id(); }
std::string_view Match::path() const { return state_->definition().path; }
std::string_view Match::ref() const { return state_->set->context().ref; }
std::string Match::commit_sha() const { return state_->set->commit_sha(); }
std::string_view Match::workflow_id() const { return state_->definition().workflow_id; }
int64_t Match::owner_user_id() const { return state_->numbers.owner_user_id; }
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

void Matcher::State::Announce(const Pin& pin, const EventView& event, Prepared* prepared) {
  prepared->patterns_begin = static_cast<uint32_t>(patterns.size());
  for (uint32_t name = 0; name < event.names.size(); ++name) {
    for (const PatternId id : names.Find(event.names[name], pin.tables.patterns())) {
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

void Matcher::State::LookUp(const Pin& pin, const EventView& event, Prepared* prepared) {
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
  look_up({ScopeKey::Kind::kInstance, 0});
  prepared->views_end = static_cast<uint32_t>(views.size());
}

EventContext Matcher::State::StartEvent(const Pin& pin, const EventView& event,
                                        const Prepared& prepared) {
  fields.Reset(event);
  memo.Reset(pin.tables.condition_id_end());
  return {&event, PatternsOf(prepared), &fields, &memo};
}

MatchCounts Matcher::State::MatchPrepared(const Pin& pin, const EventView& event,
                                          const Prepared& prepared, size_t position,
                                          absl::FunctionRef<void(size_t, const Match&)> on_match) {
  MatchCounts counts;
  if (prepared.set == nullptr && prepared.views_begin == prepared.views_end) return counts;
  EventContext context = StartEvent(pin, event, prepared);
  if (!seen.empty()) seen.clear();
  Match::State match;
  match.fields = &fields;
  ForEachCandidate(pin, prepared, &fields, [&](const ProjectSet* set, uint32_t subscription) {
    const Definition& definition = set->definition(subscription);
    // What has several postings may come by several of them.
    if ((definition.entries.size() > 1 || definition.entries.front().patterns.size() > 1) &&
        !seen.emplace(set, subscription).second) {
      return;
    }
    const Subscriber subscriber{set->project_id(), set->context().parent_group_id()};
    match.decision = Decide(definition, subscriber, context, nullptr);
    if (match.decision.kind == Decision::Kind::kNone) return;
    match.numbers = set->numbers(subscription);
    if (IsBeforeCreation(event, match.numbers.created_time_ms)) return;
    if (match.decision.kind == Decision::Kind::kFailed) {
      ++counts.failed_payload;
    } else if (match.numbers.suspended) {
      ++counts.suspended;
    } else {
      ++counts.matched;
      match.set = set;
      match.subscription = subscription;
      on_match(position, Match(&match));
    }
  });
  return counts;
}

void Matcher::MatchBatch(std::span<const EventView> events, std::span<MatchCounts> counts,
                         absl::FunctionRef<void(size_t event, const Match&)> on_match) {
  CIEVENTS_CHECK(counts.size() == events.size());
  State& state = *state_;
  const State::Pin pin(state);
  std::array<State::Prepared, kStepEvents> prepared;
  for (size_t begin = 0; begin < events.size(); begin += kStepEvents) {
    const std::span<const EventView> step =
        events.subspan(begin, std::min(kStepEvents, events.size() - begin));
    state.patterns.clear();
    state.views.clear();
    for (size_t i = 0; i < step.size(); ++i) state.Announce(pin, step[i], &prepared[i]);
    for (size_t i = 0; i < step.size(); ++i) state.LookUp(pin, step[i], &prepared[i]);
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
