#include "matcher/inputs/functions.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace cievents::matcher {
namespace {

// "=text" or the error.
std::string Apply(std::string_view expression, InputValue value,
                  const FunctionContext& context = {}) {
  const auto call = ParseFunctionCall(expression);
  if (!call.ok()) return std::string(call.status().message());
  const absl::Status applied = ApplyFunction(*call, context, &value);
  if (!applied.ok()) return std::string(applied.message());
  return "=" + value.text;
}

std::string Apply(std::string_view expression, std::string text,
                  const FunctionContext& context = {}) {
  return Apply(expression, InputValue::OfText(std::move(text)), context);
}

TEST(FunctionsTest, ExpressionsThatNameAFunction) {
  for (const std::string_view expression :
       {"truncate(1,2)", "truncate( 1 , 2 )", "truncate(1,2", "truncate(0,99999999999999999999999)",
        "posix_escape", "expand_vars"}) {
    EXPECT_TRUE(ParseFunctionCall(expression).ok()) << expression;
  }
}

TEST(FunctionsTest, ExpressionsThatNameNone) {
  for (const std::string_view expression :
       {"", "truncate", "truncate()", "truncate(1)", "truncate(1,2,3)", "truncate(-1,2)",
        "truncate(1,2))", "truncate (1,2)", "Truncate(1,2)", "posix_escape()", "expand_vars x",
        "xexpand_vars", "nope"}) {
    const auto call = ParseFunctionCall(expression);
    ASSERT_FALSE(call.ok()) << expression;
    EXPECT_EQ(std::string(call.status().message()),
              "no function matching `" + std::string(expression) +
                  "`: check that the function name, arguments, and types are correct");
  }
}

TEST(FunctionsTest, TruncateCountsCharacters) {
  EXPECT_EQ(Apply("truncate(3,5)", "0123456789"), "=34567");
  EXPECT_EQ(Apply("truncate(0,0)", "abc"), "=");
  EXPECT_EQ(Apply("truncate(3,5)", "abc"), "=");
  EXPECT_EQ(Apply("truncate(4,5)", "abc"), "=");
  EXPECT_EQ(Apply("truncate(1,99)", "abc"), "=bc");
  EXPECT_EQ(Apply("truncate(0,3)", "äöü€"), "=äöü");
  EXPECT_EQ(Apply("truncate(1,2)", "a\U0001F600ßz"), "=\U0001F600ß");
  EXPECT_EQ(Apply("truncate(99999999999999999999999,1)", "abc"), "=");
  EXPECT_EQ(Apply("truncate(1,99999999999999999999999)", "abc"), "=bc");
}

TEST(FunctionsTest, PosixEscapeIsRubysShellescape) {
  EXPECT_EQ(Apply("posix_escape", ""), "=''");
  EXPECT_EQ(Apply("posix_escape", "aZ09_-.,:+/@"), "=aZ09_-.,:+/@");
  EXPECT_EQ(Apply("posix_escape", "a b"), "=a\\ b");
  EXPECT_EQ(Apply("posix_escape", "a\nb"), "=a'\n'b");
  EXPECT_EQ(Apply("posix_escape", "a\tb\r"), "=a\\\tb\\\r");
  EXPECT_EQ(Apply("posix_escape", "$(rm -rf ~);`x`&|<>*?[]{}!#=%^\\'\""),
            R"(=\$\(rm\ -rf\ \~\)\;\`x\`\&\|\<\>\*\?\[\]\{\}\!\#\=\%\^\\\'\")");
  EXPECT_EQ(Apply("posix_escape", "é\U0001F600"), "=\\é\\\U0001F600");
  EXPECT_EQ(Apply("posix_escape", std::string("a\0b", 3)),
            "error in `posix_escape` function: the text has a NUL character");
}

TEST(FunctionsTest, ExpandVarsExpandsWhatIsDefinedOnce) {
  const std::map<std::string, std::string, std::less<>> variables = {
      {"A", "1"}, {"B", "$A"}, {"EMPTY", ""}};
  const FunctionContext context{&variables};
  EXPECT_EQ(Apply("expand_vars", "$A ${A} %A%", context), "=1 1 1");
  EXPECT_EQ(Apply("expand_vars", "$B", context), "=$A");
  EXPECT_EQ(Apply("expand_vars", "x${EMPTY}y", context), "=xy");
  EXPECT_EQ(Apply("expand_vars", "$AB ${NOPE} %NOPE%", context), "=$AB ${NOPE} %NOPE%");
  EXPECT_EQ(Apply("expand_vars", "100% $ ${} $1 ${A", context), "=100% $ ${} $1 ${A");
}

TEST(FunctionsTest, ExpandVarsWithoutVariablesIsAnError) {
  EXPECT_EQ(Apply("expand_vars", "$A"),
            "error in `expand_vars` function: no variable is known when an event is matched; "
            "expand it where the input is used");
}

TEST(FunctionsTest, FunctionsTakeStringsOnly) {
  for (const auto kind : {InputValue::Kind::kNumber, InputValue::Kind::kBoolean,
                          InputValue::Kind::kArray, InputValue::Kind::kObject}) {
    InputValue value;
    value.kind = kind;
    value.text = "3";
    EXPECT_EQ(Apply("truncate(0,1)", value),
              "error in `truncate` function: invalid input type: truncate can only be used with "
              "string inputs");
    EXPECT_EQ(Apply("posix_escape", value),
              "error in `posix_escape` function: invalid input type: posix_escape can only be used "
              "with string inputs");
  }
}

}  // namespace
}  // namespace cievents::matcher
