// The index: all subscriptions of a shard, in memory, and the threads' way to ask it.
//
//   event: names, project, ancestors, payload
//     |
//     | 1  names -> ids of the patterns that match them        NameCache, PatternTable
//     |      issue/created -> { issue/created, issue/*, ** }     once a name and reader, then
//     |                                                          one probe
//     | 2  scopes -> who listens there
//     |      project 10    -> ProjectSet: one block of memory   SegmentedTable, ProjectSet
//     |                         pattern -> subscription, entry
//     |      project 10  \                                       others' entries: ScopeLists
//     |      group 2, 1   }-> View: a short list by pattern
//     |      instance    /      `- bucket (scope, pattern) -> runs:
//     |                             unconditional postings
//     |                             conditional ones, by AccessIndex   (matcher/access)
//     |      (for all events of a batch, before the first is decided: what each step found is
//     |      loading while the other events take it)
//     | 3  candidates -> Decide: entries in order, name, scope, confidentiality, rules; then the
//     |      CI file's own rules (hoisted.h)
//     |      definition (shared by all subscriptions with the same text) -> conditions
//     |      condition  (shared by all definitions) -> verdict, once an event
//     |      event path -> value, once an event; the payload is touched here first
//     v
//   matches (views) -> inputs, resolved when the caller asks
//
// Where things go: a new scope is a ScopeKey::Kind and a case in Tables::Places and ScopeCovers; a
// new option of an entry a member of DefinitionEntry; a new reason not to fire a line of
// MatchPrepared and of ExplainOne. Operators, access conditions and input functions have folders of
// their own.
//
// Costs. n = subscriptions, m = matches of an event:
//   match    O(names + scopes + patterns of its names + candidates); independent of n. A project
//            without subscriptions costs one missed probe a scope. MatchBatch lets the cache misses
//            of 16 events overlap.
//   replace  O(old and new set) + the tails (at most 64 postings) of the scopes concerned,
//   amortised
//            O(log n) rebuilds a shared posting.
//   memory   some 50 bytes a subscription of a shared definition, its place in the table included;
//   a
//            definition of its own costs some 1 to 2 KB with a condition.
//
// Versions. Every change is prepared beside what readers use, marked with the next epoch, and made
// visible by one store (epoch.h, scope_lists.h). So readers take no lock and wait for nobody, an
// event sees each project before or after its change however many scopes it looks up, and memory is
// given back when the last reader that could see it has left.
//
// Rejected, with figures of the same machine (docs/decisions):
//   one flat hash (scope, name) -> ids    as fast, but a project's set is then scattered over it:
//   no
//                                         atomic replacement, no wildcards
//   a trie of names                       walked for each event; names are few, so its result is
//   kept a result cache by (project, name)     costs more than it saves: NATS is faster with its
//   own off counting, BE-trees, one automaton     cost grows with the conditions of all projects;
//   here scope
//     over all conditions                 and name have left a handful when conditions are asked
//   a readers-writer lock (our first)     a reader waited for each change; a big change stopped all
//   one growing hash table                a rehash of 5 M entries stops everything for 114 ms
//
// After: K. Fraser's epochs, Bentley and Saxe's logarithmic method, hypermatch (canonical
// conditions), event-ruler (limits at admission), quamina (stop where the last value ends).
#ifndef MATCHER_INDEX_INDEX_H_
#define MATCHER_INDEX_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "matcher/event/event_view.h"
#include "matcher/index/explanation.h"
#include "matcher/subscription.h"

namespace cievents::matcher {

class Tables;

// An event older than this before a subscription's creation does not fire it, unless replayed
// (delivery rules: producers' clocks differ a little from ours).
inline constexpr int64_t kBeforeCreationToleranceMs = 5 * 60 * 1000;

// A subscription that was given to the index and cannot be evaluated: it does not fire.
struct UnusableSubscription {
  int64_t project_id = 0;
  int64_t subscription_id = 0;
  std::string path;
  std::string reason;
};

class Index {
 public:
  Index();
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  // Replaces all that is known of set.project_id in one step: an event sees the old set or the new
  // one, never a mix. An empty set keeps the project known (its ancestors). Never waits for
  // readers. Returns what of the set cannot be evaluated.
  std::vector<UnusableSubscription> ReplaceProject(const ProjectSubscriptions& set);
  void RemoveProject(int64_t project_id);
  // Replaces everything in one step: a full load. Of sets with equal project ids the last counts.
  std::vector<UnusableSubscription> ReplaceAll(std::span<const ProjectSubscriptions> sets);
  // The same set by set, for loads that should not stand in memory a second time.
  class Load;

