// `cievents condition eval` and `cievents explain`, as people and scripts call them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/project.h"
#include "tests/support/json.h"
#include "tests/support/temp_folder.h"

namespace cievents::integration {
namespace {

using support::Finished;
using support::Json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

struct EvalCase {
  const char* expression;
  const char* printed;
};

class ConditionEvalTest : public ::testing::Test {
 protected:
  Finished Eval(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"condition", "eval"});
    return Server().Cli(std::move(arguments), input);
  }
  support::TempFolder folder_;
};

TEST_F(ConditionEvalTest, WithVariablesTheWorldIsClosed) {
  const std::string variables = folder_.Write("variables.json", R"({"A": "x", "E": ""})");
  for (const EvalCase& one :
       {EvalCase{"$A == \"x\"", "true\n"}, EvalCase{"$A == 'y'", "false\n"},
        EvalCase{"$B == null", "true\n"}, EvalCase{"$E", "false\n"}, EvalCase{"($A)", "true\n"},
        EvalCase{"!$B", "true\n"}, EvalCase{"$A =~ /^X$/i && $B == null", "true\n"}}) {
    const Finished done = Eval({one.expression, "--variables", variables});
    EXPECT_EQ(done.out, one.printed) << one.expression << done.err;
    EXPECT_EQ(done.exit_code, 0) << one.expression;
  }
}

TEST_F(ConditionEvalTest, WithoutVariablesTheyAreUnknown) {
  EXPECT_EQ(Eval({"$A == \"x\""}).out, "unknown\n");
  EXPECT_EQ(Eval({"null && $A"}).out, "false\n");
  EXPECT_EQ(Eval({"$[[ event.payload.n ]] == \"1\""}).out, "unknown\n") << "no event is given";
}

TEST_F(ConditionEvalTest, EventAndInputsAreRead) {
  const std::string event =
      folder_.Write("event.json", R"({"names": ["issue/created"], "actor": {"access_level": 40},
                        "data": {"n": 1, "labels": [{"title": "a"}, {"title": "b"}]}})");
  const std::string inputs = folder_.Write("inputs.json", R"({"env": "live", "n": 2})");
  for (const EvalCase& one :
       {EvalCase{"$[[ event.payload.n ]] == \"1\"", "true\n"},
        EvalCase{"$[[ event.name ]] == \"issue/created\"", "true\n"},
        EvalCase{"$[[ event.labels.title ]] == \"b\"", "true\n"},
        EvalCase{"$[[ event.actor.access_level ]] =~ /^[345]0$/", "true\n"},
        EvalCase{"$[[ inputs.env ]] == \"live\" && $[[ inputs.n ]] == \"2\"", "true\n"},
        EvalCase{"$[[ inputs.none ]] == null", "true\n"}}) {
    const Finished done = Eval({one.expression, "--event", event, "--inputs", inputs});
    EXPECT_EQ(done.out, one.printed) << one.expression << done.err;
  }
}

TEST_F(ConditionEvalTest, TheJsonHasItsKeys) {
  const std::string variables = folder_.Write("variables.json", R"({"A": "x"})");
  const Json value(Eval({"$A", "--variables", variables, "--json"}).out);
  EXPECT_EQ(value["result"].string(), "true");
  EXPECT_EQ(value["value"].string(), "x");
  EXPECT_EQ(value["tokens"].number(), 1);
  EXPECT_TRUE(value["error"].is_null());
  EXPECT_TRUE(value["column"].is_null());
}

TEST_F(ConditionEvalTest, AnErrorHasItsColumnAndExitCode) {
  const Finished text = Eval({"$A == main"});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, HasSubstr("error: column 7: "));
  const Finished done = Eval({"$A == main", "--json"});
  EXPECT_EQ(done.exit_code, 1);
  const Json json(done.out);
  EXPECT_EQ(json["result"].string(), "error");
  EXPECT_EQ(json["column"].number(), 7);
  EXPECT_THAT(json["error"].string(), Not(::testing::IsEmpty()));
  EXPECT_TRUE(json["value"].is_null());
}

