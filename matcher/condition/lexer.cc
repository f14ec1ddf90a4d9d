#include "matcher/condition/lexer.h"

#include <fmt/format.h>

#include <optional>

namespace cievents::matcher {
namespace {

ConditionError At(size_t offset, std::string message, std::string suggestion = {}) {
  return {static_cast<int>(offset) + 1, std::move(message), std::move(suggestion)};
}

class Lexer {
 public:
  Lexer(std::string_view text, ConditionPlace place, LexedText* lexed, ConditionError* error)
      : text_(text), place_(place), lexed_(*lexed), error_(*error) {}

  bool Run() {
    while (true) {
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      if (at_ == text_.size()) return true;
      if (!Next()) return lexed_.undecidable;
      // GitLab's loop of 100 needs one turn to see the end.
      if (lexed_.tokens.size() > kConditionTokensMax) return TooMany();
    }
  }

 private:
  // The order of the alternatives is GitLab's. False: an error, or undecidable.
  bool Next() {
    const char c = text_[at_];
    if (c == '(') return Add(Token::Kind::kOpen, NodeKind::kNull, at_ + 1);
    if (c == ')') return Add(Token::Kind::kClose, NodeKind::kNull, at_ + 1);
    if (c == '$') return Rest().starts_with("$[[") ? ReadBlockOperand() : ReadVariable();
    if (c == '"' || c == '\'') return ReadString(c);
    if (c == '/') return ReadPattern();
    if (Rest().starts_with("null")) return AddOperand(NodeKind::kNull, at_ + 4);
    if (IsBooleanWord("true")) return AddOperand(NodeKind::kTrue, at_ + 4);
    if (IsBooleanWord("false")) return AddOperand(NodeKind::kFalse, at_ + 5);
    for (const OperatorRule& rule : kOperators) {
      if (!Rest().starts_with(rule.symbol)) continue;
      return Add(Token::Kind::kOperator, rule.kind, at_ + rule.symbol.size());
    }
    return Unknown();
  }

  bool ReadVariable() {
    size_t end = at_ + 1;
    while (end < text_.size() && IsWordChar(text_[end])) ++end;
    if (end == at_ + 1) return Unknown();
    return AddOperand(NodeKind::kVariable, end);
  }

  bool ReadBlockOperand() {
    const Block block = ReadBlock(text_, at_, text_.size(), place_, &error_);
    if (!Accept(block)) return false;
    if (IsGlued(at_, block.end)) {
      return UndecidableOr(At(at_,
                              "A block cannot be glued to other text: put an operator between, "
                              "or write both into one quoted string"));
    }
    const auto part = static_cast<uint16_t>(lexed_.parts.size());
    lexed_.parts.push_back(block.part);
    const bool event = block.part.kind == Part::Kind::kEvent;
    Add(Token::Kind::kOperand, event ? NodeKind::kEvent : NodeKind::kInput, block.end);
    lexed_.tokens.back().part = part;
    return true;
  }

  bool ReadString(char quote) {
    const size_t end = text_.find_first_of(quote == '"' ? "\"\n" : "'\n", at_ + 1);
    if (end == std::string_view::npos || text_[end] == '\n') return Unknown();
    const size_t begin = at_;
    const auto part = static_cast<uint16_t>(lexed_.parts.size());
    if (!ReadParts(begin + 1, end)) return false;
    const bool plain = lexed_.parts.size() == part;
    AddOperand(plain ? NodeKind::kString : NodeKind::kTemplate, end + 1);
    lexed_.tokens.back().part = part;
    return true;
  }

  // The blocks between two quotes and the text around them; no parts if there is no block.
  bool ReadParts(size_t begin, size_t end) {
    size_t text_begin = begin;
    bool any = false;
    for (size_t at = text_.find("$[[", begin); at < end; at = text_.find("$[[", at)) {
      const size_t close = text_.find("]]", at);
      const bool open = close == std::string_view::npos || close + 2 > end;
      if (open && place_ == ConditionPlace::kHoistedRule) break;  // text, to GitLab
      const Block block = ReadBlock(text_, at, end, place_, &error_);
      if (!Accept(block)) return false;
      AddTextPart(text_begin, at);
      lexed_.parts.push_back(block.part);
      any = true;
      at = text_begin = block.end;
    }
    if (any) {
      AddTextPart(text_begin, end);
      lexed_.parts.push_back(Part());
    }
    return true;
  }

  void AddTextPart(size_t begin, size_t end) {
    if (begin == end) return;
    Part part;
    part.kind = Part::Kind::kText;
    part.begin = static_cast<uint16_t>(begin);
    part.end = static_cast<uint16_t>(end);
    lexed_.parts.push_back(part);
  }

