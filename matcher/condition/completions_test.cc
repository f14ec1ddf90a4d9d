// Unknown variables: a verdict is decided only if every completion agrees, and then it is. The
// completions are enumerated against the evaluator of the closed world.
#include "matcher/condition/completions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/condition/test_condition.h"

namespace cievents::matcher {
namespace {

struct Row {
  std::string_view condition;
  Verdict verdict;
};

constexpr Verdict kTrue = Verdict::kTrue;
constexpr Verdict kFalse = Verdict::kFalse;
constexpr Verdict kUndecided = Verdict::kUndecided;

TEST(Completions, DecideOnlyWhatEveryCompletionDecides) {
  ConditionTables tables;
  TestEvent event(R"({"a":"x","l":["p","q"],"t":true,"e":""})");
  for (const Row& row : std::vector<Row>{
           {"$V", kUndecided},
           {"!$V", kUndecided},
           {R"($V == "x")", kUndecided},
           {"$V == null", kUndecided},
           {"$V == true", kFalse},
           {"$V != true", kTrue},
           {"$V == $[[ event.t ]]", kUndecided},
           {"$V == $[[ event.l ]]", kUndecided},
           {"$V || true", kUndecided},  // "" wins, and is blank
           {"true || $V", kTrue},
           {R"("x" || $V)", kTrue},
           {R"("" || $V)", kFalse},
           {R"($[[ event.e ]] || $V)", kFalse},
           {"null || $V", kUndecided},
           {"false || $V", kUndecided},
           {"$V && false", kFalse},
           {"$V && null", kFalse},
           {R"($V && "")", kFalse},
           {"$V && true", kUndecided},
           {"false && $V", kFalse},
           {"null && $V", kFalse},
           {R"("" && $V)", kUndecided},
           {R"($[[ event.a ]] == "y" && $V == "x")", kFalse},
           {R"($V == "x" && $[[ event.a ]] == "y")", kFalse},
           {R"($V == "x" && $[[ event.a ]] == "x")", kUndecided},
           {R"($V == "x" || $[[ event.a ]] == "x")", kTrue},
           {"($V || true) && false", kFalse},
           {"($V && false) == false", kUndecided},  // null is not false
           {"!($V && false)", kTrue},
           {"($V == null) == $W", kFalse},
           {"($V || \"x\") == null", kFalse},
           {"($V && \"x\") == \"y\"", kFalse},
           {"($V && \"x\") == \"x\"", kUndecided},
           {"$V =~ /ab/", kUndecided},
           {"$V =~ /x*/", kTrue},
           {"$V =~ /^.*/", kTrue},
           {"$V =~ /.*$/", kTrue},
           {"$V !~ /.*/", kFalse},
           {"$V =~ null", kFalse},
           {"$V !~ null", kTrue},
           {R"($V =~ "/.*/")", kTrue},
           {R"($V =~ "abc")", kUndecided},
           {R"("abc" =~ $V)", kUndecided},
           {R"("abc" !~ $V)", kUndecided},
           // More than once.
           {"$V == $V", kTrue},
           {"$V != $V", kFalse},
           {"$V && !$V", kUndecided},  // true of ""
           {"$V == null && $V", kFalse},
           {"$V == null || $V != null", kTrue},
           {R"($V == "x" && $V == "y")", kFalse},
           {R"($V != "x" || $V != "y")", kTrue},
           {R"($V == "x" && $V != "x")", kFalse},
           {R"(($V == "x" || $V == "y") && $V == null)", kFalse},
           {R"($V == "x" && $V =~ /^y/)", kFalse},
           {R"($V == "x" && $V =~ /^x/)", kUndecided},
           {R"($V == "" && $V)", kFalse},
           {R"($V == " " && $V)", kFalse},
           {R"($V == $W && $V == "x" && $W == "y")", kFalse},
           {R"($V =~ /xx/ && $V !~ /xx/)", kUndecided},  // true of no completion, but not seen
       }) {
    SCOPED_TRACE(row.condition);
    ConditionError error;
    const auto condition =
        Condition::Parse(row.condition, ConditionPlace::kHoistedRule, tables, &error);
    ASSERT_NE(condition, nullptr) << error.message;
    EXPECT_EQ(condition->Evaluate({&event.fields(), nullptr, nullptr}), row.verdict);
  }
}

TEST(Completions, MoreCasesThanTheLimitAreLeftUndecided) {
  ConditionTables tables;
  ConditionError error;
  // Five cases a variable (undefined, empty, blank, "x", other): 5^4 are gone through, 5^5 are not.
  std::string text = "$A && $A == null";
  for (const char name : {'B', 'C', 'D'}) text += fmt::format(" && ${0} == \"x\" && ${0}", name);
  const auto within = Condition::Parse(text, ConditionPlace::kEntryRule, tables, &error);
  EXPECT_EQ(within->Evaluate(EvaluationContext()), kFalse);
  text += " && $E == \"x\" && $E";
  const auto beyond = Condition::Parse(text, ConditionPlace::kEntryRule, tables, &error);
  EXPECT_EQ(beyond->Evaluate(EvaluationContext()), kUndecided);
}

TEST(Completions, AnEventOrInputsThatAreNotKnownAreUnknownToo) {
  ConditionTables tables;
  const Variables none;
  for (const Row& row : std::vector<Row>{
           {R"($[[ event.a ]] == "x")", kUndecided},
           {"$[[ event.a ]] == true", kUndecided},
           {"$[[ event.a ]] == null", kUndecided},
           {"$[[ event.a ]]", kUndecided},
           {"$[[ event.a ]] =~ /ab/", kUndecided},
           {"$[[ event.a ]] =~ /.*/", kTrue},
           {"$[[ event.a ]] == $[[ event.a ]]", kTrue},
           {"$[[ event.a ]] && false", kFalse},
           {"$[[ event.a ]] || true", kUndecided},
           {R"("a$[[ event.a ]]" == null)", kUndecided},
           {R"($[[ inputs.a ]] == "x")", kUndecided},
           {R"($[[ inputs.a ]] == "x" && null)", kFalse},
           {R"($A == "x" && $[[ event.a ]])", kFalse},
       }) {
    SCOPED_TRACE(row.condition);
    ConditionError error;
    const auto condition =
        Condition::Parse(row.condition, ConditionPlace::kEntryRule, tables, &error);
    ASSERT_NE(condition, nullptr) << error.message;
    EXPECT_EQ(condition->Evaluate({nullptr, nullptr, &none}), row.verdict);
  }
}

// ---- Enumeration
// ---------------------------------------------------------------------------------

class Generator {
 public:
  enum class Repeats : uint8_t { kNever, kAllowed };
  Generator(uint32_t seed, Repeats repeats) : engine_(seed), repeats_(repeats) {}

