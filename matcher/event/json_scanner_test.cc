#include "matcher/event/json_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace cievents::matcher::json {
namespace {

// Texts are given as vectors of exactly their size, so that a sanitizer sees a read behind them.
std::vector<char> Exact(std::string_view text) { return {text.begin(), text.end()}; }

bool IsScalar(std::string_view text) {
  const std::vector<char> bytes = Exact(text);
  const Step step = ScanScalar({bytes.data(), bytes.size()}, 0, AtTextEnd::kAllowed);
  return step.error == nullptr && step.at == text.size();
}

TEST(JsonScannerTest, NumbersFollowTheGrammar) {
  for (const char* text : {"0", "-0", "7", "10", "-12", "1.5", "0.0", "1e5", "1E+5", "1e-05",
                           "-1.25e10", "123456789012345678901234567890"}) {
    EXPECT_TRUE(IsScalar(text)) << text;
  }
  for (const char* text : {"", "-", "01", "-01", "00", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x1",
                           "1_0", "1a", "--1", "1.5.2", "NaN", "Infinity", "-Infinity"}) {
    EXPECT_FALSE(IsScalar(text)) << text;
  }
}

TEST(JsonScannerTest, LiteralsAreSpelledInFull) {
  for (const char* text : {"true", "false", "null"}) EXPECT_TRUE(IsScalar(text)) << text;
  for (const char* text : {"tru", "True", "nul", "nulll", "falsey", "true1", "undefined", "t"}) {
    EXPECT_FALSE(IsScalar(text)) << text;
  }
}

TEST(JsonScannerTest, AScalarWithinAContainerNeedsADelimiter) {
  EXPECT_EQ(ScanScalar("12", 0, AtTextEnd::kRefused).at, 2u);
  EXPECT_NE(ScanScalar("12", 0, AtTextEnd::kRefused).error, nullptr);
  for (const char* text : {"12,", "12}", "12]", "12 ", "12\n", "12\t", "12\r"}) {
    EXPECT_EQ(ScanScalar(text, 0, AtTextEnd::kRefused).error, nullptr) << text;
  }
  for (const char* text : {"12:", "12\"", "12{", "12[", "true\"", "null[", "12\v", "12\\"}) {
    EXPECT_NE(ScanScalar(text, 0, AtTextEnd::kRefused).error, nullptr) << text;
  }
}

struct Decoded {
  bool ok = false;
  std::string text;
};
Decoded Decode(std::string_view inside) {
  const std::vector<char> bytes = Exact(inside);
  Decoded decoded;
  std::vector<char> out(inside.size());
  size_t size = 0;
  const Step step = DecodeString({bytes.data(), bytes.size()}, 0, bytes.size(), out.data(), &size);
  decoded.ok = step.error == nullptr;
  if (decoded.ok) decoded.text.assign(out.data(), size);
  size_t checked = 0;
  EXPECT_EQ(DecodeString({bytes.data(), bytes.size()}, 0, bytes.size(), nullptr, &checked).error,
            step.error);
  if (decoded.ok) {
    EXPECT_EQ(checked, size);
  }
  return decoded;
}

TEST(JsonScannerTest, EscapesAreDecoded) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},
      {"plain", "plain"},
      {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
      {R"(a\u0041b)", "aAb"},
      {R"(\u00e9\u00E9)", "\xC3\xA9\xC3\xA9"},
      {R"(\u20ac)", "\xE2\x82\xAC"},
      {R"(\ud83d\ude00)", "\xF0\x9F\x98\x80"},
      {R"(\uDBFF\uDFFF)", "\xF4\x8F\xBF\xBF"},
      {R"(\u0000x)", std::string("\0x", 2)},
      {R"(\\u0041)", "\\u0041"}};
  for (const auto& [inside, expected] : cases) {
    const Decoded decoded = Decode(inside);
    EXPECT_TRUE(decoded.ok) << inside;
    EXPECT_EQ(decoded.text, expected) << inside;
  }
}

TEST(JsonScannerTest, InvalidEscapesAreRefused) {
  for (const char* inside : {R"(\x)", R"(\)", R"(\u)", R"(\u12)", R"(\u12g4)", R"(\ud83d)",
                             R"(\ud83dx)", R"(\ud83d\n)", R"(\ud83d\u0041)", R"(\ud83d\ud83d)",
                             R"(\ude00)", R"(\ud83d\u12)", R"(\U0041)", R"(\')", R"(\0)"}) {
    EXPECT_FALSE(Decode(inside).ok) << inside;
  }
}

