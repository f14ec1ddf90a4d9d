// Names and patterns from any bytes: a line with a pattern, then a name. What is accepted parses to
// itself, and a literal pattern matches the one name that it is.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "matcher/base/check.h"
#include "matcher/pattern.h"

namespace cievents::matcher {
namespace {

// Returns the canonical name, or one that is always valid.
std::string CheckName(std::string_view text) {
  const absl::StatusOr<std::string> name = ParseEventName(text);
  if (!name.ok()) {
    CIEVENTS_CHECK(!name.status().message().empty());
    return "package/published";
  }
  CIEVENTS_CHECK(!name->empty() && name->size() <= kNameBytesMax);
  const absl::StatusOr<std::string> again = ParseEventName(*name);
  CIEVENTS_CHECK(again.ok() && *again == *name);
  // Every name is a pattern, a literal one.
  const absl::StatusOr<Pattern> pattern = Pattern::Parse(*name);
  CIEVENTS_CHECK(pattern.ok() && pattern->is_literal() && pattern->text() == *name);
  CIEVENTS_CHECK(pattern->Matches(*name));
  return *name;
}

void CheckPattern(std::string_view text, std::string_view name) {
  const absl::StatusOr<Pattern> pattern = Pattern::Parse(text);
  if (!pattern.ok()) {
    CIEVENTS_CHECK(!pattern.status().message().empty());
    return;
  }
  const absl::StatusOr<Pattern> again = Pattern::Parse(pattern->text());
  CIEVENTS_CHECK(again.ok() && *again == *pattern);
  CIEVENTS_CHECK(again->is_literal() == pattern->is_literal());
  const bool matches = pattern->Matches(name);
  if (pattern->is_literal()) {
    CIEVENTS_CHECK(matches == (pattern->text() == name));
    CIEVENTS_CHECK(ParseEventName(pattern->text()).ok());
  }
  if (pattern->text() == "**") CIEVENTS_CHECK(matches);
}

}  // namespace
}  // namespace cievents::matcher

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line_end = input.find('\n');
  const std::string_view pattern = input.substr(0, line_end);
  const std::string name = cievents::matcher::CheckName(
      line_end == std::string_view::npos ? pattern : input.substr(line_end + 1));
  cievents::matcher::CheckPattern(pattern, name);
  return 0;
}
