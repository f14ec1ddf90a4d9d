// The regex keys of one path: which of many patterns are found in a text, and whose items they are.
//
// Below kRegexSetMin patterns one RE2 each; from there one RE2::Set, which finds all patterns in
// one pass. Measured, one value against 10,000 patterns: 320 us one by one, 0.4 us as a set.
#ifndef MATCHER_ACCESS_REGEX_KEYS_H_
#define MATCHER_ACCESS_REGEX_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "matcher/access/regex_limits.h"
#include "re2/re2.h"
#include "re2/set.h"

namespace cievents::matcher {

inline constexpr size_t kRegexSetMin = 5;  // patterns; below it the set's overhead is the greater

// Immutable after Build; any number of threads may match.
class RegexKeys {
 public:
  struct Key {
    std::string_view pattern;
    uint32_t item = 0;
  };

  // Patterns are RE2's, unanchored. REQUIRES: `keys` is not empty.
  static std::unique_ptr<const RegexKeys> Build(std::vector<Key> keys, const RegexLimits& limits);

  // Calls `add(item, found)` for each item one of whose patterns is found in `text`; an item of
  // several patterns may come twice. Where it cannot be told (over a limit, a pattern that does not
  // compile) every item comes, with `found` false. `matched` is working memory; besides, RE2::Set
  // allocates 8 bytes a pattern.
  template <typename Add>
  void Match(std::string_view text, std::vector<int>* matched, Add add) const {
    if (!FindPatterns(text, matched)) {
      for (const uint32_t item : items_) add(item, false);
      return;
    }
    for (const int pattern : *matched) {
      const auto at = static_cast<size_t>(pattern);
      for (uint32_t i = begins_[at]; i < begins_[at + 1]; ++i) add(items_[i], true);
    }
  }

  size_t patterns() const { return begins_.size() - 1; }
  bool is_set() const { return set_ != nullptr; }
  size_t bytes() const;

 private:
  RegexKeys() = default;
  // False: it cannot be told.
  bool FindPatterns(std::string_view text, std::vector<int>* matched) const;
  void CompileSingles(const std::vector<std::string_view>& patterns);
  void CompileTogether(const std::vector<std::string_view>& patterns, const RegexLimits& limits);

  std::vector<uint32_t> begins_;  // begins_[i] .. begins_[i + 1]: pattern i's part of items_
  std::vector<uint32_t> items_;
  std::vector<std::unique_ptr<const RE2>> singles_;  // none if there is a set
  std::unique_ptr<const RE2::Set> set_;
  int64_t instructions_ = 0;  // about, of all patterns together
  int64_t text_bytes_max_ = 0;
};

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_REGEX_KEYS_H_
