#include "services/lib/event_formats/json_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "matcher/base/status.h"

namespace cievents {
namespace {

// The length of the UTF-8 sequence that starts at `text`, 0 if it is none (RFC 3629).
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && byte(1) > 0x9F) return 0;  // a surrogate
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

// One pass with a stack of open brackets instead of recursion: the text may be as deep as it likes.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<JsonSyntaxError> Run() {
    SkipSpace();
    if (AtEnd()) Fail("the text is empty");
    while (!failed_) {
      if (!ScanValue()) continue;  // a bracket was opened and something stands in it
      // A value is complete: close what it completes, or go on behind a comma.
      while (!failed_ && !open_.empty() && !NextInBracket()) continue;
      if (open_.empty()) break;
    }
    if (!failed_) {
      SkipSpace();
      if (!AtEnd()) Fail("something stands after the end of the value");
    }
    if (!failed_) return std::nullopt;
    return std::move(error_);
  }

 private:
  bool AtEnd() const { return position_ >= text_.size(); }
  char Here() const { return AtEnd() ? '\0' : text_[position_]; }

  void Fail(std::string_view message) {
    if (failed_) return;
    failed_ = true;
    error_ = {position_, std::string(message)};
    if (AtEnd()) error_.message = fmt::format("the text ends early: {}", message);
  }

  void SkipSpace() {
    while (!AtEnd() && (Here() == ' ' || Here() == '\t' || Here() == '\n' || Here() == '\r')) {
      ++position_;
    }
  }

  // True if a value is complete, false if a bracket was opened whose first value follows.
  bool ScanValue() {
    SkipSpace();
    const char c = Here();
    if (c == '{' || c == '[') {
      open_.push_back(c);
      ++position_;
      SkipSpace();
      if (Here() == (c == '{' ? '}' : ']') && !AtEnd()) {
        ++position_;
        open_.pop_back();
        return true;
      }
      if (c == '{') ScanKey();
      return false;
    }
    if (c == '"') {
      ScanString();
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      ScanNumber();
    } else {
      ScanWord();
    }
    return true;
  }

  // Behind a value in a bracket. True: another value follows; false: the bracket was closed, and
  // with it the value that it was.
  bool NextInBracket() {
    SkipSpace();
    const bool object = open_.back() == '{';
    if (Here() == ',' && !AtEnd()) {
      ++position_;
      if (object) {
        SkipSpace();
        ScanKey();
      }
      return true;
    }
    if (Here() == (object ? '}' : ']') && !AtEnd()) {
      ++position_;
      open_.pop_back();
      return false;
    }
    Fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
    return false;
  }

  void ScanKey() {
    if (Here() != '"') return Fail("expected a key in double quotes");
    ScanString();
    if (failed_) return;
    SkipSpace();
    if (Here() != ':') return Fail("expected ':' after the key");
    ++position_;
  }

  void ScanString() {
    ++position_;
    while (!AtEnd() && !failed_) {
      const unsigned char c = static_cast<unsigned char>(Here());
      if (c == '"') {
        ++position_;
        return;
      }
      if (c < 0x20) return Fail("a control character in a string must be escaped");
      if (c == '\\') {
        ScanEscape();
        continue;
      }
      const size_t length = Utf8SequenceLength(text_.substr(position_));
      if (length == 0) return Fail("a byte that is not UTF-8");
      position_ += length;
    }
    Fail("a string has no closing quote");
  }

  void ScanEscape() {
    const size_t start = position_++;
    const unsigned unit = ScanEscapedUnit();
    if (failed_ || unit < 0xD800 || unit > 0xDFFF) return;
    // A surrogate escape makes a character only together with its other half.
    if (unit <= 0xDBFF && text_.substr(position_).starts_with("\\u")) {
      ++position_;
      const unsigned low = ScanEscapedUnit();
      if (failed_ || (low >= 0xDC00 && low <= 0xDFFF)) return;
    }
    position_ = start;
    Fail("half of a surrogate pair");
  }

  // Behind the backslash; the UTF-16 unit of \uXXXX, else 0.
  unsigned ScanEscapedUnit() {
    const char c = Here();
    if (c != 'u') {
      if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
        Fail("an unknown escape in a string");
        return 0;
      }
      ++position_;
      return 0;
    }
    ++position_;
    unsigned unit = 0;
    for (int i = 0; i < 4; ++i, ++position_) {
      const char digit = Here();
      if (digit >= '0' && digit <= '9') {
        unit = unit * 16 + static_cast<unsigned>(digit - '0');
      } else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f') {
        unit = unit * 16 + static_cast<unsigned>((digit | 0x20) - 'a') + 10;
      } else {
        Fail("\\u needs four hexadecimal digits");
        return 0;
      }
    }
    return unit;
  }

  size_t SkipDigits() {
    const size_t start = position_;
    while (Here() >= '0' && Here() <= '9') ++position_;
    return position_ - start;
  }

  void ScanNumber() {
    if (Here() == '-') ++position_;
    const bool zero = Here() == '0';
    const size_t digits = SkipDigits();
    if (digits == 0) return Fail("a number needs a digit here");
    if (zero && digits > 1) {
      position_ -= digits;
      return Fail("a number has no leading zeros");
    }
    if (Here() == '.') {
      ++position_;
      if (SkipDigits() == 0) return Fail("a number needs a digit here");
    }
    if (Here() == 'e' || Here() == 'E') {
      ++position_;
      if (Here() == '+' || Here() == '-') ++position_;
      if (SkipDigits() == 0) return Fail("a number needs a digit here");
    }
  }

  void ScanWord() {
    constexpr std::array<std::string_view, 3> kWords = {"true", "false", "null"};
    for (const std::string_view word : kWords) {
      if (text_.substr(position_).starts_with(word)) {
        position_ += word.size();
        return;
      }
    }
    Fail("expected a value");
  }

  std::string_view text_;
  size_t position_ = 0;
  std::string open_;  // '{' and '[', outermost first
  bool failed_ = false;
  JsonSyntaxError error_;
};

}  // namespace

std::optional<JsonSyntaxError> FindJsonSyntaxError(std::string_view text) {
  return Scanner(text).Run();
}

std::string_view ShownText(std::string_view text) {
  constexpr size_t kShownBytesMax = 64;
  if (text.size() <= kShownBytesMax) return text;
  size_t cut = kShownBytesMax;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut);
}

absl::Status NotJsonError(std::string_view document, std::string_view text,
                          std::string_view otherwise) {
  const std::optional<JsonSyntaxError> error = FindJsonSyntaxError(text);
  if (!error.has_value()) {
    return Error(absl::StatusCode::kInvalidArgument, "{} cannot be read as JSON: {}", document,
                 otherwise);
  }
  const std::string_view before = text.substr(0, error->offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  return Error(absl::StatusCode::kInvalidArgument, "{} is not valid JSON at line {}, column {}: {}",
               document, lines + 1, before.size() - line_start + 1, error->message);
}

}  // namespace cievents
