#include "matcher/condition/completions.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace cievents::matcher {
namespace {

using Kind = Operand::Kind;

constexpr uint8_t kEither = 3;

uint8_t OutcomeOf(bool value) { return value ? 2 : 1; }

// Adds a value that is not there yet; texts and lists are compared by their bytes' place only,
// which keeps doubles out well enough.
template <typename Set>
void Add(const Operand& operand, Set* set) {
  for (const Operand& member : *set) {
    if (member.kind == operand.kind && member.data == operand.data && member.size == operand.size) {
      return;
    }
  }
  set->push_back(operand);
}

template <typename Set>
Set BooleansOf(uint8_t outcome, std::string_view failure) {
  Set set;
  if ((outcome & 1) != 0) set.push_back(Operand::Of(Kind::kFalse));
  if ((outcome & 2) != 0) set.push_back(Operand::Of(Kind::kTrue));
  if ((outcome & 4) != 0) set.push_back(Operand::Failed(failure));
  return set;
}

// What present? says of a value or of a set of values.
uint8_t PresentOutcome(const Operand& operand) {
  switch (operand.kind) {
    case Kind::kAnyText:
      return kEither;
    case Kind::kBlankText:
    case Kind::kBlankList:
      return 1;
    case Kind::kOtherText:
    case Kind::kPresentList:
      return 2;
    default:
      return OutcomeOf(Present(operand));
  }
}

uint8_t TruthyOutcome(const Operand& operand) {
  if (operand.is_known()) return OutcomeOf(Truthy(operand));
  return operand.kind == Kind::kBlankList ? uint8_t{1} : uint8_t{2};  // texts are truthy
}

uint8_t Negated(uint8_t outcome) {
  return static_cast<uint8_t>((outcome & 4) | ((outcome & 1) << 1) | ((outcome & 2) >> 1));
}

bool IsList(const Operand& set) {
  return set.kind == Kind::kBlankList || set.kind == Kind::kPresentList;
}

bool MatchesEveryText(const Operand& pattern) {
  if (pattern.kind == Kind::kPattern) return pattern.pattern().matches_every_text();
  if (pattern.kind != Kind::kText) return false;
  const std::optional<std::string> source = PatternSource(pattern.text());
  if (!source.has_value()) return false;
  Regex::Error error;
  std::string message;
  const std::unique_ptr<const Regex> regex = Regex::Compile(*source, &error, &message);
  return regex != nullptr && regex->matches_every_text();
}

Verdict VerdictOf(uint8_t outcome) {
  // What can fail has failed: whether it does may hang on a variable that nobody will know.
  if ((outcome & 4) != 0) return Verdict::kFailed;
  if (outcome == kEither) return Verdict::kUndecided;
  return outcome == 2 ? Verdict::kTrue : Verdict::kFalse;
}

}  // namespace

Verdict Completions::Decide() {
  const uint8_t outcome = DecideOnce();
  const bool decided = outcome == kCanBeFalse || outcome == kCanBeTrue;
  if (decided || condition_.repeated_variables == 0 || context_.variables != nullptr) {
    return VerdictOf(outcome);
  }
  return VerdictOf(DecideByCases(outcome));
}

uint8_t Completions::DecideOnce() {
  uint8_t outcome = 0;
  for (const Operand& value : Evaluate(condition_.expression.root())) {
    outcome |= value.kind == Kind::kFailed ? uint8_t{kCanFail} : PresentOutcome(value);
  }
  return outcome;
}

uint8_t Completions::DecideByCases(uint8_t conservative) {
  CollectLiterals();
  std::vector<Operand> cases = {Operand::Of(Kind::kNull), Operand::Text({}),
                                Operand::Of(Kind::kBlankText), Operand::Of(Kind::kOtherText)};
  for (const std::string_view literal : literals_) {
    if (!literal.empty()) cases.push_back(Operand::Text(literal));
  }
  size_t combinations = 1;
  for (int i = 0; i < condition_.repeated_variables; ++i) {
    combinations *= cases.size();
    if (combinations > kCompletionCasesMax) return conservative;
  }
  uint8_t outcome = 0;
  for (size_t combination = 0; combination < combinations; ++combination) {
    assignment_.clear();
    size_t rest = combination;
    for (int i = 0; i < condition_.repeated_variables; ++i) {
      assignment_.push_back(cases[rest % cases.size()]);
      rest /= cases.size();
    }
    budget_ = RegexBudget();
    outcome |= DecideOnce();
    // No further case can change the verdict: a failure outweighs all, if there can be one at all.
    if ((outcome & kCanFail) != 0) break;
    if ((outcome & kEither) == kEither && (conservative & kCanFail) == 0) break;
  }
  return outcome;
}

