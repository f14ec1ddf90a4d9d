#include "matcher/index/testing/index_fixture.h"

#include <algorithm>
#include <utility>

#include "matcher/base/check.h"

namespace cievents::matcher {
namespace {

void SortById(std::vector<Matched>* matches) {
  std::stable_sort(matches->begin(), matches->end(), [](const Matched& a, const Matched& b) {
    return a.subscription_id < b.subscription_id;
  });
}

}  // namespace

std::vector<Pattern> PatternsOf(const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) {
    const absl::StatusOr<Pattern> pattern = Pattern::Parse(text);
    CIEVENTS_CHECK(pattern.ok());
    patterns.push_back(*pattern);
  }
  return patterns;
}

Entry EntryOf(const std::vector<std::string>& patterns, Scope scope) {
  Entry entry;
  entry.patterns = PatternsOf(patterns);
  entry.scope = scope;
  return entry;
}

Entry ConfidentialEntryOf(const std::vector<std::string>& patterns, Scope scope) {
  Entry entry = EntryOf(patterns, scope);
  entry.confidential = true;
  return entry;
}

Entry RuledEntryOf(const std::vector<std::string>& patterns, std::vector<RuleClause> rules,
                   Scope scope) {
  Entry entry = EntryOf(patterns, scope);
  entry.rules = std::move(rules);
  return entry;
}

RuleClause If(std::string text, When when) {
  RuleClause clause;
  clause.if_text = std::move(text);
  clause.when = when;
  return clause;
}

RuleClause IfEvents(const std::vector<std::string>& patterns, When when) {
  RuleClause clause;
  clause.events = PatternsOf(patterns);
  clause.when = when;
  return clause;
}

RuleClause Always(When when) {
  RuleClause clause;
  clause.when = when;
  return clause;
}

Subscription SubscriptionOf(int64_t id, std::vector<Entry> entries) {
  Subscription subscription;
  subscription.subscription_id = id;
  subscription.entries = std::move(entries);
  return subscription;
}

ProjectSubscriptions Project(int64_t id, std::vector<int64_t> namespace_ids,
                             std::vector<Subscription> subscriptions) {
  ProjectSubscriptions set;
  set.project_id = id;
  set.namespace_ids = std::move(namespace_ids);
  set.subscriptions = std::move(subscriptions);
  return set;
}

EventView TestEvent::View() const {
  EventView view;
  view.names = names;
  view.project_id = project_id;
  view.namespace_ids = namespace_ids;
  view.confidential = confidential;
  view.time_ms = time_ms;
  view.replayed = replayed;
  view.payload = payload;
  return view;
}

Matched Matched::Of(const Match& match) {
  Matched matched;
  matched.subscription_id = match.subscription_id();
  matched.project_id = match.project_id();
  matched.root_namespace_id = match.root_namespace_id();
  matched.path = match.path();
  matched.ref = match.ref();
  matched.commit_sha = match.commit_sha();
  matched.workflow_id = match.workflow_id();
  matched.owner_user_id = match.owner_user_id();
  matched.entry = match.entry();
  matched.name = match.name();
  matched.options_json = match.options_json();
  matched.inputs_fit = match.ResolveInputs(&matched.inputs_json, &matched.reason);
  return matched;
}

Outcome MatchAll(const Index& index, const TestEvent& event) {
  Matcher matcher(index);
  Outcome outcome;
  outcome.counts = matcher.MatchEvent(
      event.View(), [&](const Match& match) { outcome.matches.push_back(Matched::Of(match)); });
  SortById(&outcome.matches);
  return outcome;
}

std::vector<Outcome> MatchBatchOf(Matcher& matcher, const std::vector<TestEvent>& events) {
  std::vector<EventView> views;
  for (const TestEvent& event : events) views.push_back(event.View());
  std::vector<MatchCounts> counts(events.size());
  std::vector<Outcome> outcomes(events.size());
  matcher.MatchBatch(views, counts, [&](size_t event, const Match& match) {
    outcomes[event].matches.push_back(Matched::Of(match));
  });
  for (size_t i = 0; i < events.size(); ++i) {
    outcomes[i].counts = counts[i];
    SortById(&outcomes[i].matches);
  }
  return outcomes;
}

std::vector<int64_t> IdsOf(const Index& index, const TestEvent& event) {
  std::vector<int64_t> ids;
  for (const Matched& match : MatchAll(index, event).matches) ids.push_back(match.subscription_id);
  return ids;
}

}  // namespace cievents::matcher