  bool ReadPattern() {
    const size_t end = FindPatternEnd(text_, at_);
    if (end == 0) return Unknown();
    if (HasBlock(text_.substr(at_, end - at_))) {
      return UndecidableOr(At(at_ + text_.substr(at_).find("$[["),
                              "A block cannot stand inside a pattern: patterns are compiled before "
                              "there is an event"));
    }
    return AddOperand(NodeKind::kPattern, end);
  }

  // A word boundary on the right; the one on the left is the place where the scanner stands.
  bool IsBooleanWord(std::string_view word) const {
    const size_t end = at_ + word.size();
    return Rest().starts_with(word) && (end == text_.size() || !IsWordChar(text_[end]));
  }

  // True if the block touches an operand, or what cannot follow one.
  bool IsGlued(size_t begin, size_t end) const {
    if (!lexed_.tokens.empty()) {
      const Token& last = lexed_.tokens.back();
      if (last.kind == Token::Kind::kOperand && last.end == begin) return true;
    }
    if (end == text_.size() || IsSpace(text_[end])) return false;
    return std::string_view("()=!&|").find(text_[end]) == std::string_view::npos;
  }

  bool Accept(const Block& block) {
    if (block.outcome == Block::Outcome::kUndecidable) lexed_.undecidable = true;
    return block.outcome == Block::Outcome::kPart;
  }

  bool UndecidableOr(ConditionError error) {
    if (place_ == ConditionPlace::kHoistedRule) {
      lexed_.undecidable = true;
    } else {
      error_ = std::move(error);
    }
    return false;
  }

  bool Unknown() {
    // `x$[[ .. ]]`: the lexeme that nobody knows may be one once the block is replaced.
    size_t end = at_;
    while (end < text_.size() && !IsSpace(text_[end]) && text_.substr(end, 3) != "$[[") ++end;
    const bool glued = end < text_.size() && !IsSpace(text_[end]) && HasBlock(text_.substr(end)) &&
                       (IsWordChar(text_[at_]) || text_[at_] == '$');
    if (glued) {
      return UndecidableOr(At(at_,
                              "A block cannot be glued to other text: put an operator between, "
                              "or write both into one quoted string"));
    }
    error_ = ExplainUnknownLexeme(text_, at_);
    return false;
  }

  bool TooMany() {
    error_ = At(lexed_.tokens.back().begin,
                fmt::format("Too many tokens! A condition has at most {}", kConditionTokensMax));
    return false;
  }

  bool AddOperand(NodeKind kind, size_t end) { return Add(Token::Kind::kOperand, kind, end); }

  bool Add(Token::Kind kind, NodeKind node, size_t end) {
    Token token;
    token.kind = kind;
    token.node = node;
    token.begin = static_cast<uint16_t>(at_);
    token.end = static_cast<uint16_t>(end);
    lexed_.tokens.push_back(token);
    at_ = end;
    return true;
  }

  std::string_view Rest() const { return text_.substr(at_); }

  const std::string_view text_;
  const ConditionPlace place_;
  LexedText& lexed_;
  ConditionError& error_;
  size_t at_ = 0;
};

size_t CharacterBytes(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Backtracks as Ruby does, which matters beside a `\/` and before `//`: the loop first takes a
// backslash alone, which leads on only if the next two characters are slashes (the first of them is
// then the `[^\\]`), else both characters; when it is stuck it gives back one character at a time.
size_t FindPatternEnd(std::string_view text, size_t begin) {
  const auto tail_at = [&](size_t at) {  // `[^\\]/` at `at`: its end, or 0
    if (at >= text.size() || text[at] == '\\') return size_t{0};
    const size_t slash = at + CharacterBytes(text[at]);
    return slash < text.size() && text[slash] == '/' ? slash + 1 : size_t{0};
  };
  std::vector<size_t> loop_ends;  // places where the loop may end, in order
  size_t at = begin + 1;
  size_t end = 0;
  while (end == 0 && at < text.size() && text[at] != '/') {
    if (text.substr(at, 2) == "\\/") {
      end = tail_at(at + 1);
      at += 2;
    } else {
      at += CharacterBytes(text[at]);
    }
    loop_ends.push_back(at);
  }
  while (end == 0 && !loop_ends.empty()) {
    end = tail_at(loop_ends.back());
    loop_ends.pop_back();
  }
  while (end != 0 && end < text.size() &&
         std::string_view("ismU").find(text[end]) != std::string_view::npos) {
    ++end;
  }
  return end;
}

bool Lex(std::string_view text, ConditionPlace place, LexedText* lexed, ConditionError* error) {
  return Lexer(text, place, lexed, error).Run();
}

}  // namespace cievents::matcher
