// The tokens of a condition, as GitLab's lexer finds them, and blocks.
#ifndef MATCHER_CONDITION_LEXER_H_
#define MATCHER_CONDITION_LEXER_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "matcher/condition/condition.h"
#include "matcher/condition/expression.h"

namespace cievents::matcher {

struct Token {
  enum class Kind : uint8_t { kOperand, kOperator, kOpen, kClose };
  Kind kind = Kind::kOperand;
  NodeKind node = NodeKind::kNull;  // kOperand, kOperator
  uint16_t begin = 0;
  uint16_t end = 0;
  uint16_t part = 0;  // kEvent, kInput, kTemplate: the first of its parts
};

struct LexedText {
  std::vector<Token> tokens;
  std::vector<Part> parts;
  // A hoisted rule that only GitLab can read; `tokens` then ends early.
  bool undecidable = false;
};

// REQUIRES: text.size() <= kConditionBytesMax. False: `error` says why.
bool Lex(std::string_view text, ConditionPlace place, LexedText* lexed, ConditionError* error);

// ---- Pieces of the lexer, shared with unknown_lexeme.cc
// ------------------------------------------

// The end of GitLab's `/([^/]|\/)+[^\\]/[ismU]*` at `begin`; 0 if it does not match there.
size_t FindPatternEnd(std::string_view text, size_t begin);

bool IsSpace(char c);     // Ruby's \s
bool IsWordChar(char c);  // Ruby's \w

// What is wrong at `begin`, where no token is: the error's column, text and suggestion.
ConditionError ExplainUnknownLexeme(std::string_view text, size_t begin);

// ---- Blocks (block.cc)
// ---------------------------------------------------------------------------

struct Block {
  enum class Outcome : uint8_t {
    kPart,         // `part` says what it is
    kUndecidable,  // GitLab may read it, we do not
    kError,
  };
  Outcome outcome = Outcome::kError;
  size_t end = 0;  // behind the `]]`
  Part part;
};

// The block whose `$[[` stands at `begin`; it must end before `limit`.
Block ReadBlock(std::string_view text, size_t begin, size_t limit, ConditionPlace place,
                ConditionError* error);

// True if a closed block stands in the text: `$[[ .. ]]`.
bool HasBlock(std::string_view text);

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_LEXER_H_
