// `cievents condition eval`: a condition by itself, without a server.
#include <fmt/format.h>
#include <simdjson.h>

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "matcher/condition/condition.h"
#include "matcher/inputs/input_plan.h"
#include "services/cli/commands.h"
#include "services/cli/terminal.h"
#include "services/event_matcher/request_rows.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/event_formats/event_json.h"

namespace cievents::cli {
namespace {

constexpr size_t kFileBytesMax = 4 * 1024 * 1024;
constexpr size_t kExpressionsBytesMax = 64 * 1024 * 1024;

using Variables = std::map<std::string, std::string, std::less<>>;

// What expressions are evaluated against; absent parts are unknown.
struct World {
  std::optional<Event> event;
  std::optional<Variables> variables;
  std::optional<std::vector<matcher::InputBinding>> inputs;
};

struct Evaluation {
  std::string result;  // true, false, unknown, error
  std::string value_json = "null";
  std::optional<int> tokens;
  std::string error;
  std::string suggestion;
  int column = 0;  // 0 = no place
};

class PlanInputs final : public matcher::InputSource {
 public:
  PlanInputs(const matcher::InputPlan& plan, matcher::EventFields& event)
      : plan_(plan), event_(event) {}
  matcher::Value GetInput(std::string_view name) override {
    return plan_.GetInput(name, event_, &scratch_[std::string(name)]);
  }

 private:
  const matcher::InputPlan& plan_;
  matcher::EventFields& event_;
  std::map<std::string, std::string> scratch_;  // a text for each input: several may be compared
};

// One for all expressions of a call.
class ConditionEvaluator {
 public:
  static absl::StatusOr<std::unique_ptr<ConditionEvaluator>> Make(World world) {
    std::unique_ptr<ConditionEvaluator> made(new ConditionEvaluator(std::move(world)));
    if (made->world_.inputs.has_value()) {
      CIEVENTS_ASSIGN_OR_RETURN(
          made->plan_,
          matcher::InputPlan::Compile({}, *made->world_.inputs, "{}", made->tables_.paths()));
    }
    return made;
  }

  Evaluation Evaluate(std::string_view text) {
    Evaluation evaluation;
    matcher::ConditionError error;
    const auto condition =
        matcher::Condition::Parse(text, matcher::ConditionPlace::kEntryRule, tables_, &error);
    if (condition == nullptr) {
      evaluation.result = "error";
      evaluation.error = error.message;
      evaluation.suggestion = error.suggestion;
      evaluation.column = error.column;
      return evaluation;
    }
    evaluation.tokens = condition->cost().tokens;
    matcher::EventFields fields;
    fields.Reset(view_);
    PlanInputs* inputs = nullptr;
    std::optional<PlanInputs> source;
    if (plan_ != nullptr) inputs = &source.emplace(*plan_, fields);
    matcher::EvaluationContext context;
    if (world_.event.has_value()) context.event = &fields;
    context.inputs = inputs;
    if (world_.variables.has_value()) context.variables = &*world_.variables;
    Decide(*condition, context, &evaluation);
    return evaluation;
  }

 private:
  explicit ConditionEvaluator(World world) : world_(std::move(world)) {
    if (world_.event.has_value()) view_ = event_matcher::ViewOf(*world_.event);
  }

  static void Fail(std::string why, Evaluation* evaluation) {
    evaluation->result = "error";
    evaluation->error = std::move(why);
  }

  void Decide(const matcher::Condition& condition, const matcher::EvaluationContext& context,
              Evaluation* evaluation) const {
    // With variables the world is closed, as at pipeline creation; without, it is closed if the
    // condition asks for nothing that is missing.
    const bool all_known = (context.event != nullptr || condition.cost().paths == 0) &&
                           (context.inputs != nullptr || condition.inputs().empty()) &&
                           !condition.has_variables();
    if (context.variables != nullptr || all_known) {
      matcher::ClosedWorldResult closed = EvaluateClosedWorld(condition, context);
      if (!closed.failure.empty()) return Fail(std::move(closed.failure), evaluation);
      evaluation->result = closed.truthful ? "true" : "false";
      evaluation->value_json = std::move(closed.json);
      return;
    }
    switch (condition.Evaluate(context)) {
      case matcher::Verdict::kFalse:
        evaluation->result = "false";
        return;
      case matcher::Verdict::kTrue:
        evaluation->result = "true";
        return;
      case matcher::Verdict::kUndecided:
        evaluation->result = "unknown";
        return;
      case matcher::Verdict::kFailed:
        return Fail(FailureOf(condition, context), evaluation);
    }
  }

  static std::string FailureOf(const matcher::Condition& condition,
                               const matcher::EvaluationContext& context) {
    constexpr std::string_view kFailed = "failed: ";
    for (const matcher::EvaluatedOperand& operand : condition.EvaluateOperands(context)) {
      if (operand.value.starts_with(kFailed)) {
        return fmt::format("{}: {}", operand.text, operand.value.substr(kFailed.size()));
      }
    }
    return "the condition could not be evaluated";
  }

