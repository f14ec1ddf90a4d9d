// A condition: the text behind `if:`, parsed, checked and compiled (docs/subscriptions.md,
// "Conditions"). GitLab's `rules:if` language with two more operands, `$[[ event.PATH ]]` and
// `$[[ inputs.NAME ]]`.
//
//   text -> lexer.h -> parser.h (an Expression) -> compiled.h: operands interned, regexes compiled
//        -> literal_tests.h: the short way for comparisons of event paths with literals
//        -> evaluator.h: the value if all operands that are reached are known
//        -> completions.h: the verdict on which all completions of unknown operands agree
//        -> access.h: what an index can look up by
//
// Where a new operator goes: expression.h. Immutable after Parse; any number of threads may
// evaluate it.
#ifndef MATCHER_CONDITION_CONDITION_H_
#define MATCHER_CONDITION_CONDITION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/condition/expression.h"
#include "matcher/condition/literal_tests.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_path.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

// What a clause says of one event. Undecided: the completions of its unknown variables disagree.
enum class Verdict : uint8_t { kFalse, kTrue, kUndecided, kFailed };

// Where `$[[ inputs.NAME ]]` gets its value.
class InputSource {
 public:
  virtual ~InputSource() = default;
  // kNull if the input has no value. Valid until the next event or, at least, the end of the
  // evaluation.
  virtual Value GetInput(std::string_view name) = 0;
};

// What an evaluation may read.
struct EvaluationContext {
  EventFields* event = nullptr;   // null: every event path is unknown
  InputSource* inputs = nullptr;  // null: every input is unknown
  // Null: every variable is unknown, as at matching time. Else the world is closed: a variable
  // that is not in the map is undefined, as at pipeline creation.
  const std::map<std::string, std::string, std::less<>>* variables = nullptr;
};

// What is only right in some places.
enum class ConditionPlace : uint8_t {
  kEntryRule,    // an entry's `rules`: blocks in patterns, glued blocks, bare inputs are errors
  kHoistedRule,  // a rule of the CI file: those are undecided instead
};

// A necessary condition that an index can look up: at least one of its terms must hold, or be about
// a value that could not be read, for a condition to be true or undecided. A condition without one
// fires nothing: it is false, or has failed on another value.
struct AccessTerm {
  enum class Kind : uint8_t {
    kEquals,  // the path's value, or an element of its list, is `literal` (booleans: their text)
    kPrefix,  // ... begins with `literal`
    kRegex,   // ... is found by the RE2 pattern `literal` (flags included as `(?i)`), unanchored
  };
  Kind kind = Kind::kEquals;
  std::shared_ptr<const EventPath> path;
  std::string literal;
  friend bool operator==(const AccessTerm&, const AccessTerm&) = default;
};
using AccessGroup = std::vector<AccessTerm>;  // one of these must hold

// What evaluating costs at most, checked when a subscription is added.
struct ConditionCost {
  int tokens = 0;
  int paths = 0;          // distinct event paths
  int regexes = 0;        // patterns that need a regex engine
  int regex_program = 0;  // sum of RE2 program sizes
};
inline constexpr int kConditionTokensMax = 99;
inline constexpr size_t kConditionBytesMax = 16 * 1024;
inline constexpr size_t kRegexBytesMax = 1000;
inline constexpr int kRegexProgramMax = 10'000;  // RE2 instructions of one pattern

// What a condition that does not parse says: a column (1-based, in bytes of the text), what is
// wrong, and what to write instead where there is one suggestion. Where GitLab rejects the
// condition too, the message begins with GitLab's own ("Unknown lexeme found!", "Unmatched
// parenthesis", ..), without the name of its error class.
struct ConditionError {
  int column = 0;
  std::string message;
  std::string suggestion;
};

class Condition;
struct ClosedWorldResult;

// Interns paths and regexes over all conditions of an index, so that equal ones exist once. One
// writer at a time; what it gives out is read from any thread.
class ConditionTables {
 public:
  ConditionTables();
  ~ConditionTables();
  EventPathTable& paths();

 private:
  friend class Condition;
  struct State;
  std::unique_ptr<State> state_;
};

// The value of a subexpression, for explain.
struct EvaluatedOperand {
  std::string text;   // as written, e.g. `$[[ event.payload.ref ]]`
  std::string value;  // JSON of its value; "unknown"; "failed: why"
};

class Condition {
 public:
  // nullptr: `error` says why.
  static std::unique_ptr<const Condition> Parse(std::string_view text, ConditionPlace place,
                                                ConditionTables& tables, ConditionError* error);
  ~Condition();

  Verdict Evaluate(const EvaluationContext& context) const;

  // The comparisons and operands that an evaluation reaches, and their values, in the order of the
  // text, a comparison before its operands, each text once; for explain. Literals are left out.
  std::vector<EvaluatedOperand> EvaluateOperands(const EvaluationContext& context) const;

  // How many of the parts that the condition joins by `&&` are false, for explain.
  int CountFalseParts(const EvaluationContext& context) const;

  const std::string& text() const;
  const ConditionCost& cost() const;
  // Names in `$[[ inputs.NAME ]]`, sorted, distinct. Not empty: the verdict depends on the
  // subscription, not on the event and this text alone.
  const std::vector<std::string>& inputs() const;
  // True if it reads `event.name`, whose value depends on the entry that asks.
  bool uses_event_name() const;
  // True if it names a variable: it can be undecided.
  bool has_variables() const;
  // The comparisons with literals that are the whole condition; none if it has another form.
  std::span<const LiteralTest> tests() const;
  // All must hold; empty = nothing to look up by. Independent of inputs, variables and
  // `event.name`.
  const std::vector<AccessGroup>& access() const;

 private:
  friend ClosedWorldResult EvaluateClosedWorld(const Condition& condition,
                                               const EvaluationContext& context);
  struct State;
  explicit Condition(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

// GitLab's answer in a closed world: the value that `condition eval` prints. What the context does
// not give is null.
struct ClosedWorldResult {
  std::string json;       // the value as JSON (null, true, "text"); null if it failed
  bool truthful = false;  // what a rule sees
  std::string failure;    // why it could not be evaluated; empty = it could
};
ClosedWorldResult EvaluateClosedWorld(const Condition& condition, const EvaluationContext& context);

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_CONDITION_H_
