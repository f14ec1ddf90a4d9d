// 64-bit hashes of texts, and of all prefixes of one text in one pass.
#ifndef MATCHER_ACCESS_LITERAL_HASH_H_
#define MATCHER_ACCESS_LITERAL_HASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cievents::matcher {

// The 128-bit product of two words, folded: every bit of the result depends on all of both.
inline uint64_t MixWords(uint64_t a, uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Where the process was loaded, as a seed: it differs from process to process, so that nobody can
// write many literals of one hash. Hashes never leave the process.
inline constexpr char kHashSeedPlace = 0;
inline uint64_t LiteralHashSeed() {
  return MixWords(reinterpret_cast<uintptr_t>(&kHashSeedPlace), 0x8ebc6af09c88c6e3ULL) | 1;
}

// Hashes prefixes of `text`, which must outlive it. absl::Hash would start over for every length:
// a bucket with many lengths, which anybody can write, would cost their sum.
class PrefixHasher {
 public:
  explicit PrefixHasher(std::string_view text) : text_(text), state_(LiteralHashSeed()) {}

  // The hash of the first `bytes` bytes and `salt`: equal texts have equal hashes, from whatever
  // text they are a prefix. REQUIRES: bytes <= text.size(); not less than in the call before; salt
  // < 2^40.
  uint64_t HashPrefix(size_t bytes, uint64_t salt) {
    while (hashed_ + sizeof(uint64_t) <= bytes) {
      uint64_t word;
      std::memcpy(&word, text_.data() + hashed_, sizeof(word));
      state_ = MixWords(state_ ^ word, kWordMultiplier);
      hashed_ += sizeof(word);
    }
    // The length tells a text that ends in zero bytes from a shorter one.
    return MixWords(state_ ^ LoadTail(bytes - hashed_), kTailMultiplier ^ salt << 24 ^ bytes);
  }

 private:
  static constexpr uint64_t kWordMultiplier = 0xa0761d6478bd642fULL;
  static constexpr uint64_t kTailMultiplier = 0xe7037ed1a0b428dbULL;

  // The next `bytes` (0 to 7) bytes in one word, without a loop: overlapping halves from four on.
  uint64_t LoadTail(size_t bytes) const {
    const char* from = text_.data() + hashed_;
    if (bytes >= 4) {
      uint32_t low;
      uint32_t high;
      std::memcpy(&low, from, sizeof(low));
      std::memcpy(&high, from + bytes - 4, sizeof(high));
      return static_cast<uint64_t>(high) << 32 | low;
    }
    if (bytes == 0) return 0;
    const auto byte = [from](size_t at) {
      return static_cast<uint64_t>(static_cast<unsigned char>(from[at]));
    };
    return byte(0) << 16 | byte(bytes / 2) << 8 | byte(bytes - 1);
  }

  std::string_view text_;
  uint64_t state_;
  size_t hashed_ = 0;
};

inline uint64_t HashLiteral(std::string_view text, uint64_t salt) {
  return PrefixHasher(text).HashPrefix(text.size(), salt);
}

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_LITERAL_HASH_H_
