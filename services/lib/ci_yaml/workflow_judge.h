// Judges by the names of events alone whether `workflow: rules` could let them through: for the
// warning that a job waits for an event that never makes a pipeline.
#ifndef SERVICES_LIB_CI_YAML_WORKFLOW_JUDGE_H_
#define SERVICES_LIB_CI_YAML_WORKFLOW_JUDGE_H_

#include <optional>
#include <string>
#include <vector>

#include "matcher/base/string_map.h"
#include "matcher/condition/condition.h"
#include "matcher/subscription.h"
#include "services/lib/catalogue/catalogue.h"

namespace cievents::ci_yaml {

// Clauses that are looked at for one file; whatever is not judged by then may pass.
inline constexpr int kJudgedClausesMax = 5000;

class WorkflowJudge {
 public:
  // Both must outlive the judge.
  WorkflowJudge(const matcher::RuleList& workflow, const Catalogue& catalogue)
      : workflow_(workflow), catalogue_(catalogue) {}

  // False: no known event that the pattern matches gets a pipeline, whatever else is in the event
  // and whatever the variables are.
  bool MayPass(const matcher::Pattern& pattern);

 private:
  // The names of one kind of event.
  struct Names {
    std::vector<std::string> certain;   // every event of the kind carries them
    std::vector<std::string> possible;  // these too
  };

  std::vector<Names> KindsOf(const matcher::Pattern& pattern) const;
  bool LetsRun(const Names& names);
  matcher::Verdict Judge(const std::string& if_text, const Names& names);

  const matcher::RuleList& workflow_;
  const Catalogue& catalogue_;
  matcher::ConditionTables tables_;
  StringMap<matcher::Verdict> verdicts_;  // by the condition's text
  int judged_clauses_ = 0;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_WORKFLOW_JUDGE_H_
