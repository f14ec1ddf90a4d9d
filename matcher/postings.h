// The lists behind the index: who listens in which scope to which pattern. Plain data; the index
// adds the lock and the rules about events.
//
//   scope (project 5, group 3, instance) -> pattern -> project -> (subscription, entry)...
//
// A literal pattern is found by one look-up of the name; each distinct pattern with a wildcard is
// tried once per scope and name, however many projects use it.
#ifndef MATCHER_POSTINGS_H_
#define MATCHER_POSTINGS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/string_map.h"
#include "matcher/pattern.h"
#include "matcher/subscription.h"

namespace cievents::matcher {

// Whose events. An entry has one; an event has one for its project, for each ancestor and for the
// instance.
struct ScopeKey {
  enum class Kind : uint8_t { kProject, kGroup, kInstance };

  Kind kind = Kind::kInstance;
  int64_t id = 0;  // 0 with kInstance

  friend bool operator==(const ScopeKey&, const ScopeKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const ScopeKey& key) {
    return H::combine(std::move(state), static_cast<uint8_t>(key.kind), key.id);
  }
};

// One entry of one subscription of a project, under one of its patterns.
struct Posting {
  uint32_t subscription = 0;  // into ProjectSubscriptions::subscriptions
  uint32_t entry = 0;
  bool confidential = false;  // the entry's permission
};

// All postings of one project under one scope and pattern.
struct PostingList {
  ScopeKey scope;
  Pattern pattern;
  std::vector<Posting> postings;
};

// A project's set, ready to be put in place: all that can be done before the lock is taken.
struct PreparedProject {
  std::shared_ptr<const ProjectSubscriptions> set;
  std::vector<PostingList> lists;
};

// Leaves out subscriptions that cannot fire: suspended ones and those that need evaluation.
PreparedProject PrepareProject(ProjectSubscriptions set);

// An entry that an event reaches by scope, confidentiality and name.
struct Candidate {
  std::shared_ptr<const ProjectSubscriptions> project;
  uint32_t subscription = 0;
  uint32_t entry = 0;
  uint32_t name = 0;  // into the event's names
};

// Not thread-safe.
class Postings {
 private:
  struct Listener {
    std::shared_ptr<const ProjectSubscriptions> set;
    std::vector<Posting> postings;
  };
  using Listeners = absl::flat_hash_map<int64_t, Listener>;  // by project id

  struct WildcardListeners {
    explicit WildcardListeners(Pattern p) : pattern(std::move(p)) {}
    Pattern pattern;
    Listeners listeners;
  };
  struct ScopeLists {
    StringMap<Listeners> literals;
    StringMap<WildcardListeners> wildcards;
  };
  struct Place {
    ScopeKey scope;
    std::string pattern;
  };
  struct Project {
    std::shared_ptr<const ProjectSubscriptions> set;
    std::vector<Place> places;  // where its listeners are, so that removal need not search
  };

 public:
  // What a change took out. Destroyed by the caller after the lock is released: a big set takes its
  // time to be freed.
  struct Displaced {
    Project project;
    std::vector<Listener> listeners;
  };

  // Takes time in proportion to the old and the new postings of this project, not to the index.
  Displaced Replace(PreparedProject project);
  Displaced Remove(int64_t project_id);

  // Appends the candidates of one scope, in no order. An entry may be appended several times, if
  // several of its patterns or several names lead to it.
  void Collect(const ScopeKey& scope, std::span<const std::string> names, bool confidential_event,
               std::vector<Candidate>* out) const;

  // Null if the project is unknown.
  const ProjectSubscriptions* Find(int64_t project_id) const;

  size_t projects() const { return projects_.size(); }
  size_t subscriptions() const { return subscriptions_; }

 private:
  void Attach(PostingList list, const std::shared_ptr<const ProjectSubscriptions>& set);
  Listener Detach(const Place& place, int64_t project_id);

  absl::flat_hash_map<int64_t, Project> projects_;
  absl::flat_hash_map<ScopeKey, ScopeLists> scopes_;
  size_t subscriptions_ = 0;
};

}  // namespace cievents::matcher

#endif  // MATCHER_POSTINGS_H_
