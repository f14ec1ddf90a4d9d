#include "services/lib/ci_yaml/variant_inputs.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lib/ci_yaml/parsed_file.h"

namespace cievents::ci_yaml {
namespace {

using ::testing::HasSubstr;

VariantInputs Inputs(std::vector<matcher::InputBinding> given, std::string_view spec) {
  return VariantInputs(given, spec);
}

// The resolved value of one input, or the code and message of the error.
std::string Resolve(const VariantInputs& inputs, std::string_view json) {
  const auto resolved = inputs.ResolveInputs({{"x", std::string(json), {}}});
  return resolved.ok() ? resolved->at(0).value_json : resolved.status().ToString();
}

constexpr char kSpec[] =
    R"({"b":{"type":"boolean","default":false},"e":null,"l":{"type":"array","default":[1,"a"]},)"
    R"("n":{"type":"number","default":1},"s":{"default":"main"}})";

TEST(VariantInputsTest, AValueThatIsOneBlockKeepsItsType) {
  const VariantInputs inputs = Inputs({}, kSpec);
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.s ]]")"), R"("main")");
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.n ]]")"), "1");
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.b ]]")"), "false");
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.l ]]")"), R"([1,"a"])");
  EXPECT_EQ(Resolve(inputs, R"([0,"$[[ inputs.l ]]",2])"), R"([0,1,"a",2])") << "spliced";
  EXPECT_EQ(Resolve(inputs, R"({"k":["$[[ inputs.n ]]"]})"), R"({"k":[1]})");
}

TEST(VariantInputsTest, InLongerTextItIsText) {
  const VariantInputs inputs = Inputs({}, kSpec);
  EXPECT_EQ(Resolve(inputs, R"("a-$[[ inputs.n ]]-$[[ inputs.s | truncate(0,2) ]]")"),
            R"("a-1-ma")");
  EXPECT_EQ(*inputs.ResolvePath("ci/$[[ inputs.s ]]/$[[inputs.n]].yml"), "ci/main/1.yml");
}

TEST(VariantInputsTest, GivenValuesAreCoercedToWhatIsDeclared) {
  const VariantInputs inputs =
      Inputs({{"n", R"("7")", {}}, {"b", R"("true")", {}}, {"s", "null", {}}}, kSpec);
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.n ]]")"), "7");
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.b ]]")"), "true");
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.s ]]")"), R"("main")") << "null is not given";
}

TEST(VariantInputsTest, ValuesThatDoNotFitAreGitlabsMessages) {
  const VariantInputs inputs = Inputs({{"n", R"("seven")", {}}}, kSpec);
  EXPECT_THAT(Resolve(inputs, R"("$[[ inputs.n ]]")"),
              HasSubstr("`n` input: provided value is not a number"));
  EXPECT_THAT(Resolve(inputs, R"("$[[ inputs.e ]]")"),
              HasSubstr("`e` input: required value has not been provided"));
  EXPECT_THAT(Resolve(inputs, R"("$[[ inputs.q ]]")"),
              HasSubstr("unknown input name provided: `q` in `inputs.q`"));
  EXPECT_THAT(Resolve(inputs, R"("$[[ inputs.s | nope ]]")"),
              HasSubstr("no function matching `nope`"));
}

TEST(VariantInputsTest, BlocksOverTheEventStay) {
  const VariantInputs inputs =
      Inputs({{"e", R"("$[[ event.name ]]")", {}}, {"s", R"("<$[[ event.id ]]>")", {}}}, kSpec);
  EXPECT_FALSE(inputs.IsStatic("e"));
  EXPECT_TRUE(inputs.IsStatic("n"));
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.e ]]")"), R"("$[[ event.name ]]")");
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.e | truncate(0,3) ]]")"),
            R"("$[[ event.name | truncate(0,3) ]]")");
  EXPECT_EQ(Resolve(inputs, R"("$[[ inputs.s ]]-$[[ event.type ]]")"),
            R"("<$[[ event.id ]]>-$[[ event.type ]]")");
  EXPECT_THAT(Resolve(inputs, R"("$[[ inputs.s | truncate(0,3) ]]")"),
              HasSubstr("functions cannot be applied"));
  EXPECT_EQ(inputs.ResolvePath("$[[ inputs.e ]].yml").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(VariantInputsTest, VariablesAreLeftToPipelineCreation) {
  const VariantInputs inputs = Inputs({{"s", R"("$A")", {}}}, kSpec);
  EXPECT_EQ(inputs.ResolvePath("$[[ inputs.s | expand_vars ]].yml").status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*inputs.ResolvePath("$[[ inputs.s ]].yml"), "$A.yml") << "the caller's to refuse";
}

TEST(VariantInputsTest, ConditionsReadStaticValues) {
  VariantInputs inputs = Inputs({{"l", R"(["a",2])", {}}}, kSpec);
  EXPECT_EQ(inputs.GetInput("s").text, "main");
  EXPECT_EQ(inputs.GetInput("n").text, "1");
  EXPECT_EQ(inputs.GetInput("b").kind, matcher::Value::Kind::kBoolean);
  EXPECT_EQ(inputs.GetInput("l").list.size(), 2u);
  EXPECT_EQ(inputs.GetInput("none").kind, matcher::Value::Kind::kNull);
}

TEST(VariantInputsTest, ResolvedInputsHave64Kib) {
  const std::string half(kIncludeInputsBytesMax / 2, 'a');
  const VariantInputs inputs = Inputs({{"s", "\"" + half + "\"", {}}}, kSpec);
  EXPECT_THAT(Resolve(inputs, R"("$[[ inputs.s ]]")"), testing::StartsWith("\"a"));
  EXPECT_THAT(Resolve(inputs, R"("$[[ inputs.s ]]$[[ inputs.s ]]")"),
              HasSubstr("RESOURCE_EXHAUSTED"));
}

}  // namespace
}  // namespace cievents::ci_yaml
