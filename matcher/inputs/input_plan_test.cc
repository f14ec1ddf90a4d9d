#include "matcher/inputs/input_plan.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "matcher/event/event_view.h"

namespace cievents::matcher {
namespace {

using Inputs = std::vector<InputBinding>;

InputBinding Binding(std::string name, std::string json) {
  return {std::move(name), std::move(json), {}};
}

std::string DumpValue(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kBoolean:
      return value.boolean ? "true" : "false";
    case Value::Kind::kText:
      return (value.bare_json ? "json:" : "text:") + std::string(value.text);
    case Value::Kind::kFailed:
      return "failed:" + std::string(value.text);
    case Value::Kind::kList: {
      std::string dump = "[";
      for (const Value& item : value.list) dump += DumpValue(item) + " ";
      return dump + "]";
    }
  }
  return "?";
}

class InputPlanTest : public ::testing::Test {
 protected:
  // Compiles; on failure Plan() is null and `error_` says why.
  const InputPlan* Compile(const Inputs& include, const Inputs& entry,
                           std::string_view spec = "{}") {
    auto plan = InputPlan::Compile(include, entry, spec, paths_);
    error_ = plan.ok() ? "" : std::string(plan.status().message());
    EXPECT_TRUE(plan.ok() || plan.status().code() == absl::StatusCode::kInvalidArgument);
    plan_ = plan.ok() ? *std::move(plan) : nullptr;
    return plan_.get();
  }

  void SetPayload(std::string payload) {
    payload_ = std::move(payload);
    view_.names = names_;
    view_.id = "e1";
    view_.project_id = 42;
    view_.payload = payload_;
    event_.Reset(view_);
  }

  // The JSON, or JSON and reason.
  std::string Resolve() {
    std::string json;
    std::string reason;
    if (plan_->Resolve(event_, &json, &reason)) return json;
    return json + " failed: " + reason;
  }

  std::string Compiled(const Inputs& include, const Inputs& entry, std::string_view spec = "{}") {
    return Compile(include, entry, spec) == nullptr ? "error: " + error_ : Resolve();
  }

  std::string Get(std::string_view name) {
    scratch_.assign("what stood here before");
    return DumpValue(plan_->GetInput(name, event_, &scratch_));
  }

  InputPlanTest() { SetPayload("{}"); }

