#include "matcher/condition/expression.h"

namespace cievents::matcher {
namespace {

void InspectNode(const Expression& expression, uint8_t index, std::string* out) {
  const Node& node = expression.nodes[index];
  const OperatorRule* rule = FindOperator(node.kind);
  if (rule == nullptr) {
    if (node.kind == NodeKind::kString || node.kind == NodeKind::kTemplate) {
      out->append("\"").append(expression.Content(node)).append("\"");
    } else {
      out->append(expression.Source(node));
    }
    return;
  }
  out->append(rule->name).append("(");
  InspectNode(expression, node.left, out);
  if (rule->operands == 2) {
    out->append(", ");
    InspectNode(expression, node.right, out);
  }
  out->append(")");
}

}  // namespace

const OperatorRule* FindOperator(NodeKind kind) {
  for (const OperatorRule& rule : kOperators) {
    if (rule.kind == kind) return &rule;
  }
  return nullptr;
}

std::string_view Expression::Content(const Node& node) const {
  switch (node.kind) {
    case NodeKind::kString:
    case NodeKind::kTemplate:
      return Source(static_cast<uint16_t>(node.begin + 1), static_cast<uint16_t>(node.end - 1));
    case NodeKind::kVariable:
      return Source(static_cast<uint16_t>(node.begin + 1), node.end);
    default:
      return Source(node);
  }
}

std::string Expression::Inspect() const {
  std::string out;
  if (!nodes.empty()) InspectNode(*this, root(), &out);
  return out;
}

}  // namespace cievents::matcher
