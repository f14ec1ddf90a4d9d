// The syntax of a condition: a flat tree over the condition's own text, which the parser makes and
// nobody changes once a Condition holds it.
//
// Where a new operator goes:
//   1. a NodeKind and a row in kOperators (below): the lexer and the parser read that table;
//   2. its meaning for known values: a case in Evaluator::Evaluate (evaluator.cc);
//   3. its meaning for sets of possible values: a case in Completions::EvaluateNode
//   (completions.cc);
//   4. if it can be looked up by: CollectGroups (access.cc);
//   5. if it is common and compares a path with a literal: literal_tests.cc, which otherwise leaves
//      the whole condition to the evaluator;
//   6. rows in condition_test.cc, and in the random expressions of completions_test.cc.
// A new operand goes the same way, with a token in lexer.cc and a leaf kind here.
#ifndef MATCHER_CONDITION_EXPRESSION_H_
#define MATCHER_CONDITION_EXPRESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cievents::matcher {

enum class NodeKind : uint8_t {
  // Operands.
  kNull,
  kTrue,
  kFalse,
  kString,    // quoted, without blocks
  kTemplate,  // quoted, with at least one block
  kPattern,   // /../flags
  kVariable,  // $NAME
  kInput,     // $[[ inputs.NAME ]]
  kEvent,     // $[[ event.PATH ]]
  // Operators.
  kEquals,
  kNotEquals,
  kMatches,
  kNotMatches,
  kAnd,
  kOr,
  kNot,
};

struct OperatorRule {
  NodeKind kind;
  std::string_view symbol;
  std::string_view name;  // as GitLab prints trees
  int precedence;         // the lower binds tighter; all binary operators are left-associative
  int operands;
};

// In the order in which GitLab's lexer tries them.
inline constexpr std::array kOperators = {
    OperatorRule{NodeKind::kEquals, "==", "equals", 10, 2},
    OperatorRule{NodeKind::kMatches, "=~", "matches", 10, 2},
    OperatorRule{NodeKind::kNotEquals, "!=", "not_equals", 10, 2},
    OperatorRule{NodeKind::kNotMatches, "!~", "not_matches", 10, 2},
    OperatorRule{NodeKind::kAnd, "&&", "and", 11, 2},
    OperatorRule{NodeKind::kOr, "||", "or", 12, 2},
    OperatorRule{NodeKind::kNot, "!", "not", 1, 1},
};

constexpr bool IsOperator(NodeKind kind) { return kind >= NodeKind::kEquals; }

// The row of an operator; nullptr for operands.
const OperatorRule* FindOperator(NodeKind kind);

// One part of a quoted text with blocks, or the block that is an operand by itself.
struct Part {
  enum class Kind : uint8_t { kText, kEvent, kInput, kEnd };
  Kind kind = Kind::kEnd;
  // Of the condition's text: the literal text; `event.PATH`, `gitlab.` included; NAME.
  uint16_t begin = 0;
  uint16_t end = 0;
  uint16_t path = 0;  // kEvent, once compiled: which of the condition's paths
};

// 12 bytes: hundreds of thousands of conditions are held in memory.
struct Node {
  NodeKind kind = NodeKind::kNull;
  uint8_t left = 0;    // operators: the operands' places in `nodes`; `!` has only a left one
  uint8_t right = 0;   // 99 tokens make at most 99 nodes
  uint16_t begin = 0;  // the node as written, in bytes of the text
  uint16_t end = 0;
  // kEvent, kInput, kTemplate: the first of its `parts`. Once compiled, also
  // kEvent: its path; kPattern: its regex; kString: 1 + the regex it stands for on the right of
  // `=~`, 0 = none; kVariable: 1 + its number among the variables that occur more than once.
  uint16_t operand = 0;
};

struct Expression {
  std::string text;
  std::vector<Node> nodes;  // operands before their operator; the last is the root
  std::vector<Part> parts;  // a template's end with kEnd
  int tokens = 0;
  // A hoisted rule whose meaning only GitLab can tell (a block inside `/../`, ...). No nodes then.
  bool undecidable = false;

  uint8_t root() const { return static_cast<uint8_t>(nodes.size() - 1); }
  std::string_view Source(uint16_t begin, uint16_t end) const {
    return {text.data() + begin, static_cast<size_t>(end - begin)};
  }
  std::string_view Source(const Node& node) const { return Source(node.begin, node.end); }
  // What stands between a string's quotes; a variable's name without its `$`.
  std::string_view Content(const Node& node) const;

  // The tree as GitLab's specs write it: `and($A, equals($B, "x"))`.
  std::string Inspect() const;
};

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_EXPRESSION_H_
