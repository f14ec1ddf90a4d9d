#include "matcher/condition/literal_tests.h"

#include <algorithm>
#include <utility>

#include "matcher/condition/compiled.h"
#include "matcher/condition/expression.h"

namespace cievents::matcher {
namespace {

using Result = LiteralTest::Result;

std::string_view TextOf(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kText:
      return value.text;
    case Value::Kind::kBoolean:
      return value.boolean ? "true" : "false";
    default:
      return {};
  }
}

Result ResultOf(bool holds) { return holds ? Result::kTrue : Result::kFalse; }

// Of a value that is no list.
Result HoldsFor(const LiteralTest& test, const Value& value, RegexBudget& budget) {
  switch (test.kind) {
    case LiteralTest::Kind::kText:
      return ResultOf(value.kind != Value::Kind::kNull && TextOf(value) == test.literal);
    case LiteralTest::Kind::kBoolean:
      return ResultOf(value.kind == Value::Kind::kBoolean && value.boolean == test.boolean);
    case LiteralTest::Kind::kNull:
      return ResultOf(value.kind == Value::Kind::kNull);
    // What is absent is the empty text to a regex; these literals are not empty.
    case LiteralTest::Kind::kPrefix:
      return ResultOf(TextOf(value).starts_with(test.literal));
    case LiteralTest::Kind::kSuffix:
      return ResultOf(TextOf(value).ends_with(test.literal));
    case LiteralTest::Kind::kContains:
      return ResultOf(Contains(TextOf(value), test.literal));  // linear, unlike find
    case LiteralTest::Kind::kRegex:
      // What is absent is searched as the empty text, as in Ruby.
      switch (test.regex->Search(TextOf(value), budget)) {
        case Regex::Outcome::kFound:
          return Result::kTrue;
        case Regex::Outcome::kNotFound:
          return Result::kFalse;
        case Regex::Outcome::kOverBudget:
          return Result::kUnsure;
      }
  }
  return Result::kUnsure;
}

Result Positive(const LiteralTest& test, const Value& value, RegexBudget& budget) {
  if (value.kind == Value::Kind::kFailed) return Result::kUnsure;
  if (value.kind != Value::Kind::kList) return HoldsFor(test, value, budget);
  for (const Value& element : value.list) {
    const Result result = HoldsFor(test, element, budget);
    if (result != Result::kFalse) return result;
  }
  return Result::kFalse;
}

// Fills the list of tests from the tree; false where the tree has another form.
class Reader {
 public:
  Reader(const CompiledCondition& condition, std::vector<LiteralTest>* tests)
      : condition_(condition), tests_(tests) {}

  bool ReadAll(uint8_t index) {
    const Node& node = condition_.expression.nodes[index];
    if (node.kind == NodeKind::kAnd) return ReadAll(node.left) && ReadAll(node.right);
    if (!ReadAny(index)) return false;
    tests_->back().ends_group = true;
    return true;
  }

 private:
  bool ReadAny(uint8_t index) {
    const Node& node = condition_.expression.nodes[index];
    if (node.kind == NodeKind::kOr) return ReadAny(node.left) && ReadAny(node.right);
    std::optional<LiteralTest> test = ReadTest(node);
    if (!test.has_value()) return false;
    tests_->push_back(*std::move(test));
    return true;
  }

  std::optional<LiteralTest> ReadTest(const Node& node) const {
    const bool equality = node.kind == NodeKind::kEquals || node.kind == NodeKind::kNotEquals;
    const bool match = node.kind == NodeKind::kMatches || node.kind == NodeKind::kNotMatches;
    if (!equality && !match) return std::nullopt;
    const Node* event = &condition_.expression.nodes[node.left];
    const Node* other = &condition_.expression.nodes[node.right];
    if (equality && event->kind != NodeKind::kEvent) std::swap(event, other);
    if (event->kind != NodeKind::kEvent) return std::nullopt;
    LiteralTest test;
    test.path = condition_.paths[event->operand].get();
    test.negated = node.kind == NodeKind::kNotEquals || node.kind == NodeKind::kNotMatches;
    const bool found = equality ? ReadLiteral(*other, &test) : ReadPattern(*other, &test);
    return found ? std::optional(test) : std::nullopt;
  }

  bool ReadLiteral(const Node& node, LiteralTest* test) const {
    switch (node.kind) {
      case NodeKind::kString:
        test->kind = LiteralTest::Kind::kText;
        test->literal = condition_.expression.Content(node);
        return true;
      case NodeKind::kTrue:
      case NodeKind::kFalse:
        test->kind = LiteralTest::Kind::kBoolean;
        test->boolean = node.kind == NodeKind::kTrue;
        return true;
      case NodeKind::kNull:
        test->kind = LiteralTest::Kind::kNull;
        return true;
      default:
        return false;
    }
  }

  static LiteralTest::Kind KindOf(const Regex& regex) {
    if (regex.literal().empty()) return LiteralTest::Kind::kRegex;
    switch (regex.shape()) {
      case Regex::Shape::kPrefix:
        return LiteralTest::Kind::kPrefix;
      case Regex::Shape::kSuffix:
        return LiteralTest::Kind::kSuffix;
      case Regex::Shape::kContains:
        return LiteralTest::Kind::kContains;
      default:
        return LiteralTest::Kind::kRegex;
    }
  }

  bool ReadPattern(const Node& node, LiteralTest* test) const {
    if (node.kind != NodeKind::kPattern) return false;
    test->regex = condition_.regexes[node.operand].get();
    test->kind = KindOf(*test->regex);
    test->literal = test->regex->literal();
    return true;
  }

  const CompiledCondition& condition_;
  std::vector<LiteralTest>* const tests_;
};

}  // namespace

Result LiteralTest::Holds(EventFields& event, RegexBudget& budget) const {
  const Result result = Positive(*this, event.Get(*path), budget);
  if (result == Result::kUnsure || !negated) return result;
  return ResultOf(result == Result::kFalse);
}

LiteralTests::LiteralTests(const CompiledCondition& condition) {
  if (condition.expression.undecidable) return;
  if (!Reader(condition, &tests_).ReadAll(condition.expression.root())) tests_.clear();
  tests_.shrink_to_fit();
}

Result EvaluateTests(std::span<const LiteralTest> tests, EventFields& event) {
  RegexBudget budget;
  bool group_holds = false;
  for (const LiteralTest& test : tests) {
    if (!group_holds) {
      const Result result = test.Holds(event, budget);
      if (result == Result::kUnsure) return result;
      group_holds = result == Result::kTrue;
    }
    if (!test.ends_group) continue;
    if (!group_holds) return Result::kFalse;
    group_holds = false;
  }
  return Result::kTrue;
}

}  // namespace cievents::matcher
