#include "matcher/inputs/block.h"

#include <re2/re2.h>

#include <utility>

#include "matcher/base/status.h"

namespace cievents::matcher {
namespace {

// Blanks as Ruby's String#strip sees them.
std::string_view Strip(std::string_view text) {
  constexpr std::string_view kBlanks(" \t\n\v\f\r\0", 7);
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// As Ruby's split("|"): empty parts at the end are dropped, others are kept.
std::vector<std::string_view> SplitParts(std::string_view data) {
  while (data.ends_with('|')) data.remove_suffix(1);
  std::vector<std::string_view> parts;
  while (true) {
    const size_t bar = data.find('|');
    parts.push_back(Strip(data.substr(0, bar)));
    if (bar == std::string_view::npos) return parts;
    data.remove_prefix(bar + 1);
  }
}

}  // namespace

std::vector<BlockPlace> FindBlocks(std::string_view text) {
  static const RE2& block = *new RE2(R"(\$\[\[\s*(\S{1}.*?\S{1})\s*\]\])");
  std::vector<BlockPlace> places;
  // Most texts have none, and the regex is slower than this.
  if (text.find("$[[") == std::string_view::npos) return places;
  const re2::StringPiece piece(text.data(), text.size());
  re2::StringPiece groups[2];
  for (size_t at = 0; block.Match(piece, at, text.size(), RE2::UNANCHORED, groups, 2);) {
    BlockPlace place;
    place.begin = groups[0].data() - text.data();
    place.end = place.begin + groups[0].size();
    place.data = std::string_view(groups[1].data(), groups[1].size());
    places.push_back(place);
    at = place.end;
  }
  return places;
}

absl::StatusOr<Block> ParseBlock(std::string_view data, std::string_view valid_pattern) {
  const std::vector<std::string_view> parts = SplitParts(data);
  Block block;
  block.access = parts[0];
  std::string errors;
  if (block.access.find('.') == std::string::npos) {
    errors =
        fmt::format("invalid pattern used for interpolation. valid pattern is {}", valid_pattern);
  }
  if (block.access.size() > kBlockAccessBytesMax) {
    errors += errors.empty() ? "" : ", ";
    errors += "maximum interpolation expression size exceeded";
  }
  if (!errors.empty()) return absl::InvalidArgumentError(errors);
  if (parts.size() - 1 > kBlockFunctionsMax) {
    return absl::InvalidArgumentError("too many functions in interpolation block");
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    CIEVENTS_ASSIGN_OR_RETURN(FunctionCall call, ParseFunctionCall(parts[i]));
    block.functions.push_back(std::move(call));
  }
  return block;
}

}  // namespace cievents::matcher