  EventPathTable paths_;
  std::vector<std::string> names_ = {"issue/opened", "issue/created"};
  std::string payload_;
  EventView view_;
  EventFields event_;
  std::unique_ptr<const InputPlan> plan_;
  std::string error_;
  std::string scratch_;
};

TEST_F(InputPlanTest, NothingDeclaredAndNothingGivenIsAnEmptyObject) {
  EXPECT_EQ(Compiled({}, {}), "{}");
  EXPECT_TRUE(plan_->is_constant());
  EXPECT_EQ(Get("x"), "null");
  EXPECT_LE(sizeof(InputPlan), sizeof(void*));
}

TEST_F(InputPlanTest, TheIncludeGoesBeforeTheEntryAndBothBeforeTheDefault) {
  const std::string_view spec =
      R"({"a":{"default":"d"},"b":{"default":"d"},"c":{"default":"d"},"z":{"default":"d"}})";
  SetPayload(R"({"v":"event"})");
  EXPECT_EQ(
      Compiled({Binding("a", R"("include")"), Binding("b", R"("include")")},
               {Binding("a", R"("$[[ event.v ]]")"), Binding("c", R"("$[[ event.v ]]")")}, spec),
      R"({"a":"include","b":"include","c":"event","z":"d"})");
  EXPECT_FALSE(plan_->is_constant());
  EXPECT_EQ(Get("a"), "text:include");
  EXPECT_EQ(Get("c"), "text:event");
  EXPECT_EQ(Get("z"), "text:d");
  EXPECT_EQ(Get("nope"), "null");
}

TEST_F(InputPlanTest, EventDataNeverOverridesWhatTheIncluderFixed) {
  SetPayload(R"({"v":"event"})");
  EXPECT_EQ(Compiled({Binding("a", "1")}, {Binding("a", R"("$[[ event.v ]]")")}), R"({"a":1})");
  EXPECT_TRUE(plan_->is_constant());
  EXPECT_EQ(paths_.size(), 0u);
}

TEST_F(InputPlanTest, AnAbsentValueLeavesTheInputToTheNextSource) {
  const Inputs include = {Binding("a", R"("$[[ event.first ]]")")};
  const Inputs entry = {Binding("a", R"("n$[[ event.second ]]")")};
  const std::string_view spec = R"({"a":{"default":"d"}})";
  SetPayload(R"({"first":"1","second":"2"})");
  EXPECT_EQ(Compiled(include, entry, spec), R"({"a":"1"})");
  SetPayload(R"({"first":null,"second":"2"})");
  EXPECT_EQ(Resolve(), R"({"a":"n2"})");
  EXPECT_EQ(Get("a"), "text:n2");
  SetPayload(R"({"first":[],"second":null})");
  EXPECT_EQ(Resolve(), R"({"a":"d"})");
  EXPECT_EQ(Get("a"), "text:d");
}

TEST_F(InputPlanTest, NullIsNoValue) {
  EXPECT_EQ(Compiled({Binding("a", "null")}, {Binding("a", "1"), Binding("b", "null")}),
            R"({"a":1})");
  EXPECT_EQ(Compiled({}, {Binding("a", "null")}), "{}");
  EXPECT_EQ(Compiled({}, {Binding("a", "null")}, R"({"a":{"default":"d"}})"), R"({"a":"d"})");
  EXPECT_EQ(Compiled({}, {Binding("a", "null")}, R"({"a":null})"),
            "error: `a` input: required value has not been provided");
}

TEST_F(InputPlanTest, ValuesKeepTheirJsonType) {
  SetPayload(R"({"s":"x\"y","n":1.50,"t":true,"f":false,"z":null,"o":{"a": [1, 2]},)"
             R"("l":["a",{"k": 1},null,3],"deep":[{"id":1},{"id":"2"},{}]})");
  EXPECT_EQ(
      Compiled({}, {Binding("f", R"("$[[ event.f ]]")"), Binding("l", R"("$[[ event.l ]]")"),
                    Binding("n", R"("$[[ event.n ]]")"), Binding("o", R"("$[[ event.o ]]")"),
                    Binding("p", R"("$[[ event.deep.id ]]")"), Binding("s", R"("$[[ event.s ]]")"),
                    Binding("t", R"("$[[ event.t ]]")"), Binding("z", R"("$[[ event.z ]]")")}),
      R"({"f":false,"l":["a",{"k":1},3],"n":1.50,"o":{"a":[1,2]},"p":[1,"2"],)"
      R"("s":"x\"y","t":true})");
  EXPECT_EQ(Get("f"), "false");
  EXPECT_EQ(Get("l"), "[text:a json:{\"k\":1} json:3 ]");
  EXPECT_EQ(Get("n"), "json:1.50");
  EXPECT_EQ(Get("o"), R"(json:{"a":[1,2]})");
  EXPECT_EQ(Get("z"), "null");
}

TEST_F(InputPlanTest, FieldsOfTheEnvelopeCanBeInputs) {
  ASSERT_NE(Compile({}, {Binding("a", R"("$[[ event.name ]]")"),
                         Binding("b", R"("$[[ gitlab.event.name | truncate(0,5) ]]")"),
                         Binding("c", R"("$[[ event.names ]]")"),
                         Binding("d", R"("$[[ event.project_id ]]")"),
                         Binding("e", R"("$[[ event.id ]]-$[[ event.time ]]")")}),
            nullptr)
      << error_;
  event_.SetName(1);
  EXPECT_EQ(Resolve(), R"({"a":"issue/created","b":"issue","c":["issue/opened","issue/created"],)"
                       R"("d":42})");
  event_.SetName(0);
  EXPECT_EQ(Get("a"), "text:issue/opened");
}

TEST_F(InputPlanTest, NestedValuesAreFilledIn) {
  SetPayload(R"({"l":["x","y"],"s":"t"})");
  const Inputs entry = {
      Binding("a", R"({"k":["$[[ event.s ]]","$[[ event.l ]]",{"m":"<$[[ event.s ]]>"}]})"),
      Binding("b", R"(["$[[ event.nope ]]"])"), Binding("c", R"(["$[[ event.l ]]",["z"],null,1])")};
  EXPECT_EQ(Compiled({}, entry),
            R"({"a":{"k":["t","x","y",{"m":"<t>"}]},"c":["x","y",["z"],null,1]})");
  EXPECT_EQ(Get("c"), "[text:x text:y text:z json:1 ]");
  EXPECT_EQ(Get("b"), "null");
}

