#include "tests/oracle/naive_matcher.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace cievents::oracle {
namespace {

std::vector<std::string> Segments(const std::string& text) {
  std::vector<std::string> segments;
  std::istringstream stream(text);
  for (std::string segment; std::getline(stream, segment, '/');) segments.push_back(segment);
  return segments;
}

// "`project`: this project's events. `group`: events of the parent group itself, of its subgroups
// and of all their projects. `instance`: all. `{project: ID}`: that project's."
bool ScopeCovers(const NaiveSubscription& subscription, const NaiveEntry& entry,
                 const NaiveEvent& event) {
  if (entry.scope == NaiveScope::kInstance) return true;
  if (entry.scope == NaiveScope::kGroup) {
    if (subscription.namespace_ids.empty()) return false;
    const int64_t parent_group = subscription.namespace_ids[subscription.namespace_ids.size() - 1];
    for (const int64_t ancestor : event.namespace_ids) {
      if (ancestor == parent_group) return true;
    }
    return false;
  }
  if (event.project_id == 0) return false;  // happened in no project
  if (entry.scope == NaiveScope::kOtherProject) return event.project_id == entry.other_project_id;
  return event.project_id == subscription.project_id;
}

// "`event.name` is the first of them that the deciding entry matches": -1 if there is none.
int FirstMatchedName(const NaiveEntry& entry, const NaiveEvent& event) {
  for (size_t n = 0; n < event.names.size(); ++n) {
    for (const std::string& pattern : entry.patterns) {
      if (NaivePatternMatches(pattern, event.names[n])) return static_cast<int>(n);
    }
  }
  return -1;
}

// "A subscription is not fired by an event whose native time lies more than 5 minutes before the
// subscription was created, unless replayed."
bool IsTooOld(const NaiveSubscription& subscription, const NaiveEvent& event) {
  if (event.replayed || event.time_ms == 0) return false;
  return event.time_ms + 5 * 60 * 1000 < subscription.created_time_ms;
}

}  // namespace

bool NaivePatternMatches(const std::string& pattern, const std::string& name) {
  const std::vector<std::string> wanted = Segments(pattern);
  const std::vector<std::string> given = Segments(name);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i >= given.size()) return false;
    if (wanted[i] == "**" && i + 1 == wanted.size()) return true;
    if (wanted[i] != "*" && wanted[i] != given[i]) return false;
  }
  return wanted.size() == given.size();
}

std::vector<NaiveMatch> NaiveMatches(const std::vector<NaiveSubscription>& subscriptions,
                                     const NaiveEvent& event) {
  std::map<int64_t, NaiveMatch> matches;
  for (const NaiveSubscription& subscription : subscriptions) {
    if (subscription.suspended || IsTooOld(subscription, event)) continue;
    // "Entries are tried in order; the first whose name matches ... decides everything."
    for (size_t e = 0; e < subscription.entries.size(); ++e) {
      const NaiveEntry& entry = subscription.entries[e];
      if (event.confidential && !entry.confidential) continue;
      if (!ScopeCovers(subscription, entry, event)) continue;
      const int name = FirstMatchedName(entry, event);
      if (name < 0) continue;
      matches[subscription.subscription_id] = {subscription.subscription_id, e,
                                               static_cast<size_t>(name)};
      break;
    }
  }
  std::vector<NaiveMatch> ordered;
  for (const auto& [id, match] : matches) ordered.push_back(match);
  return ordered;
}

}  // namespace cievents::oracle
