#include "services/lib/ci_yaml/source_text.h"

#include <algorithm>
#include <optional>

namespace cievents::ci_yaml {
namespace {

struct Escape {
  size_t raw_bytes = 0;    // in the file, the backslash included
  size_t value_bytes = 0;  // in the value
};

size_t Utf8Bytes(uint32_t code_point) {
  return code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
}

// The escape at the start of `raw`, which begins with a backslash; none if it continues a line.
std::optional<Escape> ReadEscape(std::string_view raw) {
  if (raw.size() < 2) return std::nullopt;
  size_t digits = 0;
  switch (raw[1]) {
    case 'x':
      digits = 2;
      break;
    case 'u':
      digits = 4;
      break;
    case 'U':
      digits = 8;
      break;
    case 'N':  // U+0085
    case '_':  // U+00A0
      return Escape{2, 2};
    case 'L':  // U+2028
    case 'P':  // U+2029
      return Escape{2, 3};
    default:
      return Escape{2, 1};
  }
  if (raw.size() < 2 + digits) return std::nullopt;
  uint32_t code_point = 0;
  for (const char c : raw.substr(2, digits)) {
    const bool digit = c >= '0' && c <= '9';
    code_point = code_point * 16 + static_cast<uint32_t>(digit ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return Escape{2 + digits, Utf8Bytes(code_point)};
}

// Where byte `offset` of the value of a quoted scalar stands in `line`, which begins with its
// quote; none if it stands on a later line.
std::optional<size_t> OffsetInQuoted(std::string_view line, size_t offset) {
  const char quote = line.front();
  size_t raw = 1;
  for (size_t value = 0; raw < line.size();) {
    if (value >= offset) return raw;
    if (line[raw] == quote) {
      // `''` is one quote of the value; a single one ends it: its end is the last place there is.
      if (quote == '"' || line.substr(raw, 2) != "''") return raw;
      raw += 2;
      ++value;
    } else if (quote == '"' && line[raw] == '\\') {
      const std::optional<Escape> escape = ReadEscape(line.substr(raw));
      if (!escape.has_value()) return std::nullopt;
      raw += escape->raw_bytes;
      value += escape->value_bytes;
    } else {
      ++raw;
      ++value;
    }
  }
  return std::nullopt;
}

std::optional<size_t> OffsetInPlain(std::string_view line, std::string_view value, size_t offset) {
  offset = std::min(offset, value.size());
  if (line.substr(0, offset) != value.substr(0, offset)) return std::nullopt;
  return offset;
}

}  // namespace

std::string_view SourceText::LineFrom(yaml::Mark mark) const {
  if (line_starts_.empty()) {
    line_starts_.push_back(0);
    for (size_t at = content_.find('\n'); at != std::string_view::npos;
         at = content_.find('\n', at + 1)) {
      line_starts_.push_back(at + 1);
    }
  }
  if (mark.line < 1 || mark.column < 1 || static_cast<size_t>(mark.line) > line_starts_.size()) {
    return {};
  }
  const size_t start = line_starts_[static_cast<size_t>(mark.line) - 1];
  const size_t end = std::min(content_.find('\n', start), content_.size());
  const size_t begin = std::min(start + static_cast<size_t>(mark.column) - 1, end);
  return content_.substr(begin, end - begin);
}

matcher::Position SourceText::PlaceIn(const yaml::Node& scalar, size_t offset) const {
  matcher::Position place{scalar.mark.line, scalar.mark.column};
  const std::string_view line = LineFrom(scalar.mark);
  if (line.empty()) return place;
  const std::optional<size_t> found = scalar.plain ? OffsetInPlain(line, scalar.scalar, offset)
                                      : line.front() == '"' || line.front() == '\''
                                          ? OffsetInQuoted(line, offset)
                                          : std::nullopt;
  if (found.has_value()) place.column += static_cast<int>(*found);
  return place;
}

}  // namespace cievents::ci_yaml