void Completions::CollectLiterals() {
  for (const Node& node : condition_.expression.nodes) {
    if (node.kind == NodeKind::kString) literals_.push_back(condition_.expression.Content(node));
  }
  std::sort(literals_.begin(), literals_.end());
  literals_.erase(std::unique(literals_.begin(), literals_.end()), literals_.end());
}

Completions::ValueSet Completions::Evaluate(uint8_t index) {
  ValueSet set = EvaluateNode(condition_.expression.nodes[index]);
  if (trace_ != nullptr) (*trace_)[index] = set;
  return set;
}

Completions::ValueSet Completions::EvaluateNode(const Node& node) {
  switch (node.kind) {
    case NodeKind::kEquals:
    case NodeKind::kNotEquals:
    case NodeKind::kMatches:
    case NodeKind::kNotMatches:
      return EvaluateComparison(node);
    case NodeKind::kAnd:
    case NodeKind::kOr:
      return EvaluateLogic(node);
    case NodeKind::kNot:
      return EvaluateNot(node);
    default:
      return EvaluateLeaf(node);
  }
}

Completions::ValueSet Completions::EvaluateLeaf(const Node& node) {
  if (node.kind == NodeKind::kVariable && node.operand != 0 && !assignment_.empty()) {
    return {assignment_[node.operand - 1]};
  }
  const Operand value = reader_.Read(node);
  if (value.kind == Kind::kFailed) failure_ = value.text();
  if (value.kind != Kind::kUnknown) return {value};
  if (node.kind == NodeKind::kVariable || node.kind == NodeKind::kTemplate) {
    return {Operand::Of(Kind::kNull), Operand::Of(Kind::kAnyText)};
  }
  return {Operand::Of(Kind::kNull),      Operand::Of(Kind::kAnyText),
          Operand::JsonBoolean(false),   Operand::JsonBoolean(true),
          Operand::Of(Kind::kBlankList), Operand::Of(Kind::kPresentList)};
}

Completions::ValueSet Completions::EvaluateComparison(const Node& node) {
  const bool match = node.kind == NodeKind::kMatches || node.kind == NodeKind::kNotMatches;
  const bool negated = node.kind == NodeKind::kNotEquals || node.kind == NodeKind::kNotMatches;
  const ValueSet left = Evaluate(node.left);
  ValueSet right = Evaluate(node.right);
  const Node& right_node = condition_.expression.nodes[node.right];
  if (match && right_node.kind == NodeKind::kString) right = {reader_.ReadPattern(right_node)};
  uint8_t outcome = 0;
  if (!match && IsSameUnknown(condition_.expression.nodes[node.left], right_node)) {
    outcome = kCanBeTrue;
  } else {
    for (const Operand& a : left) {
      for (const Operand& b : right) {
        const bool failed = a.kind == Kind::kFailed || b.kind == Kind::kFailed;
        outcome |= failed ? uint8_t{kCanFail} : match ? MatchOutcome(a, b) : EqualOutcome(a, b);
      }
    }
  }
  return BooleansOf<ValueSet>(negated ? Negated(outcome) : outcome, failure_);
}

// `&&` gives its left value if that is falsy, `||` if it is truthy; else the right one.
Completions::ValueSet Completions::EvaluateLogic(const Node& node) {
  const uint8_t keeps_left = node.kind == NodeKind::kAnd ? kCanBeFalse : kCanBeTrue;
  const ValueSet left = Evaluate(node.left);
  ValueSet set;
  bool reaches_right = false;
  for (const Operand& value : left) {
    const uint8_t truthy = value.kind == Kind::kFailed ? keeps_left : TruthyOutcome(value);
    if ((truthy & keeps_left) != 0) Add(value, &set);
    if ((truthy & (keeps_left ^ kEither)) != 0) reaches_right = true;
  }
  if (!reaches_right) return set;
  for (const Operand& value : Evaluate(node.right)) Add(value, &set);
  return set;
}

Completions::ValueSet Completions::EvaluateNot(const Node& node) {
  uint8_t outcome = 0;
  for (const Operand& value : Evaluate(node.left)) {
    outcome |= value.kind == Kind::kFailed ? uint8_t{kCanFail} : Negated(PresentOutcome(value));
  }
  return BooleansOf<ValueSet>(outcome, failure_);
}

