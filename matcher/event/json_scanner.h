// Steps over JSON text: strings, numbers, whole containers. Two strictnesses:
//   Scan... checks the grammar of RFC 8259 (text that somebody reads),
//   Skip... finds the end only (text that is passed on the way): strings end, brackets match in
//           kind, a backslash stands in strings only. Where both succeed they end at one place;
//           that makes a value independent of what else was read (event_fields.h).
// Nothing reads behind the text, recurses, or allocates.
#ifndef MATCHER_EVENT_JSON_SCANNER_H_
#define MATCHER_EVENT_JSON_SCANNER_H_

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/base/attributes.h"

namespace cievents::matcher::json {

inline constexpr uint32_t kDepthMax = 1024;  // containers within containers, the outermost included

// Where a step ended: behind what it stepped over or, with an error, at the byte that is wrong.
struct Step {
  size_t at = 0;
  const char* error = nullptr;  // static text
};

// What a byte means to a scalar that is being passed.
enum class ScalarByte : uint8_t { kPart, kEnd, kForeign };
inline constexpr std::array<ScalarByte, 256> kScalarBytes = [] {
  std::array<ScalarByte, 256> bytes{};
  for (unsigned char c : {' ', '\n', '\t', '\r', ',', '}', ']'}) bytes[c] = ScalarByte::kEnd;
  // These would begin or end something else: where a reader that checks would stop, so must a skip.
  for (unsigned char c : {'"', '{', '[', ':', '\\'}) bytes[c] = ScalarByte::kForeign;
  return bytes;
}();
inline bool EndsScalar(char c) {
  return kScalarBytes[static_cast<unsigned char>(c)] == ScalarByte::kEnd;
}

// Nearly all bytes that are asked about are none: those need one comparison.
inline bool IsSpace(char c) {
  return static_cast<unsigned char>(c) <= ' ' && (c == ' ' || c == '\n' || c == '\t' || c == '\r');
}

inline size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// ---- Strings. `at` is the opening quote.

// The next quote, backslash or control character from `at`; the text's size if there is none.
size_t FindStringEvent(std::string_view text, size_t at, bool* has_non_ascii);

#ifdef __SSE2__
// Sixteen bytes of a string, a bit each: those that end its plain text (quote, backslash, control
// character) and those that are not ASCII.
struct StringMasks {
  uint32_t events = 0;
  uint32_t non_ascii = 0;

  // The event itself is ASCII.
  bool NonAsciiBeforeEvent() const { return (non_ascii & (events ^ (events - 1))) != 0; }
};
ABSL_ATTRIBUTE_ALWAYS_INLINE inline StringMasks ReadStringMasks(const char* bytes_at) {
  const __m128i control = _mm_set1_epi8(0x1F);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes_at));
  const __m128i events = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                      _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
  return {static_cast<uint32_t>(_mm_movemask_epi8(events)),
          static_cast<uint32_t>(_mm_movemask_epi8(bytes))};
}
#endif

// A string that can be taken as it stands: no escapes, no control characters.
struct PlainString {
  // The closing quote. 0: it is no such string, or the text is so short that others should look.
  size_t end = 0;
  bool has_non_ascii = false;
};
// `at` is the byte behind the opening quote.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline PlainString FindPlainString(std::string_view text, size_t at) {
  bool has_non_ascii = false;
#ifdef __SSE2__
  for (; at + 16 <= text.size(); at += 16) {
    const StringMasks masks = ReadStringMasks(text.data() + at);
    if (masks.events != 0) [[likely]] {
      const size_t end = at + static_cast<uint32_t>(std::countr_zero(masks.events));
      if (text[end] != '"') [[unlikely]] {
        return {};
      }
      return {end, has_non_ascii || masks.NonAsciiBeforeEvent()};
    }
    has_non_ascii |= masks.non_ascii != 0;
  }
  if (at >= text.size() || text.size() < 16) return {};
  // The text's last 16 bytes, without those before `at`: nothing behind the text is read.
  const size_t before = at + 16 - text.size();
  StringMasks masks = ReadStringMasks(text.data() + text.size() - 16);
  masks.events >>= before;
  masks.non_ascii >>= before;
  if (masks.events == 0) return {};
  const size_t end = at + static_cast<uint32_t>(std::countr_zero(masks.events));
  if (text[end] != '"') [[unlikely]] {
    return {};
  }
  return {end, has_non_ascii || masks.NonAsciiBeforeEvent()};
#else
  const size_t end = FindStringEvent(text, at, &has_non_ascii);
  if (end >= text.size() || text[end] != '"') return {};
  return {end, has_non_ascii};
#endif
}

// Behind a number of a few digits alone; 0: it is something else, or others should look.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline size_t FindWholeNumberEnd(std::string_view text, size_t at) {
#ifdef __SSE2__
  if (at + 16 > text.size()) return 0;
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
  const __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
  const auto others = static_cast<uint32_t>(_mm_movemask_epi8(digits)) ^ 0xFFFFu;
  if (others == 0 || (others & 1) != 0) return 0;
  const size_t end = at + static_cast<uint32_t>(std::countr_zero(others));
  return EndsScalar(text[end]) ? end : 0;
#else
  static_cast<void>(text);
  static_cast<void>(at);
  return 0;
#endif
}

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

// A number or a literal, and the byte behind it: white space, `,`, `}`, `]` or, only if
// `kAllowed`, the end of the text.
enum class AtTextEnd : uint8_t { kAllowed, kRefused };
Step ScanScalar(std::string_view text, size_t at, AtTextEnd at_text_end);
Step SkipScalar(std::string_view text, size_t at);

// ---- Containers. `at` is the opening bracket, `depth` the number of containers around it.

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
Step SkipContainerAvx2(std::string_view text, size_t at, uint32_t depth);
bool HasSkipContainerAvx2();  // whether this processor can
#endif

// Any value.
Step SkipValue(std::string_view text, size_t at, uint32_t depth);

// Writes [begin, end) without the white space outside of strings; gives the number of bytes.
// REQUIRES: ScanContainer accepts it; room for end - begin bytes.
size_t Compact(std::string_view text, size_t begin, size_t end, char* out);

}  // namespace cievents::matcher::json

#endif  // MATCHER_EVENT_JSON_SCANNER_H_
