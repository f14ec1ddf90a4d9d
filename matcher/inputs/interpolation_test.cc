#include "matcher/inputs/interpolation.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "matcher/inputs/block.h"

namespace cievents::matcher {
namespace {

Value Text(std::string_view text) {
  Value value;
  value.kind = Value::Kind::kText;
  value.text = text;
  return value;
}

Value Json(std::string_view json) {
  Value value = Text(json);
  value.bare_json = true;
  return value;
}

Value Boolean(bool boolean) {
  Value value;
  value.kind = Value::Kind::kBoolean;
  value.boolean = boolean;
  return value;
}

class InterpolationTest : public ::testing::Test {
 protected:
  InterpolationTest() {
    items_ = {Text("a"), Json("1"), Boolean(true), Json(R"({"k":"v"})")};
    Value list;
    list.kind = Value::Kind::kList;
    list.list = items_;
    Value failed;
    failed.kind = Value::Kind::kFailed;
    failed.text = "the payload is not JSON";
    values_ = {{"x.text", Text("t\"1")},   {"x.block", Text("$[[ x.text ]]")},
               {"x.number", Json("1.50")}, {"x.object", Json(R"({"a":[1]})")},
               {"x.true", Boolean(true)},  {"x.false", Boolean(false)},
               {"x.list", list},           {"x.failed", failed},
               {"x.empty", Text("")}};
  }

  // The JSON that comes out; "absent"; "failed: why"; "error: why".
  std::string Evaluate(std::string_view json) {
    std::vector<Block> blocks;
    const auto compiled = Template::Compile(json, "$[[ x.NAME ]]", &blocks);
    if (!compiled.ok()) return "error: " + std::string(compiled.status().message());
    InputValue value;
    std::string reason;
    const auto outcome = compiled->Evaluate(
        [&](size_t block) {
          const auto found = values_.find(blocks[block].access);
          return found == values_.end() ? Value() : found->second;
        },
        FunctionContext(), &value, &reason);
    if (outcome == Template::Outcome::kAbsent) return "absent";
    if (outcome == Template::Outcome::kFailed) return "failed: " + reason;
    std::string out;
    value.AppendJson(&out);
    return out;
  }

