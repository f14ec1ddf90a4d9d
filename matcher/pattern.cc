#include "matcher/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matcher/base/status.h"

namespace cievents::matcher {
namespace {

enum class Grammar { kName, kPattern };

// A text being parsed: `text` is what the user wrote without the leading `events/`.
struct Subject {
  Grammar grammar;
  std::string_view text;

  std::string_view noun() const { return grammar == Grammar::kName ? "event name" : "pattern"; }
};

struct FirstSegment {
  std::string_view segment;
  std::string_view rest;
  bool last;
};

FirstSegment CutSegment(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {text, {}, true};
  return {text.substr(0, slash), text.substr(slash + 1), false};
}

// However often it stands there: what is canonical must parse to itself. `events/` alone keeps its
// prefix, so that the message about it shows what was written.
std::string_view DropEventsPrefix(std::string_view text) {
  constexpr std::string_view kPrefix = "events/";
  while (text.size() > kPrefix.size() && text.starts_with(kPrefix)) {
    text.remove_prefix(kPrefix.size());
  }
  return text;
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Bytes of the well-formed UTF-8 sequence that `text` begins with; 0 if it begins with none.
size_t Utf8SequenceBytes(std::string_view text) {
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return 0;
  uint32_t code_point = lead & (0x7fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code_point = code_point << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  return code_point < kSmallest[bytes] || surrogate || code_point > 0x10ffff ? 0 : bytes;
}

// `text` in backquotes, fit for a message: bounded, and valid UTF-8 whatever came in, because
// messages travel in protobuf strings, which must be.
std::string Quote(std::string_view text) {
  constexpr size_t kShownBytesMax = kNameBytesMax + 32;
  std::string quoted = "`";
  for (size_t i = 0; i < text.size();) {
    if (i >= kShownBytesMax) {
      quoted += "...";
      break;
    }
    const size_t bytes = Utf8SequenceBytes(text.substr(i));
    const auto byte = static_cast<uint8_t>(text[i]);
    if (bytes == 0 || byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
      ++i;
    } else {
      quoted += text.substr(i, bytes);
      i += bytes;
    }
  }
  return quoted + "`";
}

template <typename... Args>
absl::Status Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Error(absl::StatusCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

std::string WithoutEmptySegments(std::string_view text) {
  std::string joined;
  for (bool last = false; !last;) {
    const FirstSegment cut = CutSegment(text);
    if (!cut.segment.empty()) {
      if (!joined.empty()) joined += '/';
      joined += cut.segment;
    }
    text = cut.rest;
    last = cut.last;
  }
  return joined;
}

absl::Status EmptySegmentError(const Subject& subject) {
  const std::string_view text = subject.text;
  const std::string_view what = text.front() == '/'  ? "begins with `/`"
                                : text.back() == '/' ? "ends with `/`"
                                                     : "has an empty segment (`//`)";
  const std::string cure = WithoutEmptySegments(text);
  if (cure.empty()) {
    return Invalid("{} {} {}; write a name such as `package/published`", subject.noun(),
                   Quote(text), what);
  }
  return Invalid("{} {} {}; write {}", subject.noun(), Quote(text), what, Quote(cure));
}

// Length and segments; the characters are looked at afterwards.
absl::Status CheckShape(const Subject& subject) {
  if (subject.text.empty()) {
    return Invalid("the {} is empty; write a name such as `package/published`", subject.noun());
  }
  if (subject.text.size() > kNameBytesMax) {
    return Invalid("{} {} has {} bytes; at most {} are allowed", subject.noun(),
                   Quote(subject.text), subject.text.size(), kNameBytesMax);
  }
  int segments = 0;
  std::string_view rest = subject.text;
  for (bool last = false; !last; ++segments) {
    const FirstSegment cut = CutSegment(rest);
    if (cut.segment.empty()) return EmptySegmentError(subject);
    rest = cut.rest;
    last = cut.last;
  }
  if (segments > kNameSegmentsMax) {
    return Invalid("{} {} has {} segments; at most {} are allowed", subject.noun(),
                   Quote(subject.text), segments, kNameSegmentsMax);
  }
  return absl::OkStatus();
}

// `at` is the offset of the first character that no name and no pattern may have.
absl::Status CharacterError(const Subject& subject, size_t at) {
  const std::string_view text = subject.text;
  const char c = text[at];
  if (IsSpace(c)) {
    return Invalid("{} {} has white space; join words with `_` and segments with `/`",
                   subject.noun(), Quote(text));
  }
  const std::string_view glob_characters = "?[]{}!^";
  if (subject.grammar == Grammar::kPattern && glob_characters.find(c) != std::string_view::npos) {
    return Invalid(
        "`{}` in pattern {} is not supported; write `*` for a whole segment, `**` at the end for "
        "one or more, or list several patterns",
        c, Quote(text));
  }
  const std::string_view from_here = text.substr(at);
  const size_t bytes = Utf8SequenceBytes(from_here);
  return Invalid(
      "{} in {} {} is not allowed; write segments of a-z, 0-9, `_`, `.` and `-`, joined by `/`",
      Quote(from_here.substr(0, bytes == 0 ? 1 : bytes)), subject.noun(), Quote(text));
}

absl::Status CheckCharacters(const Subject& subject) {
  for (size_t i = 0; i < subject.text.size(); ++i) {
    const char c = subject.text[i];
    if (!IsNameCharacter(c) && !IsUpper(c) && c != '/' && c != '*') {
      return CharacterError(subject, i);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCase(const Subject& subject) {
  if (std::none_of(subject.text.begin(), subject.text.end(), IsUpper)) return absl::OkStatus();
  const std::string lower = Lower(subject.text);
  return Invalid("{} {} has upper case letters; write {}", subject.noun(), Quote(subject.text),
                 Quote(lower));
}

// `segment` is a view into subject.text.
absl::Status CheckWildcard(const Subject& subject, std::string_view segment, bool last) {
  if (segment == "*" || (segment == "**" && last)) return absl::OkStatus();
  const std::string_view text = subject.text;
  const size_t begin = static_cast<size_t>(segment.data() - text.data());
  const std::string cure =
      std::string(text.substr(0, begin)) + "*" + std::string(text.substr(begin + segment.size()));
  if (segment == "**") {
    return Invalid(
        "`**` is not the last segment of pattern {}; write {} (`*` is exactly one segment), or end "
        "the pattern with `**`",
        Quote(text), Quote(Lower(cure)));
  }
  return Invalid("{} in pattern {}: a wildcard is a whole segment; write {}, or list the names",
                 Quote(segment), Quote(text), Quote(Lower(cure)));
}

// OK if every `*` of `subject` stands where one may; `*has_wildcard` tells whether there is one.
absl::Status CheckWildcards(const Subject& subject, bool* has_wildcard) {
  *has_wildcard = subject.text.find('*') != std::string_view::npos;
  if (!*has_wildcard) return absl::OkStatus();
  if (subject.grammar == Grammar::kName) {
    return Invalid(
        "event name {} has a `*`; only a pattern may have one, an event says exactly what happened",
        Quote(subject.text));
  }
  std::string_view rest = subject.text;
  for (bool last = false; !last;) {
    const FirstSegment cut = CutSegment(rest);
    if (cut.segment.find('*') != std::string_view::npos) {
      CIEVENTS_RETURN_IF_ERROR(CheckWildcard(subject, cut.segment, cut.last));
    }
    rest = cut.rest;
    last = cut.last;
  }
  return absl::OkStatus();
}

// Upper case comes last: the spelling that its message suggests then has no other mistake.
absl::Status Check(const Subject& subject, bool* has_wildcard) {
  CIEVENTS_RETURN_IF_ERROR(CheckShape(subject));
  CIEVENTS_RETURN_IF_ERROR(CheckCharacters(subject));
  CIEVENTS_RETURN_IF_ERROR(CheckWildcards(subject, has_wildcard));
  return CheckCase(subject);
}

}  // namespace

absl::Status CheckEventName(std::string_view text, std::string_view* canonical) {
  const Subject subject{Grammar::kName, DropEventsPrefix(text)};
  bool has_wildcard = false;
  CIEVENTS_RETURN_IF_ERROR(Check(subject, &has_wildcard));
  *canonical = subject.text;
  return absl::OkStatus();
}

absl::StatusOr<std::string> ParseEventName(std::string_view text) {
  std::string_view canonical;
  CIEVENTS_RETURN_IF_ERROR(CheckEventName(text, &canonical));
  return std::string(canonical);
}

absl::StatusOr<Pattern> Pattern::Parse(std::string_view text) {
  const Subject subject{Grammar::kPattern, DropEventsPrefix(text)};
  bool has_wildcard = false;
  CIEVENTS_RETURN_IF_ERROR(Check(subject, &has_wildcard));
  return Pattern(std::string(subject.text), !has_wildcard);
}

bool Pattern::Matches(std::string_view name) const {
  if (literal_) return name == text_;
  std::string_view pattern = text_;
  while (true) {
    const FirstSegment wanted = CutSegment(pattern);
    const FirstSegment given = CutSegment(name);
    // Parse made sure that `**` is last, and at least one segment of the name is left.
    if (wanted.segment == "**") return true;
    if (wanted.segment != "*" && wanted.segment != given.segment) return false;
    if (wanted.last || given.last) return wanted.last && given.last;
    pattern = wanted.rest;
    name = given.rest;
  }
}

}  // namespace cievents::matcher