TEST_F(ConditionEvalTest, ADashReadsOneExpressionALine) {
  const Finished done = Eval({"-"}, "null == null\n$A\n)\nnull\n");
  EXPECT_EQ(done.exit_code, 1) << "one of them is an error";
  const std::vector<Json> lines = support::JsonLines(done.out);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0]["result"].string(), "true");
  EXPECT_EQ(lines[1]["result"].string(), "unknown");
  EXPECT_EQ(lines[2]["result"].string(), "error");
  EXPECT_EQ(lines[3]["result"].string(), "false");
}

TEST_F(ConditionEvalTest, BadFilesAreUsageErrors) {
  EXPECT_EQ(Eval({"$A", "--variables", folder_.Write("v.json", "[1]")}).exit_code, 2);
  EXPECT_EQ(Eval({"$A", "--variables", folder_.Write("v.json", R"({"A": 1})")}).exit_code, 2);
  EXPECT_EQ(Eval({"$A", "--event", folder_.Write("e.json", "{")}).exit_code, 2);
  EXPECT_EQ(Eval({}).exit_code, 2);
}

class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    project_.Set(".gitlab/ci/events/fires.yml", File("$[[ event.payload.n ]] == \"1\""))
        .Set(".gitlab/ci/events/near.yml", File("$[[ event.payload.n ]] == \"2\""))
        .Set(".gitlab/ci/events/other.yml", "spec: {events: [custom/other]}\n---\n");
    project_.Push();
  }
  static std::string File(const std::string& condition) {
    return "spec:\n  events:\n    - name: custom/x\n      rules: [{if: '" + condition +
           "'}]\n      inputs: {n: '$[[ event.payload.n ]]'}\n---\n";
  }
  std::string EventFile(const std::string& data) {
    return folder_.Write("event.json",
                         fmt::format(R"({{"names": ["custom/x"], "project_id": {}, "data": {}}})",
                                     project_.id(), data));
  }
  Finished Explain(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "explain");
    return Server().Cli(std::move(arguments));
  }
  std::string ProjectId() const { return fmt::format("{}", project_.id()); }

  Project project_;
  support::TempFolder folder_;
};

TEST_F(ExplainTest, TheJsonSaysWhatFiresThenWhatIsNearThenTheRest) {
  const Finished done =
      Explain({"--event", EventFile(R"({"n": 1})"), "--project-id", ProjectId(), "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const Json json(done.out);
  const std::vector<Json> verdicts = json["verdicts"].items();
  ASSERT_THAT(verdicts, SizeIs(3)) << done.out;
  EXPECT_EQ(verdicts[0]["path"].string(), ".gitlab/ci/events/fires.yml");
  EXPECT_EQ(verdicts[0]["outcome"].string(), "fires");
  EXPECT_EQ(verdicts[0]["inputs"].text(), R"({"n":1})");
  EXPECT_EQ(verdicts[1]["path"].string(), ".gitlab/ci/events/near.yml");
  EXPECT_EQ(verdicts[1]["outcome"].string(), "no_entry");
  EXPECT_TRUE(verdicts[1]["near_miss"].boolean());
  const std::vector<Json> entries = verdicts[1]["entries"].items();
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0]["outcome"].string(), "denied");
  EXPECT_EQ(entries[0]["line"].number(), 3);
  const std::vector<Json> clauses = entries[0]["clauses"].items();
  ASSERT_THAT(clauses, SizeIs(1));
  EXPECT_EQ(clauses[0]["if"].string(), "$[[ event.payload.n ]] == \"2\"");
  EXPECT_EQ(clauses[0]["verdict"].string(), "false");
  EXPECT_THAT(clauses[0]["operands"].text(), HasSubstr("$[[ event.payload.n ]]"));
  EXPECT_EQ(verdicts[2]["path"].string(), ".gitlab/ci/events/other.yml");
  EXPECT_EQ(json["left_out"].number(), 0);
  EXPECT_TRUE(json["recorded"].is_null());
  EXPECT_THAT(project_.Requests(), SizeIs(0)) << "nothing is enqueued";
}

