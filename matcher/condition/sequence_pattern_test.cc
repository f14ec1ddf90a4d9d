#include "matcher/condition/sequence_pattern.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace cievents::matcher {
namespace {

bool FoundByRe2(std::string_view source, std::string_view text) {
  const re2::RE2 engine(re2::StringPiece(source.data(), source.size()));
  EXPECT_TRUE(engine.ok()) << source;
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), engine);
}

TEST(SequencePatternTest, TakesWhatTheNextByteDecides) {
  for (const std::string_view source :
       {"^refs/tags/v7\\.[0-9]+-rc[0-9]+$", "^v\\d+$", "\\Av[0-9]*\\.x\\z", "^a?b", "^[a-z-]+/",
        "^[-a]+b", "^\\w+\\s\\d", "^[\\w.]+@", "^x[a\\]b]y", "^a+", "^a+b*c?"}) {
    EXPECT_FALSE(CompileSequence(source).empty()) << source;
  }
}

TEST(SequencePatternTest, LeavesEverythingElse) {
  for (const std::string_view source :
       {"v7", "(?i)^v7", "^a|b", "^(a)", "^a{2}", "^a+?", "^.", "^[^a]", "^[[:alpha:]]", "^a$b",
        "^a\\b", "^\\pL", "^\xC3\xA9", "^[\xC3\xA9]", "^a\\x41", "^[a-z-9]", "^[\\d-z]", "^[]a]",
        // What may be repeated begins like what follows it.
        "^a*a", "^[a-z]+b", "^[0-9]+\\d", "^a?b?a", "^\\w+_x", "^a+b*a"}) {
    EXPECT_TRUE(CompileSequence(source).empty()) << source;
  }
}

TEST(SequencePatternTest, FindsWhatRe2Finds) {
  const std::string source = "^refs/tags/v7\\.[0-9]+-rc[0-9]+$";
  const std::string program = CompileSequence(source);
  for (const std::string_view text :
       {"refs/tags/v7.3-rc1", "refs/tags/v7.33-rc10", "refs/tags/v7.-rc1", "refs/tags/v7.3-rc",
        "refs/tags/v7.3-rc1 ", "refs/tags/v7.3-rc1\n", "refs/tags/v77.3-rc1", "", "refs/tags/v7",
        "xrefs/tags/v7.3-rc1", "refs/tags/v7.3-rc\xC3\xA9"}) {
    EXPECT_EQ(MatchesSequence(program, text), FoundByRe2(source, text)) << text;
  }
}

TEST(SequencePatternTest, LongLiteralsAreSplit) {
  for (const size_t length : {254, 255, 256, 511, 600}) {
    const std::string literal(length, 'x');
    const std::string program = CompileSequence("^" + literal + "[0-9]+$");
    EXPECT_TRUE(MatchesSequence(program, literal + "1")) << length;
    EXPECT_FALSE(MatchesSequence(program, literal)) << length;
    EXPECT_FALSE(MatchesSequence(program, literal.substr(1) + "1")) << length;
  }
}

// Patterns and texts of few characters, so that they meet often.
class RandomPattern {
 public:
  explicit RandomPattern(uint32_t seed) : random_(seed) {}

  std::string Source() {
    std::string source(Pick<std::string_view, 3>({"^", "^", "\\A"}));
    for (uint32_t parts = Below(6); parts > 0; --parts) {
      source += Pick<std::string_view, 12>(
          {"a", "b", "-", "\\.", "[ab]", "[0-9]", "\\d", "\\w", "[a-]", "[.-]", "\\s", "[\\d.]"});
      source += Pick<std::string_view, 6>({"", "", "", "?", "*", "+"});
    }
    return source + std::string(Pick<std::string_view, 3>({"", "$", "\\z"}));
  }
  std::string Text() {
    std::string text;
    for (uint32_t bytes = Below(8); bytes > 0; --bytes) {
      text += Pick<std::string_view, 9>({"a", "b", "-", ".", "0", "9", " ", "\n", "\xC3\xA9"});
    }
    return text;
  }

 private:
  uint32_t Below(uint32_t end) { return static_cast<uint32_t>(random_() % end); }
  template <typename T, size_t kCount>
  T Pick(const std::array<T, kCount>& from) {
    return from[Below(kCount)];
  }
  std::mt19937 random_;
};

TEST(SequencePatternTest, AgreesWithRe2OnRandomPatternsAndTexts) {
  RandomPattern random(20260901);
  int sequences = 0;
  int found = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string source = random.Source();
    const std::string program = CompileSequence(source);
    if (program.empty()) continue;
    ++sequences;
    const re2::RE2 engine(source);
    ASSERT_TRUE(engine.ok()) << source;
    for (int j = 0; j < 30; ++j) {
      const std::string text = random.Text();
      const bool expected = re2::RE2::PartialMatch(text, engine);
      ASSERT_EQ(MatchesSequence(program, text), expected) << source << " in " << text;
      if (expected) ++found;
    }
  }
  EXPECT_GT(sequences, 1000);
  EXPECT_GT(found, 3000);
}

}  // namespace
}  // namespace cievents::matcher
