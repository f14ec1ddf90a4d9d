#include "matcher/event/json_scanner.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "matcher/event/json_brackets.h"

namespace cievents::matcher::json {
namespace {

constexpr const char* kEndsInString = "the text ends inside a string";
constexpr const char* kControlByte = "a control character stands unescaped in a string";
constexpr const char* kBadEscape = "a string has an invalid escape";
constexpr const char* kBadSurrogate = "a string has half of a surrogate pair";
constexpr const char* kBadUtf8 = "a string is not valid UTF-8";
constexpr const char* kNoValue = "a value was expected";
constexpr const char* kNoDelimiter = "`,` or a closing bracket was expected behind a value";
constexpr const char* kBadNumber = "a number is malformed";
constexpr const char* kBadLiteral = "a value was expected: true, false, null, a number, ...";

unsigned char Byte(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool IsDigit(std::string_view text, size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

// The four hexadecimal digits at `at`, or -1.
int32_t ReadHex4(std::string_view text, size_t at, size_t end) {
  if (at + 4 > end) return -1;
  int32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

size_t EncodeUtf8(uint32_t code, char* out) {
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = static_cast<char>(0xC0 | (code >> 6));
    out[1] = static_cast<char>(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = static_cast<char>(0xE0 | (code >> 12));
    out[1] = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out[2] = static_cast<char>(0x80 | (code & 0x3F));
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | (code >> 18));
  out[1] = static_cast<char>(0x80 | ((code >> 12) & 0x3F));
  out[2] = static_cast<char>(0x80 | ((code >> 6) & 0x3F));
  out[3] = static_cast<char>(0x80 | (code & 0x3F));
  return 4;
}

// Decodes the escape whose backslash is at `at`.
Step DecodeEscape(std::string_view text, size_t at, size_t end, char* out, size_t* size) {
  // By letter; 0 = no such escape.
  static constexpr std::array<char, 256> kMeanings = [] {
    std::array<char, 256> meanings{};
    meanings['"'] = '"';
    meanings['\\'] = '\\';
    meanings['/'] = '/';
    meanings['b'] = '\b';
    meanings['f'] = '\f';
    meanings['n'] = '\n';
    meanings['r'] = '\r';
    meanings['t'] = '\t';
    return meanings;
  }();
  if (at + 1 >= end) return {at, kBadEscape};
  const char meaning = kMeanings[Byte(text, at + 1)];
  if (meaning != 0) {
    out[0] = meaning;
    *size = 1;
    return {at + 2};
  }
  if (text[at + 1] != 'u') return {at, kBadEscape};
  const int32_t unit = ReadHex4(text, at + 2, end);
  if (unit < 0) return {at, kBadEscape};
  uint32_t code = static_cast<uint32_t>(unit);
  size_t next = at + 6;
  if (code >= 0xDC00 && code <= 0xDFFF) return {at, kBadSurrogate};
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (next + 2 > end || text[next] != '\\' || text[next + 1] != 'u') return {at, kBadSurrogate};
    const int32_t low = ReadHex4(text, next + 2, end);
    if (low < 0xDC00 || low > 0xDFFF) return {at, kBadSurrogate};
    code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<uint32_t>(low) - 0xDC00);
    next += 6;
  }
  *size = EncodeUtf8(code, out);
  return {next};
}

Step ScanLiteral(std::string_view text, size_t at) {
  for (std::string_view literal : {"true", "false", "null"}) {
    if (text.substr(at, literal.size()) == literal) return {at + literal.size()};
  }
  return {at, kBadLiteral};
}

Step ScanNumber(std::string_view text, size_t at) {
  const size_t start = at;
  if (text[at] == '-') ++at;
  if (!IsDigit(text, at)) return {start, kBadNumber};
  if (text[at] == '0') {
    ++at;
  } else {
    while (IsDigit(text, at)) ++at;
  }
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!IsDigit(text, at)) return {start, kBadNumber};
    while (IsDigit(text, at)) ++at;
  }
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!IsDigit(text, at)) return {start, kBadNumber};
    while (IsDigit(text, at)) ++at;
  }
  // 01 and 1x: what follows belongs to no number.
  if (at < text.size() && !EndsScalar(text[at])) return {start, kBadNumber};
  return {at};
}

}  // namespace