  struct Stats {
    size_t projects = 0;
    size_t subscriptions = 0;
    size_t patterns = 0;    // distinct
    size_t conditions = 0;  // distinct
  };
  Stats stats() const;

 private:
  friend class Matcher;
  struct State;
  std::unique_ptr<State> state_;
};

// A full load in the making. Nothing of it is seen before Finish; if it is destroyed without, it
// never was. The index may be changed meanwhile: Finish replaces those changes too. Not
// thread-safe.
class Index::Load {
 public:
  // `projects_expected` saves growing; 0 = unknown. `index` must outlive the load.
  explicit Load(Index& index, size_t projects_expected = 0);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Of sets with equal project ids the first counts.
  void Add(const ProjectSubscriptions& set);
  // Replaces everything by what was added; returns what of it cannot be evaluated. At most once.
  std::vector<UnusableSubscription> Finish();

 private:
  State& state_;
  std::unique_ptr<Tables> tables_;  // null once it is finished
  std::vector<UnusableSubscription> unusable_;
};

// One subscription that an event fires. A view: valid during the callback that is given it.
class Match {
 public:
  int64_t subscription_id() const;
  int64_t project_id() const;            // the subscriber
  int64_t root_namespace_id() const;     // the subscriber's root; 0 = none
  std::string_view path() const;         // the pipeline file
  std::string_view ref() const;          // the default branch
  std::string commit_sha() const;        // the commit whose set decided
  std::string_view workflow_id() const;  // hex
  int64_t owner_user_id() const;
  uint32_t entry() const;  // the deciding entry
  uint32_t name() const;   // into EventView::names: the first that this entry matches
  std::string_view options_json() const;  // delivery options of the entry; "{}" = none

  // Replaces `json` by the request's inputs (a JSON object, names sorted). False: the event does
  // not carry what a required input needs, or it does not fit; `reason` says why, in GitLab's
  // words.
  bool ResolveInputs(std::string* json, std::string* reason) const;

 private:
  friend class Matcher;
  struct State;
  explicit Match(const State* state) : state_(state) {}
  const State* state_;
};

// What became of the candidates of one event.
struct MatchCounts {
  uint32_t matched = 0;
  // Conditions that could not be evaluated: no request. Of subscriptions that an access condition
  // has ruled out before, none is counted.
  uint32_t failed_payload = 0;
  uint32_t suspended = 0;  // would have matched
  // An entry decides, but the CI file's own rules (HoistedRules) say that a pipeline would have no
  // job: no request. Suspended ones are among them; ones younger than the event are not.
  uint32_t filtered_by_rules = 0;
};

// A thread's way to ask the index: holds its working memory. Not thread-safe; make one a thread (or
// lend them from a pool). The index must outlive it. Never waits for the writer.
class Matcher {
 public:
  explicit Matcher(const Index& index);
  ~Matcher();
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // Calls `on_match` once for each subscription that `event` fires, in no order. The first entry
  // whose scope covers the event, that may see it, one of whose patterns matches one of its names
  // and whose rules allow it decides.
  MatchCounts MatchEvent(const EventView& event, absl::FunctionRef<void(const Match&)> on_match);

  // The same for many events, whose look-ups overlap in time: faster than one by one where the
  // index is larger than the caches. `counts` has as many elements as `events`. Each event sees one
  // state of each project; different events of a batch may see different ones.
  void MatchBatch(std::span<const EventView> events, std::span<MatchCounts> counts,
                  absl::FunctionRef<void(size_t event, const Match&)> on_match);

  // The ancestors of a project (root first); false if the project is unknown.
  bool FindNamespaces(int64_t project_id, std::vector<int64_t>* namespace_ids);

  // Why each subscription fires or not, by the code that matches. `project_id` 0: all whose pattern
  // and scope fit; else all of that project.
  Explanation Explain(const EventView& event, int64_t project_id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_INDEX_H_
