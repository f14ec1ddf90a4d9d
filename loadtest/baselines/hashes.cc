#include "loadtest/baselines/baseline.h"
#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

using matcher::EventView;
using matcher::ProjectSubscriptions;
using matcher::Scope;
using matcher::ScopeKind;
using matcher::Subscription;

constexpr uint64_t kNamesMax = 1U << 16;

// Projects, groups and the instance are numbered apart.
uint64_t ProjectScope(int64_t id) { return static_cast<uint64_t>(id) * 4; }
uint64_t GroupScope(int64_t id) { return static_cast<uint64_t>(id) * 4 + 1; }
constexpr uint64_t kInstanceScope = 2;

uint64_t ScopeOf(const Scope& scope, const ProjectSubscriptions& set) {
  switch (scope.kind) {
    case ScopeKind::kProject:
      return ProjectScope(set.project_id);
    case ScopeKind::kGroup:
      return GroupScope(set.namespace_ids.back());
    case ScopeKind::kInstance:
      return kInstanceScope;
    case ScopeKind::kOtherProject:
      break;
  }
  return ProjectScope(scope.project_id);
}

}  // namespace

FlatHash::FlatHash(std::span<const ProjectSubscriptions> sets) {
  size_t subscriptions = 0;
  for (const ProjectSubscriptions& set : sets) subscriptions += set.subscriptions.size();
  ids_.reserve(subscriptions);
  for (const ProjectSubscriptions& set : sets) Add(set);
}

void FlatHash::Add(const ProjectSubscriptions& set) {
  for (const Subscription& subscription : set.subscriptions) {
    for (const matcher::Entry& entry : subscription.entries) {
      for (const matcher::Pattern& pattern : entry.patterns) {
        CIEVENTS_CHECK(pattern.is_literal() && !entry.rules);
        const uint64_t name = names_.try_emplace(pattern.text(), names_.size()).first->second;
        CIEVENTS_CHECK(name < kNamesMax);
        ids_[ScopeOf(entry.scope, set) * kNamesMax + name].push_back(subscription.subscription_id);
      }
    }
  }
}

void FlatHash::Probe(uint64_t scope, uint64_t name, MatchTally* tally) const {
  const auto found = ids_.find(scope * kNamesMax + name);
  if (found == ids_.end()) return;
  for (const int64_t id : found->second) tally->Add(id);
}

MatchTally FlatHash::Run(std::span<const EventView> events) {
  MatchTally tally;
  for (const EventView& event : events) {
    for (const std::string& text : event.names) {
      const auto name = names_.find(text);
      if (name == names_.end()) continue;
      Probe(ProjectScope(event.project_id), name->second, &tally);
      for (const int64_t id : event.namespace_ids) Probe(GroupScope(id), name->second, &tally);
      Probe(kInstanceScope, name->second, &tally);
    }
  }
  return tally;
}

ThreeLevelHash::ThreeLevelHash(std::span<const ProjectSubscriptions> sets) {
  for (const ProjectSubscriptions& set : sets) {
    for (const Subscription& subscription : set.subscriptions) {
      const matcher::Entry& entry = subscription.entries.front();
      CIEVENTS_CHECK(entry.patterns.size() == 1 && !entry.rules);
      ids_[entry.patterns.front().text()].push_back(subscription.subscription_id);
    }
  }
}

void ThreeLevelHash::Probe(MatchTally* tally) const {
  const auto found = ids_.find(std::string_view(key_));
  if (found == ids_.end()) return;
  for (const int64_t id : found->second) tally->Add(id);
}

MatchTally ThreeLevelHash::Run(std::span<const EventView> events) {
  MatchTally tally;
  for (const EventView& event : events) {
    const std::string& name = event.names.front();
    const size_t first = name.find('/');
    const size_t second = name.find('/', first + 1);
    CIEVENTS_CHECK(second != std::string::npos);
    key_ = name;
    Probe(&tally);  // a/b/c
    key_.replace(second + 1, std::string::npos, "*");
    Probe(&tally);  // a/b/*
    key_.replace(first + 1, std::string::npos, "*/*");
    Probe(&tally);  // a/*/*
    key_.pop_back();
    key_.append(name, second + 1);
    Probe(&tally);  // a/*/c
    key_ = "*";
    key_.append(name, first);
    Probe(&tally);  // */b/c
  }
  return tally;
}

}  // namespace cievents::loadtest
