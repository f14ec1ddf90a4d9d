// What people write where GitLab only says "Unknown lexeme found!", and what they should write.
#include <fmt/format.h>

#include <array>

#include "matcher/condition/lexer.h"

namespace cievents::matcher {
namespace {

class Explainer {
 public:
  Explainer(std::string_view text, size_t begin)
      : text_(text), begin_(begin), rest_(text.substr(begin)) {}

  ConditionError Explain() const {
    const char c = rest_[0];
    if (c == '$') return ExplainDollar();
    if (c == '"' || c == '\'') return ExplainQuote(c);
    if (c == '/') return ExplainSlash();
    if (c == '=') return Say("`=` alone is no operator: write `==`", "==");
    if (c == '&') return Say("`&` alone is no operator: write `&&`", "&&");
    if (c == '|') return Say("`|` alone is no operator: write `||`", "||");
    if (c == '<' || c == '>') {
      return Say(
          fmt::format("`{}` is no operator: values are text, there is no less or greater", c));
    }
    if (rest_.starts_with("\xE2\x80\x9C") || rest_.starts_with("\xE2\x80\x9D")) {
      return Say("a typographic quote: write a straight one, `\"`", "\"");
    }
    if (rest_.starts_with("\xE2\x80\x98") || rest_.starts_with("\xE2\x80\x99")) {
      return Say("a typographic quote: write a straight one, `'`", "'");
    }
    return ExplainWord();
  }

 private:
  ConditionError Say(std::string_view what, std::string suggestion = {}) const {
    return {static_cast<int>(begin_) + 1, fmt::format("Unknown lexeme found! {}", what),
            std::move(suggestion)};
  }

  ConditionError ExplainDollar() const {
    if (rest_.starts_with("${")) {
      size_t end = 2;
      while (end < rest_.size() && IsWordChar(rest_[end])) ++end;
      if (end == 2) return Say("`${` begins no variable: write `$NAME`");
      const std::string_view name = rest_.substr(2, end - 2);
      return Say(fmt::format("`${{{}}}` is not read here: write `${}`", name, name),
                 fmt::format("${}", name));
    }
    if (rest_.starts_with("$[")) return Say("a block has two brackets: write `$[[ event.PATH ]]`");
    return Say("`$` begins a variable `$NAME` or a block `$[[ event.PATH ]]`");
  }

  ConditionError ExplainQuote(char quote) const {
    const size_t line_end = rest_.find('\n');
    const bool closed_later = rest_.find(quote, 1) != std::string_view::npos;
    if (line_end != std::string_view::npos && closed_later) {
      return Say("a quoted string must end on the line where it begins");
    }
    if (EndsEscaped()) return ExplainEscape();
    return Say(fmt::format("the string has no closing `{}`", quote));
  }

  // `"a\"b"`: the string ended at the backslash.
  bool EndsEscaped() const {
    return begin_ >= 2 && (text_[begin_ - 1] == '"' || text_[begin_ - 1] == '\'') &&
           text_[begin_ - 2] == '\\';
  }
  ConditionError ExplainEscape() const {
    return Say(
        "the string ended at the quote before: there are no escapes; use the other kind of "
        "quotes around it");
  }

  ConditionError ExplainSlash() const {
    if (FollowsPattern()) return ExplainAfterPattern();
    const size_t close = rest_.find('/', 1);
    if (close == 1) return Say("an empty pattern is not allowed");
    // One character, which may be of several bytes.
    size_t character_end = 2;
    while (character_end < rest_.size() && (rest_[character_end] & 0xC0) == 0x80) ++character_end;
    if (close != std::string_view::npos && close == character_end) {
      const std::string_view character = rest_.substr(1, close - 1);
      return Say("a pattern has at least two characters between its slashes",
                 fmt::format("/({})/", character));
    }
    return Say("the pattern has no closing `/`, or ends with an escaped one");
  }

  // True if this place touches the end of a `/../`.
  bool FollowsPattern() const {
    size_t at = begin_;
    while (at > 0 && std::string_view("ismU").find(text_[at - 1]) != std::string_view::npos) --at;
    if (at < 3 || text_[at - 1] != '/') return false;
    for (size_t open = at - 2; open > 0; --open) {
      if (text_[open - 1] == '/' && FindPatternEnd(text_, open - 1) == begin_) return true;
    }
    return false;
  }
  ConditionError ExplainAfterPattern() const {
    return Say(
        "the pattern ended at the `/` before: a slash inside is written `\\/`, and the flags "
        "behind a pattern are i, s, m and U");
  }

  ConditionError ExplainWord() const {
    if (EndsEscaped()) return ExplainEscape();
    size_t end = 0;
    while (end < rest_.size() && !IsSpace(rest_[end]) &&
           std::string_view("()=!&|\"'$<>").find(rest_[end]) == std::string_view::npos) {
      ++end;
    }
    if (end == 0) end = 1;
    const std::string_view word = rest_.substr(0, end);
    if (FollowsPattern()) return ExplainAfterPattern();
    if (const std::string_view right = Synonym(word); !right.empty()) {
      return Say(fmt::format("`{}` is not a word of this language: write `{}`", word, right),
                 std::string(right));
    }
    if (word.starts_with("event.") || word.starts_with("inputs.") ||
        word.starts_with("gitlab.event.")) {
      return Say(fmt::format("`{}` stands in a block: write `$[[ {} ]]`", word, word),
                 fmt::format("$[[ {} ]]", word));
    }
    if (word[0] >= '0' && word[0] <= '9') {
      return Say(fmt::format("numbers are compared as text: write `\"{}\"`", word),
                 fmt::format("\"{}\"", word));
    }
    if (IsWordChar(word[0])) {
      return Say(fmt::format("`{}` is neither quoted nor a variable: write `\"{}\"`", word, word),
                 fmt::format("\"{}\"", word));
    }
    return Say(fmt::format("`{}` begins neither an operand nor an operator", word));
  }

  static std::string_view Synonym(std::string_view word) {
    struct Pair {
      std::string_view wrong;
      std::string_view right;
    };
    static constexpr std::array kPairs = {
        Pair{"and", "&&"},    Pair{"AND", "&&"},      Pair{"or", "||"},      Pair{"OR", "||"},
        Pair{"not", "!"},     Pair{"NOT", "!"},       Pair{"nil", "null"},   Pair{"None", "null"},
        Pair{"Null", "null"}, Pair{"NULL", "null"},   Pair{"~", "null"},     Pair{"True", "true"},
        Pair{"TRUE", "true"}, Pair{"False", "false"}, Pair{"FALSE", "false"}};
    for (const Pair& pair : kPairs) {
      if (pair.wrong == word) return pair.right;
    }
    return {};
  }

  const std::string_view text_;
  const size_t begin_;
  const std::string_view rest_;
};

}  // namespace

ConditionError ExplainUnknownLexeme(std::string_view text, size_t begin) {
  return Explainer(text, begin).Explain();
}

}  // namespace cievents::matcher
