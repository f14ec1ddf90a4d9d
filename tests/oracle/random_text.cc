#include "tests/oracle/random_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

namespace cievents::oracle {
namespace {

// The last three are rare: blank to Ruby, several lines, longer than what an index keys by.
constexpr const char* kTexts[] = {"main",
                                  "master",
                                  "release/1.0",
                                  "release/2.10",
                                  "releases",
                                  "rel",
                                  "v1.2",
                                  "open",
                                  "opened",
                                  "closed",
                                  "true",
                                  "false",
                                  "1",
                                  "1.0",
                                  "42",
                                  "",
                                  "bug",
                                  "feature",
                                  "docs",
                                  "/deploy now",
                                  "deploy",
                                  "Main",
                                  "abc",
                                  "abcd",
                                  "b",
                                  "it's",
                                  "\xC3\xBC"
                                  "ber",
                                  "null",
                                  "\xC2\xA0",
                                  "one\nb\ntwo",
                                  "a text that is longer than forty characters, to be sure of it"};

}  // namespace

std::string RandomName(Random& random) {
  constexpr const char* kSubjects[] = {"issue", "merge_request", "package", "a"};
  constexpr const char* kSegments[] = {"created", "b", "updated", "a.b", "c_-"};
  std::string name = random.Pick(kSubjects);
  const int64_t segments = random.OneIn(30) ? 8 : random.Between(1, random.OneIn(3) ? 4 : 2);
  for (int64_t i = 1; i < segments; ++i) {
    name += std::string("/") + kSegments[random.Between(0, random.OneIn(4) ? 4 : 1)];
  }
  return name;
}

std::string RandomPattern(Random& random) {
  const std::string name = RandomName(random);
  if (random.OneIn(3)) return name;
  std::string pattern;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const bool last = end == name.size();
    if (begin > 0) pattern += '/';
    if (last && random.OneIn(3)) {
      pattern += "**";
    } else {
      pattern += random.OneIn(3) ? "*" : name.substr(begin, end - begin);
    }
    begin = end + 1;
  }
  return pattern;
}

std::string RandomNumberedText(Random& random) {
  return "item-" + std::to_string(random.Between(0, random.OneIn(4) ? 999 : 30));
}

std::string RandomText(Random& random) {
  if (random.OneIn(8)) return RandomNumberedText(random);
  return kTexts[random.Between(
      0, static_cast<int64_t>(std::size(kTexts)) - (random.OneIn(6) ? 1 : 4))];
}

}  // namespace cievents::oracle
