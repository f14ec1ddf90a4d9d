#include "matcher/condition/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "matcher/condition/lexer.h"

namespace cievents::matcher {
namespace {

ConditionError At(size_t offset, std::string message, std::string suggestion = {}) {
  return {static_cast<int>(offset) + 1, std::move(message), std::move(suggestion)};
}

// The first and last token of a node, so that its source can be shown with its parentheses.
struct TokenSpan {
  size_t first = 0;
  size_t last = 0;
};

class Parser {
 public:
  Parser(const std::vector<Token>& tokens, Expression* expression, ConditionError* error)
      : tokens_(tokens), expression_(*expression), error_(*error) {}

  bool Run() {
    if (!ToPostfix()) return false;
    for (const size_t index : postfix_) {
      if (!Build(index)) return false;
    }
    if (results_.size() > 1) {
      return Fail(expression_.nodes[results_[1]].begin,
                  "Unreachable nodes in parse tree: an operator is missing between two operands, "
                  "`==` or `&&` for example");
    }
    if (results_.empty()) return Fail(0, "Empty parse tree: there is no condition");
    return true;
  }

 private:
  // GitLab's tokens_rpn: `output.push(operators.pop) while token.consume?(operators.last)`.
  bool ToPostfix() {
    for (size_t index = 0; index < tokens_.size(); ++index) {
      const Token& token = tokens_[index];
      switch (token.kind) {
        case Token::Kind::kOperand:
          postfix_.push_back(index);
          break;
        case Token::Kind::kOpen:
          operators_.push_back(index);
          break;
        case Token::Kind::kClose:
          PopWhile([](int) { return true; });
          if (operators_.empty()) {
            return Fail(token.begin, "Unmatched parenthesis: this `)` closes nothing");
          }
          operators_.pop_back();
          break;
        case Token::Kind::kOperator: {
          const OperatorRule& rule = *FindOperator(token.node);
          if (rule.operands == 2) {
            PopWhile([&](int precedence) { return rule.precedence >= precedence; });
          }
          operators_.push_back(index);
          break;
        }
      }
    }
    postfix_.insert(postfix_.end(), operators_.rbegin(), operators_.rend());
    return true;
  }

  // Moves operators to the output, down to an open parenthesis or one that binds too loosely.
  template <typename Predicate>
  void PopWhile(Predicate predicate) {
    while (!operators_.empty()) {
      const Token& top = tokens_[operators_.back()];
      if (top.kind == Token::Kind::kOpen || !predicate(FindOperator(top.node)->precedence)) return;
      postfix_.push_back(operators_.back());
      operators_.pop_back();
    }
  }

  bool Build(size_t index) {
    const Token& token = tokens_[index];
    if (token.kind == Token::Kind::kOpen) {
      return Fail(token.begin,
                  "Unprocessable token found in parse tree: parenthesis_open: this `(` is not "
                  "closed");
    }
    Node node;
    node.kind = token.node;
    node.begin = token.begin;
    node.end = token.end;
    node.operand = token.part;
    TokenSpan span{index, index};
    if (token.kind == Token::Kind::kOperator && !BuildOperator(token, &node, &span)) return false;
    results_.push_back(static_cast<uint8_t>(expression_.nodes.size()));
    expression_.nodes.push_back(node);
    spans_.push_back(span);
    return true;
  }

  bool BuildOperator(const Token& token, Node* node, TokenSpan* span) {
    const OperatorRule& rule = *FindOperator(token.node);
    if (results_.size() < static_cast<size_t>(rule.operands)) {
      return Fail(
          token.begin,
          fmt::format("{}: `{}` needs {}",
                      rule.operands == 2 ? "Invalid left operand" : "Invalid operand", rule.symbol,
                      rule.operands == 2 ? "an operand on each side" : "an operand on its right"));
    }
    if (rule.operands == 2) {
      node->right = Pop(span);
    }
    node->left = Pop(span);
    node->begin = tokens_[span->first].begin;
    node->end = tokens_[span->last].end;
    return true;
  }

  // Takes the last result; widens `span` over it and the parentheses around it.
  uint8_t Pop(TokenSpan* span) {
    const uint8_t result = results_.back();
    results_.pop_back();
    TokenSpan operand = spans_[result];
    while (operand.first > 0 && operand.last + 1 < tokens_.size() &&
           tokens_[operand.first - 1].kind == Token::Kind::kOpen &&
           tokens_[operand.last + 1].kind == Token::Kind::kClose) {
      --operand.first;
      ++operand.last;
    }
    span->first = std::min(span->first, operand.first);
    span->last = std::max(span->last, operand.last);
    return result;
  }

  bool Fail(size_t offset, std::string message) {
    error_ = At(offset, std::move(message));
    return false;
  }

  const std::vector<Token>& tokens_;
  Expression& expression_;
  ConditionError& error_;
  std::vector<size_t> postfix_;
  std::vector<size_t> operators_;
  std::vector<uint8_t> results_;
  std::vector<TokenSpan> spans_;  // of the nodes
};

// What GitLab's language allows and event operands do not.
class OperandCheck {
 public:
  OperandCheck(const Expression& expression, ConditionError* error)
      : expression_(expression), error_(*error) {}

