// Steps over JSON text: strings, numbers, whole containers. Two strictnesses:
//   Scan... checks the grammar of RFC 8259 (text that somebody reads),
//   Skip... finds the end only (text that is passed on the way): strings end, brackets match in
//           kind, a backslash stands in strings only. Where both succeed they end at one place;
//           that makes a value independent of what else was read (event_fields.h).
// Nothing reads behind the text, recurses, or allocates.
#ifndef MATCHER_EVENT_JSON_SCANNER_H_
#define MATCHER_EVENT_JSON_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cievents::matcher::json {

inline constexpr uint32_t kDepthMax = 1024;  // containers within containers, the outermost included

// Where a step ended: behind what it stepped over or, with an error, at the byte that is wrong.
struct Step {
  size_t at = 0;
  const char* error = nullptr;  // static text
};

inline bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

inline size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// ---- Strings. `at` is the opening quote.
// ---------------------------------------------------------

struct StringStep {
  size_t at = 0;
  const char* error = nullptr;
  bool has_escapes = false;  // they are checked by DecodeString, not here
  bool has_non_ascii = false;
};
StringStep ScanString(std::string_view text, size_t at);
Step SkipString(std::string_view text, size_t at);

// Decodes what stands between the quotes, [begin, end) of `text`, to `out` (room for end - begin
// bytes; nullptr: only checks). Sets *size.
Step DecodeString(std::string_view text, size_t begin, size_t end, char* out, size_t* size);

bool IsUtf8(std::string_view text);

// ---- Numbers, true, false, null
// ------------------------------------------------------------------

// A number or a literal, and the byte behind it: white space, `,`, `}`, `]` or, only if
// `may_end_text`, the end of the text.
enum class AtTextEnd : uint8_t { kAllowed, kRefused };
Step ScanScalar(std::string_view text, size_t at, AtTextEnd at_text_end);
Step SkipScalar(std::string_view text, size_t at);

// ---- Containers. `at` is the opening bracket, `depth` the number of containers around it.
// --------

struct ContainerStep {
  size_t at = 0;
  const char* error = nullptr;
  bool has_space = false;  // outside of strings
};
ContainerStep ScanContainer(std::string_view text, size_t at, uint32_t depth);

// The fastest of those below.
Step SkipContainer(std::string_view text, size_t at, uint32_t depth);
Step SkipContainerBytewise(std::string_view text, size_t at, uint32_t depth);
#ifdef __SSE2__
Step SkipContainerSse2(std::string_view text, size_t at, uint32_t depth);
#endif

// Any value.
Step SkipValue(std::string_view text, size_t at, uint32_t depth);

// Writes [begin, end) without the white space outside of strings; gives the number of bytes.
// REQUIRES: ScanContainer accepts it; room for end - begin bytes.
size_t Compact(std::string_view text, size_t begin, size_t end, char* out);

}  // namespace cievents::matcher::json

#endif  // MATCHER_EVENT_JSON_SCANNER_H_