  std::vector<Value> items_;
  std::map<std::string, Value> values_;
};

TEST_F(InterpolationTest, AValueWithoutBlocksIsConstant) {
  for (const std::string_view json :
       {R"("plain")", "1.50", "true", R"(["a",{"b":null}])", R"("$[[ a ]]")", R"("$[[]]")",
        R"("$[[ x.text ]")", R"("$ [[ x.text ]]")"}) {
    EXPECT_EQ(Evaluate(json), json);
    std::vector<Block> blocks;
    EXPECT_NE(Template::Compile(json, "", &blocks)->constant(), nullptr) << json;
    EXPECT_TRUE(blocks.empty()) << json;
  }
  EXPECT_EQ(Evaluate("null"), "absent");
}

TEST_F(InterpolationTest, ExactlyOneBlockKeepsItsJsonType) {
  EXPECT_EQ(Evaluate(R"("$[[ x.text ]]")"), R"("t\"1")");
  EXPECT_EQ(Evaluate(R"("$[[x.text]]")"), R"("t\"1")");
  EXPECT_EQ(Evaluate(R"("$[[ x.number ]]")"), "1.50");
  EXPECT_EQ(Evaluate(R"("$[[ x.true ]]")"), "true");
  EXPECT_EQ(Evaluate(R"("$[[ x.false ]]")"), "false");
  EXPECT_EQ(Evaluate(R"("$[[ x.object ]]")"), R"({"a":[1]})");
  EXPECT_EQ(Evaluate(R"("$[[ x.list ]]")"), R"(["a",1,true,{"k":"v"}])");
  EXPECT_EQ(Evaluate(R"("$[[ x.empty ]]")"), R"("")");
}

TEST_F(InterpolationTest, InsideLongerTextABlockBecomesText) {
  EXPECT_EQ(Evaluate(R"("pre-$[[ x.number ]]-post")"), R"("pre-1.50-post")");
  EXPECT_EQ(Evaluate(R"(" $[[ x.true ]]")"), R"(" true")");
  EXPECT_EQ(Evaluate(R"("$[[ x.text ]]$[[ x.false ]]")"), R"("t\"1false")");
  EXPECT_EQ(Evaluate(R"("o: $[[ x.object ]]")"), R"("o: {\"a\":[1]}")");
  EXPECT_EQ(Evaluate(R"("l: $[[ x.list ]]")"), R"("l: [\"a\",1,true,{\"k\":\"v\"}]")");
  EXPECT_EQ(Evaluate(R"("\n$[[ x.empty ]]\"")"), R"("\n\"")");
}

TEST_F(InterpolationTest, BlocksAreFilledInAtAnyDepthAndListsAreSplicedIntoLists) {
  EXPECT_EQ(Evaluate(R"({"a":"$[[ x.text ]]","b":{"c":["n$[[ x.number ]]"]}})"),
            R"({"a":"t\"1","b":{"c":["n1.50"]}})");
  EXPECT_EQ(Evaluate(R"(["0","$[[ x.list ]]","z"])"), R"(["0","a",1,true,{"k":"v"},"z"])");
  EXPECT_EQ(Evaluate(R"(["$[[ x.list ]]"])"), R"(["a",1,true,{"k":"v"}])");
  EXPECT_EQ(Evaluate(R"([["$[[ x.list ]]"],"$[[ x.number ]]"])"),
            R"([["a",1,true,{"k":"v"}],1.50])");
  EXPECT_EQ(Evaluate(R"({"a":"$[[ x.list ]]"})"), R"({"a":["a",1,true,{"k":"v"}]})");
  EXPECT_EQ(Evaluate(R"(["x$[[ x.list ]]"])"), R"(["x[\"a\",1,true,{\"k\":\"v\"}]"])");
}

TEST_F(InterpolationTest, AnAbsentPartMakesTheWholeValueAbsent) {
  EXPECT_EQ(Evaluate(R"("$[[ x.nope ]]")"), "absent");
  EXPECT_EQ(Evaluate(R"("a$[[ x.text ]]$[[ x.nope ]]")"), "absent");
  EXPECT_EQ(Evaluate(R"({"a":1,"b":["$[[ x.nope ]]"]})"), "absent");
  EXPECT_EQ(Evaluate(R"("$[[ x.nope | truncate(0,1) ]]")"), "absent");
}

TEST_F(InterpolationTest, AValueThatCannotBeReadFails) {
  EXPECT_EQ(Evaluate(R"("$[[ x.failed ]]")"), "failed: the payload is not JSON");
  EXPECT_EQ(Evaluate(R"(["a $[[ x.failed ]]"])"), "failed: the payload is not JSON");
}

TEST_F(InterpolationTest, FunctionsRunFromLeftToRight) {
  EXPECT_EQ(Evaluate(R"("$[[ x.text | truncate(0,3) | posix_escape ]]")"), R"("t\\\"1")");
  EXPECT_EQ(Evaluate(R"("<$[[x.text|posix_escape|truncate(0,2)]]>")"), R"("<t\\>")");
  EXPECT_EQ(Evaluate(R"(["$[[ x.text | truncate(0,1) ]]"])"), R"(["t"])");
  EXPECT_EQ(Evaluate(R"("$[[ x.number | truncate(0,1) ]]")"),
            "failed: error in `truncate` function: invalid input type: truncate can only be used "
            "with string inputs");
  EXPECT_EQ(Evaluate(R"("a$[[ x.list | posix_escape ]]")"),
            "failed: error in `posix_escape` function: invalid input type: posix_escape can only "
            "be used with string inputs");
}

TEST_F(InterpolationTest, WhatIsFilledInIsNotInterpolatedAgain) {
  EXPECT_EQ(Evaluate(R"("$[[ x.block ]]")"), R"("$[[ x.text ]]")");
  EXPECT_EQ(Evaluate(R"(["<$[[ x.block ]]>"])"), R"(["<$[[ x.text ]]>"])");
}

TEST_F(InterpolationTest, WrongBlocksAreErrors) {
  EXPECT_EQ(Evaluate(R"("$[[ nodot ]]")"),
            "error: invalid pattern used for interpolation. valid pattern is $[[ x.NAME ]]");
  EXPECT_EQ(Evaluate(R"("$[[ || ]]")"),
            "error: invalid pattern used for interpolation. valid pattern is $[[ x.NAME ]]");
  EXPECT_EQ(Evaluate(R"("$[[ x.text | nope ]]")"),
            "error: no function matching `nope`: check that the function name, arguments, and "
            "types are correct");
  EXPECT_EQ(Evaluate(R"("$[[ x.text || posix_escape ]]")"),
            "error: no function matching ``: check that the function name, arguments, and types "
            "are correct");
  EXPECT_EQ(Evaluate(R"({"$[[ x.text ]]":1})"),
            "error: the key `$[[ x.text ]]` holds a block; write blocks into values only");
  EXPECT_EQ(Evaluate(R"("$[[ x.text | ]]")"), R"("t\"1")");
  EXPECT_EQ(Evaluate("{").rfind("error: not a JSON value: ", 0), 0u);
}

TEST_F(InterpolationTest, LimitsHoldAtAndOnePast) {
  const auto functions = [](int count) {
    std::string block = "\"$[[ x.text";
    for (int i = 0; i < count; ++i) block += " | truncate(0,9)";
    return block + " ]]\"";
  };
  EXPECT_EQ(Evaluate(functions(3)), R"("t\"1")");
  EXPECT_EQ(Evaluate(functions(4)), "error: too many functions in interpolation block");

  const auto access = [](size_t bytes) {
    return "\"$[[ x." + std::string(bytes - 2, 'a') + " ]]\"";
  };
  EXPECT_EQ(Evaluate(access(1024)), "absent");
  EXPECT_EQ(Evaluate(access(1025)), "error: maximum interpolation expression size exceeded");

  const auto blocks = [](size_t count) {
    std::string json = "\"";
    for (size_t i = 0; i < count; ++i) json += "$[[ x.empty ]]";
    return json + "\"";
  };
  EXPECT_EQ(Evaluate(blocks(kBlocksMax)), R"("")");
  EXPECT_EQ(Evaluate(blocks(kBlocksMax + 1)),
            "error: too many interpolation blocks; the value of an input has at most 100");

  const std::string large(kInputValueBytesMax, 'x');
  values_["x.large"] = Text(large);
  const std::string too_large = "failed: the value has more than 1048576 bytes";
  EXPECT_EQ(Evaluate(R"("$[[ x.large ]]")").size(), large.size() + 2);
  EXPECT_EQ(Evaluate(R"("$[[ x.large ]]!")"), too_large);
  EXPECT_EQ(Evaluate(R"("!$[[ x.large ]]")"), too_large);
  EXPECT_EQ(Evaluate(R"("$[[ x.large ]]$[[ x.large ]]")"), too_large);
  EXPECT_EQ(Evaluate(R"(["$[[ x.large ]]"])"), too_large);
}

TEST(BlockTest, BlocksAreFoundAsGitLabFindsThem) {
  const struct {
    std::string_view text;
    std::vector<std::string_view> data;
  } kCases[] = {
      {"$[[ab]]", {"ab"}},
      {"$[[ \t ab \n ]]", {"ab"}},
      {"a $[[ b.c ]] d $[[ e.f|g ]]", {"b.c", "e.f|g"}},
      {"$[[ a ]]", {}},
      {"$[[ ]]", {}},
      {"$[[ a\nb ]]", {}},
      {"$[[ a]b ]]", {"a]b"}},
      // Lazy: the first `]]` behind two characters ends it.
      {"$[[ a ]] b ]]", {"a ]] b"}},
      {"$[[ $[[ ab ]] ]]", {"$[[ ab"}},
      {"$[$[[ab]]", {"ab"}},
  };
  for (const auto& test : kCases) {
    std::vector<std::string_view> data;
    for (const BlockPlace& place : FindBlocks(test.text)) data.push_back(place.data);
    EXPECT_EQ(data, test.data) << test.text;
  }
}

}  // namespace
}  // namespace cievents::matcher
