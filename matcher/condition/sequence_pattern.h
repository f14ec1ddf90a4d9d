// Patterns that need no regex engine although they are no literals: anchored at the beginning, and
// never a choice on the way.
//
//   ^refs/tags/v7\.[0-9]+-rc[0-9]+$     literal, class +, literal, class +, end
//
// Every part that may be left out or repeated must not begin like what can follow it. Then the next
// byte alone says how to go on: one step through the text, no automaton, no memory but the program
// of some 60 bytes, which an event that meets one of ten thousand patterns reads from cold memory.
// (RE2 builds an automaton a pattern, of kilobytes, when the first text comes.)
//
// Understood: printable ASCII, `\` and a punctuation, classes of those (no `[^`, no `[:`), \d \w
// \s, the quantifiers ? * +, `^` or \A in front, `$` or \z behind. All else is RE2's.
#ifndef MATCHER_CONDITION_SEQUENCE_PATTERN_H_
#define MATCHER_CONDITION_SEQUENCE_PATTERN_H_

#include <string>
#include <string_view>

namespace cievents::matcher {

// The program of an RE2 pattern, which RE2 accepts; empty if it is no such sequence.
std::string CompileSequence(std::string_view source);

// Whether `text`, of any bytes, contains a match. REQUIRES: `program` is CompileSequence's.
bool MatchesSequence(std::string_view program, std::string_view text);

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_SEQUENCE_PATTERN_H_
