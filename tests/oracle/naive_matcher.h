// A deliberately naive matcher: the oracle of the property and fault tests.
//
// Written from docs/subscriptions.md ("Names and patterns", "Scope and identity", "Entries",
// "Conditions", "Hoisting", "Inputs") alone, one sentence of it after the other. It shares no type
// and no idea with matcher/: every subscription is tried against every event, patterns are compared
// segment by segment, conditions are evaluated one by one. Very slow, easy to believe.
#ifndef TESTS_ORACLE_NAIVE_MATCHER_H_
#define TESTS_ORACLE_NAIVE_MATCHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/oracle/naive_event.h"
#include "tests/oracle/naive_inputs.h"

namespace cievents::oracle {

enum class NaiveScope { kProject, kGroup, kInstance, kOtherProject };
enum class NaiveWhen { kAlways, kOnSuccess, kNever };

struct NaiveClause {
  std::optional<std::string> if_text;
  std::vector<std::string> events;  // patterns; empty = any
  NaiveWhen when = NaiveWhen::kOnSuccess;
  // Of the CI file's rules: something stands in it (`changes`, ..) that nobody knows by now.
  bool has_undecidable_part = false;
};
using NaiveClauses = std::vector<NaiveClause>;

// A job of the CI file: what it asks of an event, as lists of which each must let it run.
struct NaiveJob {
  std::vector<NaiveClauses> lists;
};

struct NaiveEntry {
  std::vector<std::string> patterns;  // canonical: without a leading `events/`
  NaiveScope scope = NaiveScope::kProject;
  int64_t other_project_id = 0;  // with kOtherProject
  bool confidential = false;
  std::optional<std::vector<NaiveClause>> rules;
  std::vector<NaiveBinding> inputs;
};

struct NaiveSubscription {
  int64_t subscription_id = 0;
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;  // of the subscribing project, root first
  std::vector<NaiveEntry> entries;
  bool suspended = false;
  int64_t created_time_ms = 0;
  std::vector<NaiveBinding> include_inputs;
  std::string spec_inputs_json = "{}";
  // The CI file's own rules. None: no filter.
  std::optional<NaiveClauses> workflow;
  std::optional<std::vector<NaiveJob>> jobs;
};

struct NaiveMatch {
  int64_t subscription_id = 0;
  size_t entry = 0;
  size_t name = 0;            // into NaiveEvent::names
  NaiveRequestInputs inputs;  // json "{}" where there are none
};

// Why a subscription does not fire, or that it does.
enum class NaiveOutcome {
  kFires,
  kNoEntry,
  kFailedPayload,   // a condition could not be evaluated
  kSuspended,       // would fire
  kBeforeCreation,  // would fire, but the event is too old
  kFiltered,        // an entry decides, but no job of the CI file could run
  kUnusable,        // its conditions or inputs are wrong for every event
};

bool NaiveIsTooOld(const NaiveSubscription& subscription, const NaiveEvent& event);
bool NaivePatternMatches(const std::string& pattern, const std::string& name);

// A subscription, its conditions and inputs parsed once. A value.
class NaiveFiring {
 public:
  explicit NaiveFiring(NaiveSubscription subscription);

  const NaiveSubscription& subscription() const { return subscription_; }
  // Empty, or why it can never fire.
  const std::string& error() const { return error_; }

  // `match` is set with kFires, kFiltered, kSuspended and kBeforeCreation, its inputs only with
  // kFires.
  // `texts` is what unknown variables are tried with, beside what the conditions themselves name.
  NaiveOutcome Try(NaiveReading* event, const std::vector<std::string>& texts,
                   NaiveMatch* match) const;

 private:
  struct Parsed;
  // An entry that has decided, and the event's name that it matches.
  struct Decided {
    size_t entry = 0;
    size_t name = 0;
  };
  enum class Decision { kDecides, kPasses, kFails };

  Decision TryEntry(size_t entry, NaiveReading* event, size_t name,
                    const std::vector<std::string>& texts) const;

  bool CouldRun(const Decided& decided, NaiveReading* event,
                const std::vector<std::string>& texts) const;
  // What a pipeline would see that has this list alone.
  bool LetsRun(const NaiveClauses& list, const Decided& decided, NaiveReading* event,
               const std::vector<std::string>& texts) const;

  NaiveSubscription subscription_;
  std::string error_;
  std::shared_ptr<const Parsed> parsed_;
};

// All that `event` fires, ordered by subscription id.
std::vector<NaiveMatch> NaiveMatches(const std::vector<NaiveSubscription>& subscriptions,
                                     const NaiveEvent& event);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_NAIVE_MATCHER_H_
