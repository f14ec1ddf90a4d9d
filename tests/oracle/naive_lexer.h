// The tokens of the `if:` language, by GitLab's own table of regular expressions, tried in order.
#ifndef TESTS_ORACLE_NAIVE_LEXER_H_
#define TESTS_ORACLE_NAIVE_LEXER_H_

#include <string>
#include <vector>

namespace cievents::oracle {

struct NaiveToken {
  enum class Kind {
    kOpen,
    kClose,
    kBlock,
    kVariable,
    kString,
    kPattern,
    kNull,
    kBoolean,
    kOperator,
  };
  Kind kind = Kind::kNull;
  // A block's inside, a variable's name, a string's text, a pattern with its slashes and flags.
  std::string text;
};

bool NaiveTokens(const std::string& text, std::vector<NaiveToken>* tokens, std::string* error);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_NAIVE_LEXER_H_
