// What a subscription is to the matcher: plain values, made by the ingest from YAML, stored in
// Postgres as JSON (services/lib/ci_yaml/entry_json.h) and loaded by the index.
#ifndef MATCHER_SUBSCRIPTION_H_
#define MATCHER_SUBSCRIPTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "matcher/pattern.h"

namespace cievents::matcher {

// A place in a user's file; 1-based, columns in bytes. 0 = unknown.
struct Position {
  int line = 0;
  int column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

// Whose events an entry listens to (docs/subscriptions.md, "Scope and identity").
enum class ScopeKind : uint8_t {
  kProject,       // the subscribing project's own events
  kGroup,         // its parent group, that group's subgroups and all their projects
  kInstance,      // all events
  kOtherProject,  // the project `project_id`
};

struct Scope {
  ScopeKind kind = ScopeKind::kProject;
  int64_t project_id = 0;  // only with kOtherProject
  friend bool operator==(const Scope&, const Scope&) = default;
};

enum class When : uint8_t { kAlways, kOnSuccess, kNever };

// One clause of an entry's `rules`. The condition's text is kept as written.
struct RuleClause {
  std::optional<std::string> if_text;
  Position if_position;
  std::vector<Pattern> events;  // empty = any
  When when = When::kOnSuccess;
  // Only in hoisted rules: a part of the clause (`changes`, `exists`, a reference that cannot be
  // resolved) is known at pipeline creation alone. The clause is false or undecided.
  bool has_undecidable_part = false;
  friend bool operator==(const RuleClause&, const RuleClause&) = default;
};

// One input that an entry or an include gives. `value_json` is a JSON value; a string in it may
// hold `$[[ ]]` blocks.
struct InputBinding {
  std::string name;
  std::string value_json;
  Position position;
  friend bool operator==(const InputBinding&, const InputBinding&) = default;
};

struct Entry {
  std::vector<Pattern> patterns;  // at least one
  Scope scope;
  bool confidential = false;  // also match confidential events
  // Absent: no `rules` key, every match fires.
  std::optional<std::vector<RuleClause>> rules;
  std::vector<InputBinding> inputs;
  // Delivery options (`on_loop`, `debounce`, `emits`, `on_ambiguous`) as a JSON object in canonical
  // form; "{}" = none. The matcher hands them through.
  std::string options_json = "{}";
  Position position;
  friend bool operator==(const Entry&, const Entry&) = default;
};

using RuleList = std::vector<RuleClause>;

// What a job of the CI file asks of an event: `on`, `rules`. It could run if each list lets it.
struct HoistedJob {
  std::string name;  // for explain
  std::vector<RuleList> lists;
  friend bool operator==(const HoistedJob&, const HoistedJob&) = default;
};

// The CI file's own rules, as far as they filter before a pipeline request exists
// (docs/subscriptions.md, "Hoisting"). A list lets run if, of its clauses in order, the first that
// is true is no `never`, or one that is undecided and no `never` comes before it; a list without
// such a clause does not. A condition that does not parse or fails is undecided. No request is made
// if `workflow` does not let run, or if no job could run.
struct HoistedRules {
  std::optional<RuleList> workflow;             // absent: no filter
  std::optional<std::vector<HoistedJob>> jobs;  // absent: some job could always run
  bool empty() const { return !workflow.has_value() && !jobs.has_value(); }
  friend bool operator==(const HoistedRules&, const HoistedRules&) = default;
};

// One pipeline definition of one project. Entries are tried in order; the first whose name matches
// (and whose rules allow it) decides everything; a subscription is fired once per event.
struct Subscription {
  int64_t subscription_id = 0;
  std::string path;         // the pipeline file
  std::string workflow_id;  // hex SHA-256 of the canonical entries
  std::vector<Entry> entries;
  std::vector<InputBinding> include_inputs;  // what the including file fixed; sorted by name
  std::string spec_inputs_json = "{}";  // canonical JSON of the file's `spec: inputs`; "{}" = none
  HoistedRules hoisted_rules;           // of the CI file's subscription; empty for all others
  int64_t owner_user_id = 0;    // the last pusher who changed it: pipelines run as this user
  int64_t created_time_ms = 0;  // Unix time; see kBeforeCreationToleranceMs
  bool suspended = false;
};

// All that the index knows of one project: replaced in one step.
struct ProjectSubscriptions {
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;  // ancestors, root first; the last is the parent group
  std::string default_branch;          // the ref that its pipelines run on
  std::string commit_sha;              // the commit that the set was read from
  std::vector<Subscription> subscriptions;
};

}  // namespace cievents::matcher

#endif  // MATCHER_SUBSCRIPTION_H_