  std::string Make() {
    variables_ = 0;
    return Expression(3);
  }
  int variables() const { return variables_; }  // named $V0 ..

 private:
  int Below(int end) { return static_cast<int>(engine_() % static_cast<uint32_t>(end)); }

  std::string Expression(int depth) {
    if (depth == 0 || Below(5) == 0) return Leaf();
    switch (Below(8)) {
      case 0:
        return fmt::format("!({})", Expression(depth - 1));
      case 1:
      case 2:
        return fmt::format("({}) && ({})", Expression(depth - 1), Expression(depth - 1));
      case 3:
      case 4:
        return fmt::format("({}) || ({})", Expression(depth - 1), Expression(depth - 1));
      case 5:
        return fmt::format("({}) == ({})", Expression(depth - 1), Expression(depth - 1));
      case 6:
        return fmt::format("({}) != ({})", Expression(depth - 1), Expression(depth - 1));
      default: {
        static constexpr std::string_view kRight[] = {"/^xy/", "/x*/",     "/[xy]$/", "\"xy\"",
                                                      "null",  "\"/.*/\"", "false",   "/^.*/"};
        const std::string_view right = kRight[Below(8)];
        return fmt::format("({}) {} {}", Expression(depth - 1), Below(2) == 0 ? "=~" : "!~",
                           Below(6) == 0 ? Leaf() : std::string(right));
      }
    }
  }

