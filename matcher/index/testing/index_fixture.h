// Short ways to say what the tests of the index say again and again: entries, sets, events, and
// what an event fires.
#ifndef MATCHER_INDEX_TESTING_INDEX_FIXTURE_H_
#define MATCHER_INDEX_TESTING_INDEX_FIXTURE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/event_view.h"
#include "matcher/index/index.h"
#include "matcher/subscription.h"

namespace cievents::matcher {

inline constexpr Scope kProjectScope{ScopeKind::kProject, 0};
inline constexpr Scope kGroupScope{ScopeKind::kGroup, 0};
inline constexpr Scope kInstanceScope{ScopeKind::kInstance, 0};

// Each CHECK-fails on a pattern that does not parse.
std::vector<Pattern> PatternsOf(const std::vector<std::string>& texts);
Entry EntryOf(const std::vector<std::string>& patterns, Scope scope = kProjectScope);
Entry ConfidentialEntryOf(const std::vector<std::string>& patterns, Scope scope = kProjectScope);
// An entry with `rules`.
Entry RuledEntryOf(const std::vector<std::string>& patterns, std::vector<RuleClause> rules,
                   Scope scope = kProjectScope);

RuleClause If(std::string text, When when = When::kOnSuccess);
RuleClause IfEvents(const std::vector<std::string>& patterns, When when = When::kOnSuccess);
RuleClause Always(When when = When::kOnSuccess);  // a clause without `if`

Subscription SubscriptionOf(int64_t id, std::vector<Entry> entries);
ProjectSubscriptions Project(int64_t id, std::vector<int64_t> namespace_ids,
                             std::vector<Subscription> subscriptions);

// Owns what an EventView views.
struct TestEvent {
  std::vector<std::string> names;
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;
  bool confidential = false;
  int64_t time_ms = 0;
  bool replayed = false;
  std::string payload = {};

  EventView View() const;
};

// A Match by value.
struct Matched {
  int64_t subscription_id = 0;
  int64_t project_id = 0;
  int64_t root_namespace_id = 0;
  std::string path;
  std::string ref;
  std::string commit_sha;
  std::string workflow_id;
  int64_t owner_user_id = 0;
  uint32_t entry = 0;
  uint32_t name = 0;
  std::string options_json;
  bool inputs_fit = false;
  std::string inputs_json;
  std::string reason;

  static Matched Of(const Match& match);
  friend bool operator==(const Matched&, const Matched&) = default;
};

struct Outcome {
  MatchCounts counts;
  std::vector<Matched> matches;  // by subscription id
};

// What `event` fires, by a matcher of its own.
Outcome MatchAll(const Index& index, const TestEvent& event);
// The same for a batch.
std::vector<Outcome> MatchBatchOf(Matcher& matcher, const std::vector<TestEvent>& events);
std::vector<int64_t> IdsOf(const Index& index, const TestEvent& event);

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_TESTING_INDEX_FIXTURE_H_
