#include "matcher/condition/condition.h"

#include <optional>
#include <utility>

#include "matcher/condition/access.h"
#include "matcher/condition/compiled.h"
#include "matcher/condition/completions.h"
#include "matcher/condition/evaluator.h"
#include "matcher/condition/literal_tests.h"
#include "matcher/condition/operand.h"
#include "matcher/condition/parser.h"
#include "matcher/condition/regex.h"

namespace cievents::matcher {
namespace {

constexpr std::string_view kOnlyGitLab = "a block stands where only GitLab can say what it becomes";

Verdict VerdictOf(const Operand& operand) {
  if (operand.kind == Operand::Kind::kFailed) return Verdict::kFailed;
  return Present(operand) ? Verdict::kTrue : Verdict::kFalse;
}

// Most evaluations reach no unknown: the first false operand of `&&` ends them.
Verdict EvaluateCompiled(const CompiledCondition& compiled, const EvaluationContext& context) {
  if (compiled.expression.undecidable) return Verdict::kUndecided;
  if (compiled.open_verdict.has_value() && context.variables == nullptr) {
    return *compiled.open_verdict;
  }
  Evaluator evaluator(compiled, context, World::kOpen);
  const Operand value = evaluator.Evaluate();  // may view what the evaluator holds
  if (value.kind != Operand::Kind::kUnknown) return VerdictOf(value);
  return Completions(compiled, context).Decide();
}

int CountFalse(const CompiledCondition& compiled, uint8_t index, Evaluator& evaluator) {
  const Node& node = compiled.expression.nodes[index];
  if (node.kind == NodeKind::kAnd) {
    return CountFalse(compiled, node.left, evaluator) + CountFalse(compiled, node.right, evaluator);
  }
  const Operand value = evaluator.EvaluateNode(index);
  return value.is_known() && !Present(value) ? 1 : 0;
}

}  // namespace

struct ConditionTables::State {
  EventPathTable paths;
  RegexTable regexes;
};

ConditionTables::ConditionTables() : state_(std::make_unique<State>()) {}
ConditionTables::~ConditionTables() = default;
EventPathTable& ConditionTables::paths() { return state_->paths; }

struct Condition::State {
  LiteralTests tests;  // first: most evaluations read nothing else
  CompiledCondition compiled;
};

Condition::Condition(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Condition::~Condition() = default;

std::unique_ptr<const Condition> Condition::Parse(std::string_view text, ConditionPlace place,
                                                  ConditionTables& tables, ConditionError* error) {
  *error = ConditionError();
  std::optional<Expression> expression = ParseExpression(text, place, error);
  if (!expression.has_value()) return nullptr;
  auto state = std::make_unique<State>();
  CompiledCondition& compiled = state->compiled;
  if (!Compile(*std::move(expression), tables.state_->paths, tables.state_->regexes, &compiled,
               error)) {
    return nullptr;
  }
  *error = ConditionError();
  compiled.access = FindAccess(compiled);
  state->tests = LiteralTests(compiled);
  if (compiled.paths.empty() && compiled.inputs.empty()) {
    compiled.open_verdict = EvaluateCompiled(compiled, EvaluationContext());
  }
  return std::unique_ptr<const Condition>(new Condition(std::move(state)));
}

Verdict Condition::Evaluate(const EvaluationContext& context) const {
  if (!state_->tests.empty() && context.event != nullptr) {
    const LiteralTest::Result result = EvaluateTests(state_->tests.tests(), *context.event);
    if (result != LiteralTest::Result::kUnsure) {
      return result == LiteralTest::Result::kTrue ? Verdict::kTrue : Verdict::kFalse;
    }
  }
  return EvaluateCompiled(state_->compiled, context);
}

std::vector<EvaluatedOperand> Condition::EvaluateOperands(const EvaluationContext& context) const {
  if (state_->compiled.expression.undecidable) return {{text(), "unknown"}};
  return Completions(state_->compiled, context).Explain();
}

int Condition::CountFalseParts(const EvaluationContext& context) const {
  const CompiledCondition& compiled = state_->compiled;
  if (compiled.expression.undecidable) return 0;
  Evaluator evaluator(compiled, context, World::kOpen);
  return CountFalse(compiled, compiled.expression.root(), evaluator);
}

const std::string& Condition::text() const { return state_->compiled.expression.text; }
const ConditionCost& Condition::cost() const { return state_->compiled.cost; }
const std::vector<std::string>& Condition::inputs() const { return state_->compiled.inputs; }
bool Condition::uses_event_name() const { return state_->compiled.uses_event_name; }
bool Condition::has_variables() const { return state_->compiled.has_variables; }
std::span<const LiteralTest> Condition::tests() const { return state_->tests.tests(); }
const std::vector<AccessGroup>& Condition::access() const { return state_->compiled.access; }

ClosedWorldResult EvaluateClosedWorld(const Condition& condition,
                                      const EvaluationContext& context) {
  const CompiledCondition& compiled = condition.state_->compiled;
  if (compiled.expression.undecidable) return {"null", false, std::string(kOnlyGitLab)};
  Evaluator evaluator(compiled, context, World::kClosed);
  const Operand value = evaluator.Evaluate();
  if (value.kind == Operand::Kind::kFailed) return {"null", false, std::string(value.text())};
  return {ToJson(value), Present(value), {}};
}

}  // namespace cievents::matcher
