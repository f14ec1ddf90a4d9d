// What the regexes of one bucket and path may use.
#ifndef MATCHER_ACCESS_REGEX_LIMITS_H_
#define MATCHER_ACCESS_REGEX_LIMITS_H_

#include <cstdint>

namespace cievents::matcher {

// RE2 keeps the states of a set's automaton up to a budget and starts over when that is full: a
// small budget costs time, never a match. The budget of n patterns is base + n * per_pattern, more
// if their program needs it, never more than max: then all of them are candidates.
struct RegexLimits {
  int64_t bytes_base = 256 * 1024;
  int64_t bytes_per_pattern = 8 * 1024;  // about 30 states of a set
  int64_t bytes_max = 256 * 1024 * 1024;
  // Program instructions times bytes of a text: what RE2 may have to do for patterns written to
  // make it slow, here about a second. For a longer text all items are candidates, and each
  // evaluation has a budget of its own. A thousand ordinary patterns may read ten kilobytes.
  int64_t work_max = 256 * 1024 * 1024;
};

}  // namespace cievents::matcher

#endif  // MATCHER_ACCESS_REGEX_LIMITS_H_
