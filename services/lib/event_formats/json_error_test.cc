#include "services/lib/event_formats/json_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "services/lib/event_formats/rfc3339.h"
#include "simdjson.h"

namespace cievents {
namespace {

using ::testing::HasSubstr;

TEST(JsonErrorTest, GoodTextsHaveNoError) {
  for (const char* text :
       {"{}", "[]", "null", " true ", "-0", "0.5e-3", "1E+2", "\"\"", "\"\\u00e9\\n\\/\"",
        "\"\\ud83d\\ude00\"", "[1,[2,{\"a\":[]}],{}]", "{\"a\":{\"b\":1},\"c\":[{}]}",
        "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""}) {
    const auto error = FindJsonSyntaxError(text);
    EXPECT_FALSE(error.has_value()) << text << ": " << error->message << " at " << error->offset;
  }
}

TEST(JsonErrorTest, TheFirstMistakeIsFoundWhereItStands) {
  struct Case {
    const char* text;
    size_t offset;
    const char* message;
  };
  const Case kCases[] = {
      {"", 0, "the text is empty"},
      {"{", 1, "expected a key"},
      {"{\"a\" 1}", 5, "expected ':'"},
      {"{\"a\":1,}", 7, "expected a key"},
      {"{\"a\":1 \"b\":2}", 7, "expected ',' or '}'"},
      {"[1 2]", 3, "expected ',' or ']'"},
      {"[1,]", 3, "expected a value"},
      {"[1}", 2, "expected ',' or ']'"},
      {"[nul]", 1, "expected a value"},
      {"01", 0, "leading zeros"},
      {"1.", 2, "needs a digit"},
      {"-", 1, "needs a digit"},
      {"\"abc", 4, "no closing quote"},
      {"\"a\nb\"", 2, "control character"},
      {"\"\\x\"", 2, "unknown escape"},
      {"\"\\u12g4\"", 5, "four hexadecimal digits"},
      {"\"\\ud800\"", 1, "surrogate"},
      {"\"\xFF\"", 1, "not UTF-8"},
      {"\"\xC0\x80\"", 1, "not UTF-8"},
      {"\"\xED\xA0\x80\"", 1, "not UTF-8"},
      {"{} {}", 3, "after the end"},
  };
  for (const Case& c : kCases) {
    const auto error = FindJsonSyntaxError(c.text);
    ASSERT_TRUE(error.has_value()) << c.text;
    EXPECT_EQ(error->offset, c.offset) << c.text;
    EXPECT_THAT(error->message, HasSubstr(c.message)) << c.text;
  }
}

TEST(JsonErrorTest, TheStatusCountsLinesAndColumns) {
  const absl::Status status = NotJsonError("the payload", "{\n  \"a\": ,\n}", "?");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "the payload is not valid JSON at line 2, column 8: expected a value");
  EXPECT_EQ(NotJsonError("x", "{}", "too deep").message(), "x cannot be read as JSON: too deep");
}

// Method: texts cut and changed at random; the slow scanner must find a mistake exactly where
// simdjson refuses the text.
TEST(JsonErrorTest, ItAgreesWithTheParserOnChangedTexts) {
  const std::string base =
      "{\"a\":[1,-2.5e+3,true,null,\"x\\u00e9\\ud83d\\ude00\\n\"],\"b\":{\"c\":{},\"d\":[]}}";
  const std::string alphabet = "{}[]\",:\\u0019-+.eEtrufalsn \n\xC3\xA9";
  std::mt19937 random(1);
  simdjson::dom::parser parser;
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = base;
    const int edits = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < edits; ++i) {
      const size_t at = random() % text.size();
      if (random() % 4 == 0) {
        text.erase(at, 1 + random() % 3);
      } else {
        text[at] = alphabet[random() % alphabet.size()];
      }
    }
    const auto code = parser.parse(text).error();
    if (code == simdjson::NUMBER_ERROR && !FindJsonSyntaxError(text).has_value()) continue;
    EXPECT_EQ(code != simdjson::SUCCESS, FindJsonSyntaxError(text).has_value())
        << text << " " << simdjson::error_message(code);
    refused += code != simdjson::SUCCESS;
  }
  EXPECT_GT(refused, 1000);
}

TEST(Rfc3339Test, TimesAreReadAndWritten) {
  struct Case {
    const char* text;
    int64_t time_ms;
  };
  const Case kCases[] = {{"1970-01-01T00:00:00Z", 0},
                         {"2026-06-01T10:00:00Z", 1780308000000},
                         {"2026-06-01T12:00:00+02:00", 1780308000000},
                         {"2026-06-01t10:00:00.123456z", 1780308000123},
                         {"1969-12-31T23:59:59.999Z", -1}};
  for (const Case& c : kCases) {
    const auto parsed = ParseRfc3339(c.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, c.time_ms) << c.text;
  }
  EXPECT_EQ(FormatRfc3339(1780308000123), "2026-06-01T10:00:00.123Z");
  EXPECT_EQ(FormatRfc3339(0), "1970-01-01T00:00:00.000Z");
}

TEST(Rfc3339Test, WhatIsNoTimeIsRefused) {
  for (const char* text :
       {"", "2026-06-01", "2026-06-01T10:00:00", "2026-13-01T10:00:00Z", "2026-02-30T10:00:00Z",
        "infinite-future", "2026-06-01 10:00:00Z", " 2026-06-01T10:00:00Z", "2026-06-01T10:00:00Z ",
        "1780308000000", "+2026-06-01T10:00:00Z", "2026-06-01T25:00:00Z"}) {
    EXPECT_FALSE(ParseRfc3339(text).ok()) << text;
  }
  EXPECT_THAT(std::string(ParseRfc3339("soon").status().message()),
              HasSubstr("\"soon\" is not an RFC 3339 time; write it like 2026-06-01T10:00:00Z"));
}

}  // namespace
}  // namespace cievents
