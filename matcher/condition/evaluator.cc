#include "matcher/condition/evaluator.h"

namespace cievents::matcher {
namespace {

using Kind = Operand::Kind;

Operand Not(const Operand& boolean) {
  if (!boolean.is_known()) return boolean;
  return Operand::Boolean(boolean.kind == Kind::kFalse);
}

}  // namespace

Operand OperandReader::Read(const Node& leaf) {
  switch (leaf.kind) {
    case NodeKind::kEvent:
      if (context_.event == nullptr) return absent_;
      return Operand::From(context_.event->Get(*condition_.paths[leaf.operand]));
    case NodeKind::kString:
      return Operand::Text(condition_.expression.Content(leaf));
    case NodeKind::kVariable:
      return ReadVariable(leaf);
    case NodeKind::kInput:
      return ReadPart(condition_.expression.parts[leaf.operand]);
    case NodeKind::kTemplate:
      return ReadTemplate(leaf);
    case NodeKind::kPattern:
      return Operand::Pattern(condition_.regexes[leaf.operand].get());
    case NodeKind::kTrue:
      return Operand::Of(Kind::kTrue);
    case NodeKind::kFalse:
      return Operand::Of(Kind::kFalse);
    default:
      return Operand::Of(Kind::kNull);
  }
}

Operand OperandReader::ReadPattern(const Node& leaf) {
  if (leaf.kind == NodeKind::kString && leaf.operand != 0) {
    return Operand::Pattern(condition_.regexes[leaf.operand - 1].get());
  }
  return Read(leaf);
}

Operand OperandReader::ReadVariable(const Node& leaf) const {
  if (context_.variables == nullptr) return absent_;
  const auto found = context_.variables->find(condition_.expression.Content(leaf));
  if (found == context_.variables->end()) return Operand::Of(Kind::kNull);
  return Operand::Text(found->second);
}

Operand OperandReader::ReadPart(const Part& part) {
  if (part.kind == Part::Kind::kEvent) {
    if (context_.event == nullptr) return absent_;
    return Operand::From(context_.event->Get(*condition_.paths[part.path]));
  }
  if (context_.inputs == nullptr) return absent_;
  return Operand::From(
      context_.inputs->GetInput(condition_.expression.Source(part.begin, part.end)));
}

// A failed part fails the whole, else a null one makes it null, else an unknown one unknown.
Operand OperandReader::ReadTemplate(const Node& leaf) {
  std::string& text = texts_.emplace_front();
  bool has_null = false;
  bool has_unknown = false;
  for (size_t at = leaf.operand;; ++at) {
    const Part& part = condition_.expression.parts[at];
    if (part.kind == Part::Kind::kEnd) break;
    if (part.kind == Part::Kind::kText) {
      text.append(condition_.expression.Source(part.begin, part.end));
      continue;
    }
    const Operand value = ReadPart(part);
    if (value.kind == Kind::kFailed) return value;
    has_null |= value.kind == Kind::kNull;
    has_unknown |= value.kind == Kind::kUnknown;
    std::string list;
    text.append(ToText(value, &list));
  }
  if (has_null) return Operand::Of(Kind::kNull);
  return has_unknown ? Operand::Of(Kind::kUnknown) : Operand::Text(text);
}

Operand Evaluator::EvaluateNode(uint8_t index) {
  const Node& node = condition_.expression.nodes[index];
  switch (node.kind) {
    case NodeKind::kEquals:
    case NodeKind::kNotEquals: {
      const Operand left = EvaluateNode(node.left);
      if (!left.is_known()) return left;
      const Operand right = EvaluateNode(node.right);
      if (!right.is_known()) return right;
      // Two texts are what nearly all comparisons have.
      const bool texts = left.kind == Kind::kText && right.kind == Kind::kText;
      const bool equal = texts ? left.text() == right.text() : Equal(left, right);
      return Operand::Boolean(equal == (node.kind == NodeKind::kEquals));
    }
    case NodeKind::kMatches:
      return EvaluateMatch(node);
    case NodeKind::kNotMatches:
      return Not(EvaluateMatch(node));
    case NodeKind::kAnd: {
      const Operand left = EvaluateNode(node.left);
      return left.is_known() && Truthy(left) ? EvaluateNode(node.right) : left;
    }
    case NodeKind::kOr: {
      const Operand left = EvaluateNode(node.left);
      return left.is_known() && !Truthy(left) ? EvaluateNode(node.right) : left;
    }
    case NodeKind::kNot: {
      const Operand operand = EvaluateNode(node.left);
      return operand.is_known() ? Operand::Boolean(!Present(operand)) : operand;
    }
    default:
      return reader_.Read(node);
  }
}

Operand Evaluator::EvaluateMatch(const Node& node) {
  const Operand left = EvaluateNode(node.left);
  if (!left.is_known()) return left;
  const Node& right_node = condition_.expression.nodes[node.right];
  const Operand right =
      IsOperator(right_node.kind) ? EvaluateNode(node.right) : reader_.ReadPattern(right_node);
  if (!right.is_known()) return right;
  return Match(left, right, budget_);
}

}  // namespace cievents::matcher
