#include "matcher/index.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "matcher/base/mutex.h"
#include "matcher/postings.h"
#include "matcher/subscription.h"

namespace cievents::matcher {
namespace {

// True if the event lies too long before the subscription's creation to fire it.
bool IsBeforeCreation(const EventView& event, int64_t created_time_ms) {
  if (event.replayed || event.time_ms == 0 || created_time_ms <= event.time_ms) return false;
  // Unsigned, because the difference of two times that came from outside may not fit.
  const uint64_t before_ms =
      static_cast<uint64_t>(created_time_ms) - static_cast<uint64_t>(event.time_ms);
  return before_ms > static_cast<uint64_t>(kBeforeCreationToleranceMs);
}

const Subscription& SubscriptionOf(const Candidate& candidate) {
  return candidate.project->subscriptions[candidate.subscription];
}

// By subscription id; within a subscription the deciding entry comes first, with its first name.
bool Before(const Candidate& a, const Candidate& b) {
  const auto key = [](const Candidate& c) {
    return std::make_tuple(SubscriptionOf(c).subscription_id, c.project->project_id, c.subscription,
                           c.entry, c.name);
  };
  return key(a) < key(b);
}

bool SameSubscription(const Candidate& a, const Candidate& b) {
  return a.project == b.project && a.subscription == b.subscription;
}

}  // namespace

void Index::ReplaceProject(ProjectSubscriptions set) {
  PreparedProject prepared = PrepareProject(std::move(set));
  Postings::Displaced displaced;  // destroyed after the lock is released
  WriterLock lock(mutex_);
  displaced = postings_.Replace(std::move(prepared));
}

void Index::RemoveProject(int64_t project_id) {
  Postings::Displaced displaced;  // destroyed after the lock is released
  WriterLock lock(mutex_);
  displaced = postings_.Remove(project_id);
}

void Index::ReplaceAll(std::vector<ProjectSubscriptions> sets) {
  Postings loaded;
  for (ProjectSubscriptions& set : sets) loaded.Replace(PrepareProject(std::move(set)));
  WriterLock lock(mutex_);
  std::swap(postings_, loaded);  // `loaded` is destroyed after the lock is released
}

void Index::MatchEvent(const EventView& event, std::vector<Match>* out) const {
  std::vector<Candidate> candidates;
  {
    ReaderLock lock(mutex_);
    const auto collect = [&](ScopeKey::Kind kind, int64_t id) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      postings_.Collect({kind, id}, event.names, event.confidential, &candidates);
    };
    if (event.project_id != 0) collect(ScopeKey::Kind::kProject, event.project_id);
    for (const int64_t group_id : event.namespace_ids) collect(ScopeKey::Kind::kGroup, group_id);
    collect(ScopeKey::Kind::kInstance, 0);
  }
  std::sort(candidates.begin(), candidates.end(), Before);
  const auto end = std::unique(candidates.begin(), candidates.end(), SameSubscription);
  for (auto it = candidates.begin(); it != end; ++it) {
    if (IsBeforeCreation(event, SubscriptionOf(*it).created_time_ms)) continue;
    out->push_back({std::move(it->project), it->subscription, it->entry, it->name});
  }
}

bool Index::FindNamespaces(int64_t project_id, std::vector<int64_t>* namespace_ids) const {
  ReaderLock lock(mutex_);
  const ProjectSubscriptions* set = postings_.Find(project_id);
  if (set == nullptr) return false;
  *namespace_ids = set->namespace_ids;
  return true;
}

Index::Stats Index::stats() const {
  ReaderLock lock(mutex_);
  return {postings_.projects(), postings_.subscriptions()};
}

}  // namespace cievents::matcher