  std::string Leaf() {
    static constexpr std::string_view kConstants[] = {"null",  "true",  "false",  "\"\"",
                                                      "\" \"", "\"x\"", "\"xy\"", "\"true\""};
    static constexpr std::string_view kEvent[] = {"a", "l", "t", "f", "none", "e"};
    switch (Below(4)) {
      case 0:
        return std::string(kConstants[Below(8)]);
      case 1:
        // In quotes, so that it may stand on either side of a match.
        return Below(3) == 0 ? fmt::format("\"$[[ event.{} ]]\"", kEvent[Below(6)])
                             : fmt::format("(null || $[[ event.{} ]])", kEvent[Below(6)]);
      default:
        if (repeats_ == Repeats::kAllowed && variables_ > 0 && Below(2) == 0) {
          return fmt::format("$V{}", Below(variables_));
        }
        if (variables_ == 3) return std::string(kConstants[Below(8)]);
        return fmt::format("$V{}", variables_++);
    }
  }

  std::mt19937 engine_;
  const Repeats repeats_;
  int variables_ = 0;
};

// What all completions of `condition` over an alphabet give: a verdict, or nullopt if they differ
// or one of them fails.
std::optional<Verdict> Enumerate(const Condition& condition, int variables, EventFields& fields) {
  static const std::vector<std::optional<std::string>> kCompletions = {std::nullopt,
                                                                       "",
                                                                       " ",
                                                                       "\t\t",
                                                                       "x",
                                                                       "xy",
                                                                       "y",
                                                                       "true",
                                                                       "false",
                                                                       "p",
                                                                       "q",
                                                                       "zzz",
                                                                       "/^x/",
                                                                       "/.*/",
                                                                       "\n",
                                                                       "x\ny",
                                                                       "[\"p\",\"q\",true]",
                                                                       "null",
                                                                       "xyx",
                                                                       "/q/",
                                                                       "/nope/"};
  std::optional<Verdict> all;
  size_t combinations = 1;
  for (int i = 0; i < variables; ++i) combinations *= kCompletions.size();
  for (size_t combination = 0; combination < combinations; ++combination) {
    Variables values;
    size_t rest = combination;
    for (int i = 0; i < variables; ++i) {
      const auto& value = kCompletions[rest % kCompletions.size()];
      if (value.has_value()) values[fmt::format("V{}", i)] = *value;
      rest /= kCompletions.size();
    }
    const Verdict verdict = condition.Evaluate({&fields, nullptr, &values});
    if (verdict == Verdict::kFailed || (all.has_value() && *all != verdict)) return std::nullopt;
    all = verdict;
  }
  return all;
}

void CompareWithEnumeration(Generator::Repeats repeats, int rounds) {
  Generator generator(20240, repeats);
  TestEvent event(R"({"a":"x","l":["p","q",true],"t":true,"f":false,"e":" "})");
  int decided = 0;
  for (int round = 0; round < rounds; ++round) {
    ConditionTables tables;
    const std::string text = generator.Make();
    SCOPED_TRACE(text);
    ConditionError error;
    const auto condition = Condition::Parse(text, ConditionPlace::kEntryRule, tables, &error);
    ASSERT_NE(condition, nullptr) << error.message << " in column " << error.column;
    const std::optional<Verdict> all = Enumerate(*condition, generator.variables(), event.fields());
    const Verdict open = condition->Evaluate({&event.fields(), nullptr, nullptr});
    if (open == Verdict::kFailed) {
      EXPECT_EQ(all, std::nullopt);
    } else if (!all.has_value()) {
      EXPECT_EQ(open, Verdict::kUndecided);
    } else {
      ++decided;
      if (repeats == Generator::Repeats::kNever) {
        EXPECT_EQ(open, *all);
      } else {
        EXPECT_TRUE(open == *all || open == Verdict::kUndecided);
      }
    }
  }
  EXPECT_GT(decided, rounds / 4);
}

TEST(Completions, AgreeExactlyWithEnumerationWhereNoVariableIsRepeated) {
  CompareWithEnumeration(Generator::Repeats::kNever, 700);
}

TEST(Completions, NeverDecideAgainstACompletionWhereVariablesAreRepeated) {
  CompareWithEnumeration(Generator::Repeats::kAllowed, 700);
}

}  // namespace
}  // namespace cievents::matcher
