// Tests matcher/pattern.h. The grammar is in docs/subscriptions.md, "Names and patterns".
#include "matcher/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cievents::matcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Repeat(std::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

// 8 segments and 128 bytes: both limits at once.
std::string LongestName() { return Repeat("a/", 7) + std::string(114, 'x'); }

struct MatchCase {
  std::string pattern;
  std::vector<std::string> match;
  std::vector<std::string> no_match;
};

TEST(PatternTest, MatchesExactlyTheNamesThatItsSpellingSays) {
  const std::vector<MatchCase> cases = {
      {"package/published",
       {"package/published"},
       {"package", "package/removed", "package/published/x", "audit/package/published",
        "package/publishe", "package/publishedd"}},
      {"package", {"package"}, {"package/published", "packages"}},
      // `*` is one segment: never none, never two.
      {"package/*",
       {"package/published", "package/x", "package/a.b-c_d"},
       {"package", "package/published/x", "packages/published", "audit/package/published"}},
      {"*/published", {"package/published", "image/published"}, {"published", "a/b/published"}},
      {"*", {"package", "x"}, {"package/published", "a/b/c"}},
      {"*/*", {"a/b"}, {"a", "a/b/c"}},
      {"a/*/c", {"a/b/c", "a/c/c"}, {"a/c", "a/b/b/c", "a/b/d", "a/b/c/d", "b/b/c"}},
      {"*/b/*", {"a/b/c", "b/b/b"}, {"a/b", "b/c", "a/c/c", "a/b/c/d"}},
      // `**` is one or more segments.
      {"package/**",
       {"package/published", "package/a/b/c/d/e/f/g"},
       {"package", "packages/published", "audit/package/published"}},
      {"**", {"a", "a/b", "a/b/c/d/e/f/g/h"}, {}},
      {"*/**", {"a/b", "a/b/c"}, {"a"}},
      {"a/*/**", {"a/b/c", "a/b/c/d"}, {"a", "a/b", "b/b/c"}},
      // The dot and the hyphen are characters like others; `.` and `..` are no paths.
      {"a/./..", {"a/./.."}, {"a", "a/b/cc", "a/x/.."}},
      {"a.c/b", {"a.c/b"}, {"abc/b"}},
      {"events/issue/created", {"issue/created"}, {"issue/closed"}},
      {"events/*", {"issue", "events"}, {"issue/created"}},
      {LongestName(), {LongestName()}, {LongestName() + "x"}},
      {"*/*/*/*/*/*/*/*", {"a/b/c/d/e/f/g/h"}, {"a/b/c/d/e/f/g"}},
      {"*/*/*/*/*/*/*/**", {"a/b/c/d/e/f/g/h"}, {"a/b/c/d/e/f/g"}},
  };
  for (const MatchCase& c : cases) {
    SCOPED_TRACE(c.pattern);
    const absl::StatusOr<Pattern> pattern = Pattern::Parse(c.pattern);
    ASSERT_TRUE(pattern.ok()) << pattern.status();
    for (const std::string& name : c.match) EXPECT_TRUE(pattern->Matches(name)) << name;
    for (const std::string& name : c.no_match) EXPECT_FALSE(pattern->Matches(name)) << name;
  }
}

TEST(PatternTest, KnowsWhetherItIsLiteralAndWhetherItNamesASubject) {
  EXPECT_TRUE(Pattern::Parse("a/b")->is_literal());
  EXPECT_FALSE(Pattern::Parse("a/*")->is_literal());
  EXPECT_FALSE(Pattern::Parse("a/**")->is_literal());
  EXPECT_TRUE(Pattern::Parse("*")->matches_every_subject());
  EXPECT_TRUE(Pattern::Parse("events/**")->matches_every_subject());
  EXPECT_FALSE(Pattern::Parse("*/*")->matches_every_subject());
  EXPECT_FALSE(Pattern::Parse("a")->matches_every_subject());
}

