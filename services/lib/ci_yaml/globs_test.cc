#include "services/lib/ci_yaml/globs.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cievents::ci_yaml {
namespace {

struct GlobCase {
  const char* glob;
  std::vector<const char*> matches;
  std::vector<const char*> others;
};

TEST(PathGlobTest, WildcardsOfIncludesAreGitlabs) {
  const GlobCase cases[] = {
      {"a/*.yml",
       {"a/b.yml", "a/.yml", "a/.b.yml"},
       {"a/b/c.yml", "b.yml", "a/b.yaml", "xa/b.yml"}},
      {"a/**.yml", {"a/b.yml", "a/b/c.yml"}, {"a.yml", "b/a/c.yml"}},
      {"a/**/*.yml", {"a/b/c.yml", "a/b/c/d.yml"}, {"a/b.yml"}},
      {"**/a.yml", {"b/a.yml", "b/c/a.yml"}, {"a.yml", "b/ca.yml2"}},
      {"*.yml", {"a.yml"}, {"a/b.yml"}},
      {"a.[b]?{c}*.yml", {"a.[b]?{c}.yml"}, {"a.bxc.yml"}},
      {"a.yml", {"a.yml"}, {"aXyml", "a.yml2", "b/a.yml"}},
  };
  for (const GlobCase& c : cases) {
    const PathGlob glob = PathGlob::OfInclude(c.glob);
    ASSERT_TRUE(glob.is_valid()) << c.glob;
    for (const char* path : c.matches) EXPECT_TRUE(glob.Matches(path)) << c.glob << " " << path;
    for (const char* path : c.others) EXPECT_FALSE(glob.Matches(path)) << c.glob << " " << path;
  }
}

TEST(PathGlobTest, GlobsOfExistsAreRubys) {
  const GlobCase cases[] = {
      {"*.yml", {"a.yml", ".a.yml"}, {"a/b.yml"}},
      {"**/*.yml", {"a.yml", "b/a.yml", "b/c/a.yml"}, {"a.yaml"}},
      {"a/**/b.yml", {"a/b.yml", "a/c/d/b.yml"}, {"ab.yml", "a/cb.yml"}},
      {"a**.yml", {"a.yml", "abc.yml"}, {"a/b.yml"}},
      {"?.yml", {"a.yml"}, {".yml", "ab.yml", "/.yml"}},
      {"[a-c].yml", {"b.yml"}, {"d.yml"}},
      {"[!a-c].yml", {"d.yml"}, {"b.yml", "/.yml"}},
      {"[^a].yml", {"b.yml"}, {"a.yml"}},
      {"{a,b/c}.{yml,yaml}", {"a.yml", "b/c.yaml"}, {"c.yml"}},
      {"a\\*.yml", {"a*.yml"}, {"ab.yml"}},
      {"a[.yml", {"a[.yml"}, {"a.yml"}},
      {"ä?.yml", {"äö.yml"}, {"ä.yml"}},
      {"a.yml", {"a.yml"}, {"aXyml"}},
  };
  for (const GlobCase& c : cases) {
    const PathGlob glob = PathGlob::OfExists(c.glob);
    ASSERT_TRUE(glob.is_valid()) << c.glob;
    for (const char* path : c.matches) EXPECT_TRUE(glob.Matches(path)) << c.glob << " " << path;
    for (const char* path : c.others) EXPECT_FALSE(glob.Matches(path)) << c.glob << " " << path;
  }
}

TEST(PathGlobTest, AGlobThatDoesNotCompileMatchesNothing) {
  for (const char* text : {"{a,b.yml", "[b-a].yml"}) {
    const PathGlob glob = PathGlob::OfExists(text);
    EXPECT_FALSE(glob.is_valid()) << text;
    EXPECT_FALSE(glob.Matches("a")) << text;
  }
}

TEST(PathGlobTest, AGlobKnowsWhatItsMatchesBeginAndEndWith) {
  EXPECT_EQ(PathGlob::OfInclude("ci/x*/a.yml").literal_prefix(), "ci/x");
  EXPECT_EQ(PathGlob::OfExists("ci/{a,b}.yml").literal_prefix(), "ci/");
  EXPECT_TRUE(PathGlob::OfExists("ci/a.yml").is_literal());
  EXPECT_TRUE(PathGlob::OfExists("ci/*.{yml,yaml}").is_yaml_only());
  EXPECT_FALSE(PathGlob::OfExists("ci/*").is_yaml_only());
  EXPECT_FALSE(PathGlob::OfExists("Dockerfile").is_yaml_only());
}

}  // namespace
}  // namespace cievents::ci_yaml
