// The `if:` language, naively: GitLab's token table tried in order, its shunting-yard, its values;
// what variables could be is tried out, one completion after the other (docs/subscriptions.md,
// "Conditions").
#ifndef TESTS_ORACLE_NAIVE_CONDITION_H_
#define TESTS_ORACLE_NAIVE_CONDITION_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/oracle/naive_event.h"

namespace cievents::oracle {

enum class NaiveVerdict { kFalse, kTrue, kUndecided, kFailed };

struct NaiveNode;  // of the parsed expression

// What operands stand for.
struct NaiveOperands {
  std::function<NaiveValue(const std::string& path)> event;
  std::function<NaiveValue(const std::string& name)> input;
};

class NaiveCondition {
 public:
  // Null: `error` says why it is none.
  static std::shared_ptr<const NaiveCondition> Parse(const std::string& text, std::string* error);

  // In a closed world: a variable that is not in the map is undefined.
  NaiveValue Evaluate(const NaiveOperands& operands,
                      const std::map<std::string, std::string>& variables) const;

  // Each variable can be undefined, empty, blank, any text: all of these are tried, any text being
  // what the condition itself compares with, `texts`, and some more. One verdict for all = decided.
  NaiveVerdict Decide(const NaiveOperands& operands, const std::vector<std::string>& texts) const;

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<const NaiveNode> root_;
  std::set<std::string> variables_;
  std::set<std::string> searched_;          // those on the left of a pattern
  std::vector<const NaiveNode*> operands_;  // of the tree
};

// What a rule sees of a value.
bool NaivePresent(const NaiveValue& value);

// A string with `$[[ ]]` blocks, in a condition or an input.
struct NaivePart {
  bool is_block = false;
  std::string text;  // of a block: what stands in it
};
std::vector<NaivePart> SplitBlocks(const std::string& text);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_NAIVE_CONDITION_H_
