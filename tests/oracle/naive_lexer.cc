#include "tests/oracle/naive_lexer.h"

#include <re2/re2.h>

#include <span>
#include <string>
#include <vector>

#include "tests/oracle/naive_condition.h"

namespace cievents::oracle {
namespace {

struct Row {
  NaiveToken::Kind kind;
  RE2 regex;  // group 1 is the token's text
};

std::span<const Row> Table() {
  using Kind = NaiveToken::Kind;
  static const Row table[] = {
      {Kind::kOpen, R"((\())"},
      {Kind::kClose, R"((\)))"},
      {Kind::kBlock, R"(\$\[\[\s*(inputs\.[A-Za-z0-9_-]+)\s*\]\])"},
      {Kind::kBlock, R"(\$\[\[\s*((?:gitlab\.)?event(?:\.[A-Za-z0-9_-]+)+)\s*\]\])"},
      {Kind::kVariable, R"(\$(\w+))"},
      {Kind::kString, R"RE("(.*?)")RE"},
      {Kind::kString, R"('(.*?)')"},
      {Kind::kPattern, R"((/(?:[^/]|\\/)+[^\\]/[ismU]*))"},
      {Kind::kNull, R"((null))"},
      {Kind::kBoolean, R"((true|false)\b)"},
      {Kind::kOperator, R"((==|=~|!=|!~|&&|\|\||!))"},
  };
  return table;
}

}  // namespace

bool NaiveTokens(const std::string& text, std::vector<NaiveToken>* tokens, std::string* error) {
  static const RE2 space(R"([\s\x0B]*)");
  re2::StringPiece rest(text);
  while (true) {
    RE2::Consume(&rest, space);
    if (rest.empty()) return true;
    if (tokens->size() == 99) {
      *error = "Too many tokens!";
      return false;
    }
    NaiveToken token;
    bool found = false;
    for (const Row& row : Table()) {
      if (!RE2::Consume(&rest, row.regex, &token.text)) continue;
      token.kind = row.kind;
      found = true;
      break;
    }
    if (!found) {
      *error = "Unknown lexeme found!";
      return false;
    }
    tokens->push_back(token);
  }
}

std::vector<NaivePart> SplitBlocks(const std::string& text) {
  static const RE2 block(R"(^((?s:.*?))\$\[\[\s*(\S.*?\S)\s*\]\])");
  std::vector<NaivePart> parts;
  re2::StringPiece rest(text);
  std::string before;
  std::string inside;
  while (RE2::Consume(&rest, block, &before, &inside)) {
    if (!before.empty()) parts.push_back({false, before});
    parts.push_back({true, inside});
  }
  if (!rest.empty()) parts.push_back({false, std::string(rest)});
  return parts;
}

}  // namespace cievents::oracle
