#include "matcher/inputs/json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace cievents::matcher {
namespace {

std::string Nested(int depth, std::string_view open, std::string_view inner,
                   std::string_view close) {
  std::string json;
  for (int i = 0; i < depth; ++i) json.append(open);
  json.append(inner);
  for (int i = 0; i < depth; ++i) json.append(close);
  return json;
}

std::string RoundTrip(std::string_view json) {
  const auto node = ParseJson(json);
  if (!node.ok()) return "refused";
  std::string out;
  AppendJson(*node, &out);
  return out;
}

TEST(JsonTextTest, ReadsAndWritesEveryKindOfValueAndKeepsTheDigitsOfNumbers) {
  const struct {
    std::string_view json;
    std::string_view written;
  } kCases[] = {
      {"null", "null"},
      {" true ", "true"},
      {"false", "false"},
      {"1.50", "1.50"},
      {"-0", "-0"},
      {"1e3", "1e3"},
      {"1E+400", "1E+400"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
      {R"("a\u0041\n\"\\\/\u0000\ud83d\ude00")", "\"aA\\n\\\"\\\\/\\u0000\U0001F600\""},
      {"[]", "[]"},
      {"{}", "{}"},
      {R"( { "b" : [ 1 , { } , [ ] ] , "a" : null } )", R"({"b":[1,{},[]],"a":null})"},
      {R"({"k\u0022":"v"})", R"({"k\"":"v"})"},
  };
  for (const auto& test : kCases) EXPECT_EQ(RoundTrip(test.json), test.written) << test.json;
}

TEST(JsonTextTest, RefusesWhatIsNotOneJsonValue) {
  for (const std::string_view json :
       {"",         " ",        "1 2",  "1,2",     "1],[2",     "]",       "[",
        "[1",       "[1,]",     "{",    R"({"a")", R"({"a":})", "{a:1}",   "01",
        "1.",       ".5",       "+1",   "-",       "1e",        "0x10",    "NaN",
        "nul",      "nulll",    "True", "'a'",     "\"a",       "\"\\x\"", "\"\\ud800\"",
        "\"\xff\"", "\"a\nb\"", "// x", "[1}",     "{\"a\":1]"}) {
    EXPECT_EQ(RoundTrip(json), "refused") << json;
  }
}

TEST(JsonTextTest, DepthIsBounded) {
  EXPECT_TRUE(ParseJson(Nested(kJsonDepthMax - 1, "[", "1", "]")).ok());
  EXPECT_TRUE(ParseJson(Nested(kJsonDepthMax - 1, R"({"a":)", "1", "}")).ok());
  const auto refused = ParseJson(Nested(kJsonDepthMax, "[", "1", "]"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(std::string(refused.status().message()), "not a JSON value: nested deeper than 64");
  EXPECT_FALSE(ParseJson(Nested(kJsonDepthMax, R"({"a":)", "1", "}")).ok());
  EXPECT_FALSE(ParseJson(Nested(1'000'000, "[", "", "")).ok());
  EXPECT_FALSE(ParseJson(Nested(1'000'000, R"({"a":)", "", "")).ok());
}

TEST(JsonTextTest, BytesThatAreNotUtf8AreReplacedWhenWritten) {
  std::string out;
  AppendRawJson("{\"a\":\"\xff\"}", &out);
  EXPECT_EQ(out, "{\"a\":\"\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace cievents::matcher