TEST(PatternTest, DropsLeadingEventsSegmentsSoThatCanonicalTextParsesToItself) {
  EXPECT_EQ(Pattern::Parse("events/package/*")->text(), "package/*");
  EXPECT_EQ(Pattern::Parse("events")->text(), "events");
  EXPECT_EQ(Pattern::Parse("eventsx/y")->text(), "eventsx/y");
  EXPECT_EQ(Pattern::Parse("events/events/x")->text(), "x");
  EXPECT_EQ(*Pattern::Parse("events/a/b"), *Pattern::Parse("a/b"));
  EXPECT_EQ(*ParseEventName("events/issue/created"), "issue/created");
  EXPECT_EQ(*ParseEventName("issue/created"), "issue/created");
  // The limits are those of the canonical spelling.
  EXPECT_EQ(*ParseEventName("events/" + LongestName()), LongestName());
}

struct ErrorCase {
  std::string text;
  std::string message;
  std::string suggestion;  // what the message says to write; empty = nothing that could be parsed
};

void ExpectError(const absl::Status& status, const ErrorCase& c) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), c.message);
}

TEST(PatternTest, RefusesWithAMessageThatSaysWhatToWrite) {
  const std::vector<ErrorCase> cases = {
      {"", "the pattern is empty; write a name such as `package/published`", "package/published"},
      {"/", "pattern `/` begins with `/`; write a name such as `package/published`", ""},
      {"/package/*", "pattern `/package/*` begins with `/`; write `package/*`", "package/*"},
      {"package/", "pattern `package/` ends with `/`; write `package`", "package"},
      {"events/", "pattern `events/` ends with `/`; write `events`", "events"},
      {"a//b", "pattern `a//b` has an empty segment (`//`); write `a/b`", "a/b"},
      {"1/2/3/4/5/6/7/8/9", "pattern `1/2/3/4/5/6/7/8/9` has 9 segments; at most 8 are allowed",
       ""},
      {"Package/Published",
       "pattern `Package/Published` has upper case letters; write `package/published`",
       "package/published"},
      {"pack*/x",
       "`pack*` in pattern `pack*/x`: a wildcard is a whole segment; write `*/x`, or list the "
       "names",
       "*/x"},
      {"a/*b/C",
       "`*b` in pattern `a/*b/C`: a wildcard is a whole segment; write `a/*/c`, or list the names",
       "a/*/c"},
      {"a/***",
       "`***` in pattern `a/***`: a wildcard is a whole segment; write `a/*`, or list the names",
       "a/*"},
      {"a/**/b",
       "`**` is not the last segment of pattern `a/**/b`; write `a/*/b` (`*` is exactly one "
       "segment), or end the pattern with `**`",
       "a/*/b"},
      {"**/b",
       "`**` is not the last segment of pattern `**/b`; write `*/b` (`*` is exactly one segment), "
       "or end the pattern with `**`",
       "*/b"},
      {"package/?",
       "`?` in pattern `package/?` is not supported; write `*` for a whole segment, `**` at the "
       "end for one or more, or list several patterns",
       ""},
      {"package/[a-z]",
       "`[` in pattern `package/[a-z]` is not supported; write `*` for a whole segment, `**` at "
       "the end for one or more, or list several patterns",
       ""},
      {"merge request/*",
       "pattern `merge request/*` has white space; join words with `_` and segments with `/`", ""},
      {"a/b\t", "pattern `a/b\\x09` has white space; join words with `_` and segments with `/`",
       ""},
      {"package:published",
       "`:` in pattern `package:published` is not allowed; write segments of a-z, 0-9, `_`, `.` "
       "and `-`, joined by `/`",
       ""},
      {"caf\xc3\xa9/x",
       "`\xc3\xa9` in pattern `caf\xc3\xa9/x` is not allowed; write segments of a-z, 0-9, `_`, `.` "
       "and `-`, joined by `/`",
       ""},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.text);
    ExpectError(Pattern::Parse(c.text).status(), c);
    if (c.suggestion.empty()) continue;
    EXPECT_THAT(c.message, HasSubstr("`" + c.suggestion + "`"));
    EXPECT_TRUE(Pattern::Parse(c.suggestion).ok()) << c.suggestion;
  }
}

