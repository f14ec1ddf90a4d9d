#include "services/lib/ci_yaml/issue_codes.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "re2/re2.h"

namespace cievents::ci_yaml {
namespace {

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What the first group of `regex` finds. (ctest runs the tests in the source root.)
std::set<std::string> Found(const std::string& text, const RE2& regex) {
  std::set<std::string> found;
  re2::StringPiece rest(text);
  std::string group;
  while (RE2::FindAndConsume(&rest, regex, &group)) found.insert(group);
  return found;
}

TEST(IssueCodesTest, EveryCodeIsExplainedWithItsSeverityAndNothingElseIs) {
  std::set<std::string> headings;
  for (const IssueCode& code : AllIssueCodes()) {
    headings.insert(fmt::format("`{}` ({})", code.text, SeverityName(code.severity)));
  }
  EXPECT_EQ(headings.size(), AllIssueCodes().size()) << "a code stands twice";
  EXPECT_EQ(Found(ReadText("docs/issues.md"), RE2("### (.*)\n")), headings);
}

TEST(IssueCodesTest, EveryConstantOfTheHeaderIsInTheTable) {
  std::set<std::string> codes;
  for (const IssueCode& code : AllIssueCodes()) codes.insert(std::string(code.text));
  EXPECT_EQ(Found(ReadText("services/lib/ci_yaml/issue_codes.h"),
                  RE2("inline constexpr IssueCode k\\w+\\{\"([^\"]+)\"")),
            codes);
}

TEST(IssueCodesTest, EveryCodeThatTheYamlReaderUsesIsInTheTable) {
  std::set<std::string> codes;
  for (const IssueCode& code : AllIssueCodes()) codes.insert(std::string(code.text));
  std::set<std::string> used;
  for (const char* file : {"builder.cc", "yaml.cc"}) {
    used.merge(Found(ReadText(std::string("services/lib/yaml/") + file),
                     RE2("\"((?:yaml|file)-[a-z0-9-]+)\"")));
  }
  EXPECT_EQ(used.size(), 7u);
  for (const std::string& code : used) EXPECT_THAT(codes, ::testing::Contains(code));
}

}  // namespace
}  // namespace cievents::ci_yaml