TEST(JsonScannerTest, StringsEndAtTheirQuoteWhereverItStands) {
  for (size_t length = 0; length < 70; ++length) {
    const std::string inside(length, 'x');
    for (const std::string& tail : {std::string("\""), std::string("\",\"more\"")}) {
      const std::vector<char> bytes = Exact("\"" + inside + tail);
      const std::string_view text(bytes.data(), bytes.size());
      EXPECT_EQ(ScanString(text, 0).at, length + 2);
      EXPECT_EQ(ScanString(text, 0).error, nullptr);
      EXPECT_EQ(SkipString(text, 0).at, length + 2);
    }
    const std::vector<char> open = Exact("\"" + inside);
    EXPECT_NE(ScanString({open.data(), open.size()}, 0).error, nullptr);
    EXPECT_NE(SkipString({open.data(), open.size()}, 0).error, nullptr);
    const std::vector<char> escaped = Exact("\"" + inside + "\\\"\"");
    EXPECT_EQ(ScanString({escaped.data(), escaped.size()}, 0).at, length + 4);
    EXPECT_TRUE(ScanString({escaped.data(), escaped.size()}, 0).has_escapes);
    EXPECT_EQ(SkipString({escaped.data(), escaped.size()}, 0).at, length + 4);
    const std::vector<char> cut = Exact("\"" + inside + "\\");
    EXPECT_NE(ScanString({cut.data(), cut.size()}, 0).error, nullptr);
    EXPECT_NE(SkipString({cut.data(), cut.size()}, 0).error, nullptr);
    const std::vector<char> accented = Exact("\"" + inside + "\xC3\xA9\" \xFF");
    EXPECT_TRUE(ScanString({accented.data(), accented.size()}, 0).has_non_ascii);
    const std::vector<char> behind = Exact("\"" + inside + "\"\xFF");
    EXPECT_FALSE(ScanString({behind.data(), behind.size()}, 0).has_non_ascii);
  }
}

TEST(JsonScannerTest, ControlCharactersInAStringAreRefusedWhenReadAndPassedWhenSkipped) {
  for (int byte = 0; byte < 0x20; ++byte) {
    for (size_t before : {0, 3, 15, 16, 40}) {
      const std::string text =
          "\"" + std::string(before, 'x') + static_cast<char>(byte) + "yyyyyyyyyyyyyyyyyyyy\"";
      EXPECT_EQ(ScanString(text, 0).at, before + 1);
      EXPECT_NE(ScanString(text, 0).error, nullptr);
      EXPECT_EQ(SkipString(text, 0).error, nullptr);
      EXPECT_EQ(SkipString(text, 0).at, text.size());
    }
  }
  EXPECT_EQ(ScanString("\"\x7F\"", 0).error, nullptr);
}

