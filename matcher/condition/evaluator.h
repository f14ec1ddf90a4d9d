// The value of a condition whose operands are known: GitLab's evaluation, left to right, operands
// returned as in Ruby. No allocation, but for quoted texts with blocks and for patterns in values.
#ifndef MATCHER_CONDITION_EVALUATOR_H_
#define MATCHER_CONDITION_EVALUATOR_H_

#include <cstdint>
#include <forward_list>
#include <string>

#include "matcher/condition/compiled.h"
#include "matcher/condition/condition.h"
#include "matcher/condition/operand.h"

namespace cievents::matcher {

// What an operand is that the context does not give.
enum class World : uint8_t {
  kOpen,    // kUnknown
  kClosed,  // kNull
};

// Reads the leaves of a condition. What it gives out lives as long as it does.
class OperandReader {
 public:
  OperandReader(const CompiledCondition& condition, const EvaluationContext& context, World world)
      : condition_(condition), context_(context), absent_(Absent(world)) {}

  // A leaf; kUnknown if the context does not know it.
  Operand Read(const Node& leaf);
  // The same on the right of a match, where a quoted `/../` is a pattern.
  Operand ReadPattern(const Node& leaf);

 private:
  static Operand Absent(World world) {
    return Operand::Of(world == World::kOpen ? Operand::Kind::kUnknown : Operand::Kind::kNull);
  }
  Operand ReadPart(const Part& part);
  Operand ReadTemplate(const Node& leaf);
  Operand ReadVariable(const Node& leaf) const;

  const CompiledCondition& condition_;
  const EvaluationContext& context_;
  const Operand absent_;
  std::forward_list<std::string> texts_;
};

class Evaluator {
 public:
  Evaluator(const CompiledCondition& condition, const EvaluationContext& context, World world)
      : condition_(condition), reader_(condition, context, world) {}

  // kFailed, and kUnknown in an open world, as soon as such an operand is reached. REQUIRES: the
  // condition is not undecidable.
  Operand Evaluate() { return EvaluateNode(condition_.expression.root()); }
  // The same of one node of the tree.
  Operand EvaluateNode(uint8_t index);

 private:
  Operand EvaluateMatch(const Node& node);

  const CompiledCondition& condition_;
  OperandReader reader_;
  RegexBudget budget_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_EVALUATOR_H_