size_t FindStringEvent(std::string_view text, size_t at, bool* has_non_ascii) {
#ifdef __SSE2__
  for (; at + 16 <= text.size(); at += 16) {
    const StringMasks masks = ReadStringMasks(text.data() + at);
    if (masks.events != 0) {
      *has_non_ascii |= masks.NonAsciiBeforeEvent();
      return at + static_cast<size_t>(std::countr_zero(masks.events));
    }
    *has_non_ascii |= masks.non_ascii != 0;
  }
#endif
  for (; at < text.size(); ++at) {
    const unsigned char byte = Byte(text, at);
    if (byte == '"' || byte == '\\' || byte < 0x20) return at;
    *has_non_ascii |= byte >= 0x80;
  }
  return at;
}

StringStep ScanString(std::string_view text, size_t at) {
  StringStep step;
  ++at;
  while (true) {
    at = FindStringEvent(text, at, &step.has_non_ascii);
    if (at >= text.size()) {
      step.at = text.size();
      step.error = kEndsInString;
      return step;
    }
    if (text[at] == '"') {
      step.at = at + 1;
      return step;
    }
    if (text[at] != '\\') {
      step.at = at;
      step.error = kControlByte;
      return step;
    }
    step.has_escapes = true;
    at += 2;
    // The escaped byte itself is DecodeString's to judge, but for this.
    if (at <= text.size() && Byte(text, at - 1) >= 0x80) step.has_non_ascii = true;
  }
}

Step SkipString(std::string_view text, size_t at) {
  bool has_non_ascii = false;
  ++at;
  while (true) {
    at = FindStringEvent(text, at, &has_non_ascii);
    if (at >= text.size()) return {text.size(), kEndsInString};
    if (text[at] == '"') return {at + 1};
    at += text[at] == '\\' ? 2 : 1;
  }
}

Step DecodeString(std::string_view text, size_t begin, size_t end, char* out, size_t* size) {
  size_t written = 0;
  size_t at = begin;
  while (at < end) {
    // Not beyond `end`: the rest of the document may be long.
    const size_t plain = std::min(text.substr(0, end).find('\\', at), end);
    if (out != nullptr) std::memcpy(out + written, text.data() + at, plain - at);
    written += plain - at;
    at = plain;
    if (at == end) break;
    char decoded[4];
    size_t decoded_size = 0;
    const Step step = DecodeEscape(text, at, end, decoded, &decoded_size);
    if (step.error != nullptr) return step;
    if (out != nullptr) std::memcpy(out + written, decoded, decoded_size);
    written += decoded_size;
    at = step.at;
  }
  *size = written;
  return {end};
}

bool IsUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const unsigned char lead = Byte(text, at);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || at + more >= text.size()) return false;
    const unsigned char second = Byte(text, at + 1);
    // No overlong forms, no surrogates, nothing above U+10FFFF.
    const unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (second < least || second > most) return false;
    for (size_t i = 2; i <= more; ++i) {
      if ((Byte(text, at + i) & 0xC0) != 0x80) return false;
    }
    at += more + 1;
  }
  return true;
}

Step ScanScalar(std::string_view text, size_t at, AtTextEnd at_text_end) {
  // Most numbers are small and whole.
  const size_t whole_end = FindWholeNumberEnd(text, at);
  if (whole_end != 0 && text[at] != '0') return {whole_end};
  size_t digits_end = at;
  while (IsDigit(text, digits_end)) ++digits_end;
  if (digits_end > at && text[at] != '0' && digits_end < text.size() &&
      EndsScalar(text[digits_end])) {
    return {digits_end};
  }
  if (at >= text.size()) return {text.size(), kEndsInContainer};
  const char c = text[at];
  Step step;
  if (c == '-' || (c >= '0' && c <= '9')) {
    step = ScanNumber(text, at);
  } else {
    step = ScanLiteral(text, at);
    if (step.error == nullptr && step.at < text.size() && !EndsScalar(text[step.at])) {
      return {at, kBadLiteral};
    }
  }
  if (step.error == nullptr && step.at == text.size() && at_text_end == AtTextEnd::kRefused) {
    return {text.size(), kEndsInContainer};
  }
  return step;
}

Step SkipScalar(std::string_view text, size_t at) {
  const size_t start = at;
  while (at < text.size() &&
         kScalarBytes[static_cast<unsigned char>(text[at])] == ScalarByte::kPart) {
    ++at;
  }
  if (at == text.size()) return {at, kEndsInContainer};
  if (!EndsScalar(text[at])) return {at, kNoDelimiter};
  if (at == start) return {at, kNoValue};
  return {at};
}

