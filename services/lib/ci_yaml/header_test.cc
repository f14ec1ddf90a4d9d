#include "services/lib/ci_yaml/header.h"

#include <string>

#include "gtest/gtest.h"

namespace cievents::ci_yaml {
namespace {

struct Case {
  const char* content;
  const char* first;
  int first_line;
  bool closed;
  const char* second;  // null = none
  int second_line;
  int third_line;
};

TEST(HeaderTest, SplitsAtSeparatorLinesAsGitlabDoes) {
  const Case cases[] = {
      {"a: 1\n", "a: 1\n", 1, false, nullptr, 0, 0},
      {"", "", 1, false, nullptr, 0, 0},
      {"a\n---\nb\n", "a\n", 1, true, "b\n", 3, 0},
      {"---\na\n---\nb\n", "a\n", 2, true, "b\n", 4, 0},
      {"\n\n---\na\n", "a\n", 4, false, nullptr, 0, 0},
      {"# licence\n---\na\n---\nb\n", "a\n", 3, true, "b\n", 5, 0},
      {"a\n--- # body\nb\n", "a\n", 1, true, "# body\nb\n", 2, 0},
      {"a\n--- {b: 1}\n", "a\n", 1, true, "{b: 1}\n", 2, 0},
      {"--- {a: 1}\n---\nb\n", "{a: 1}\n", 1, true, "b\n", 3, 0},
      {"a\r\n---\r\nb\r\n", "a\r\n", 1, true, "b\r\n", 3, 0},
      {"a\n---\n", "a\n", 1, true, "", 3, 0},
      {"a\n---\nb\n---\nc\n", "a\n", 1, true, "b\n", 3, 4},
      {"a\n---\n---\nc\n", "a\n", 1, true, "", 3, 3},
      // Not separators: no white space after, not at the start of a line, no line end.
      {"a\n---x\n", "a\n---x\n", 1, false, nullptr, 0, 0},
      {"a\n ---\nb\n", "a\n ---\nb\n", 1, false, nullptr, 0, 0},
      {"a\n---", "a\n---", 1, false, nullptr, 0, 0},
  };
  for (const Case& c : cases) {
    const Documents documents = SplitDocuments(c.content);
    EXPECT_EQ(documents.first.text, c.first) << c.content;
    EXPECT_EQ(documents.first.first_line, c.first_line) << c.content;
    EXPECT_EQ(documents.first_is_closed, c.closed) << c.content;
    ASSERT_EQ(documents.second.has_value(), c.second != nullptr) << c.content;
    if (c.second != nullptr) {
      EXPECT_EQ(documents.second->text, c.second) << c.content;
      EXPECT_EQ(documents.second->first_line, c.second_line) << c.content;
    }
    EXPECT_EQ(documents.third_line, c.third_line) << c.content;

    const Documents header = SplitHeader(c.content, 1000);
    EXPECT_EQ(header.first.text, c.first) << c.content;
    EXPECT_EQ(header.first.first_line, c.first_line) << c.content;
    EXPECT_EQ(header.first_is_closed, c.closed) << c.content;
    EXPECT_FALSE(header.second.has_value()) << c.content;
  }
}

TEST(HeaderTest, StopsReadingWhereTheHeaderGrowsTooLarge) {
  std::string content = "spec:\n";
  for (int i = 0; i < 1000; ++i) content += "  # 7890\n";
  content += "---\n";
  EXPECT_TRUE(SplitHeader(content, 6 + 9 * 1000).first_is_closed);
  const Documents documents = SplitHeader(content, 100);
  EXPECT_FALSE(documents.first_is_closed);
  EXPECT_GT(documents.first.text.size(), 100u);
  EXPECT_LE(documents.first.text.size(), 110u);
}

TEST(HeaderTest, KnowsATextThatBeginsWithSpec) {
  for (const char* text : {"spec:\n", "# c\n\nspec : {}\n", "\"spec\": {}\n", "'spec':"}) {
    EXPECT_TRUE(StartsWithSpec(text)) << text;
  }
  for (const char* text : {"", "specs:\n", "job:\n", "a: 1\nspec: 2\n", " spec:\n", "spec\n"}) {
    EXPECT_FALSE(StartsWithSpec(text)) << text;
  }
}

}  // namespace
}  // namespace cievents::ci_yaml
