#include "services/lib/yaml/yaml.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "services/lib/yaml/builder.h"

namespace cievents::yaml {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Who saves a file as UTF-16 should read that, and not "not valid UTF-8". Empty if it is none.
std::string_view WideEncoding(std::string_view text) {
  using std::string_view_literals::operator""sv;
  if (text.starts_with("\xFF\xFE\0\0"sv)) return "UTF-32 (little endian)";
  if (text.starts_with("\0\0\xFE\xFF"sv)) return "UTF-32 (big endian)";
  if (text.starts_with("\xFF\xFE"sv)) return "UTF-16 (little endian)";
  if (text.starts_with("\xFE\xFF"sv)) return "UTF-16 (big endian)";
  // Without a byte order mark: every other byte of two ASCII characters is zero.
  if (text.size() < 4) return "";
  const bool zero[] = {text[0] == 0, text[1] == 0, text[2] == 0, text[3] == 0};
  if (!zero[0] && zero[1] && !zero[2] && zero[3]) return "UTF-16 (little endian)";
  if (zero[0] && !zero[1] && zero[2] && !zero[3]) return "UTF-16 (big endian)";
  return "";
}

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// The length of the longest prefix that is valid UTF-8. Of four neighbouring prefixes one ends
// between two characters, so that this can be halved.
size_t ValidPrefixLength(std::string_view text) {
  const auto longest_near = [text](size_t length) -> std::optional<size_t> {
    for (size_t cut = 0; cut <= 3 && cut <= length; ++cut) {
      if (IsUtf8(text.substr(0, length - cut))) return length - cut;
    }
    return std::nullopt;
  };
  size_t valid = 0, invalid = text.size() + 1;
  while (invalid - valid > 1) {
    const size_t middle = valid + (invalid - valid) / 2;
    (longest_near(middle).has_value() ? valid : invalid) = middle;
  }
  return longest_near(valid).value_or(0);
}

// YAML allows no control characters but tab, line feed and carriage return.
size_t FindControlCharacter(std::string_view text) {
  const auto found = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
  });
  return found == text.end() ? std::string_view::npos : found - text.begin();
}

std::optional<ParseError> CheckCharacters(std::string_view text, int first_line) {
  if (auto error = CheckEncoding(text, first_line)) return error;
  if (!IsUtf8(text)) {
    return ParseError{"yaml-not-utf8", internal::MarkAt(text, ValidPrefixLength(text), first_line),
                      "the file is not valid UTF-8", "save it as UTF-8"};
  }
  const size_t control = FindControlCharacter(text);
  if (control == std::string_view::npos) return std::nullopt;
  const std::string name = fmt::format("U+{:04X}", static_cast<unsigned char>(text[control]));
  return ParseError{text[control] == '\0' ? "yaml-not-utf8" : "yaml-syntax",
                    internal::MarkAt(text, control, first_line),
                    fmt::format("the file contains the control character {}", name), "remove it"};
}

// yaml-cpp holds the tokens of a whole flow collection (`[..]`, `{..}`) in memory before it says
// anything of it: of 2 MiB of `{a,a,` some 400 MB. A collection that is within the limit on nodes
// has at most three brackets and commas a node.
std::optional<ParseError> CheckFlowMarks(std::string_view text, const ParseOptions& options) {
  constexpr int64_t kFlowMarksPerNodeMax = 4;
  const int64_t most = kFlowMarksPerNodeMax * options.limits.nodes_max;
  int64_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_mark = c == '[' || c == ']' || c == '{' || c == '}' || c == ',';
    if (!is_mark || ++count <= most) continue;
    return ParseError{"yaml-too-many-nodes", internal::MarkAt(text, i, options.first_line),
                      fmt::format("more than {} brackets and commas", most), "split the file"};
  }
  return std::nullopt;
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsMergeKey(const Node& key) { return key.is_scalar() && key.plain && key.scalar == "<<"; }

// The maps that a merge key's value names, in order of precedence.
std::vector<const Node*> MergedMaps(const Node& value) {
  std::vector<const Node*> maps;
  if (value.is_map()) maps.push_back(&value);
  for (const NodePtr& item : value.items) {
    if (item->is_map()) maps.push_back(item.get());
  }
  return maps;
}

}  // namespace

namespace internal {

Mark MarkAt(std::string_view text, size_t offset, int first_line) {
  const std::string_view before = text.substr(0, offset);
  const size_t newline = before.rfind('\n');
  const size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
  return Mark{first_line + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
              static_cast<int>(offset - line_begin) + 1};
}

}  // namespace internal

std::optional<ParseError> CheckEncoding(std::string_view text, int first_line) {
  const std::string_view encoding = WideEncoding(text);
  if (encoding.empty()) return std::nullopt;
  return ParseError{"yaml-not-utf8", Mark{first_line, 1},
                    fmt::format("the file is {}, not UTF-8", encoding), "save it as UTF-8"};
}

const MapItem* Node::FindItem(std::string_view key) const {
  for (const MapItem& item : map) {
    if (item.key->is_scalar() && item.key->scalar == key) return &item;
  }
  return nullptr;
}

const Node* Node::Find(std::string_view key) const {
  if (const MapItem* item = FindItem(key)) return item->value.get();
  // Of several `<<` keys the later one wins, as in GitLab.
  for (auto item = map.rbegin(); item != map.rend(); ++item) {
    if (!IsMergeKey(*item->key)) continue;
    for (const Node* merged : MergedMaps(*item->value)) {
      if (const Node* found = merged->Find(key)) return found;
    }
  }
  return nullptr;
}

std::optional<bool> Node::AsBool() const {
  if (!is_scalar() || !plain) return std::nullopt;
  if (scalar == "true" || scalar == "True" || scalar == "TRUE") return true;
  if (scalar == "false" || scalar == "False" || scalar == "FALSE") return false;
  return std::nullopt;
}

std::optional<int64_t> Node::AsInteger() const {
  if (!is_scalar() || !plain) return std::nullopt;
  std::string_view digits = scalar;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (!IsDigits(digits.starts_with('-') && digits.size() == scalar.size() ? digits.substr(1)
                                                                          : digits)) {
    return std::nullopt;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

bool Node::IsNumber() const {
  if (!is_scalar() || !plain) return false;
  std::string_view rest = scalar;
  const auto take_digits = [&rest] {
    const size_t count = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const std::string_view digits = rest.substr(0, count);
    rest.remove_prefix(count);
    return digits;
  };
  if (rest.starts_with('-')) rest.remove_prefix(1);
  const std::string_view whole = take_digits();
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return false;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    if (take_digits().empty()) return false;
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
    if (take_digits().empty()) return false;
  }
  return rest.empty();
}

std::string Shorten(std::string_view text) {
  constexpr size_t kShownBytesMax = 80;
  if (text.size() <= kShownBytesMax) return std::string(text);
  size_t end = kShownBytesMax - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::variant<NodePtr, ParseError> Parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.limits.bytes_max) {
    return ParseError{
        "file-too-large", Mark{options.first_line, 1},
        fmt::format("{} bytes; the limit is {}", text.size(), options.limits.bytes_max),
        "split the file"};
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (auto error = CheckCharacters(text, options.first_line)) return *std::move(error);
  if (auto error = CheckFlowMarks(text, options)) return *std::move(error);
  return internal::BuildTree(text, options);
}

}  // namespace cievents::yaml