Step SkipValue(std::string_view text, size_t at, uint32_t depth) {
  if (at >= text.size()) return {text.size(), kEndsInContainer};
  const char c = text[at];
  if (c == '"') return SkipString(text, at);
  if (c == '{' || c == '[') return SkipContainer(text, at, depth);
  return SkipScalar(text, at);
}

namespace {

// Steps over a string and checks all of it.
Step ScanWholeString(std::string_view text, size_t at) {
  const StringStep string = ScanString(text, at);
  if (string.error != nullptr) return {string.at, string.error};
  if (string.has_escapes) {
    size_t size = 0;
    const Step decoded = DecodeString(text, at + 1, string.at - 1, nullptr, &size);
    if (decoded.error != nullptr) return decoded;
  }
  if (string.has_non_ascii && !IsUtf8(text.substr(at + 1, string.at - at - 2))) {
    return {at, kBadUtf8};
  }
  return {string.at};
}

// ScanContainer, in steps.
class ContainerScan {
 public:
  ContainerScan(std::string_view text, size_t at, uint32_t depth)
      : text_(text), at_(at), brackets_(depth) {}

  ContainerStep Run() {
    do {
      if (!Value()) return result_;
      if (!CloseContainers()) return result_;
    } while (!brackets_.empty());
    result_.at = at_;
    return result_;
  }

 private:
  bool Fail(size_t at, const char* error) {
    result_.at = at;
    result_.error = error;
    return false;
  }
  void Space() {
    const size_t next = SkipSpace(text_, at_);
    result_.has_space |= next != at_;
    at_ = next;
  }
  bool Take(Step step) {
    at_ = step.at;
    return step.error == nullptr || Fail(step.at, step.error);
  }
  bool AtEnd() const { return at_ >= text_.size(); }

  // A key and its colon.
  bool Key() {
    if (AtEnd()) return Fail(text_.size(), kEndsInContainer);
    if (text_[at_] != '"') return Fail(at_, kNoKey);
    if (!Take(ScanWholeString(text_, at_))) return false;
    Space();
    if (AtEnd()) return Fail(text_.size(), kEndsInContainer);
    if (text_[at_] != ':') return Fail(at_, kNoColon);
    ++at_;
    Space();
    return true;
  }

  // A scalar, a string, an empty container, or the brackets and keys up to the first of them.
  bool Value() {
    while (true) {
      if (AtEnd()) return Fail(text_.size(), kEndsInContainer);
      const char c = text_[at_];
      if (c == '"') return Take(ScanWholeString(text_, at_));
      if (c != '{' && c != '[') return Take(ScanScalar(text_, at_, AtTextEnd::kRefused));
      if (!brackets_.Push(c)) return Fail(at_, kTooDeep);
      ++at_;
      Space();
      if (!AtEnd() && text_[at_] == (c == '{' ? '}' : ']')) return true;
      if (c == '{' && !Key()) return false;
    }
  }

  // Behind a value: closing brackets, and the comma (and key) that leads to the next value.
  bool CloseContainers() {
    while (!brackets_.empty()) {
      Space();
      if (AtEnd()) return Fail(text_.size(), kEndsInContainer);
      const char c = text_[at_];
      if (c == ',') {
        ++at_;
        Space();
        return !brackets_.in_object() || Key();
      }
      if (c != '}' && c != ']') return Fail(at_, kNoDelimiter);
      if (!brackets_.Pop(c)) return Fail(at_, kMismatch);
      ++at_;
    }
    return true;
  }

  const std::string_view text_;
  size_t at_;
  BracketStack brackets_;
  ContainerStep result_;
};

}  // namespace

ContainerStep ScanContainer(std::string_view text, size_t at, uint32_t depth) {
  return ContainerScan(text, at, depth).Run();
}

size_t Compact(std::string_view text, size_t begin, size_t end, char* out) {
  size_t written = 0;
  size_t at = begin;
  while (at < end) {
    if (IsSpace(text[at])) {
      ++at;
      continue;
    }
    size_t next = at + 1;
    if (text[at] == '"') {
      next = SkipString(text.substr(0, end), at).at;
    }
    std::memcpy(out + written, text.data() + at, next - at);
    written += next - at;
    at = next;
  }
  return written;
}

}  // namespace cievents::matcher::json
