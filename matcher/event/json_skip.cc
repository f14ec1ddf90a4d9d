// SkipContainer, byte by byte and 64 bytes a step. Tested against each other by
// json_scanner_test.cc.
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "matcher/event/json_brackets.h"
#include "matcher/event/json_scanner.h"

namespace cievents::matcher::json {
namespace {

constexpr const char* kEndsInSkippedString = "the text ends inside a string";
constexpr const char* kBackslash = "a backslash stands outside of a string";

}  // namespace

Step SkipContainerBytewise(std::string_view text, size_t at, uint32_t depth) {
  BracketStack brackets(depth);
  bool in_string = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    switch (c) {
      case '"':
        in_string = true;
        break;
      case '\\':
        return {at, kBackslash};
      case '{':
      case '[':
        if (!brackets.Push(c)) return {at, kTooDeep};
        break;
      case '}':
      case ']':
        if (!brackets.Pop(c)) return {at, kMismatch};
        if (brackets.empty()) return {at + 1};
        break;
      default:
        break;
    }
  }
  return {text.size(), in_string ? kEndsInSkippedString : kEndsInContainer};
}

#ifdef __SSE2__
namespace {

// One bit a byte of a block, the first byte lowest.
struct BlockMasks {
  uint64_t quotes = 0;
  uint64_t backslashes = 0;
  uint64_t brackets = 0;
};

BlockMasks ReadBlock(const char* block) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i to_brace = _mm_set1_epi8(0x20);  // makes [ and ] the same as { and }
  const __m128i open = _mm_set1_epi8('{');
  const __m128i close = _mm_set1_epi8('}');
  BlockMasks masks;
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 16 * i));
    const __m128i braces = _mm_or_si128(bytes, to_brace);
    const __m128i bracket =
        _mm_or_si128(_mm_cmpeq_epi8(braces, open), _mm_cmpeq_epi8(braces, close));
    const auto mask = [i](__m128i equal) {
      return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(equal))) << (16 * i);
    };
    masks.quotes |= mask(_mm_cmpeq_epi8(bytes, quote));
    masks.backslashes |= mask(_mm_cmpeq_epi8(bytes, backslash));
    masks.brackets |= mask(bracket);
  }
  return masks;
}

// Bit n of the result: the parity of the bits 0 to n.
uint64_t PrefixXor(uint64_t bits) {
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  bits ^= bits << 32;
  return bits;
}

// The bytes that a backslash before them escapes. *carry: whether the byte before the block is such
// a backslash; set for the next block. (The subtraction lets the carry of an addition run through a
// row of backslashes, so that every second one is found at once; simdjson's way.)
uint64_t FindEscaped(uint64_t backslashes, uint64_t* carry) {
  constexpr uint64_t kOddBits = 0xAAAA'AAAA'AAAA'AAAA;
  if (backslashes == 0) {
    const uint64_t escaped = *carry;
    *carry = 0;
    return escaped;
  }
  const uint64_t candidates = backslashes & ~*carry;
  const uint64_t codes = ((candidates << 1 | kOddBits) - candidates) ^ kOddBits;
  const uint64_t escaped = codes ^ (backslashes | *carry);
  *carry = (codes & backslashes) >> 63;
  return escaped;
}

}  // namespace

Step SkipContainerSse2(std::string_view text, size_t at, uint32_t depth) {
  BracketStack brackets(depth);
  uint64_t escape_carry = 0;
  uint64_t in_string = 0;  // all ones: the block begins inside a string
  char last_block[64];
  for (; at < text.size(); at += 64) {
    const char* block = text.data() + at;
    if (text.size() - at < sizeof(last_block)) {
      std::memset(last_block, ' ', sizeof(last_block));
      std::memcpy(last_block, block, text.size() - at);
      block = last_block;
    }
    const BlockMasks masks = ReadBlock(block);
    const uint64_t quotes = masks.quotes & ~FindEscaped(masks.backslashes, &escape_carry);
    const uint64_t strings = PrefixXor(quotes) ^ in_string;
    in_string = 0 - (strings >> 63);
    const uint64_t bad = masks.backslashes & ~strings;
    uint64_t found = (masks.brackets & ~strings) | bad;
    for (; found != 0; found &= found - 1) {
      const size_t offset = static_cast<size_t>(std::countr_zero(found));
      const char c = block[offset];
      if (c == '\\') return {at + offset, kBackslash};
      if ((c & 0x06) == 0x02) {  // { is 7B, [ is 5B; } is 7D, ] is 5D
        if (!brackets.Push(c)) return {at + offset, kTooDeep};
      } else {
        if (!brackets.Pop(c)) return {at + offset, kMismatch};
        if (brackets.empty()) return {at + offset + 1};
      }
    }
  }
  return {text.size(), in_string != 0 ? kEndsInSkippedString : kEndsInContainer};
}

Step SkipContainer(std::string_view text, size_t at, uint32_t depth) {
  return SkipContainerSse2(text, at, depth);
}
#else
Step SkipContainer(std::string_view text, size_t at, uint32_t depth) {
  return SkipContainerBytewise(text, at, depth);
}
#endif

}  // namespace cievents::matcher::json
