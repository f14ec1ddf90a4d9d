#include "matcher/base/json_escape.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace cievents {
namespace {

TEST(JsonEscapeTest, TextsAreEscapedAndBytesThatAreNotUtf8AreReplaced) {
  struct Case {
    std::string_view text;
    std::string_view json;
  };
  for (const Case& c : {
           Case{"", R"("")"}, Case{"a\"b\\c/", R"("a\"b\\c/")"},
           Case{std::string_view("\n\r\t\x01\x1f\0\x7f", 7),
                "\"\\n\\r\\t\\u0001\\u001f\\u0000\x7f\""},
           Case{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
           Case{"a\xff\xc3\xa9\xf0\x9f\n", "\"a\xEF\xBF\xBD\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\\n\""},
           Case{"\xc0\xaf", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // overlong
           Case{"\xed\xa0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // a surrogate
           Case{"\xe2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // cut
       }) {
    std::string json;
    AppendJsonString(c.text, &json);
    EXPECT_EQ(json, c.json);
  }
}

TEST(JsonEscapeTest, RepairingLeavesWhatIsUtf8) {
  std::string out = "x";
  AppendRepairedUtf8("{\"a\":\"\xff\xc3\xa9\n\"}", &out);
  EXPECT_EQ(out, "x{\"a\":\"\xEF\xBF\xBD\xc3\xa9\n\"}");
}

}  // namespace
}  // namespace cievents
