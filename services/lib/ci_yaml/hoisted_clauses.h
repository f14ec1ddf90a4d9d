// Reads clauses of `rules` and `on` out of merged bodies: what of them an event decides, and which
// patterns they name.
#ifndef SERVICES_LIB_CI_YAML_HOISTED_CLAUSES_H_
#define SERVICES_LIB_CI_YAML_HOISTED_CLAUSES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/string_map.h"
#include "matcher/condition/condition.h"
#include "matcher/subscription.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/body_merge.h"
#include "services/lib/ci_yaml/file_issues.h"
#include "services/lib/ci_yaml/job_resolution.h"

namespace cievents::ci_yaml {

// Distinct conditions that are looked at; further ones are left to pipeline creation.
inline constexpr size_t kHoistedConditionsMax = 1000;

// A pattern and where it stands.
struct PlacedPattern {
  matcher::Pattern pattern;
  size_t file = 0;
  matcher::Position position;
};

class ClauseReader {
 public:
  enum class Owner { kWorkflow, kJob };
  struct Clauses {
    matcher::RuleList list;
    bool is_whole = true;  // false: there may be more clauses, or others
  };

  // `ci_file` is the index of the CI file's body. What is passed must outlive the reader.
  ClauseReader(const Catalogue& catalogue, size_t ci_file, FileIssues* issues)
      : catalogue_(catalogue), ci_file_(ci_file), issues_(*issues) {}

  // The value of `rules`.
  Clauses ReadRules(const MergedValue& rules, Owner owner, JobResolver* resolver);
  // The value of a job's `on`.
  Clauses ReadOn(const MergedValue& on, JobResolver* resolver);

  // True if the list lets every event run, whatever is in it.
  bool AlwaysLetsRun(const matcher::RuleList& list);
  // The condition's verdict if it is the same for every event, none if it depends on the event.
  std::optional<matcher::Verdict> ConstantVerdict(const std::string& if_text);

  // Of all clauses other than `never`, distinct, in the order of reading; at most
  // kPatternsPerSubscriptionMax.
  const std::vector<PlacedPattern>& patterns() const { return patterns_; }
  // Those of jobs.
  const std::vector<PlacedPattern>& job_patterns() const { return job_patterns_; }

 private:
  struct ConditionFacts {
    bool is_usable = false;
    std::string problem;                       // why it is not
    std::optional<matcher::Verdict> constant;  // none: depends on the event
  };

  matcher::RuleClause ReadClause(const MergedValue& map, Owner owner, JobResolver* resolver);
  void ReadIf(const JobResolver::Resolved& value, matcher::RuleClause* clause);
  // Adds patterns to the clause. What is wrong with them makes it undecidable.
  void ReadEvents(const MergedValue& events, std::string_view key, Owner owner,
                  JobResolver* resolver, matcher::RuleClause* clause);
  bool ReadEvent(const MergedValue& item, std::string_view key, Owner owner, JobResolver* resolver,
                 matcher::RuleClause* clause);
  bool ReadPattern(std::string_view text, const MergedValue& place, Owner owner,
                   matcher::RuleClause* clause);
  void Subscribe(const PlacedPattern& pattern, Owner owner);
  bool HasForeignInputs(const MergedValue& text) const;
  const ConditionFacts& Check(const std::string& text);

  const Catalogue& catalogue_;
  const size_t ci_file_;
  FileIssues& issues_;
  matcher::ConditionTables tables_;
  int regex_program_ = 0;
  StringMap<ConditionFacts> conditions_;
  StringMap<std::optional<matcher::Pattern>> pattern_of_text_;  // none: an error was reported
  std::vector<PlacedPattern> patterns_;
  std::vector<PlacedPattern> job_patterns_;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_HOISTED_CLAUSES_H_