TEST_F(InputPlanTest, WhatIsResolvedIsNotInterpolatedAgain) {
  SetPayload(R"({"s":"$[[ event.id ]] $[[ inputs.b ]] $X"})");
  EXPECT_EQ(
      Compiled({}, {Binding("a", R"("$[[ event.s ]]")"), Binding("b", R"("<$[[ event.s ]]>")")}),
      R"({"a":"$[[ event.id ]] $[[ inputs.b ]] $X","b":"<$[[ event.id ]] $[[ inputs.b ]] $X>"})");
}

TEST_F(InputPlanTest, StaticValuesAreCheckedAtOnce) {
  EXPECT_EQ(Compiled({Binding("n", R"("abc")")}, {}, R"({"n":{"type":"number"}})"),
            "error: `n` input: provided value is not a number");
  EXPECT_EQ(Compiled({}, {Binding("e", R"("dev")")}, R"({"e":{"options":["prod"]}})"),
            "error: `e` input: `dev` cannot be used because it is not in the list of allowed "
            "options");
  EXPECT_EQ(Compiled({}, {}, R"({"n":{"type":"number","default":"x"}})"),
            "error: `n` input: default value is not a number");
  // The default is wrong even where the event would give a value.
  EXPECT_EQ(Compiled({}, {Binding("n", R"("$[[ event.n ]]")")},
                     R"({"n":{"type":"number","default":"x"}})"),
            "error: `n` input: default value is not a number");
  EXPECT_EQ(Compiled({}, {Binding("n", R"("2")")}, R"({"n":{"type":"number"}})"), R"({"n":2})");
  EXPECT_TRUE(plan_->is_constant());
  EXPECT_EQ(Get("n"), "json:2");
  EXPECT_EQ(Compiled({}, {}, R"({"b":{"type":"boolean","default":"true"},"s":{"default":null}})"),
            R"({"b":true,"s":""})");
  EXPECT_EQ(Get("b"), "true");
  EXPECT_EQ(Get("s"), "text:");
}

TEST_F(InputPlanTest, ADefaultOfNullIsNotChecked) {
  EXPECT_EQ(Compiled({}, {}, R"({"n":{"type":"number","default":null}})"), "{}");
  EXPECT_EQ(Get("n"), "null");
  EXPECT_EQ(Compiled({}, {}, R"({"s":{"options":["a"],"default":null}})"), R"({"s":""})");
  EXPECT_EQ(Compiled({}, {Binding("n", "7")}, R"({"n":{"type":"number","default":null}})"),
            R"({"n":7})");
}

TEST_F(InputPlanTest, UnknownInputsAreAnErrorOnlyWhereSomethingIsDeclared) {
  EXPECT_EQ(Compiled({Binding("zzz", "1")}, {Binding("env", R"("a")"), Binding("yyy", "2")},
                     R"({"env":null})"),
            "error: unknown input arguments: yyy, zzz");
  EXPECT_EQ(Compiled({Binding("zzz", "1")}, {}), R"({"zzz":1})");
}

TEST_F(InputPlanTest, ARequiredInputThatNothingCanSupplyIsAnErrorAtOnce) {
  EXPECT_EQ(Compiled({}, {}, R"({"website":null})"),
            "error: `website` input: required value has not been provided");
  EXPECT_EQ(Compiled({}, {}, R"({"a":null,"b":null,"c":null,"d":null})"),
            "error: `a` input: required value has not been provided, `b` input: required value has "
            "not been provided, `c` input: required value has not been provided");
}

TEST_F(InputPlanTest, ARequiredInputThatTheEventFailsToCarryFailsThatEvent) {
  SetPayload(R"({"a":"x"})");
  EXPECT_EQ(Compiled({}, {Binding("w", R"("$[[ event.a ]]")")}, R"({"o":{"default":1},"w":null})"),
            R"({"o":"1","w":"x"})");
  SetPayload(R"({"b":"x"})");
  EXPECT_EQ(Resolve(), R"({"o":"1"} failed: `w` input: required value has not been provided)");
  EXPECT_EQ(Get("w"), "failed:`w` input: required value has not been provided");
  EXPECT_EQ(Get("o"), "text:1");
}

