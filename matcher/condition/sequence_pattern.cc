#include "matcher/condition/sequence_pattern.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace cievents::matcher {
namespace {

// A program is a row of operations. kLiteral: a byte of length, the bytes. kOne to kRepeat: the
// two words of a ByteSet.
enum class Operation : uint8_t { kLiteral, kOne, kOptional, kMany, kRepeat, kEnd, kFound };

// A set of ASCII bytes.
struct ByteSet {
  std::array<uint64_t, 2> words = {};

  void Add(unsigned char byte) { words[byte / 64] |= uint64_t{1} << byte % 64; }
  void AddRange(unsigned char first, unsigned char last) {
    for (unsigned byte = first; byte <= last; ++byte) Add(static_cast<unsigned char>(byte));
  }
  void AddAll(const ByteSet& other) {
    words[0] |= other.words[0];
    words[1] |= other.words[1];
  }
  bool Meets(const ByteSet& other) const {
    return (words[0] & other.words[0]) != 0 || (words[1] & other.words[1]) != 0;
  }
};

struct Part {
  Operation operation = Operation::kOne;  // kOne to kRepeat
  ByteSet set;
  char literal = 0;  // not 0: a kOne of this byte alone
};

bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }
bool IsWordByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

class Compiler {
 public:
  explicit Compiler(std::string_view source) : rest_(source) {}

  std::string Run() {
    if (!Take("^") && !Take("\\A")) return {};
    while (!rest_.empty() && !IsEnd()) {
      if (!ReadPart()) return {};
    }
    return HasChoice() ? std::string() : Write();
  }

 private:
  bool Take(std::string_view front) {
    if (!rest_.starts_with(front)) return false;
    rest_.remove_prefix(front.size());
    return true;
  }
  bool IsEnd() const { return rest_ == "$" || rest_ == "\\z"; }

  // `\d`, `\w`, `\s` at the front.
  static std::optional<ByteSet> NamedClass(std::string_view text) {
    if (text.size() < 2 || text[0] != '\\') return std::nullopt;
    ByteSet set;
    switch (text[1]) {
      case 'w':
        set.AddRange('A', 'Z');
        set.AddRange('a', 'z');
        set.Add('_');
        [[fallthrough]];
      case 'd':
        set.AddRange('0', '9');
        return set;
      case 's':
        for (const char c : {'\t', '\n', '\f', '\r', ' '}) set.Add(static_cast<unsigned char>(c));
        return set;
      default:
        return std::nullopt;
    }
  }

  // Takes one character that stands for itself; `meta` are those that need a backslash.
  std::optional<char> TakeByte(std::string_view meta) {
    if (rest_.empty()) return std::nullopt;
    size_t length = 1;
    char c = rest_[0];
    if (c == '\\') {
      if (rest_.size() < 2 || IsWordByte(rest_[1])) return std::nullopt;
      c = rest_[1];
      length = 2;
    } else if (meta.find(c) != std::string_view::npos) {
      return std::nullopt;
    }
    if (!IsPrintable(c)) return std::nullopt;
    rest_.remove_prefix(length);
    return c;
  }

  // Behind a `[`, up to its `]`.
  std::optional<ByteSet> TakeClass() {
    ByteSet set;
    if (rest_.starts_with("^") || rest_.starts_with("]")) return std::nullopt;
    for (bool first = true; !Take("]"); first = false) {
      if (const std::optional<ByteSet> named = NamedClass(rest_)) {
        set.AddAll(*named);
        rest_.remove_prefix(2);
        if (rest_.starts_with("-")) return std::nullopt;
        continue;
      }
      if (rest_.starts_with("-") && !first && !rest_.starts_with("-]")) return std::nullopt;
      const std::optional<char> low = TakeByte("[]");
      if (!low.has_value()) return std::nullopt;
      std::optional<char> high = low;
      if (rest_.starts_with("-") && !rest_.starts_with("-]")) {
        rest_.remove_prefix(1);
        high = TakeByte("[]-");
        if (!high.has_value() || *high < *low) return std::nullopt;
      }
      set.AddRange(static_cast<unsigned char>(*low), static_cast<unsigned char>(*high));
    }
    return set;
  }

