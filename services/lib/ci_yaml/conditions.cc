#include "services/lib/ci_yaml/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace cievents::ci_yaml {

void ConditionChecker::Check(const yaml::Node& value) {
  matcher::ConditionError error;
  const std::unique_ptr<const matcher::Condition> condition =
      matcher::Condition::Parse(value.scalar, matcher::ConditionPlace::kEntryRule, tables_, &error);
  if (condition == nullptr) {
    const auto offset = static_cast<size_t>(std::max(error.column, 1) - 1);
    sink_->Add(kBadCondition, text_.PlaceIn(value, offset), error.message, error.suggestion);
    return;
  }
  regex_program_ += condition->cost().regex_program;
  if (regex_program_ > kRegexProgramPerSubscriptionMax && !too_expensive_) {
    too_expensive_ = true;
    sink_->Add(kTooExpensive, value.mark,
               fmt::format("with this condition the regular expressions of the file compile to {} "
                           "instructions; the limit is {}",
                           regex_program_, kRegexProgramPerSubscriptionMax),
               "use smaller repetition counts such as {1,20}, or `==`");
  }
  if (condition->has_variables()) {
    sink_->Add(kLeftToPipelineCreation, value.mark,
               "the condition names variables, which are known at pipeline creation only: what "
               "they decide is left to it",
               "test `event` paths here, and variables in the `rules` of a job");
  }
}

}  // namespace cievents::ci_yaml