TEST(JsonScannerTest, Utf8IsWhatTheStandardAllows) {
  for (const char* text :
       {"", "ascii", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA9z"}) {
    EXPECT_TRUE(IsUtf8(text)) << testing::PrintToString(text);
  }
  for (const char* text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3\x28", "\xE0\x80\x80", "\xE0\x9F\xBF",
        "\xED\xA0\x80", "\xE2\x82", "\xE2\x28\xA1", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x90\x80", "\xFF", "\xFE"}) {
    EXPECT_FALSE(IsUtf8(text)) << testing::PrintToString(text);
  }
}

// Goal: the quick look at a string sees what the thorough one sees, and nothing of what stands
// before it or behind the text. Method: strings of all lengths about the width of a load, with each
// kind of byte at each place, at each distance from the text's ends.
TEST(JsonScannerTest, WholeNumbersAreThoseThatSkippingAndReadingTakeToo) {
  const std::string behind = ",\"next\":\"0123456789\"}";
  for (const std::string_view number : {"1", "0", "7042", "01", "123456789012345", "-1", "1.5",
                                        "1e5", "12x", "", "true", "\"1\""}) {
    for (const std::string_view delimiter : {",", "}", "]", " ", "\n", ":", "\""}) {
      const std::string text = std::string(number) + std::string(delimiter) + behind;
      const size_t end = FindWholeNumberEnd(text, 0);
      if (end == 0) continue;
      EXPECT_EQ(end, number.size()) << text;
      EXPECT_EQ(SkipScalar(text, 0).at, end) << text;
      EXPECT_EQ(SkipScalar(text, 0).error, nullptr) << text;
      if (number.starts_with('0')) continue;
      EXPECT_EQ(ScanScalar(text, 0, AtTextEnd::kRefused).at, end) << text;
    }
  }
#ifdef __SSE2__
  EXPECT_EQ(FindWholeNumberEnd("7042,\"a\":\"0123456\"", 0), 4u);
#endif
  EXPECT_EQ(FindWholeNumberEnd("7042,", 0), 0u);                 // too short to look at once
  EXPECT_EQ(FindWholeNumberEnd("1234567890123456,,,,", 0), 0u);  // sixteen digits
}

TEST(JsonScannerTest, PlainStringsAreThoseThatNeedNoCloserLook) {
  size_t plain = 0;
  for (size_t before : {0u, 1u, 15u, 16u, 40u}) {
    for (size_t length = 0; length <= 40; ++length) {
      for (size_t behind : {0u, 1u, 15u, 16u, 40u}) {
        for (const char special : {'a', '\\', '\x1F', '\xC3'}) {
          for (size_t place = 0; place <= length; ++place) {
            std::string text = std::string(before, '"') + '"' + std::string(length, 'a');
            if (place < length) text[before + 1 + place] = special;
            const std::vector<char> bytes = Exact(text + '"' + std::string(behind, '\xFF'));
            const std::string_view view(bytes.data(), bytes.size());
            const StringStep whole = ScanString(view, before);
            const PlainString found = FindPlainString(view, before + 1);
            if (found.end == 0) {
              // Only texts shorter than a load may be left to others without need.
              EXPECT_TRUE(whole.error != nullptr || whole.has_escapes || view.size() < 16) << text;
              continue;
            }
            ++plain;
            EXPECT_EQ(whole.error, nullptr) << text;
            EXPECT_FALSE(whole.has_escapes) << text;
            EXPECT_EQ(found.end + 1, whole.at) << text;
            EXPECT_EQ(found.has_non_ascii, whole.has_non_ascii) << text;
          }
        }
      }
    }
  }
  EXPECT_GT(plain, 10'000u);
}

bool IsContainer(std::string_view text) {
  const std::vector<char> bytes = Exact(text);
  const ContainerStep step = ScanContainer({bytes.data(), bytes.size()}, 0, 0);
  return step.error == nullptr && step.at == text.size();
}

TEST(JsonScannerTest, ContainersThatAreReadFollowTheGrammar) {
  for (const char* text :
       {"{}", "[]", "{ }", "[\n]", R"({"a":1})", R"({"a":1,"b":[2,{"c":null}]})", "[[],[[]],{}]",
        R"( [1] )" + 1, R"({"a" : "x" , "b":true})", R"({"":0})", R"(["\u00e9"])"}) {
    const std::string_view view(text);
    EXPECT_TRUE(IsContainer(view.substr(0, view.find_last_of("}]") + 1))) << text;
  }
  for (const char* text : {"{",
                           "[",
                           "{]",
                           "[}",
                           "[1}",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           "[1,]",
                           "[,1]",
                           "[,]",
                           "[1 2]",
                           R"({"a":1 "b":2})",
                           R"({a:1})",
                           R"({"a":1,,"b":2})",
                           R"({"a"::1})",
                           R"({1:2})",
                           "[01]",
                           "[tru]",
                           R"(["\x"])",
                           R"(["\ud800"])",
                           "[\"\xFF\"]",
                           "[\"\n\"]",
                           R"({"\x":1})",
                           R"({"a":1)",
                           R"(["a)",
                           "[1]]",
                           R"({"a":"b":1})",
                           "[1:2]",
                           "{,}"}) {
    EXPECT_FALSE(IsContainer(text)) << text;
  }
}

TEST(JsonScannerTest, DepthIsLimitedForReadingAndSkippingAlike) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  for (uint32_t around : {0u, 1u, 1000u, 1023u}) {
    const std::string fits = nested(kDepthMax - around);
    const std::string deeper = nested(kDepthMax - around + 1);
    EXPECT_EQ(ScanContainer(fits, 0, around).error, nullptr);
    EXPECT_EQ(SkipContainer(fits, 0, around).error, nullptr);
    EXPECT_EQ(SkipContainer(fits, 0, around).at, fits.size());
    EXPECT_EQ(SkipContainerBytewise(fits, 0, around).error, nullptr);
    EXPECT_NE(ScanContainer(deeper, 0, around).error, nullptr);
    EXPECT_NE(SkipContainer(deeper, 0, around).error, nullptr);
    EXPECT_NE(SkipContainerBytewise(deeper, 0, around).error, nullptr);
  }
  EXPECT_NE(SkipContainer("[]", 0, kDepthMax).error, nullptr);
  EXPECT_NE(SkipContainer("[]", 0, kDepthMax + 1).error, nullptr);
}

