// What an index can look a condition up by, and that it is necessary.
#include "matcher/condition/access.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/condition/test_condition.h"

namespace cievents::matcher {
namespace {

// `a = "x" | b ^ "y"; c ~ "z"`: groups, alternatives within a group, kinds.
std::string Show(const std::vector<AccessGroup>& groups) {
  std::string text;
  for (const AccessGroup& group : groups) {
    if (!text.empty()) text += "; ";
    for (size_t i = 0; i < group.size(); ++i) {
      const char kind = "=^~"[static_cast<int>(group[i].kind)];
      text += fmt::format("{}{} {} {}", i == 0 ? "" : " | ",
                          group[i].path->text.substr(std::string_view("event.").size()), kind,
                          group[i].literal);
    }
  }
  return text;
}

TEST(Access, IsWhatEveryTrueEvaluationNeeds) {
  struct Row {
    std::string_view condition;
    std::string_view access;
  };
  ConditionTables tables;
  for (const Row& row : std::vector<Row>{
           // Comparisons.
           {R"($[[ event.a ]] == "x")", "a = x"},
           {R"("x" == $[[ event.a ]])", "a = x"},
           {R"(($[[ event.a ]] == "42"))", "a = 42"},
           {R"($[[ event.a ]] == "")", "a = "},
           {R"($[[ event.a ]] == true)", "a = true"},
           {R"(false == $[[ event.a ]])", "a = false"},
           {R"($[[ event.actor.username ]] == "ada")", "actor.username = ada"},
           {R"($[[ event.names ]] == "x")", "names = x"},
           {R"($[[ event.name ]] == "x")", ""},
           {R"($[[ event.a ]] == null)", ""},
           {R"($[[ event.a ]] != "x")", ""},
           {R"(!($[[ event.a ]] == "x"))", ""},
           {R"($[[ event.a ]] == $[[ event.b ]])", ""},
           {R"($[[ event.a ]] == "x$[[ event.b ]]")", ""},
           {R"("$[[ event.a ]]" == "x")", ""},
           {R"($[[ event.a ]] == $V)", ""},
           {R"($[[ event.a ]] == "x" == true)", ""},
           {R"($[[ event.a ]])", ""},
           // Patterns.
           {R"($[[ event.a ]] =~ /^abc$/)", "a = abc"},
           {R"($[[ event.a ]] =~ /^abc/)", "a ^ abc"},
           {R"($[[ event.a ]] =~ /\Aabc/)", "a ^ abc"},
           {R"($[[ event.a ]] =~ /^feature\/.+/)", "a ^ feature/"},
           {R"($[[ event.a ]] =~ /^a\.b(c|d)/)", "a ^ a.b"},
           {R"($[[ event.a ]] =~ /^abx*/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^abx?/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^abx{0,}/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^abx+/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^abä*/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^abc.d/s)", "a ^ abc"},
           {R"($[[ event.a ]] =~ /^ab(?i)c/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^[|]ab|cd/)", "a ~ ^[|]ab|cd"},
           {R"($[[ event.a ]] =~ /^ab[|]/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^ab[]|]/)", "a ^ ab"},
           {R"($[[ event.a ]] =~ /^ab\|/)", "a ^ ab|"},
           {R"($[[ event.a ]] =~ /^ab|cd/)", "a ~ ^ab|cd"},
           {R"($[[ event.a ]] =~ /^(ab|cd)/)", "a ~ ^(ab|cd)"},
           {R"($[[ event.a ]] =~ /^ab\Q|\Ecd/)", "a ~ ^ab\\Q|\\Ecd"},
           {R"($[[ event.a ]] =~ /^abc/i)", "a ~ (?i)^abc"},
           {R"($[[ event.a ]] =~ /^abc/m)", "a ~ (?m)^abc"},
           {R"($[[ event.a ]] =~ /(?i)^abc/)", "a ~ (?i)^abc"},
           {R"($[[ event.a ]] =~ /abc/)", "a ~ abc"},
           {R"($[[ event.a ]] =~ /abc$/)", "a ~ abc$"},
           {R"($[[ event.a ]] =~ /x*/)", ""},  // also holds for what is absent
           {R"($[[ event.a ]] =~ /^$/)", ""},
           {R"($[[ event.a ]] =~ /^x?/)", ""},
           {R"($[[ event.a ]] !~ /abc/)", ""},
           // Logic.
           {R"($[[ event.a ]] == "x" && $[[ event.b ]] == "y" && $V)", "a = x; b = y"},
           {R"($V == "v" && ($W && $[[ event.a ]] == "x"))", "a = x"},
           {R"($[[ event.a ]] == "x" && $[[ event.a ]] == "x")", "a = x"},
           {R"($[[ event.a ]] == "x" || $[[ event.b ]] == "y")", "a = x | b = y"},
           {R"($[[ event.a ]] == "x" || $V)", ""},
           {R"($[[ event.a ]] == "x" || "")", ""},
           {R"(($[[ event.a ]] == "x" && $[[ event.b ]] =~ /^yy/) || $[[ event.c ]] == "z")",
            "a = x | c = z"},
           {R"(($[[ event.b ]] =~ /yy/ && $[[ event.a ]] =~ /^xx/) || $[[ event.c ]] == "z")",
            "a ^ xx | c = z"},
           {R"(($[[ event.a ]] == "1" || $[[ event.a ]] == "2" || $[[ event.a ]] == "1") && $V)",
            "a = 1 | a = 2"},
           {R"(!$V && $[[ event.a ]] == "x")", "a = x"},
           {R"("x" == "x")", ""},
       }) {
    SCOPED_TRACE(row.condition);
    ConditionError error;
    const auto condition =
        Condition::Parse(row.condition, ConditionPlace::kEntryRule, tables, &error);
    ASSERT_NE(condition, nullptr) << error.message;
    EXPECT_EQ(Show(condition->access()), row.access);
  }
}

std::vector<std::string> TextsOf(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kBoolean:
      return {value.boolean ? "true" : "false"};
    case Value::Kind::kText:
      return {std::string(value.text)};
    case Value::Kind::kList: {
      std::vector<std::string> texts;
      for (const Value& element : value.list) texts.push_back(TextsOf(element)[0]);
      return texts;
    }
    default:
      return {};
  }
}

bool Holds(const AccessTerm& term, EventFields& fields) {
  for (const std::string& text : TextsOf(fields.Get(*term.path))) {
    switch (term.kind) {
      case AccessTerm::Kind::kEquals:
        if (text == term.literal) return true;
        break;
      case AccessTerm::Kind::kPrefix:
        if (text.starts_with(term.literal)) return true;
        break;
      case AccessTerm::Kind::kRegex:
        if (re2::RE2::PartialMatch(text, term.literal)) return true;
        break;
    }
  }
  return false;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int Below(int end) { return static_cast<int>(engine_() % static_cast<uint32_t>(end)); }
  template <typename T, size_t n>
  const T& Pick(const T (&items)[n]) {
    return items[Below(static_cast<int>(n))];
  }

 private:
  std::mt19937 engine_;
};

std::string RandomCondition(Random& random, int depth) {
  static constexpr std::string_view kLeaves[] = {R"($[[ event.a ]] == "x")",
                                                 R"("xy" == $[[ event.b ]])",
                                                 R"($[[ event.a ]] =~ /^xy?/)",
                                                 R"($[[ event.b ]] =~ /^xy/)",
                                                 R"($[[ event.b ]] =~ /y$/)",
                                                 R"($[[ event.a ]] =~ /^(x|z)/)",
                                                 R"($[[ event.a ]] == true)",
                                                 R"($[[ event.b ]] == null)",
                                                 R"($[[ event.a ]] =~ /[XQ]/i)",
                                                 R"($[[ event.a ]] != "x")",
                                                 R"($V)",
                                                 R"($[[ event.b ]])",
                                                 R"("")",
                                                 R"($[[ event.a ]] == $V)",
                                                 R"($[[ event.b ]] =~ /x*/)",
                                                 R"($[[ event.a ]] =~ /^x|y/)",
                                                 R"($[[ event.b ]] == "")",
                                                 R"("$[[ event.a ]]" == "x")"};
  if (depth == 0 || random.Below(4) == 0) return std::string(random.Pick(kLeaves));
  const std::string left = RandomCondition(random, depth - 1);
  const std::string right = RandomCondition(random, depth - 1);
  switch (random.Below(5)) {
    case 0:
      return fmt::format("!({})", left);
    case 1:
    case 2:
      return fmt::format("({}) || ({})", left, right);
    default:
      return fmt::format("({}) && ({})", left, right);
  }
}

TEST(Access, NeverRulesOutWhatMayHold) {
  static constexpr std::string_view kValues[] = {
      "null",  R"("")",  R"("x")", R"("xy")",      R"("zx")",        R"("ay")",    "true",
      "false", R"(" ")", "[]",     R"(["x","q"])", R"([true,"xy"])", R"({"x":1})", R"("X")"};
  Random random(7);
  int ruled_out = 0;
  for (int round = 0; round < 3000; ++round) {
    ConditionTables tables;
    const std::string text = RandomCondition(random, 3);
    ConditionError error;
    const auto condition = Condition::Parse(text, ConditionPlace::kEntryRule, tables, &error);
    ASSERT_NE(condition, nullptr) << text << error.message;
    for (int i = 0; i < 4; ++i) {
      TestEvent event(
          fmt::format(R"({{"a":{},"b":{}}})", random.Pick(kValues), random.Pick(kValues)));
      bool candidate = true;
      for (const AccessGroup& group : condition->access()) {
        bool any = false;
        for (const AccessTerm& term : group) any |= Holds(term, event.fields());
        candidate &= any;
      }
      const Verdict verdict = condition->Evaluate({&event.fields(), nullptr, nullptr});
      if (!candidate) {
        ++ruled_out;
        EXPECT_EQ(verdict, Verdict::kFalse) << text << " on " << event.fields().event().payload;
      }
    }
  }
  EXPECT_GT(ruled_out, 500);
}

}  // namespace
}  // namespace cievents::matcher
