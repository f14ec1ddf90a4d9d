// SkipContainer, byte by byte and, in two ways, 64 bytes a step. Tested against each other by
// json_scanner_test.cc.
#include <bit>
#include <cstddef>

#ifdef __SSE2__
#include <immintrin.h>
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

constexpr size_t kBlockBytes = 64;

// One bit a byte of a block, the first byte lowest.
struct BlockMasks {
  uint64_t quotes = 0;
  uint64_t backslashes = 0;
  uint64_t brackets = 0;

  // The last block of a text begins before it should: a load may not pass the text's end.
  void DropFirst(size_t bytes) {
    quotes >>= bytes;
    backslashes >>= bytes;
    brackets >>= bytes;
  }
};

// The bytes that a backslash before them escapes. *carry: whether the byte before the block is such
// a backslash; set for the next block. (The subtraction lets the carry of an addition run through a
// row of backslashes, so that every second one is found at once; simdjson's way.)
uint64_t FindEscaped(uint64_t backslashes, uint64_t* carry) {
  constexpr uint64_t kOddBits = 0xAAAA'AAAA'AAAA'AAAA;
  if (backslashes == 0) [[likely]] {
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

// What is known between two blocks, and what does not depend on the instructions that read one.
class BlockSkip {
 public:
  BlockSkip(std::string_view text, uint32_t depth) : text_(text), brackets_(depth) {}

  // The container itself; the blocks begin behind its bracket. False: too deep.
  bool Open(char bracket) { return brackets_.Push(bracket); }

  // The quotes that begin or end a string.
  uint64_t Quotes(const BlockMasks& masks) {
    return masks.quotes & ~FindEscaped(masks.backslashes, &escape_carry_);
  }

  // `parity`: bit n tells whether the number of Quotes up to byte n is odd. True: *step is the end.
  bool Walk(const BlockMasks& masks, uint64_t parity, size_t at, Step* step) {
    const uint64_t strings = parity ^ in_string_;
    in_string_ = 0 - (strings >> 63);
    uint64_t found = (masks.brackets | masks.backslashes) & ~strings;
    for (; found != 0; found &= found - 1) {
      const size_t place = at + static_cast<size_t>(std::countr_zero(found));
      const char c = text_[place];
      if (c == '\\') [[unlikely]] {
        *step = {place, kBackslash};
        return true;
      }
      if ((c & 0x06) == 0x02) {  // { is 7B, [ is 5B; } is 7D, ] is 5D
        if (brackets_.Push(c)) continue;
        *step = {place, kTooDeep};
        return true;
      }
      const bool matches = brackets_.Pop(c);
      if (matches && !brackets_.empty()) continue;
      *step = matches ? Step{place + 1} : Step{place, kMismatch};
      return true;
    }
    return false;
  }

  Step TextEnd() const {
    return {text_.size(), in_string_ != 0 ? kEndsInSkippedString : kEndsInContainer};
  }

 private:
  const std::string_view text_;
  BracketStack brackets_;
  uint64_t escape_carry_ = 0;
  uint64_t in_string_ = 0;  // all ones: the block begins inside a string
};

BlockMasks ReadBlockSse2(const char* block) {
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

// The same two with AVX2 and its contemporaries, for processors that have them.

[[gnu::target("avx2,bmi,pclmul")]] inline uint64_t MaskAvx2(__m256i low, __m256i high) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
         static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

[[gnu::target("avx2,bmi,pclmul")]] inline BlockMasks ReadBlockAvx2(const char* block) {
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i to_brace = _mm256_set1_epi8(0x20);
  const __m256i open = _mm256_set1_epi8('{');
  const __m256i close = _mm256_set1_epi8('}');
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 32));
  const __m256i low_braces = _mm256_or_si256(low, to_brace);
  const __m256i high_braces = _mm256_or_si256(high, to_brace);
  BlockMasks masks;
  masks.quotes = MaskAvx2(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote));
  masks.backslashes =
      MaskAvx2(_mm256_cmpeq_epi8(low, backslash), _mm256_cmpeq_epi8(high, backslash));
  masks.brackets = MaskAvx2(
      _mm256_or_si256(_mm256_cmpeq_epi8(low_braces, open), _mm256_cmpeq_epi8(low_braces, close)),
      _mm256_or_si256(_mm256_cmpeq_epi8(high_braces, open), _mm256_cmpeq_epi8(high_braces, close)));
  return masks;
}

// A carry-less product with all ones adds up, at each bit, that bit and all below.
[[gnu::target("avx2,bmi,pclmul")]] inline uint64_t PrefixXorClmul(uint64_t bits) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(bits)), _mm_set1_epi8('\xFF'), 0);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
}

bool CpuHasAvx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("pclmul");
}

// Until it is initialised, before main, it is false: slower, not wrong.
const bool kCpuHasAvx2 = CpuHasAvx2();

}  // namespace

Step SkipContainerSse2(std::string_view text, size_t at, uint32_t depth) {
  // A text that is shorter than a block: there is nothing before it to load either.
  if (text.size() < kBlockBytes) return SkipContainerBytewise(text, at, depth);
  BlockSkip skip(text, depth);
  if (!skip.Open(text[at])) return {at, kTooDeep};
  Step step;
  for (++at; at + kBlockBytes <= text.size(); at += kBlockBytes) {
    const BlockMasks masks = ReadBlockSse2(text.data() + at);
    if (skip.Walk(masks, PrefixXor(skip.Quotes(masks)), at, &step)) return step;
  }
  if (at >= text.size()) return skip.TextEnd();
  BlockMasks masks = ReadBlockSse2(text.data() + text.size() - kBlockBytes);
  masks.DropFirst(at + kBlockBytes - text.size());
  return skip.Walk(masks, PrefixXor(skip.Quotes(masks)), at, &step) ? step : skip.TextEnd();
}

// Line by line what stands above: a function with a target of its own can share no template.
[[gnu::target("avx2,bmi,pclmul")]] Step SkipContainerAvx2(std::string_view text, size_t at,
                                                          uint32_t depth) {
  if (text.size() < kBlockBytes) return SkipContainerBytewise(text, at, depth);
  BlockSkip skip(text, depth);
  if (!skip.Open(text[at])) return {at, kTooDeep};
  Step step;
  for (++at; at + kBlockBytes <= text.size(); at += kBlockBytes) {
    const BlockMasks masks = ReadBlockAvx2(text.data() + at);
    if (skip.Walk(masks, PrefixXorClmul(skip.Quotes(masks)), at, &step)) return step;
  }
  if (at >= text.size()) return skip.TextEnd();
  BlockMasks masks = ReadBlockAvx2(text.data() + text.size() - kBlockBytes);
  masks.DropFirst(at + kBlockBytes - text.size());
  return skip.Walk(masks, PrefixXorClmul(skip.Quotes(masks)), at, &step) ? step : skip.TextEnd();
}

bool HasSkipContainerAvx2() { return kCpuHasAvx2; }

Step SkipContainer(std::string_view text, size_t at, uint32_t depth) {
  return kCpuHasAvx2 ? SkipContainerAvx2(text, at, depth) : SkipContainerSse2(text, at, depth);
}
#else
Step SkipContainer(std::string_view text, size_t at, uint32_t depth) {
  return SkipContainerBytewise(text, at, depth);
}
#endif

}  // namespace cievents::matcher::json