TEST(PatternTest, AcceptsTheLimitsAndRefusesOnePast) {
  EXPECT_TRUE(Pattern::Parse(LongestName()).ok());
  EXPECT_EQ(Pattern::Parse(LongestName() + "x").status().message(),
            "pattern `" + LongestName() + "x` has 129 bytes; at most 128 are allowed");
  EXPECT_TRUE(Pattern::Parse("1/2/3/4/5/6/7/8").ok());
  EXPECT_FALSE(Pattern::Parse("1/2/3/4/5/6/7/**/9").ok());
}

TEST(PatternTest, KeepsMessagesShortAndPrintableWhateverCameIn) {
  const absl::Status huge = Pattern::Parse(std::string(1000000, 'x')).status();
  EXPECT_LT(huge.message().size(), 300u);
  EXPECT_THAT(std::string(huge.message()),
              AllOf(HasSubstr("..."), HasSubstr("has 1000000 bytes; at most 128 are allowed")));

  // Broken, overlong, surrogate, past U+10FFFF, and cut off UTF-8: shown as bytes.
  const std::vector<std::vector<std::string>> cases = {
      {"a\xff", "`\\xff` in pattern `a\\xff` "},
      {"\xc0\xaf", "`\\xc0` in pattern `\\xc0\\xaf` "},
      {"\xe0\x80\xaf", "`\\xe0` in pattern `\\xe0\\x80\\xaf` "},
      {"\xed\xa0\x80", "`\\xed` in pattern `\\xed\\xa0\\x80` "},
      {"\xf4\x90\x80\x80", "`\\xf4` in pattern `\\xf4\\x90\\x80\\x80` "},
      {"\xe2\x82", "`\\xe2` in pattern `\\xe2\\x82` "},
      {std::string("a\0b", 3), "`\\x00` in pattern `a\\x00b` "},
      {"\x1b[31m", "`\\x1b` in pattern `\\x1b[31m` "},
      {"\x7f", "`\\x7f` in pattern `\\x7f` "},
      {"\xf0\x9f\x9a\x80", "`\xf0\x9f\x9a\x80` in pattern `\xf0\x9f\x9a\x80` "},
  };
  for (const std::vector<std::string>& c : cases) {
    EXPECT_THAT(std::string(Pattern::Parse(c[0]).status().message()),
                ::testing::StartsWith(c[1] + "is not allowed; write segments of"));
  }
}

TEST(EventNameTest, AcceptsEveryNameOfTheGrammar) {
  for (const std::string& name : std::vector<std::string>{
           "package/published", "x", "audit/package/published", "cdevents/change.v2/merged-1_0",
           "././..", "0/1/2/3/4/5/6/7", LongestName()}) {
    const absl::StatusOr<std::string> parsed = ParseEventName(name);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, name);
  }
}

TEST(EventNameTest, RefusesWithAMessageThatSpeaksOfNames) {
  const std::vector<ErrorCase> cases = {
      {"", "the event name is empty; write a name such as `package/published`", ""},
      {"a//b", "event name `a//b` has an empty segment (`//`); write `a/b`", ""},
      {"Issue/created", "event name `Issue/created` has upper case letters; write `issue/created`",
       ""},
      {"package/*",
       "event name `package/*` has a `*`; only a pattern may have one, an event says exactly what "
       "happened",
       ""},
      {"a/[b]",
       "`[` in event name `a/[b]` is not allowed; write segments of a-z, 0-9, `_`, `.` and `-`, "
       "joined by `/`",
       ""},
      {"issue created",
       "event name `issue created` has white space; join words with `_` and segments with `/`", ""},
      {"1/2/3/4/5/6/7/8/9", "event name `1/2/3/4/5/6/7/8/9` has 9 segments; at most 8 are allowed",
       ""},
      {LongestName() + "x",
       "event name `" + LongestName() + "x` has 129 bytes; at most 128 are allowed", ""},
  };
  for (const ErrorCase& c : cases) {
    SCOPED_TRACE(c.text);
    ExpectError(ParseEventName(c.text).status(), c);
  }
}

}  // namespace
}  // namespace cievents::matcher