TEST_F(InputPlanTest, EventValuesAreCheckedForEachEvent) {
  const std::string_view spec =
      R"({"b":{"type":"boolean"},"l":{"type":"array"},"n":{"type":"number","options":[1,2]},)"
      R"("s":{"regex":"^v"}})";
  const Inputs entry = {Binding("b", R"("$[[ event.b ]]")"), Binding("l", R"("$[[ event.l ]]")"),
                        Binding("n", R"("$[[ event.n ]]")"), Binding("s", R"("$[[ event.s ]]")")};
  SetPayload(R"({"b":"true","l":"[1,[2,null]]","n":"2","s":"v1"})");
  EXPECT_EQ(Compiled({}, entry, spec), R"({"b":true,"l":[1,[2,null]],"n":2,"s":"v1"})");
  EXPECT_EQ(Get("b"), "true");
  EXPECT_EQ(Get("l"), "[json:1 json:2 ]");
  EXPECT_EQ(Get("n"), "json:2");
  SetPayload(R"({"b":true,"l":["a"],"n":1.0,"s":"v"})");
  EXPECT_EQ(Resolve(), R"({"b":true,"l":["a"],"n":1.0,"s":"v"})");
  EXPECT_EQ(Get("l"), "[text:a ]");
  SetPayload(R"({"b":"maybe","l":"x","n":3,"s":"1"})");
  EXPECT_EQ(Resolve(),
            "{} failed: `b` input: provided value is not a boolean, `l` input: provided value is "
            "not an array, `n` input: `3` cannot be used because it is not in the list of the "
            "allowed options");
  EXPECT_EQ(Get("s"), "failed:`s` input: provided value does not match required RegEx pattern");
  SetPayload(R"({"b":true,"l":["a"],"n":1,"s":5})");
  EXPECT_EQ(Resolve(), R"({"b":true,"l":["a"],"n":1} failed: )"
                       "`s` input: provided value does not match required RegEx pattern");
}

TEST_F(InputPlanTest, AValueThatDoesNotFitDoesNotFallBackToTheDefault) {
  SetPayload(R"({"n":"x"})");
  EXPECT_EQ(
      Compiled({}, {Binding("n", R"("$[[ event.n ]]")")}, R"({"n":{"type":"number","default":0}})"),
      "{} failed: `n` input: provided value is not a number");
  SetPayload("{}");
  EXPECT_EQ(Resolve(), R"({"n":0})");
}

TEST_F(InputPlanTest, ANumberInATextInputIsText) {
  SetPayload(R"({"iid":7,"on":true,"l":[1],"o":{}})");
  EXPECT_EQ(Compiled({},
                     {Binding("iid", R"("$[[ event.iid ]]")"), Binding("l", R"("$[[ event.l ]]")"),
                      Binding("o", R"("$[[ event.o ]]")"), Binding("on", R"("$[[ event.on ]]")")},
                     R"({"iid":{"type":"string"},"l":null,"o":null,"on":null})"),
            R"({"iid":"7","l":"[1]","o":"{}","on":"true"})");
  EXPECT_EQ(Get("iid"), "text:7");
  EXPECT_EQ(Get("on"), "text:true");
}

TEST_F(InputPlanTest, DefaultsOfArraysAreListsInConditions) {
  EXPECT_EQ(Compiled({}, {},
                     R"({"a":{"type":"array","default":["x",[1,null],{"k":[]},true]},)"
                     R"("e":{"type":"array","default":[]}})"),
            R"({"a":["x",[1,null],{"k":[]},true],"e":[]})");
  EXPECT_EQ(Get("a"), R"([text:x json:1 json:{"k":[]} true ])");
  EXPECT_EQ(Get("e"), "null");
}

// So that a condition finds the event's own value in it.
TEST_F(InputPlanTest, ObjectsOfAnEventsListAreTheTextsThatTheyAreInTheEvent) {
  SetPayload(
      R"({"l": [{"\u0074" : "a]},\"" , "x": [1, {"y": []}]}, [["\u00fc,", -1.50], null], {}]})");
  ASSERT_NE(
      Compile({}, {Binding("l", R"("$[[ event.l ]]")")}, R"({"l":{"type":"array","default":[]}})"),
      nullptr);
  EXPECT_EQ(Get("l"), R"([json:{"\u0074":"a]},\"","x":[1,{"y":[]}]} text:ü, json:-1.50 json:{} ])");
}

TEST_F(InputPlanTest, APayloadThatCannotBeReadFailsTheInput) {
  ASSERT_NE(Compile({}, {Binding("a", R"("$[[ event.x ]]")"), Binding("b", "1")},
                    R"({"a":{"default":"d"},"b":{"type":"number"}})"),
            nullptr)
      << error_;
  SetPayload(R"({"x":tru})");
  EXPECT_EQ(Resolve().rfind(R"({"b":1} failed: `a` input: )", 0), 0u) << Resolve();
  EXPECT_EQ(Get("a").rfind("failed:`a` input: ", 0), 0u) << Get("a");
}