TEST_F(ExplainTest, TheTextIsForPeople) {
  const Finished done = Explain({"--event", EventFile(R"({"n": 1})"), "--project-id", ProjectId()});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const size_t fires = done.out.find("FIRES: subscription");
  const size_t near = done.out.find("NEAR MISS: subscription");
  ASSERT_NE(fires, std::string::npos) << done.out;
  ASSERT_NE(near, std::string::npos) << done.out;
  EXPECT_LT(fires, near);
  EXPECT_THAT(done.out, HasSubstr("entry 1 (line 3): custom/x"));
  EXPECT_THAT(done.out, HasSubstr("if: $[[ event.payload.n ]] == \"2\"  -> false"));
  EXPECT_THAT(done.out, HasSubstr("$[[ event.payload.n ]] = \"1\""));
  EXPECT_THAT(done.out, HasSubstr(R"(inputs: {"n":1})"));
}

TEST_F(ExplainTest, TheLimitIsKeptAndWhatIsLeftOutIsCounted) {
  const Finished done = Explain(
      {"--event", EventFile(R"({"n": 1})"), "--project-id", ProjectId(), "--limit", "1", "--json"});
  const Json json(done.out);
  EXPECT_THAT(json["verdicts"].items(), SizeIs(1)) << done.err;
  EXPECT_EQ(json["left_out"].number(), 2);
}

TEST_F(ExplainTest, ABrokenPayloadIsExplained) {
  Event event = project_.MakeEvent("custom/x");
  event.set_data("{\"m\": nonsense");
  EXPECT_EQ(Publish(event).failed_payload_count(), 2);
}

TEST_F(ExplainTest, ARequestIsExplainedFromItsStoredEventAndTellsOfChanges) {
  Event event = project_.MakeEvent("custom/x");
  event.set_data(R"({"n": 1})");
  ASSERT_EQ(project_.Fires(event), 1);
  const std::string id = project_.Requests().at(0).request_id();
  const Finished before = Explain({id, "--json"});
  ASSERT_EQ(before.exit_code, 0) << before.err;
  const Json then(before.out);
  EXPECT_EQ(then["event"]["id"].string(), event.id());
  EXPECT_EQ(then["verdicts"].items().at(0)["outcome"].string(), "fires");
  EXPECT_FALSE(then["recorded"]["changed_since"].boolean());

  project_.Set(".gitlab/ci/events/fires.yml", File("$[[ event.payload.n ]] == \"3\""));
  project_.Push();
  const Json now(Explain({id, "--json"}).out);
  EXPECT_TRUE(now["recorded"]["changed_since"].boolean());
  EXPECT_EQ(now["verdicts"].items().at(0)["path"].string(), ".gitlab/ci/events/fires.yml")
      << "the request's subscription comes first";
  EXPECT_EQ(now["verdicts"].items().at(0)["outcome"].string(), "no_entry");
  EXPECT_THAT(Explain({id}).out, HasSubstr("the subscription has changed since"));

  project_.Remove(".gitlab/ci/events/fires.yml");
  project_.Push();
  EXPECT_THAT(Explain({id}).out, HasSubstr("the subscription has ended since"));
}

TEST_F(ExplainTest, WhatCannotBeExplainedIsSaid) {
  const Finished unknown = Explain({"01890a5d-ac96-774b-bcce-b302099a8057:42"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("there is no request"));
  EXPECT_EQ(Explain({"nonsense"}).exit_code, 2);
  EXPECT_EQ(Explain({}).exit_code, 2);
  EXPECT_EQ(Explain({"x", "--event", EventFile("{}")}).exit_code, 2);
}

}  // namespace
}  // namespace cievents::integration