  // None, or one that nothing can follow that would change what it means. False: something else.
  bool TakeQuantifier(Part* part) {
    static constexpr std::string_view kQuantifiers = "?*+{";
    static constexpr std::array<Operation, 3> kOperations = {Operation::kOptional,
                                                             Operation::kRepeat, Operation::kMany};
    const auto at = rest_.empty() ? std::string_view::npos : kQuantifiers.find(rest_[0]);
    if (at == std::string_view::npos) return true;
    if (at >= kOperations.size()) return false;
    rest_.remove_prefix(1);
    part->operation = kOperations[at];
    part->literal = 0;
    return rest_.empty() || kQuantifiers.find(rest_[0]) == std::string_view::npos;
  }

  bool ReadPart() {
    Part part;
    if (Take("[")) {
      const std::optional<ByteSet> set = TakeClass();
      if (!set.has_value()) return false;
      part.set = *set;
    } else if (const std::optional<ByteSet> named = NamedClass(rest_)) {
      part.set = *named;
      rest_.remove_prefix(2);
    } else {
      const std::optional<char> byte = TakeByte(".+*?()|[]{}^$");
      if (!byte.has_value()) return false;
      part.set.Add(static_cast<unsigned char>(*byte));
      part.literal = *byte;
    }
    if (!TakeQuantifier(&part)) return false;
    parts_.push_back(part);
    return true;
  }

  // Whether at some part the next byte does not say if it is to be taken by that part.
  bool HasChoice() const {
    ByteSet next;  // what may follow a part
    for (size_t i = parts_.size(); i > 0; --i) {
      const Part& part = parts_[i - 1];
      if (part.operation != Operation::kOne && part.set.Meets(next)) return true;
      if (part.operation == Operation::kOne || part.operation == Operation::kMany) next = {};
      next.AddAll(part.set);
    }
    return false;
  }

  std::string Write() const {
    std::string program;
    for (size_t i = 0; i < parts_.size();) {
      if (parts_[i].literal == 0) {
        program.push_back(static_cast<char>(parts_[i].operation));
        program.append(reinterpret_cast<const char*>(&parts_[i].set.words), sizeof(ByteSet));
        ++i;
        continue;
      }
      program.push_back(static_cast<char>(Operation::kLiteral));
      const size_t length_at = program.size();
      program.push_back(0);
      while (i < parts_.size() && parts_[i].literal != 0 && program.size() - length_at <= 255) {
        program.push_back(parts_[i++].literal);
      }
      program[length_at] = static_cast<char>(program.size() - length_at - 1);
    }
    program.push_back(static_cast<char>(rest_.empty() ? Operation::kFound : Operation::kEnd));
    program.shrink_to_fit();
    return program;
  }

  std::string_view rest_;
  std::vector<Part> parts_;
};

// A set as it stands in a program.
class ProgramSet {
 public:
  explicit ProgramSet(const char* at) { std::memcpy(words_, at, sizeof(words_)); }
  bool Has(char c) const {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 128 && (words_[byte / 64] >> byte % 64 & 1) != 0;
  }

 private:
  uint64_t words_[2];
};

}  // namespace

std::string CompileSequence(std::string_view source) { return Compiler(source).Run(); }

bool MatchesSequence(std::string_view program, std::string_view text) {
  const char* operation = program.data();
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    switch (static_cast<Operation>(*operation++)) {
      case Operation::kLiteral: {
        const auto length = static_cast<unsigned char>(*operation++);
        if (end - at < length || std::memcmp(at, operation, length) != 0) return false;
        at += length;
        operation += length;
        continue;
      }
      case Operation::kOne:
      case Operation::kMany:
        if (at == end || !ProgramSet(operation).Has(*at)) return false;
        ++at;
        if (static_cast<Operation>(operation[-1]) == Operation::kOne) break;
        [[fallthrough]];
      case Operation::kRepeat: {
        const ProgramSet set(operation);
        while (at != end && set.Has(*at)) ++at;
        break;
      }
      case Operation::kOptional:
        if (at != end && ProgramSet(operation).Has(*at)) ++at;
        break;
      case Operation::kEnd:
        return at == end;
      case Operation::kFound:
        return true;
    }
    operation += sizeof(ByteSet);
  }
}

}  // namespace cievents::matcher
