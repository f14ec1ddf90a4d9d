// A deliberately naive matcher: the oracle of the property and fault tests.
//
// Written from docs/subscriptions.md ("Names and patterns", "Scope and identity", "Entries") alone,
// one sentence of it after the other. It shares no type and no idea with matcher/: every
// subscription is tried against every event, patterns are compared segment by segment. Very slow,
// easy to believe.
#ifndef TESTS_ORACLE_NAIVE_MATCHER_H_
#define TESTS_ORACLE_NAIVE_MATCHER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cievents::oracle {

enum class NaiveScope { kProject, kGroup, kInstance, kOtherProject };

struct NaiveEntry {
  std::vector<std::string> patterns;  // canonical: without a leading `events/`
  NaiveScope scope = NaiveScope::kProject;
  int64_t other_project_id = 0;  // with kOtherProject
  bool confidential = false;
};

struct NaiveSubscription {
  int64_t subscription_id = 0;
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;  // of the subscribing project, root first
  std::vector<NaiveEntry> entries;
  bool suspended = false;
  int64_t created_time_ms = 0;
};

struct NaiveEvent {
  std::vector<std::string> names;
  int64_t project_id = 0;  // 0 = none
  std::vector<int64_t> namespace_ids;
  bool confidential = false;
  int64_t time_ms = 0;  // 0 = unknown
  bool replayed = false;
};

struct NaiveMatch {
  int64_t subscription_id = 0;
  size_t entry = 0;
  size_t name = 0;  // into NaiveEvent::names
  friend bool operator==(const NaiveMatch&, const NaiveMatch&) = default;
};

bool NaivePatternMatches(const std::string& pattern, const std::string& name);

// All that `event` fires, ordered by subscription id.
std::vector<NaiveMatch> NaiveMatches(const std::vector<NaiveSubscription>& subscriptions,
                                     const NaiveEvent& event);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_NAIVE_MATCHER_H_
