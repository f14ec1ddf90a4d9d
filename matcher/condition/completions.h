// The verdict of a condition with unknown operands: decided only if every completion agrees.
//
// Each node is evaluated to the set of the values that it can have. As long as no unknown occurs
// twice, operands are independent and the sets are exact, up to what a regex can match. For
// variables that occur more than once the sets are too large (`$A && !$A`); then the cases of each
// are gone through: undefined, empty, blank, each text of the condition, any other text.
#ifndef MATCHER_CONDITION_COMPLETIONS_H_
#define MATCHER_CONDITION_COMPLETIONS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "matcher/condition/compiled.h"
#include "matcher/condition/condition.h"
#include "matcher/condition/evaluator.h"
#include "matcher/condition/operand.h"

namespace cievents::matcher {

// More cases than this are not gone through: the condition is then left undecided.
inline constexpr size_t kCompletionCasesMax = 1024;

class Completions {
 public:
  Completions(const CompiledCondition& condition, const EvaluationContext& context)
      : condition_(condition), context_(context), reader_(condition, context, World::kOpen) {}

  Verdict Decide();

  // The operands and comparisons that an evaluation can reach, with their values.
  std::vector<EvaluatedOperand> Explain();

 private:
  using ValueSet = absl::InlinedVector<Operand, 4>;
  // What a set of values can be, as bits.
  enum Outcome : uint8_t { kCanBeFalse = 1, kCanBeTrue = 2, kCanFail = 4 };

  uint8_t DecideOnce();  // Outcomes of the whole condition
  // `conservative`: what DecideOnce said; more cannot come of any case.
  uint8_t DecideByCases(uint8_t conservative);

  ValueSet Evaluate(uint8_t index);
  ValueSet EvaluateNode(const Node& node);
  ValueSet EvaluateLeaf(const Node& node);
  ValueSet EvaluateComparison(const Node& node);
  ValueSet EvaluateLogic(const Node& node);
  ValueSet EvaluateNot(const Node& node);

  uint8_t EqualOutcome(const Operand& left, const Operand& right) const;
  uint8_t MatchOutcome(const Operand& left, const Operand& right);
  bool MayBe(const Operand& set, std::string_view text) const;
  bool IsLiteral(std::string_view text) const;
  bool IsSameUnknown(const Node& left, const Node& right) const;

  void CollectLiterals();

  const CompiledCondition& condition_;
  const EvaluationContext& context_;
  OperandReader reader_;
  RegexBudget budget_;
  std::string_view failure_;  // why, if something can fail

  // While cases are gone through: the texts of the condition, and each repeated variable's case.
  std::vector<std::string_view> literals_;
  std::vector<Operand> assignment_;

  std::vector<ValueSet>* trace_ = nullptr;  // by node; empty = not reached
};

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_COMPLETIONS_H_
