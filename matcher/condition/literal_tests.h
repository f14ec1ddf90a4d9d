// The short way to the verdict of the conditions that people write most: event paths compared with
// literals, the comparisons joined by `||`, these joined by `&&`:
//
//   $[[ event.env ]] == "prod" && ($[[ event.type ]] == "app" || $[[ event.type ]] =~ /^db-/)
//
// A list of tests in the order of the text; the first group of alternatives of which none holds
// ends it. Says the same as the evaluator, about ten times as fast: nothing is an operand, no tree
// is walked. Whatever it cannot say (a value that could not be read, a regex over its budget) is
// left to the evaluator.
#ifndef MATCHER_CONDITION_LITERAL_TESTS_H_
#define MATCHER_CONDITION_LITERAL_TESTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "matcher/condition/regex.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_path.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

struct CompiledCondition;

struct LiteralTest {
  enum class Kind : uint8_t { kText, kBoolean, kNull, kPrefix, kSuffix, kContains, kRegex };
  enum class Result : uint8_t { kFalse, kTrue, kUnsure };

  Kind kind = Kind::kText;
  bool boolean = false;     // kBoolean: the literal
  bool negated = false;     // `!=`, `!~`
  bool ends_group = false;  // the last of its alternatives
  const EventPath* path = nullptr;
  std::string_view literal;      // kText, kPrefix, kSuffix, kContains
  const Regex* regex = nullptr;  // kRegex

  Result Holds(EventFields& event, RegexBudget& budget) const;
  // What Holds reads besides this object.
  const void* compared_with() const {
    return kind == Kind::kRegex ? static_cast<const void*>(regex) : literal.data();
  }
};

// The verdict of LiteralTests::tests. REQUIRES: not empty.
LiteralTest::Result EvaluateTests(std::span<const LiteralTest> tests, EventFields& event);

class LiteralTests {
 public:
  LiteralTests() = default;
  // Empty if the condition has another form. Views into `condition`.
  explicit LiteralTests(const CompiledCondition& condition);

  bool empty() const { return tests_.empty(); }
  std::span<const LiteralTest> tests() const { return tests_; }

 private:
  std::vector<LiteralTest> tests_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_LITERAL_TESTS_H_
