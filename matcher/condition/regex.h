// The patterns of `=~` and `!~`: RE2, as GitLab uses it, and what can be told without it.
//
// Most patterns that people write are a literal with or without anchors (`/^feature\//`,
// `/-stable$/`). Those are compared directly and need no RE2 object, which is 2 to 5 KB each; nor
// do those that one step through the text decides (sequence_pattern.h).
#ifndef MATCHER_CONDITION_REGEX_H_
#define MATCHER_CONDITION_REGEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "matcher/base/string_map.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace cievents::matcher {

// RE2 is linear, but its factor is the size of the program: one evaluation may spend this many
// (instructions x bytes), a fraction of a second at the worst. What would need more is an error.
inline constexpr int64_t kRegexWorkMax = 64 * 1024 * 1024;

struct RegexBudget {
  int64_t work_left = kRegexWorkMax;
};

class Regex {
 public:
  enum class Shape : uint8_t { kExact, kPrefix, kSuffix, kContains, kEngine };
  enum class Outcome : uint8_t { kNotFound, kFound, kOverBudget };
  enum class Error : uint8_t { kNone, kSyntax, kLimit };

  // `source` is RE2 syntax with its flags in front (`(?i)abc`). nullptr: `error` says why,
  // `message` in words.
  static std::unique_ptr<const Regex> Compile(std::string_view source, Error* error,
                                              std::string* message);
  ~Regex();

  // Whether `text` contains a match.
  Outcome Search(std::string_view text, RegexBudget& budget) const;

  // True: every text contains a match. False: nothing is known, except that a regex without
  // assertions then does not match the empty text.
  bool matches_every_text() const { return matches_every_text_; }

  const std::string& source() const { return source_; }
  Shape shape() const { return shape_; }
  const std::string& literal() const { return literal_; }  // not for kEngine
  // RE2's instructions, for what a search may cost; 0 = a literal.
  int program_size() const { return program_size_; }
  // A search touches a few bytes of program and builds nothing.
  bool is_sequence() const { return !sequence_.empty(); }

 private:
  Regex(std::string_view source, Shape shape, std::string literal);

  std::string source_;
  Shape shape_;
  bool matches_every_text_ = false;
  int program_size_ = 0;
  std::string literal_;
  std::string sequence_;                    // of CompileSequence; empty = the engine is needed
  std::unique_ptr<const re2::RE2> engine_;  // null = it is not
};

// Splits `/../flags` as GitLab's RubySyntax does, after `\/` became `/`: the first line of `text`
// that has this form, up to its last slash. Gives RE2 syntax, flags in front; nullopt: no line has
// the form, so `text` is a plain string.
std::optional<std::string> PatternSource(std::string_view text);

// The literal that every match of `source` begins the text with, for an index by prefix; empty if
// there is none.
std::string RequiredPrefix(std::string_view source);

// Whether `text` contains `part`, in linear time.
bool Contains(std::string_view text, std::string_view part);

// Equal patterns exist once. One writer at a time; the regexes are read from any thread.
class RegexTable {
 public:
  std::shared_ptr<const Regex> Intern(std::string_view source, Regex::Error* error,
                                      std::string* message);
  size_t size() const { return regexes_.size(); }  // some of them may be gone already

 private:
  void SweepIfGrown();

  StringMap<std::weak_ptr<const Regex>> regexes_;
  size_t sweep_at_ = 64;
};

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_REGEX_H_
