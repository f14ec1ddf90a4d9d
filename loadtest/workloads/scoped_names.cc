#include "loadtest/workloads/scoped_names.h"

#include <utility>

#include "loadtest/workloads/documents.h"
#include "loadtest/workloads/identity.h"

namespace cievents::loadtest {
namespace {

using matcher::ProjectSubscriptions;
using matcher::ScopeKind;

constexpr int64_t kGroups = 50'000;
constexpr int64_t kInstanceSubscriptions = 10;
// Project numbers of those who listen to a group or to the instance: no event happens in them.
constexpr int64_t kFirstGroupProject = 1'000'000;
constexpr int64_t kFirstInstanceProject = 2'000'000;

SubscriptionDraft DraftOf(int64_t i, ScopeKind kind) {
  static const std::vector<matcher::Pattern>* const kPatterns = [] {
    auto* patterns = new std::vector<matcher::Pattern>();
    for (int64_t k = 0; k < 40; ++k) patterns->push_back(ParsePattern(NameOf(k)));
    return patterns;
  }();
  return {(*kPatterns)[static_cast<size_t>(7 * i % 40)], {kind, 0}, ""};
}

std::vector<int64_t> S1Ancestors(int64_t project) { return {NamespaceId(project % 1000)}; }

// Root first; "scopes are a set": an id that comes twice stands once.
std::vector<int64_t> S1bAncestors(int64_t project) {
  std::vector<int64_t> ids = {NamespaceId(project % 500)};
  for (const int64_t groups : {int64_t{5000}, kGroups}) {
    const int64_t id = NamespaceId(project % groups);
    if (id != ids.back()) ids.push_back(id);
  }
  return ids;
}

void AddOwn(const S1bSize& size, std::vector<ProjectSubscriptions>* sets) {
  for (int64_t p = 0; p < size.projects; ++p) {
    ProjectSubscriptions set = MakeProject(p, S1bAncestors(p));
    int64_t place = 0;
    for (int64_t i = p; i < size.own; i += size.projects) {
      set.subscriptions.push_back(MakeSubscription(i, place++, DraftOf(i, ScopeKind::kProject)));
    }
    sets->push_back(std::move(set));
  }
}

void AddOfGroups(const S1bSize& size, std::vector<ProjectSubscriptions>* sets) {
  for (int64_t g = 0; g < kGroups && g < size.of_groups; ++g) {
    ProjectSubscriptions set = MakeProject(kFirstGroupProject + g, {NamespaceId(g)});
    int64_t place = 0;
    for (int64_t i = size.own + g; i < size.own + size.of_groups; i += kGroups) {
      set.subscriptions.push_back(MakeSubscription(i, place++, DraftOf(i, ScopeKind::kGroup)));
    }
    sets->push_back(std::move(set));
  }
}

void AddOfInstance(const S1bSize& size, std::vector<ProjectSubscriptions>* sets) {
  for (int64_t n = 0; n < kInstanceSubscriptions; ++n) {
    const int64_t i = size.own + size.of_groups + n;
    ProjectSubscriptions set = MakeProject(kFirstInstanceProject + n, {NamespaceId(kGroups + n)});
    set.subscriptions.push_back(MakeSubscription(i, 0, DraftOf(i, ScopeKind::kInstance)));
    sets->push_back(std::move(set));
  }
}

}  // namespace

ProjectSubscriptions MakeS1Project(int64_t project) {
  ProjectSubscriptions set = MakeProject(project, S1Ancestors(project));
  set.subscriptions.reserve(2);
  for (int64_t place = 0; place < 2; ++place) {
    const int64_t i = 2 * project + place;
    set.subscriptions.push_back(MakeSubscription(i, place, DraftOf(i, ScopeKind::kProject)));
  }
  return set;
}

EventPool MakeS1Events(int64_t projects) {
  EventPool events;
  events.Reserve(static_cast<size_t>(kEventsPerPass), 680);
  for (int64_t j = 0; j < kEventsPerPass; ++j) {
    const int64_t p = 99'991 * j % projects;
    DocumentDraft draft;
    draft.number = j;
    draft.name = NameOf((j % 2 == 0 ? 14 * p : 14 * p + 3) % 40);
    draft.project_id = ProjectId(p);
    draft.namespace_ids = S1Ancestors(p);
    events.Add(MakeDocument(draft));
  }
  events.Finish();
  return events;
}

Workload MakeS1(std::string id, int64_t projects) {
  Workload workload;
  workload.id = std::move(id);
  workload.sets.reserve(static_cast<size_t>(projects));
  for (int64_t p = 0; p < projects; ++p) workload.sets.push_back(MakeS1Project(p));
  workload.events = MakeS1Events(projects);
  workload.matches_a_pass = 10'000;
  return workload;
}

Workload MakeS1b(std::string id, const S1bSize& size) {
  Workload workload;
  workload.id = std::move(id);
  workload.sets.reserve(static_cast<size_t>(size.projects + kGroups + kInstanceSubscriptions));
  AddOwn(size, &workload.sets);
  AddOfGroups(size, &workload.sets);
  AddOfInstance(size, &workload.sets);
  workload.events.Reserve(static_cast<size_t>(kEventsPerPass), 720);
  for (int64_t j = 0; j < kEventsPerPass; ++j) {
    const int64_t p = 99'991 * j % size.projects;
    DocumentDraft draft;
    draft.number = j;
    draft.name = NameOf(j % 40);
    draft.project_id = ProjectId(p);
    draft.namespace_ids = S1bAncestors(p);
    draft.scope_form = DocumentDraft::ScopeForm::kList;
    workload.events.Add(MakeDocument(draft));
  }
  workload.events.Finish();
  workload.matches_a_pass = size.matches_a_pass;
  return workload;
}

}  // namespace cievents::loadtest
