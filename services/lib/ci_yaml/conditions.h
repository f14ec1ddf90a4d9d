// Checks the conditions of a file's rules as the index will compile them.
#ifndef SERVICES_LIB_CI_YAML_CONDITIONS_H_
#define SERVICES_LIB_CI_YAML_CONDITIONS_H_

#include <string_view>

#include "matcher/condition/condition.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/source_text.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

// RE2 instructions of all conditions of one subscription: what matching holds in memory for it.
inline constexpr int kRegexProgramPerSubscriptionMax = 20'000;

// One checker for all conditions of one file: their cost counts together.
class ConditionChecker {
 public:
  // `content` is the whole file and must outlive the checker.
  ConditionChecker(std::string_view content, IssueSink* sink) : text_(content), sink_(sink) {}

  // Reports what is wrong with the condition, or worth knowing.
  void Check(const yaml::Node& value);

  matcher::EventPathTable& paths() { return tables_.paths(); }

 private:
  const SourceText text_;
  IssueSink* const sink_;
  matcher::ConditionTables tables_;
  int regex_program_ = 0;
  bool too_expensive_ = false;  // reported once
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_CONDITIONS_H_
