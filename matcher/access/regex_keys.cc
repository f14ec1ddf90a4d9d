#include "matcher/access/regex_keys.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/access/regex_limits.h"
#include "matcher/base/check.h"
#include "re2/re2.h"
#include "re2/set.h"
#include "re2/stringpiece.h"

namespace cievents::matcher {
namespace {

// Measured with the allocator's statistics, by instruction of the program, before any match: the
// program, and the automaton's work queues.
constexpr size_t kSetBytesPerInstruction = 14;
constexpr int64_t kSetBudgetPerInstruction = 64;  // 8 bytes, of a quarter of the budget, twice
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

// The size of a pattern's program, without compiling where its text tells: a byte is about one
// instruction; a dot or a negated class, which stand for most of UTF-8, ten.
int64_t CountInstructions(std::string_view pattern) {
  const bool grows = pattern.find('{') != std::string_view::npos ||
                     pattern.find("\\p") != std::string_view::npos ||
                     pattern.find("\\P") != std::string_view::npos;
  if (grows) {
    const RE2 compiled(ToPiece(pattern), MakeOptions(RE2::Options::kDefaultMaxMem));
    if (compiled.ok()) return compiled.ProgramSize();
  }
  auto instructions = static_cast<int64_t>(pattern.size()) + 1;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const bool escaped = i > 0 && pattern[i - 1] == '\\';
    if ((pattern[i] == '.' && !escaped) || pattern.substr(i, 2) == "[^") instructions += 10;
  }
  return instructions;
}

// RE2 joins the common literal beginnings of neighbours in sorted order.
int64_t CountInstructions(const std::vector<std::string_view>& sorted) {
  int64_t instructions = 0;
  std::string_view before;
  for (const std::string_view pattern : sorted) {
    const std::string_view literal = LiteralBeginning(pattern);
    const auto differs =
        std::mismatch(literal.begin(), literal.end(), before.begin(), before.end()).first;
    instructions += std::max<int64_t>(CountInstructions(pattern) - (differs - literal.begin()), 1);
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
                                                  const RegexLimits& limits) {
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
  made->instructions_ = CountInstructions(patterns);
  made->text_bytes_max_ = limits.work_max / made->instructions_;
  if (patterns.size() < kRegexSetMin) {
    made->CompileSingles(patterns);
  } else {
    made->CompileTogether(patterns, limits);
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

// The program must fit a quarter of the budget. How large it gets is known only by compiling: hence
// the trials, should the estimate have been too small.
void RegexKeys::CompileTogether(const std::vector<std::string_view>& patterns,
                                const RegexLimits& limits) {
  const int64_t wanted =
      limits.bytes_base + static_cast<int64_t>(patterns.size()) * limits.bytes_per_pattern;
  int64_t budget =
      std::min(std::max(wanted, instructions_ * kSetBudgetPerInstruction), limits.bytes_max);
  set_ = CompileSet(patterns, budget);
  while (set_ == nullptr && budget < limits.bytes_max) {
    budget = std::min(budget * 4, limits.bytes_max);
    set_ = CompileSet(patterns, budget);
  }
}

bool RegexKeys::FindPatterns(std::string_view text, std::vector<int>* matched) const {
  matched->clear();
  if (static_cast<int64_t>(text.size()) > text_bytes_max_) return false;
  if (set_ != nullptr) {
    RE2::Set::ErrorInfo error{RE2::Set::kNoError};
    if (set_->Match(ToPiece(text), matched, &error)) return true;
    return error.kind == RE2::Set::kNoError;
  }
  if (singles_.empty()) return false;
  for (size_t i = 0; i < singles_.size(); ++i) {
    if (!singles_[i]->ok()) return false;
    // Without captures RE2 falls back from its automaton to slower engines: it always answers.
    if (RE2::PartialMatch(ToPiece(text), *singles_[i])) matched->push_back(static_cast<int>(i));
  }
  return true;
}

size_t RegexKeys::bytes() const {
  size_t total = sizeof(*this) + begins_.capacity() * sizeof(begins_[0]) +
                 items_.capacity() * sizeof(items_[0]) + singles_.capacity() * sizeof(singles_[0]) +
                 singles_.size() * kSingleBytes;
  if (set_ != nullptr) {
    total += kSetBytesFixed + static_cast<size_t>(instructions_) * kSetBytesPerInstruction;
  }
  return total;
}

}  // namespace cievents::matcher
