// `$[[ event.PATH ]]`, `$[[ gitlab.event.PATH ]]` and `$[[ inputs.NAME ]]`.
#include <fmt/format.h>

#include "matcher/condition/lexer.h"

namespace cievents::matcher {
namespace {

constexpr std::string_view kOpen = "$[[";
constexpr std::string_view kClose = "]]";

bool IsInputName(std::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    if (!IsWordChar(c) && c != '-') return false;
  }
  return true;
}

// The rest behind `root` if `content` is `root` or begins with `root.`.
bool HasRoot(std::string_view content, std::string_view root) {
  return content.starts_with(root) &&
         (content.size() == root.size() || content[root.size()] == '.');
}

ConditionError At(size_t offset, std::string message, std::string suggestion = {}) {
  return {static_cast<int>(offset) + 1, std::move(message), std::move(suggestion)};
}

ConditionError ExplainContent(std::string_view content, size_t offset) {
  if (const size_t bar = content.find('|'); bar != std::string_view::npos) {
    return At(offset + bar, "Functions cannot be used in conditions, only in `inputs`");
  }
  if (HasRoot(content, "inputs")) {
    return At(offset,
              fmt::format("`{}` names no input: write `inputs.NAME`, NAME of letters, digits, `_` "
                          "and `-`",
                          content));
  }
  if (content.empty()) return At(offset, "The block is empty: write `$[[ event.PATH ]]`");
  if (HasRoot(content, "payload") || HasRoot(content, "object_attributes")) {
    return At(
        offset,
        fmt::format("`{}` is not known here: a block begins with `event.` or `inputs.`", content),
        fmt::format("$[[ event.{} ]]", content));
  }
  return At(offset, fmt::format("`{}` is not known here: a block begins with `event.` or `inputs.`",
                                content));
}

}  // namespace

bool HasBlock(std::string_view text) {
  const size_t open = text.find(kOpen);
  return open != std::string_view::npos &&
         text.find(kClose, open + kOpen.size()) != std::string_view::npos;
}

Block ReadBlock(std::string_view text, size_t begin, size_t limit, ConditionPlace place,
                ConditionError* error) {
  Block block;
  const size_t close = text.find(kClose, begin + kOpen.size());
  if (close == std::string_view::npos || close + kClose.size() > limit) {
    *error = At(begin, "Unknown lexeme found! The block `$[[` has no `]]`");
    return block;
  }
  block.end = close + kClose.size();
  size_t first = begin + kOpen.size();
  size_t last = close;
  while (first < last && IsSpace(text[first])) ++first;
  while (last > first && IsSpace(text[last - 1])) --last;
  const std::string_view content = text.substr(first, last - first);

  const bool event = HasRoot(content, "event") || HasRoot(content, "gitlab.event");
  const bool input = content.starts_with("inputs.") && IsInputName(content.substr(7));
  if (input || (event && content.find('|') == std::string_view::npos)) {
    block.outcome = Block::Outcome::kPart;
    block.part.kind = event ? Part::Kind::kEvent : Part::Kind::kInput;
    block.part.begin = static_cast<uint16_t>(event ? first : first + 7);
    block.part.end = static_cast<uint16_t>(last);
  } else if (place == ConditionPlace::kHoistedRule) {
    block.outcome = Block::Outcome::kUndecidable;
  } else {
    *error = ExplainContent(content, first);
  }
  return block;
}

}  // namespace cievents::matcher
