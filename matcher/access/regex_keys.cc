#include "matcher/access/regex_keys.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/access/regex_memory.h"
#include "matcher/base/check.h"
#include "re2/re2.h"
#include "re2/set.h"
#include "re2/stringpiece.h"

namespace cievents::matcher {
namespace {

// Measured with the allocator's statistics, by instruction of the program, before any match: the
// program, and the automaton's work queues.
constexpr size_t kSetBytesPerInstruction = 14;
constexpr size_t kSetBytesFixed = 1024;
constexpr size_t kSingleBytes = 2200;  // an RE2, compiled, before its first match

re2::StringPiece ToPiece(std::string_view text) { return {text.data(), text.size()}; }

RE2::Options MakeOptions(int64_t bytes_max) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(bytes_max);
  return options;
}

// Up to the first operator; anchors and flags stand in front of many patterns and do not count.
std::string_view LiteralBeginning(std::string_view pattern) {
  size_t begin = pattern.starts_with('^') ? 1 : 0;
  if (pattern.substr(begin).starts_with("(?")) begin = std::min(pattern.find(')'), pattern.size());
  return pattern.substr(0, pattern.find_first_of("[(.*+?{|\\", begin));
}

// RE2 joins the common literal beginnings of neighbours in sorted order; else a byte of a pattern
// is about one instruction, and a dot, which stands for all of UTF-8, ten.
size_t EstimateInstructions(const std::vector<std::string_view>& sorted) {
  size_t instructions = 0;
  std::string_view before;
  for (const std::string_view pattern : sorted) {
    const std::string_view literal = LiteralBeginning(pattern);
    const auto differs =
        std::mismatch(literal.begin(), literal.end(), before.begin(), before.end()).first;
    instructions += pattern.size() - static_cast<size_t>(differs - literal.begin()) + 1;
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '.' && (i == 0 || pattern[i - 1] != '\\')) instructions += 10;
    }
    before = pattern;
  }
  return instructions;
}

std::unique_ptr<const RE2::Set> CompileSet(const std::vector<std::string_view>& patterns,
                                           int64_t bytes_max) {
  auto set = std::make_unique<RE2::Set>(MakeOptions(bytes_max), RE2::UNANCHORED);
  for (const std::string_view pattern : patterns) {
    if (set->Add(ToPiece(pattern), nullptr) < 0) return nullptr;
  }
  if (!set->Compile()) return nullptr;
  return set;
}

}  // namespace

std::unique_ptr<const RegexKeys> RegexKeys::Build(std::vector<Key> keys,
                                                  const RegexMemory& memory) {
  CIEVENTS_CHECK(!keys.empty());
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
    return std::pair(a.pattern, a.item) < std::pair(b.pattern, b.item);
  });
  std::unique_ptr<RegexKeys> made(new RegexKeys());
  std::vector<std::string_view> patterns;
  made->items_.reserve(keys.size());
  for (const Key& key : keys) {
    if (patterns.empty() || patterns.back() != key.pattern) {
      patterns.push_back(key.pattern);
      made->begins_.push_back(static_cast<uint32_t>(made->items_.size()));
    } else if (made->items_.back() == key.item) {
      continue;
    }
    made->items_.push_back(key.item);
  }
  made->begins_.push_back(static_cast<uint32_t>(made->items_.size()));
  made->begins_.shrink_to_fit();
  if (patterns.size() < kRegexSetMin) {
    made->CompileSingles(patterns);
  } else {
    made->CompileTogether(patterns, memory);
  }
  return made;
}

void RegexKeys::CompileSingles(const std::vector<std::string_view>& patterns) {
  singles_.reserve(patterns.size());
  for (const std::string_view pattern : patterns) {
    singles_.push_back(
        std::make_unique<RE2>(ToPiece(pattern), MakeOptions(RE2::Options::kDefaultMaxMem)));
  }
}

// The program must fit a quarter of the budget, and how large it gets is known only by compiling:
// hence the trials, each four times the one before.
void RegexKeys::CompileTogether(const std::vector<std::string_view>& patterns,
                                const RegexMemory& memory) {
  const auto count = static_cast<int64_t>(patterns.size());
  int64_t budget = std::min(memory.bytes_base + count * memory.bytes_per_pattern, memory.bytes_max);
  set_ = CompileSet(patterns, budget);
  while (set_ == nullptr && budget < memory.bytes_max) {
    budget = std::min(budget * 4, memory.bytes_max);
    set_ = CompileSet(patterns, budget);
  }
  if (set_ == nullptr) return;
  set_bytes_ = kSetBytesFixed + EstimateInstructions(patterns) * kSetBytesPerInstruction;
}

bool RegexKeys::FindPatterns(std::string_view text, std::vector<int>* matched) const {
  matched->clear();
  if (set_ != nullptr) {
    RE2::Set::ErrorInfo error{RE2::Set::kNoError};
    if (set_->Match(ToPiece(text), matched, &error)) return true;
    return error.kind == RE2::Set::kNoError;
  }
  if (singles_.empty()) return false;
  for (size_t i = 0; i < singles_.size(); ++i) {
    // Without captures RE2 falls back from its automaton to slower engines: it always answers.
    if (!singles_[i]->ok() || RE2::PartialMatch(ToPiece(text), *singles_[i])) {
      matched->push_back(static_cast<int>(i));
    }
  }
  return true;
}

size_t RegexKeys::bytes() const {
  return sizeof(*this) + begins_.capacity() * sizeof(begins_[0]) +
         items_.capacity() * sizeof(items_[0]) + singles_.capacity() * sizeof(singles_[0]) +
         singles_.size() * kSingleBytes + set_bytes_;
}

}  // namespace cievents::matcher
