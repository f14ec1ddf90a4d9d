#include "services/lib/ci_yaml/source_text.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace cievents::ci_yaml {
namespace {

struct Case {
  const char* content;
  size_t offset;  // in the value of `if`
  matcher::Position place;
};

TEST(SourceTextTest, EachByteOfAValueHasItsPlace) {
  const Case cases[] = {
      // Plain.
      {"if: abc\n", 0, {1, 5}},
      {"if: abc\n", 2, {1, 7}},
      {"if: abc\n", 3, {1, 8}},  // its end
      {"if: abc\n", 9, {1, 8}},  // no further
      {"if: é c\n", 3, {1, 8}},  // bytes, not characters
      {"if: ab\n  cd\n", 1, {1, 6}},
      {"if: ab\n  cd\n", 4, {1, 5}},  // on a later line: the value
      {"# x\nx: 1\nif: abc # y\n", 1, {3, 6}},
      {"{a: 1, if: abc}\n", 1, {1, 13}},
      // Single quotes.
      {"if: 'abc'\n", 0, {1, 6}},
      {"if: 'a''bc'\n", 1, {1, 7}},
      {"if: 'a''bc'\n", 2, {1, 9}},
      {"if: 'abc'\n", 9, {1, 9}},  // the quote that ends it
      {"if: 'ab\n  cd'\n", 4, {1, 5}},
      // Double quotes.
      {"if: \"abc\"\n", 1, {1, 7}},
      {"if: \"\\\"bc\"\n", 1, {1, 8}},
      {"if: \"\\x41\\u00e9\\U0001F600z\"\n", 0, {1, 6}},
      {"if: \"\\x41\\u00e9\\U0001F600z\"\n", 1, {1, 10}},
      {"if: \"\\x41\\u00e9\\U0001F600z\"\n", 3, {1, 16}},
      {"if: \"\\x41\\u00e9\\U0001F600z\"\n", 7, {1, 26}},
      {"if: \"\\Nb\"\n", 2, {1, 8}},
      {"if: \"\\Lb\"\n", 3, {1, 8}},
      {"if: \"a\\\n  b\"\n", 1, {1, 7}},
      {"if: \"a\\\n  b\"\n", 2, {1, 5}},
      // Block scalars: where they begin.
      {"if: |\n  abc\n", 1, {1, 5}},
      {"if: >-\n  abc\n", 2, {1, 5}},
  };
  for (const Case& c : cases) {
    const auto parsed = yaml::Parse(c.content);
    ASSERT_TRUE(std::holds_alternative<yaml::NodePtr>(parsed)) << c.content;
    const yaml::Node* value = std::get<yaml::NodePtr>(parsed)->Find("if");
    ASSERT_NE(value, nullptr) << c.content;
    EXPECT_EQ(SourceText(c.content).PlaceIn(*value, c.offset), c.place)
        << c.content << " at " << c.offset;
  }
}

TEST(SourceTextTest, AMarkOutsideTheTextIsLeftAsItIs) {
  yaml::Node node;
  node.kind = yaml::Kind::kScalar;
  node.scalar = "abc";
  node.mark = {9, 9};
  EXPECT_EQ(SourceText("a\n").PlaceIn(node, 1), (matcher::Position{9, 9}));
  node.mark = {0, 0};
  EXPECT_EQ(SourceText("a\n").PlaceIn(node, 1), (matcher::Position{0, 0}));
}

}  // namespace
}  // namespace cievents::ci_yaml
