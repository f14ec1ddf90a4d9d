// Event names and the patterns that select them (docs/subscriptions.md, "Names and patterns").
//
// A name is 1 to 8 segments of [a-z0-9_.-]+ joined by '/', at most 128 bytes: `package/published`.
// In a pattern a whole segment may be `*` (exactly one segment) and the last may be `**` (one or
// more segments). Nothing else is special. A leading `events/` is dropped from both.
#ifndef MATCHER_PATTERN_H_
#define MATCHER_PATTERN_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cievents::matcher {

inline constexpr int kNameSegmentsMax = 8;
inline constexpr int kNameBytesMax = 128;

// Returns `text` as a canonical name (a leading `events/` dropped), or kInvalidArgument with a
// message that says what is wrong and what to write instead.
absl::StatusOr<std::string> ParseEventName(std::string_view text);
// The same without a copy: `*canonical` is a part of `text`.
absl::Status CheckEventName(std::string_view text, std::string_view* canonical);

// A value; cheap to copy. Thread-safe for reading.
class Pattern {
 public:
  // Errors are kInvalidArgument; the message says what is wrong and, where there is one, what to
  // write instead (`Package/*`: lower case; `pack*/x`: a whole segment).
  static absl::StatusOr<Pattern> Parse(std::string_view text);

  // Canonical spelling: a leading `events/` is gone.
  const std::string& text() const { return text_; }
  bool is_literal() const { return literal_; }
  // True for a lone `*` or `**`.
  bool matches_every_subject() const { return text_ == "*" || text_ == "**"; }

  // REQUIRES: `name` is canonical (ParseEventName).
  bool Matches(std::string_view name) const;

  friend bool operator==(const Pattern& a, const Pattern& b) { return a.text_ == b.text_; }

 private:
  Pattern(std::string text, bool literal) : text_(std::move(text)), literal_(literal) {}

  std::string text_;
  bool literal_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_PATTERN_H_
