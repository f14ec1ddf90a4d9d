#include "services/lib/yaml/syntax_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/lib/yaml/yaml.h"

namespace cievents::yaml::internal {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string_view LineAround(std::string_view text, size_t offset) {
  const size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const size_t end = std::min(text.find('\n', begin), text.size());
  return text.substr(begin, end - begin);
}

bool IsIndentedByTab(std::string_view line) {
  const size_t indent = line.find_first_not_of(" \t");
  return Contains(line.substr(0, std::min(indent, line.size())), "\t");
}

// The word at `offset`, up to white space or what ends an item of a flow list.
std::string WordAt(std::string_view text, size_t offset) {
  const size_t end = std::min(text.find_first_of(" \t\r\n,]}", offset), text.size());
  return Shorten(text.substr(offset, end - offset));
}

// Where the `*` of an alias stands that the parser stumbled over: it reports the star or what
// follows it.
size_t FindStar(std::string_view text, size_t offset) {
  for (size_t back = 0; back <= 3 && back <= offset; ++back) {
    const size_t at = offset - back;
    if (at < text.size() && text[at] == '*' && (at == 0 || text[at - 1] != '*')) return at;
  }
  return std::string_view::npos;
}

Explanation ExplainAlias(std::string_view text, size_t star) {
  const std::string word = WordAt(text, star);
  if (Contains(word, "/") || word == "*" || word == "**") {
    return {fmt::format("`{}` starts with `*`, which YAML reads as an alias", word),
            fmt::format("quote the pattern: \"{}\"", word)};
  }
  return {fmt::format("the alias `{}` names an anchor that is not defined above it", word),
          fmt::format("define `&{}` first, or quote the text: \"{}\"", word.substr(1), word)};
}

}  // namespace

Explanation ExplainSyntaxError(std::string_view text, size_t offset, std::string_view reason) {
  offset = std::min(offset, text.size());
  if (Contains(reason, "anchor is not defined") || Contains(reason, "alias")) {
    if (const size_t star = FindStar(text, offset); star != std::string_view::npos) {
      return ExplainAlias(text, star);
    }
  }
  if (Contains(reason, "tab") || IsIndentedByTab(LineAround(text, offset))) {
    return {"the line is indented with a tab, which YAML does not allow", "indent with spaces"};
  }
  if (offset > 0 && text.substr(offset - 1, 3) == "$[[") {
    return {"`$[[ .. ]]` is not quoted: inside `{ }` and `[ ]` YAML reads its brackets as lists",
            "quote the whole text: '$[[ .. ]] == \"x\"'"};
  }
  if (Contains(reason, "unknown escape character")) {
    return {"in double quotes a backslash begins an escape, and YAML does not know this one",
            "use single quotes, or write the backslash twice"};
  }
  if (Contains(reason, "map value")) {
    return {"a second `: ` on the line, or the line is not indented like its neighbours",
            "quote a text that contains `: `, and indent the keys of one map alike"};
  }
  if (Contains(reason, "unknown token")) {
    return {fmt::format("`{}` starts with a character that YAML reserves", WordAt(text, offset)),
            "quote the text"};
  }
  if (Contains(reason, "end of map flow")) {
    return {"`{` is not closed by `}`, or an item is not separated by `,`", ""};
  }
  if (Contains(reason, "end of sequence flow")) {
    return {"`[` is not closed by `]`, or an item is not separated by `,`", ""};
  }
  if (Contains(reason, "end of map not found") || Contains(reason, "end of sequence not found")) {
    return {"the line does not continue the map or list that it stands in",
            "check its indentation, and quote a text that has quotes or brackets at its start"};
  }
  return {fmt::format("not valid YAML: {}", reason), ""};
}

Explanation ExplainNegatedBlock() {
  return {"`!$[[ .. ]]` is not quoted: YAML reads `!$` as a tag and the brackets as a list",
          "quote the whole condition: '!$[[ .. ]]'"};
}

}  // namespace cievents::yaml::internal
