// From text to tree: GitLab's shunting yard, with its errors, and what our operands add.
#ifndef MATCHER_CONDITION_PARSER_H_
#define MATCHER_CONDITION_PARSER_H_

#include <optional>
#include <string_view>

#include "matcher/condition/condition.h"
#include "matcher/condition/expression.h"

namespace cievents::matcher {

// nullopt: `error` says why. A message begins with GitLab's own text ("Unknown lexeme found!",
// "Unmatched parenthesis", ...) where GitLab rejects the condition too; the name of GitLab's error
// class is not part of it. Patterns and paths are checked when the tree is compiled (compiled.h).
std::optional<Expression> ParseExpression(std::string_view text, ConditionPlace place,
                                          ConditionError* error);

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_PARSER_H_