  bool Run() {
    for (const Node& node : expression_.nodes) {
      const bool match = node.kind == NodeKind::kMatches || node.kind == NodeKind::kNotMatches;
      const bool equality = node.kind == NodeKind::kEquals || node.kind == NodeKind::kNotEquals;
      if (match && !CheckMatch(node)) return false;
      if (equality && !(CheckName(node.left, node.right) && CheckName(node.right, node.left))) {
        return false;
      }
    }
    return true;
  }

 private:
  bool CheckMatch(const Node& node) {
    const Node& left = expression_.nodes[node.left];
    const Node& right = expression_.nodes[node.right];
    const std::string_view symbol = FindOperator(node.kind)->symbol;
    if (right.kind == NodeKind::kEvent) {
      error_ = At(right.begin,
                  fmt::format("An event's value cannot stand on the right of `{}`: patterns come "
                              "from the rule",
                              symbol));
      return false;
    }
    if (left.kind != NodeKind::kEvent || right.kind == NodeKind::kPattern) return true;
    error_ = At(right.begin,
                fmt::format("An event's value is matched against a pattern `/../`; against `{}` "
                            "GitLab would ask whether that text contains the value",
                            expression_.Source(right)));
    if (right.kind == NodeKind::kString) error_.suggestion = SuggestPattern(right);
    return false;
  }

  std::string SuggestPattern(const Node& right) const {
    const std::string_view text = expression_.Content(right);
    if (text.size() > 3 && text.starts_with("/") && FindPatternEnd(text, 0) == text.size()) {
      return std::string(text);
    }
    if (text.empty()) return "/^$/";
    std::string pattern = "/";
    for (const char c : text) {
      if (std::string_view("\\.+*?()|[]{}^$/").find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
    if (text.size() == 1) pattern = fmt::format("/({})", pattern.substr(1));
    return pattern + "/";
  }

  // `$[[ event.name ]] == "events/package/published"` never holds.
  bool CheckName(uint8_t name_index, uint8_t text_index) {
    const Node& name = expression_.nodes[name_index];
    const Node& text = expression_.nodes[text_index];
    if (name.kind != NodeKind::kEvent || text.kind != NodeKind::kString) return true;
    const Part& part = expression_.parts[name.operand];
    std::string_view path = expression_.Source(part.begin, part.end);
    if (path.starts_with("gitlab.")) path.remove_prefix(7);
    if (path != "event.name" && path != "event.names") return true;
    const std::string_view literal = expression_.Content(text);
    if (!literal.starts_with("events/")) return true;
    error_ = At(text.begin, "An event's name does not begin with `events/`",
                fmt::format("\"{}\"", literal.substr(7)));
    return false;
  }

  const Expression& expression_;
  ConditionError& error_;
};

// The offset of the first byte that is not UTF-8, or text.size().
size_t FindInvalidUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const auto byte = [&](size_t i) {
      return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    const unsigned lead = byte(0);
    size_t length = 1;
    if (lead >= 0x80) {
      length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
      if (length == 0) return at;
      const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
      const bool outside = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
      if (overlong || outside) return at;
      for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return at;
      }
    }
    at += length;
  }
  return at;
}

bool CheckText(std::string_view text, ConditionError* error) {
  if (text.size() > kConditionBytesMax) {
    *error =
        At(kConditionBytesMax, fmt::format("The condition has {} bytes, at most {} are allowed",
                                           text.size(), kConditionBytesMax));
    return false;
  }
  const size_t invalid = FindInvalidUtf8(text);
  if (invalid < text.size()) {
    *error = At(invalid, "The condition is not valid UTF-8");
    return false;
  }
  return true;
}

// A whole clause is the one place where an input's text would be read as a condition itself.
bool CheckWholeClause(ConditionPlace place, Expression* expression, ConditionError* error) {
  const Node& root = expression->nodes.back();
  if (root.kind != NodeKind::kInput) return true;
  if (place == ConditionPlace::kHoistedRule) {
    expression->undecidable = true;
    return true;
  }
  const std::string_view source = expression->Source(root);
  *error = At(root.begin, "An input cannot be the whole condition: compare it with a value",
              fmt::format("\"{}\" == \"true\"", source));
  return false;
}

}  // namespace

std::optional<Expression> ParseExpression(std::string_view text, ConditionPlace place,
                                          ConditionError* error) {
  if (!CheckText(text, error)) return std::nullopt;
  Expression expression;
  expression.text = text;
  LexedText lexed;
  if (!Lex(text, place, &lexed, error)) return std::nullopt;
  expression.tokens = static_cast<int>(lexed.tokens.size());
  expression.undecidable = lexed.undecidable;
  if (!expression.undecidable) {
    expression.parts = std::move(lexed.parts);
    if (!Parser(lexed.tokens, &expression, error).Run()) return std::nullopt;
    if (!OperandCheck(expression, error).Run()) return std::nullopt;
    if (!CheckWholeClause(place, &expression, error)) return std::nullopt;
  }
  if (expression.undecidable) {
    expression.nodes.clear();
    expression.parts.clear();
  }
  return expression;
}

}  // namespace cievents::matcher