  World world_;
  matcher::ConditionTables tables_;
  std::unique_ptr<const matcher::InputPlan> plan_;
  matcher::EventView view_;
};

absl::Status NotAnObject(const std::string& file, std::string_view of) {
  return Error(absl::StatusCode::kInvalidArgument, "{}: must be a JSON object of {}", file, of);
}

// Calls `add` with each item of the JSON object in `file`.
absl::Status ReadObject(
    const std::string& file, std::string_view of,
    const std::function<bool(std::string_view key, simdjson::dom::element value)>& add) {
  CIEVENTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kFileBytesMax));
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(text).get_object().get(object) != simdjson::SUCCESS) {
    return NotAnObject(file, of);
  }
  for (const simdjson::dom::key_value_pair item : object) {
    if (!add(item.key, item.value)) return NotAnObject(file, of);
  }
  return absl::OkStatus();
}

absl::StatusOr<World> ReadWorld(const ConditionOptions& options) {
  World world;
  if (!options.event.empty()) {
    CIEVENTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(options.event, kFileBytesMax));
    CIEVENTS_ASSIGN_OR_RETURN(world.event, EventFromJson(text));
    if (world.event->time_ms == 0) world.event->time_ms = absl::ToUnixMillis(absl::Now());
  }
  if (!options.variables.empty()) {
    world.variables.emplace();
    CIEVENTS_RETURN_IF_ERROR(ReadObject(options.variables, "strings",
                                        [&](std::string_view key, simdjson::dom::element value) {
                                          std::string_view text;
                                          if (value.get_string().get(text) != simdjson::SUCCESS)
                                            return false;
                                          (*world.variables)[std::string(key)] = std::string(text);
                                          return true;
                                        }));
  }
  if (!options.inputs.empty()) {
    world.inputs.emplace();
    CIEVENTS_RETURN_IF_ERROR(ReadObject(
        options.inputs, "input values", [&](std::string_view key, simdjson::dom::element value) {
          world.inputs->push_back({std::string(key), simdjson::minify(value), {}});
          return true;
        }));
  }
  return world;
}

std::string ToJson(const Evaluation& evaluation) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("result");
  writer.String(evaluation.result);
  writer.Key("value");
  writer.Raw(evaluation.value_json);
  writer.Key("tokens");
  if (evaluation.tokens.has_value()) {
    writer.Int(*evaluation.tokens);
  } else {
    writer.Null();
  }
  writer.Key("error");
  if (evaluation.error.empty()) {
    writer.Null();
  } else {
    writer.String(evaluation.error);
  }
  writer.Key("column");
  if (evaluation.column > 0) {
    writer.Int(evaluation.column);
  } else {
    writer.Null();
  }
  if (!evaluation.suggestion.empty()) {
    writer.Key("suggestion");
    writer.String(evaluation.suggestion);
  }
  writer.EndObject();
  return writer.Take();
}

void Print(const Evaluation& evaluation) {
  if (evaluation.result != "error") {
    std::printf("%s\n", evaluation.result.c_str());
    return;
  }
  std::string line = "error: ";
  if (evaluation.column > 0) line += fmt::format("column {}: ", evaluation.column);
  std::printf("%s%s\n", line.c_str(), Printable(evaluation.error).c_str());
  if (!evaluation.suggestion.empty()) {
    std::printf("    suggestion: %s\n", Printable(evaluation.suggestion).c_str());
  }
}

int EvaluateLines(ConditionEvaluator& evaluator) {
  const auto text = ReadFile("-", kExpressionsBytesMax);
  if (!text.ok()) return Fail(text.status());
  int exit_code = kExitOk;
  for (size_t begin = 0; begin < text->size();) {
    const size_t end = std::min(text->find('\n', begin), text->size());
    const Evaluation evaluation =
        evaluator.Evaluate(std::string_view(*text).substr(begin, end - begin));
    if (evaluation.result == "error") exit_code = kExitFindings;
    std::printf("%s\n", ToJson(evaluation).c_str());
    begin = end + 1;
  }
  return exit_code;
}

}  // namespace

int RunConditionEval(const ConditionOptions& options) {
  auto world = ReadWorld(options);
  if (!world.ok()) return Fail(world.status());
  const auto evaluator = ConditionEvaluator::Make(*std::move(world));
  if (!evaluator.ok()) return Fail(evaluator.status());
  if (options.expression == "-") return EvaluateLines(**evaluator);
  const Evaluation evaluation = (*evaluator)->Evaluate(options.expression);
  if (options.json) {
    std::printf("%s\n", ToJson(evaluation).c_str());
  } else {
    Print(evaluation);
  }
  return evaluation.result == "error" ? kExitFindings : kExitOk;
}

}  // namespace cievents::cli
