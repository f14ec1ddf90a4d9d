// Goal: values are right (simdjson's DOM is the judge), do not depend on the order of asking, and
// cost no memory that grows. Method: random documents, their truncations and corruptions, and the
// fuzzer's seeds, all through the fuzzer's own checks (payload_fuzz.cc).
#include <dirent.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "matcher/event/event_fields.h"
#include "matcher/event/payload_judge.h"
#include "matcher/event/payload_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace cievents::matcher {
namespace {

// Ends the process with a message if a check fails.
void Check(const std::string& payload) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(payload.data()), payload.size());
}

class DocumentWriter {
 public:
  explicit DocumentWriter(uint32_t seed) : random_(seed) {}

  std::string Write() {
    text_.clear();
    spaced_ = Draw(3) == 0;
    Space();
    Value(Draw(8) == 0 ? 0 : 5, 0);
    Space();
    return text_;
  }

 private:
  uint32_t Draw(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  void Space() {
    static constexpr const char* kSpaces[] = {"", " ", "\n", "\t ", "\r\n", "    "};
    if (spaced_) text_ += kSpaces[Draw(6)];
  }

  void String(std::string_view plain) {
    text_ += '"';
    for (char c : plain) {
      if (Draw(6) == 0) {
        char escaped[8];
        std::snprintf(escaped, sizeof(escaped), Draw(2) == 0 ? "\\u%04x" : "\\u%04X",
                      static_cast<unsigned>(c));
        text_ += escaped;
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  void Scalar() {
    static constexpr const char* kScalars[] = {"0",
                                               "-1",
                                               "42",
                                               "1.50",
                                               "1e3",
                                               "-0.1E-2",
                                               "true",
                                               "false",
                                               "null",
                                               "\"\"",
                                               "\"]\"",
                                               "\"}{\"",
                                               "\"\\\\\"",
                                               "\"\\\"\"",
                                               "\"caf\xC3\xA9\"",
                                               "\"\\ud83d\\ude00\""};
    if (Draw(3) == 0) {
      String(std::string(Draw(90), static_cast<char>('a' + Draw(26))));
    } else {
      text_ += kScalars[Draw(16)];
    }
  }

  void Value(uint32_t least, int depth) {
    const uint32_t kind = depth > 6 ? 0 : std::max(least, Draw(10));
    if (kind < 5) return Scalar();
    const bool object = kind < 8;
    text_ += object ? '{' : '[';
    Space();
    const uint32_t members = Draw(6);
    std::set<std::string> keys;
    bool first = true;
    for (uint32_t i = 0; i < members; ++i) {
      static const std::vector<std::string> kKeys = {
          "a", "b", "c", "ab", "0", "1", "12", "00", "", "k", "issue", "object_attributes"};
      const std::string& key = kKeys[Draw(static_cast<uint32_t>(kKeys.size()))];
      if (object && !keys.insert(key).second) continue;
      if (!first) text_ += ',';
      first = false;
      Space();
      if (object) {
        String(key);
        Space();
        text_ += ':';
        Space();
      }
      Value(0, depth + 1);
      Space();
    }
    text_ += object ? '}' : ']';
  }

  std::mt19937 random_;
  std::string text_;
  bool spaced_ = false;
};

TEST(EventFieldsPropertyTest, ValuesOfRandomDocumentsAreWhatTheJudgeSays) {
  DocumentWriter writer(1);
  PayloadJudge judge;
  for (int round = 0; round < 3000; ++round) {
    const std::string document = writer.Write();
    ASSERT_TRUE(judge.Load(document)) << document;
    Check(document);
  }
}

TEST(EventFieldsPropertyTest, ValuesOfTruncatedAndCorruptedDocumentsDoNotDependOnTheOrder) {
  static constexpr std::string_view kBytes = "{}[]\",:\\ 0-tu\x01\xFF";
  DocumentWriter writer(2);
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string document = writer.Write();
    if (document.empty()) continue;
    switch (round % 3) {
      case 0:
        document.resize(random() % document.size());
        break;
      case 1:
        document[random() % document.size()] = kBytes[random() % kBytes.size()];
        break;
      default:
        document.insert(random() % document.size(), 1, kBytes[random() % kBytes.size()]);
    }
    Check(document);
  }
}

TEST(EventFieldsPropertyTest, SeedsOfTheFuzzerPass) {
  const std::string folder = "tests/fuzz/payload";
  DIR* const directory = opendir(folder.c_str());
  ASSERT_NE(directory, nullptr) << "run from the root of the source tree";
  int seeds = 0;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name[0] == '.') continue;
    std::ifstream file(folder + "/" + name, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    Check(content.str());
    ++seeds;
  }
  closedir(directory);
  EXPECT_GE(seeds, 10);
}

TEST(EventFieldsPropertyTest, MemoryDoesNotGrowOverAMillionEvents) {
  const std::string small = R"({"a":"\u0041","b":[1,"x",{"c": 2}],"d":{"e":1}})";
  std::string huge = "{\"b\":[";
  for (int i = 0; i < 20'000; ++i) huge += "{\"c\": \"\\u0041\" },";
  huge += "0]}";
  EventArena arena;
  PayloadReader reader(&arena);
  const std::vector<std::string> a = {"a"};
  const std::vector<std::string> b = {"b"};
  const auto held = [&] { return arena.bytes_held() + reader.bytes_held(); };
  const auto read = [&](std::string_view payload) {
    arena.Reset();
    reader.Reset(payload);
    Value of_a;
    Value of_b;
    reader.Get(a, &of_a);
    reader.Get(b, &of_b);
    return of_a.kind != Value::Kind::kFailed && of_b.list.size() > 1;
  };
  ASSERT_TRUE(read(small));
  const size_t after_one = held();
  for (int i = 0; i < 1'000'000; ++i) ASSERT_TRUE(read(small));
  EXPECT_EQ(held(), after_one);
  ASSERT_TRUE(read(huge));
  EXPECT_GT(held(), size_t{1'000'000});
  ASSERT_TRUE(read(small));
  EXPECT_LT(held(), size_t{1'000'000});
}

}  // namespace
}  // namespace cievents::matcher
