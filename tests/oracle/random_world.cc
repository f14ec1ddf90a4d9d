#include "tests/oracle/random_world.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "matcher/base/check.h"
#include "tests/oracle/random_condition.h"
#include "tests/oracle/random_inputs.h"
#include "tests/oracle/random_payload.h"
#include "tests/oracle/random_text.h"

namespace cievents::oracle {
namespace {

constexpr int64_t kMinuteMs = 60 * 1000;

std::vector<NaiveClause> RandomRules(Random& random, const std::vector<std::string>& inputs) {
  std::vector<NaiveClause> rules;
  const int64_t clauses = random.OneIn(2) ? 1 : random.Between(1, 4);
  for (int64_t c = 0; c < clauses; ++c) {
    NaiveClause clause;
    if (random.Percent(88)) clause.if_text = RandomCondition(random, inputs);
    if (random.OneIn(6)) clause.events.push_back(RandomPattern(random));
    if (random.OneIn(12)) clause.events.push_back(RandomPattern(random));
    clause.when = random.OneIn(5)   ? NaiveWhen::kNever
                  : random.OneIn(3) ? NaiveWhen::kAlways
                                    : NaiveWhen::kOnSuccess;
    rules.push_back(std::move(clause));
  }
  return rules;
}

// A list of the CI file's rules: more often than an entry's it says nothing of events, or something
// that nobody knows by now, or what is no condition.
NaiveClauses RandomHoistedList(Random& random, const std::vector<std::string>& inputs) {
  constexpr const char* kUndecided[] = {"$CI_COMMIT_BRANCH == \"main\"",
                                        "$x ==",
                                        "",
                                        "$[[ event.ref ]] =~ \"main\"",
                                        "$[[ event.ref ]]x == \"main\"",
                                        "$[[ event.ref ]] =~ /$[[ event.n ]]/"};
  NaiveClauses list;
  if (random.OneIn(25)) return list;
  list = RandomRules(random, inputs);
  for (NaiveClause& clause : list) {
    if (random.OneIn(7)) clause.if_text = random.Pick(kUndecided);
    if (random.OneIn(20) && !inputs.empty()) clause.if_text = "$[[ inputs." + inputs[0] + " ]]";
    clause.has_undecidable_part = random.OneIn(6);
  }
  return list;
}

void DrawHoistedRules(Random& random, const std::vector<std::string>& inputs,
                      NaiveSubscription* subscription) {
  if (random.OneIn(2)) subscription->workflow = RandomHoistedList(random, inputs);
  if (random.OneIn(2)) return;
  subscription->jobs.emplace();
  const int64_t jobs = random.OneIn(20) ? 0 : random.Between(1, 3);
  for (int64_t j = 0; j < jobs; ++j) {
    NaiveJob& job = subscription->jobs->emplace_back();
    const int64_t lists = random.OneIn(12) ? 0 : random.Between(1, 2);
    for (int64_t l = 0; l < lists; ++l) job.lists.push_back(RandomHoistedList(random, inputs));
  }
}

matcher::ScopeKind ScopeOf(NaiveScope scope) {
  switch (scope) {
    case NaiveScope::kProject:
      return matcher::ScopeKind::kProject;
    case NaiveScope::kGroup:
      return matcher::ScopeKind::kGroup;
    case NaiveScope::kInstance:
      return matcher::ScopeKind::kInstance;
    case NaiveScope::kOtherProject:
      return matcher::ScopeKind::kOtherProject;
  }
  return matcher::ScopeKind::kProject;
}

matcher::When WhenOf(NaiveWhen when) {
  switch (when) {
    case NaiveWhen::kAlways:
      return matcher::When::kAlways;
    case NaiveWhen::kOnSuccess:
      return matcher::When::kOnSuccess;
    case NaiveWhen::kNever:
      return matcher::When::kNever;
  }
  return matcher::When::kOnSuccess;
}

std::vector<matcher::Pattern> PatternsOf(const std::vector<std::string>& texts) {
  std::vector<matcher::Pattern> patterns;
  for (const std::string& text : texts) {
    const auto pattern = matcher::Pattern::Parse(text);
    CIEVENTS_CHECK(pattern.ok());
    patterns.push_back(*pattern);
  }
  return patterns;
}

std::vector<matcher::InputBinding> BindingsOf(const std::vector<NaiveBinding>& naive) {
  std::vector<matcher::InputBinding> bindings;
  for (const NaiveBinding& binding : naive) {
    bindings.push_back({binding.name, binding.value_json, {}});
  }
  return bindings;
}

matcher::RuleList RulesOf(const NaiveClauses& naive) {
  matcher::RuleList rules;
  for (const NaiveClause& clause : naive) {
    matcher::RuleClause& translated = rules.emplace_back();
    translated.if_text = clause.if_text;
    translated.events = PatternsOf(clause.events);
    translated.when = WhenOf(clause.when);
    translated.has_undecidable_part = clause.has_undecidable_part;
  }
  return rules;
}

matcher::Entry Translate(const NaiveEntry& naive) {
  matcher::Entry entry;
  entry.patterns = PatternsOf(naive.patterns);
  entry.scope = {ScopeOf(naive.scope), naive.other_project_id};
  entry.confidential = naive.confidential;
  entry.inputs = BindingsOf(naive.inputs);
  if (naive.rules.has_value()) entry.rules = RulesOf(*naive.rules);
  return entry;
}

}  // namespace

std::vector<int64_t> RandomNamespaces(Random& random) {
  constexpr int64_t kParents[] = {0, 0, 1, 2, 1, 0, 5};  // 0 = top
  std::vector<int64_t> namespace_ids;
  for (int64_t group = random.Between(0, 6); group != 0; group = kParents[group]) {
    namespace_ids.insert(namespace_ids.begin(), group);
  }
  return namespace_ids;
}

NaiveSubscription RandomSubscription(int64_t id, int64_t project_id,
                                     const std::vector<int64_t>& namespace_ids, Random& random) {
  NaiveSubscription subscription;
  subscription.subscription_id = id;
  subscription.project_id = project_id;
  subscription.namespace_ids = namespace_ids;
  subscription.suspended = random.OneIn(10);
  subscription.created_time_ms = random.OneIn(3) ? random.Between(0, 20) * kMinuteMs : 0;
  RandomInputs inputs(random);
  subscription.spec_inputs_json = inputs.spec_json();
  subscription.include_inputs = inputs.Include();
  const int64_t entries = random.OneIn(2) ? 1 : random.Between(1, 3);
  for (int64_t e = 0; e < entries; ++e) {
    NaiveEntry entry;
    const int64_t patterns = random.Between(1, 3);
    for (int64_t p = 0; p < patterns; ++p) entry.patterns.push_back(RandomPattern(random));
    entry.scope = static_cast<NaiveScope>(random.Between(0, 3));
    if (entry.scope == NaiveScope::kOtherProject) {
      entry.other_project_id = random.Between(0, kProjectsMax);
    }
    entry.confidential = random.OneIn(3);
    if (random.Percent(70)) entry.rules = RandomRules(random, inputs.names());
    entry.inputs = inputs.Entry();
    subscription.entries.push_back(std::move(entry));
  }
  if (random.OneIn(3)) DrawHoistedRules(random, inputs.names(), &subscription);
  return subscription;
}

NaiveEvent RandomEvent(Random& random) {
  NaiveEvent event;
  const int64_t names = random.OneIn(15) ? 8 : random.Between(1, 3);
  for (int64_t n = 0; n < names; ++n) event.names.push_back(RandomName(random));
  event.project_id = random.OneIn(6) ? 0 : random.Between(1, kProjectsMax);
  event.namespace_ids = RandomNamespaces(random);
  event.confidential = random.OneIn(4);
  event.time_ms = random.OneIn(4) ? 0 : random.Between(0, 20) * kMinuteMs + random.Between(0, 2);
  event.replayed = random.OneIn(4);
  event.id = "event-" + std::to_string(random.Between(1, 99));
  if (random.OneIn(2)) event.source = RandomText(random);
  if (random.OneIn(2)) event.type = RandomText(random);
  if (random.OneIn(2)) event.subject = RandomText(random);
  if (random.OneIn(2)) event.actor_user_id = random.Between(1, 50);
  if (random.OneIn(2)) event.actor_username = RandomText(random);
  if (random.OneIn(2)) event.actor_access_level = static_cast<int32_t>(random.Between(0, 5) * 10);
  event.actor_bot = random.OneIn(3);
  event.payload = RandomPayload(random);
  return event;
}

matcher::Subscription Translate(const NaiveSubscription& naive) {
  matcher::Subscription subscription;
  subscription.subscription_id = naive.subscription_id;
  subscription.path = fmt::format(".gitlab/ci/events/{}.yml", naive.subscription_id);
  subscription.suspended = naive.suspended;
  subscription.created_time_ms = naive.created_time_ms;
  subscription.include_inputs = BindingsOf(naive.include_inputs);
  subscription.spec_inputs_json = naive.spec_inputs_json;
  for (const NaiveEntry& entry : naive.entries) subscription.entries.push_back(Translate(entry));
  if (naive.workflow.has_value()) subscription.hoisted_rules.workflow = RulesOf(*naive.workflow);
  if (!naive.jobs.has_value()) return subscription;
  subscription.hoisted_rules.jobs.emplace();
  for (const NaiveJob& job : *naive.jobs) {
    matcher::HoistedJob& translated = subscription.hoisted_rules.jobs->emplace_back();
    for (const NaiveClauses& list : job.lists) translated.lists.push_back(RulesOf(list));
  }
  return subscription;
}

matcher::ProjectSubscriptions Translate(int64_t project_id,
                                        const std::vector<int64_t>& namespace_ids,
                                        const std::vector<NaiveSubscription>& naive) {
  matcher::ProjectSubscriptions set;
  set.project_id = project_id;
  set.namespace_ids = namespace_ids;
  set.default_branch = "main";
  set.commit_sha = "c0ffee";
  for (const NaiveSubscription& subscription : naive) {
    set.subscriptions.push_back(Translate(subscription));
  }
  return set;
}

matcher::EventView ViewOf(const NaiveEvent& event) {
  matcher::EventView view;
  view.names = event.names;
  view.project_id = event.project_id;
  view.namespace_ids = event.namespace_ids;
  view.confidential = event.confidential;
  view.time_ms = event.time_ms;
  view.replayed = event.replayed;
  view.id = event.id;
  view.source = event.source;
  view.type = event.type;
  view.subject = event.subject;
  view.actor_user_id = event.actor_user_id;
  view.actor_username = event.actor_username;
  view.actor_access_level = event.actor_access_level;
  view.actor_bot = event.actor_bot;
  view.payload = event.payload;
  return view;
}

RandomWorld::RandomWorld(uint64_t seed) : random_(seed), is_large_(random_.OneIn(14)) {
  LoadEverything();
}

void RandomWorld::ChangeSomething() {
  complaint_.clear();
  const int64_t project_id = random_.Between(1, kProjectsMax);
  if (random_.OneIn(6)) {
    Forget(project_id);
    index_.RemoveProject(project_id);
  } else if (random_.OneIn(20)) {
    LoadEverything();
  } else {
    const matcher::ProjectSubscriptions set = Draw(project_id);
    CompareUnusable(index_.ReplaceProject(set), {&set, 1});
  }
  const matcher::Index::Stats stats = index_.stats();
  if (stats.projects != projects_.size() || stats.subscriptions != firings_.size()) {
    complaint_ +=
        fmt::format("the index counts {} projects and {} subscriptions, not {} and {}",
                    stats.projects, stats.subscriptions, projects_.size(), firings_.size());
  }
}

NaiveEvent RandomWorld::DrawEvent() {
  NaiveEvent event = RandomEvent(random_);
  const auto project = projects_.find(event.project_id);
  if (project != projects_.end() && !random_.OneIn(8)) event.namespace_ids = project->second;
  return event;
}

matcher::ProjectSubscriptions RandomWorld::Draw(int64_t project_id) {
  Forget(project_id);
  const std::vector<int64_t> namespace_ids = RandomNamespaces(random_);
  projects_[project_id] = namespace_ids;
  std::vector<NaiveSubscription> subscriptions;
  const int64_t count = random_.Between(0, 4);
  for (int64_t i = 0; i < count; ++i) {
    // Ids of different projects interleave, so their order is not the projects' order.
    const int64_t id = i * (kProjectsMax + 1) + project_id;
    subscriptions.push_back(RandomSubscription(id, project_id, namespace_ids, random_));
  }
  if (is_large_ && random_.OneIn(3)) DrawBulk(project_id, namespace_ids, &subscriptions);
  for (const NaiveSubscription& subscription : subscriptions) {
    firings_.emplace(subscription.subscription_id, NaiveFiring(subscription));
  }
  return Translate(project_id, namespace_ids, subscriptions);
}

// Many conditional entries of one scope and pattern, as a popular event gets them.
void RandomWorld::DrawBulk(int64_t project_id, const std::vector<int64_t>& namespace_ids,
                           std::vector<NaiveSubscription>* subscriptions) {
  constexpr const char* kPatterns[] = {"**", "*/b", "issue/*", "issue/created", "package/**"};
  NaiveEntry entry;
  entry.patterns = {random_.Pick(kPatterns)};
  entry.scope = static_cast<NaiveScope>(random_.Between(0, 2));
  entry.confidential = random_.OneIn(2);
  const int64_t count = random_.Between(20, random_.OneIn(4) ? 300 : 80);
  for (int64_t i = 0; i < count; ++i) {
    NaiveSubscription subscription;
    subscription.subscription_id = 1000 + i * (kProjectsMax + 1) + project_id;
    subscription.project_id = project_id;
    subscription.namespace_ids = namespace_ids;
    std::vector<NaiveClause> rules;
    const int64_t clauses = random_.OneIn(5) ? 2 : 1;
    for (int64_t c = 0; c < clauses; ++c) {
      NaiveClause clause;
      clause.if_text = random_.OneIn(10) ? RandomCondition(random_, {}) : RandomLookup(random_);
      if (random_.OneIn(12)) clause.when = NaiveWhen::kNever;
      rules.push_back(std::move(clause));
    }
    entry.rules = std::move(rules);
    subscription.entries = {entry};
    subscriptions->push_back(std::move(subscription));
  }
}

void RandomWorld::LoadEverything() {
  firings_.clear();
  projects_.clear();
  std::vector<matcher::ProjectSubscriptions> sets;
  for (int64_t project_id = 1; project_id <= kProjectsMax; ++project_id) {
    if (!random_.OneIn(4)) sets.push_back(Draw(project_id));
  }
  CompareUnusable(index_.ReplaceAll(sets), sets);
}

void RandomWorld::Forget(int64_t project_id) {
  projects_.erase(project_id);
  std::erase_if(firings_, [&](const auto& pair) {
    return pair.second.subscription().project_id == project_id;
  });
}

void RandomWorld::CompareUnusable(const std::vector<matcher::UnusableSubscription>& unusable,
                                  std::span<const matcher::ProjectSubscriptions> drawn) {
  std::map<int64_t, std::string> reasons;
  for (const matcher::UnusableSubscription& one : unusable) {
    reasons[one.subscription_id] = one.reason;
  }
  for (const matcher::ProjectSubscriptions& set : drawn) {
    for (const matcher::Subscription& subscription : set.subscriptions) {
      const int64_t id = subscription.subscription_id;
      const std::string& error = firings_.at(id).error();
      const bool refused = reasons.erase(id) != 0;
      if (refused == !error.empty()) continue;
      complaint_ += fmt::format("subscription {}: {}, the naive side says: {}\n", id,
                                refused ? "unusable to the index" : "taken by the index", error);
    }
  }
  if (!reasons.empty())
    complaint_ += "the index calls subscriptions unusable that it was not given";
}

}  // namespace cievents::oracle