uint8_t Completions::EqualOutcome(const Operand& left, const Operand& right) const {
  if (left.is_known() && right.is_known()) return OutcomeOf(Equal(left, right));
  const Operand& set = left.is_known() ? right : left;
  const Operand& other = left.is_known() ? left : right;
  switch (other.kind) {
    case Kind::kNull:
      return kCanBeFalse;  // a text or a list is never null
    case Kind::kTrue:
    case Kind::kFalse:
      return IsList(set) ? kEither : uint8_t{kCanBeFalse};
    case Kind::kPattern:
      return kCanBeFalse;
    case Kind::kText:
      return MayBe(set, other.text()) ? kEither : uint8_t{kCanBeFalse};
    case Kind::kJsonTrue:
    case Kind::kJsonFalse:
      return MayBe(set, other.kind == Kind::kJsonTrue ? "true" : "false") ? kEither
                                                                          : uint8_t{kCanBeFalse};
    case Kind::kList:
      return kEither;
    default: {  // two sets: only blank and not blank exclude each other
      const bool disjoint = (set.kind == Kind::kBlankText && other.kind == Kind::kOtherText) ||
                            (set.kind == Kind::kOtherText && other.kind == Kind::kBlankText);
      return disjoint ? uint8_t{kCanBeFalse} : kEither;
    }
  }
}

uint8_t Completions::MatchOutcome(const Operand& left, const Operand& right) {
  if (right.is_known()) {
    const bool nothing =
        right.kind == Kind::kNull || right.kind == Kind::kFalse || right.kind == Kind::kJsonFalse;
    const bool no_text = right.kind == Kind::kTrue || right.kind == Kind::kJsonTrue;
    if (left.is_known() || nothing || no_text) {
      const Operand found = Match(left, right, budget_);
      if (found.kind == Kind::kFailed) failure_ = found.text();
      return found.kind == Kind::kFailed ? uint8_t{kCanFail} : OutcomeOf(found.kind == Kind::kTrue);
    }
    return MatchesEveryText(right) ? uint8_t{kCanBeTrue} : kEither;
  }
  if (left.kind == Kind::kPattern) {
    failure_ = "the left side of the match is a pattern, not a text";
    return kCanFail;
  }
  return kEither;
}

// Whether `text` is one of the texts that `set` stands for.
bool Completions::MayBe(const Operand& set, std::string_view text) const {
  switch (set.kind) {
    case Kind::kBlankText:
      return !text.empty() && IsBlank(text) && !IsLiteral(text);
    case Kind::kOtherText:
      return !IsBlank(text) && !IsLiteral(text);
    default:
      return true;
  }
}

bool Completions::IsLiteral(std::string_view text) const {
  return std::binary_search(literals_.begin(), literals_.end(), text);
}

bool Completions::IsSameUnknown(const Node& left, const Node& right) const {
  if (left.kind != right.kind) return false;
  if (left.kind == NodeKind::kVariable) {
    return context_.variables == nullptr && left.operand != 0 && left.operand == right.operand;
  }
  return left.kind == NodeKind::kEvent && context_.event == nullptr &&
         left.operand == right.operand;
}

std::vector<EvaluatedOperand> Completions::Explain() {
  const std::vector<Node>& nodes = condition_.expression.nodes;
  std::vector<ValueSet> trace(nodes.size());
  trace_ = &trace;
  Evaluate(condition_.expression.root());
  trace_ = nullptr;

  std::vector<size_t> shown;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const NodeKind kind = nodes[i].kind;
    const bool comparison = kind >= NodeKind::kEquals && kind <= NodeKind::kNotMatches;
    const bool operand = kind == NodeKind::kEvent || kind == NodeKind::kInput ||
                         kind == NodeKind::kVariable || kind == NodeKind::kTemplate;
    if (!trace[i].empty() && (comparison || operand)) shown.push_back(i);
  }
  std::sort(shown.begin(), shown.end(), [&](size_t a, size_t b) {
    return nodes[a].begin != nodes[b].begin ? nodes[a].begin < nodes[b].begin
                                            : nodes[a].end > nodes[b].end;
  });
  std::vector<EvaluatedOperand> operands;
  for (const size_t i : shown) {
    const std::string_view text = condition_.expression.Source(nodes[i]);
    const bool known_already = std::any_of(operands.begin(), operands.end(),
                                           [&](const auto& other) { return other.text == text; });
    if (known_already) continue;
    std::string value = "unknown";
    if (trace[i].size() == 1 && trace[i][0].is_known()) value = ToJson(trace[i][0]);
    for (const Operand& member : trace[i]) {
      if (member.kind == Kind::kFailed) value = fmt::format("failed: {}", member.text());
    }
    operands.push_back({std::string(text), std::move(value)});
  }
  return operands;
}

}  // namespace cievents::matcher
