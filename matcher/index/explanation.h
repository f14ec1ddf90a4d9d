// Why a subscription fires for an event or does not: what explain shows.
#ifndef MATCHER_INDEX_EXPLANATION_H_
#define MATCHER_INDEX_EXPLANATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "matcher/condition/condition.h"
#include "matcher/subscription.h"

namespace cievents::matcher {

struct ExplainedClause {
  std::optional<std::string> if_text;
  std::vector<std::string> events;  // patterns of the clause; empty = any
  When when = When::kOnSuccess;
  bool has_undecidable_part = false;  // RuleClause::has_undecidable_part
  Verdict verdict = Verdict::kFalse;
  std::vector<EvaluatedOperand> operands;
  ConditionCost cost;
};

enum class EntryOutcome : uint8_t {
  kDecides,       // this entry fires the subscription
  kOtherName,     // none of its patterns matches a name of the event
  kOutOfScope,    // the event happened elsewhere
  kConfidential,  // the event is confidential and the entry may not see it
  kDenied,        // no clause holds, or a `never` does
  kFailed,        // a clause could not be evaluated: nothing fires
  kNotReached,    // an earlier entry decided
};

struct ExplainedEntry {
  uint32_t entry = 0;
  Position position;
  std::vector<std::string> patterns;
  EntryOutcome outcome = EntryOutcome::kOtherName;
  std::string name;                      // the event's name that it matches; empty = none
  std::vector<ExplainedClause> clauses;  // those that were tried, in order
  // How many things keep an entry whose name fits from deciding: the scope, confidentiality, false
  // clauses (or, of a single clause that joins conditions by `&&`, its false parts).
  int obstacles = 0;
};

// A list of hoisted rules.
struct ExplainedRuleList {
  bool lets_run = false;
  std::vector<ExplainedClause> clauses;  // those that were tried, in order
  int obstacles = 0;                     // as an entry's, if it does not let run
};

struct ExplainedJob {
  std::string name;
  bool could_run = false;
  std::vector<ExplainedRuleList> lists;
};

// The CI file's own rules, as far as they were tried: nothing without a deciding entry, no jobs
// where `workflow` does not let run, none behind the first job that could.
struct ExplainedHoistedRules {
  std::optional<ExplainedRuleList> workflow;
  std::vector<ExplainedJob> jobs;
};

enum class SubscriptionOutcome : uint8_t {
  kFires,
  kFailedInput,      // fires a request that ends at once: an input does not fit
  kNoEntry,          // no entry decides
  kFailedPayload,    // a condition could not be evaluated
  kSuspended,        // would fire
  kBeforeCreation,   // would fire, but the event is older than the subscription
  kFilteredByRules,  // an entry decides, but the CI file's rules let nothing run
};

struct ExplainedSubscription {
  int64_t subscription_id = 0;
  int64_t project_id = 0;
  std::string path;
  SubscriptionOutcome outcome = SubscriptionOutcome::kNoEntry;
  // Exactly one thing is in the way: a false clause, the scope, confidentiality, suspension, age.
  bool near_miss = false;
  std::string reason;       // why it failed or was filtered; empty otherwise
  std::string inputs_json;  // with kFires and kFailedInput
  std::vector<ExplainedEntry> entries;
  ExplainedHoistedRules hoisted_rules;
};

struct Explanation {
  std::vector<ExplainedSubscription> subscriptions;  // by subscription id
};

}  // namespace cievents::matcher

#endif  // MATCHER_INDEX_EXPLANATION_H_
