// The functions of an interpolation block, `$[[ access | function | function ]]`, with GitLab's
// names, arguments and messages. A new function is a row of the table in functions.cc and a row in
// docs/subscriptions.md; nothing else knows a function's name.
#ifndef MATCHER_INPUTS_FUNCTIONS_H_
#define MATCHER_INPUTS_FUNCTIONS_H_

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matcher/inputs/input_value.h"

namespace cievents::matcher {

// What a function may read beside its text.
struct FunctionContext {
  // Null: no variable is known, as when an event is matched.
  const std::map<std::string, std::string, std::less<>>* variables = nullptr;
};

struct Function {
  std::string_view name;
  // RE2 over the whole expression, GitLab's; its groups are the arguments.
  std::string_view pattern;
  // A function that reads variables is an error on event data: an event's text could otherwise
  // name a secret variable and have it expanded.
  enum class Reads : uint8_t { kTextOnly, kVariables } reads;
  // Changes `text`; returns what is wrong, or nothing. `arguments` has one item a group.
  std::string (*apply)(std::span<const std::string> arguments, const FunctionContext& context,
                       std::string* text);
};

// A function with its arguments, as it stands in a block.
struct FunctionCall {
  const Function* function = nullptr;  // of the table
  std::vector<std::string> arguments;
};

// kInvalidArgument: no function is called like this.
absl::StatusOr<FunctionCall> ParseFunctionCall(std::string_view expression);

// `value` must be a string, as in GitLab; it is one afterwards.
absl::Status ApplyFunction(const FunctionCall& call, const FunctionContext& context,
                           InputValue* value);

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_FUNCTIONS_H_