TEST(JsonScannerTest, SkippingLooksAtBracketsAndStringsOnly) {
  for (const char* text : {"[1 2]", "{a:b}", "[,,,]", R"({"a" "b"})", "[\"\x01\"]", R"(["\x"])",
                           "[tru:01]", R"(["]","}","\"]"])", R"(["\\"])", R"(["\\\"]"])"}) {
    EXPECT_EQ(SkipContainer(text, 0, 0).error, nullptr) << text;
    EXPECT_EQ(SkipContainer(text, 0, 0).at, std::string_view(text).size()) << text;
  }
  for (const char* text :
       {"[", "{]", "[{]}", "[\"]", R"(["\"])", R"([\"])", R"([\])", "{\"a\":["}) {
    EXPECT_NE(SkipContainer(text, 0, 0).error, nullptr) << text;
  }
}

#ifdef __SSE2__
// Goal: 64 bytes a step gives what byte by byte gives, errors and their places included. Method:
// random texts of the bytes that matter, of lengths about the blocks' borders.
TEST(JsonScannerTest, AllWaysOfSkippingAgreeOnRandomBytes) {
  std::mt19937 random(7);
  const std::vector<std::string> alphabets = {"[]{}\"\\", "[]{}\"\\aaaaaaaaaaaaaaaa",
                                              "[[[]]]\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                              "\"\\\\\\\\[]", "{}[]\xFF\x5C\x22\x7B\x7D\x01 \x5B"};
  size_t complete = 0;
  for (int round = 0; round < 60'000; ++round) {
    const std::string& alphabet = alphabets[random() % alphabets.size()];
    std::vector<char> bytes(1 + random() % 300);
    for (char& byte : bytes) byte = alphabet[random() % alphabet.size()];
    bytes[0] = random() % 2 == 0 ? '{' : '[';
    const std::string_view text(bytes.data(), bytes.size());
    const uint32_t depth = random() % 4 == 0 ? kDepthMax - random() % 4 : 0;
    const Step fast = SkipContainerSse2(text, 0, depth);
    const Step plain = SkipContainerBytewise(text, 0, depth);
    ASSERT_EQ(fast.at, plain.at) << testing::PrintToString(bytes);
    ASSERT_EQ(fast.error, plain.error) << testing::PrintToString(bytes);
    if (HasSkipContainerAvx2()) {
      const Step fastest = SkipContainerAvx2(text, 0, depth);
      ASSERT_EQ(fastest.at, plain.at) << testing::PrintToString(bytes);
      ASSERT_EQ(fastest.error, plain.error) << testing::PrintToString(bytes);
    }
    if (plain.error == nullptr) ++complete;
  }
  EXPECT_GT(complete, 1000u);
}
#endif

// What is read and accepted ends where skipping it ends: a value does not depend on which was done.
TEST(JsonScannerTest, ReadingAndSkippingEndAtTheSamePlace) {
  std::mt19937 random(11);
  const std::vector<std::string> pieces = {
      "{",    "}",        "[", "]",      "\"a\"", ":",     ",",       "1",
      "true", "\"\\\"\"", " ", "\"b\":", "{}",    "[1,2]", "\"k\":[", "null"};
  size_t accepted = 0;
  for (int round = 0; round < 300'000; ++round) {
    std::string text = random() % 2 == 0 ? "{" : "[";
    const size_t length = 1 + random() % 12;
    for (size_t i = 0; i < length; ++i) text += pieces[random() % pieces.size()];
    const ContainerStep read = ScanContainer(text, 0, 0);
    if (read.error != nullptr) continue;
    ++accepted;
    const Step skipped = SkipContainer(text, 0, 0);
    ASSERT_EQ(skipped.error, nullptr) << text;
    ASSERT_EQ(skipped.at, read.at) << text;
  }
  EXPECT_GT(accepted, 1000u);
}

TEST(JsonScannerTest, CompactTextKeepsTheSpaceInStrings) {
  const std::string text = "{ \"a b\" :\t[ 1 ,\n \"x \\\" y\" , { } ]\r}";
  ASSERT_TRUE(ScanContainer(text, 0, 0).has_space);
  std::string out(text.size(), '\0');
  out.resize(Compact(text, 0, text.size(), out.data()));
  EXPECT_EQ(out, R"({"a b":[1,"x \" y",{}]})");
  EXPECT_FALSE(ScanContainer(out, 0, 0).has_space);
}

}  // namespace
}  // namespace cievents::matcher::json