TEST_F(InputPlanTest, BlocksThatCannotStandInAnInputAreErrors) {
  EXPECT_EQ(Compiled({}, {Binding("a", R"("$[[ inputs.b ]]")"), Binding("b", "1")}),
            "error: `a` input: `$[[ inputs.b ]]`: the value of an input cannot refer to another "
            "input; write $[[ event.PATH ]] or the value itself");
  EXPECT_EQ(Compiled({}, {Binding("a", R"("$[[ evnt.name ]]")")}),
            "error: `a` input: unknown name `evnt` in `evnt.name`: the value of an input may hold "
            "$[[ event.PATH ]]");
  EXPECT_EQ(Compiled({}, {Binding("a", R"("$[[ name ]]")")}),
            "error: `a` input: invalid pattern used for interpolation. valid pattern is "
            "$[[ event.PATH ]]");
  EXPECT_EQ(Compiled({}, {Binding("a", R"("$[[ event.name | expand_vars ]]")")}),
            "error: `a` input: error in `expand_vars` function: the data of an event is never "
            "expanded; expand variables where the input is used");
  EXPECT_EQ(Compiled({}, {Binding("a", R"("$[[ event.name | nope ]]")")}, R"({"a":null})"),
            "error: `a` input: no function matching `nope`: check that the function name, "
            "arguments, and types are correct");
  EXPECT_EQ(
      Compiled({}, {Binding("a", R"("$[[ event.payload.a b ]]")")}).rfind("error: `a` input: ", 0),
      0u);
  // Also where the includer's value hides it.
  EXPECT_EQ(Compiled({Binding("a", "1")}, {Binding("a", R"("$[[ evnt.name ]]")")})
                .rfind("error: `a` input: unknown name", 0),
            0u);
  EXPECT_EQ(Compiled({}, {Binding("a", "{")}).rfind("error: `a` input: not a JSON value", 0), 0u);
}

TEST_F(InputPlanTest, TwentyInputsMayBeGiven) {
  Inputs include;
  Inputs entry;
  for (int i = 0; i < 10; ++i) {
    include.push_back(Binding("i" + std::to_string(i), "1"));
    entry.push_back(Binding("e" + std::to_string(i), "1"));
  }
  entry.push_back(Binding("i0", "2"));
  EXPECT_NE(Compile(include, entry), nullptr) << error_;
  entry.push_back(Binding("e10", "1"));
  EXPECT_EQ(Compile(include, entry), nullptr);
  EXPECT_EQ(error_, "21 inputs are given; a pipeline takes at most 20");
}

TEST_F(InputPlanTest, AnInputWithRulesIsLeftToGitLab) {
  const std::string_view spec = R"({"r":{"rules":[{"options":["a"],"default":"a"}]}})";
  EXPECT_EQ(Compiled({}, {}, spec), "{}");
  EXPECT_EQ(Compiled({}, {Binding("r", R"("b")")}, spec), R"({"r":"b"})");
  SetPayload("{}");
  EXPECT_EQ(Compiled({}, {Binding("r", R"("$[[ event.r ]]")")}, spec), "{}");
}

TEST_F(InputPlanTest, NamesAndTextsAreEscaped) {
  SetPayload("{\"s\":\"a\\u0000\\n\\\\\"}");
  EXPECT_EQ(Compiled({}, {Binding("a\"b", R"("$[[ event.s ]]")")}), R"({"a\"b":"a\u0000\n\\"})");
}

TEST_F(InputPlanTest, JsonIsAppended) {
  for (const std::string_view value : {"1", R"("$[[ event.id ]]")"}) {
    ASSERT_NE(Compile({}, {Binding("a", std::string(value))}), nullptr);
    std::string json = "before ";
    std::string reason;
    EXPECT_TRUE(plan_->Resolve(event_, &json, &reason));
    EXPECT_EQ(json.rfind("before {\"a\":", 0), 0u);
  }
}

TEST_F(InputPlanTest, ThePathsOfAPlanGoWithIt) {
  ASSERT_NE(Compile({}, {Binding("a", R"("$[[ event.a ]]$[[ event.b ]]$[[ event.a ]]")")}),
            nullptr);
  EXPECT_EQ(paths_.size(), 2u);
  plan_ = nullptr;
  EXPECT_EQ(paths_.size(), 0u);
}

}  // namespace
}  // namespace cievents::matcher
