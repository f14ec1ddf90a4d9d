#include "matcher/inputs/input_plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "matcher/base/json_escape.h"
#include "matcher/base/status.h"
#include "matcher/inputs/input_spec.h"
#include "matcher/inputs/interpolation.h"

namespace cievents::matcher {
namespace {

constexpr std::string_view kValidPattern = "$[[ event.PATH ]]";

// A value that an include or an entry gives and that an event fills in.
struct EventSource {
  Template pattern;
  std::vector<std::shared_ptr<const EventPath>> paths;  // one a block
};

// A value that no event changes: what is fixed, or the default; checked and coerced.
struct FixedValue {
  InputValue value;
  ValueList list;  // of an array: as conditions see it
};

// One input. Its value is that of the first source that has one, else `fallback`. Small, since
// there may be as many as there are subscriptions.
struct PlannedInput {
  std::string name;
  std::vector<EventSource> sources;            // in order of precedence; empty = constant
  std::unique_ptr<const FixedValue> fallback;  // null = none
  std::unique_ptr<const InputSpec> spec;       // only where sources must be checked
};

// What happened to one input for one event. kFailed: the messages are in `errors`.
using Outcome = Template::Outcome;

Outcome ResolveInput(const PlannedInput& input, EventFields& event, InputValue* value,
                     std::vector<std::string>* errors) {
  for (const EventSource& source : input.sources) {
    std::string reason;
    const Outcome outcome =
        source.pattern.Evaluate([&](size_t block) { return event.Get(*source.paths[block]); },
                                FunctionContext(), value, &reason);
    if (outcome == Outcome::kAbsent) continue;
    if (outcome == Outcome::kFailed) {
      errors->push_back(fmt::format("`{}` input: {}", input.name, reason));
      return Outcome::kFailed;
    }
    if (input.spec == nullptr) return Outcome::kValue;
    return input.spec->Check(ValueOrigin::kProvided, value, errors) ? Outcome::kValue
                                                                    : Outcome::kFailed;
  }
  if (input.fallback != nullptr) {
    *value = input.fallback->value;
    return Outcome::kValue;
  }
  if (input.spec == nullptr || !input.spec->is_required()) return Outcome::kAbsent;
  errors->push_back(input.spec->RequiredError());
  return Outcome::kFailed;
}

// What a condition sees of an input that no event changes; views into the plan.
Value ViewOfFixed(const FixedValue& fixed) {
  if (fixed.value.kind != InputValue::Kind::kArray) return ViewOf(fixed.value);
  Value list;
  if (fixed.list.values.empty()) return list;
  list.kind = Value::Kind::kList;
  list.list = fixed.list.values;
  return list;
}

// Puts the inputs of an object together.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string* json) : json_(*json) { json_.push_back('{'); }
  void Add(std::string_view name, const InputValue& value) {
    if (!empty_) json_.push_back(',');
    empty_ = false;
    AppendJsonString(name, &json_);
    json_.push_back(':');
    value.AppendJson(&json_);
  }
  void Finish() { json_.push_back('}'); }

 private:
  std::string& json_;
  bool empty_ = true;
};

}  // namespace

// A plan without any input has no State at all.
struct InputPlan::State {
  std::vector<PlannedInput> inputs;  // sorted by name
  bool constant = true;
  std::string constant_json;  // the whole object, if constant

  const PlannedInput* Find(std::string_view name) const {
    const auto found = std::lower_bound(
        inputs.begin(), inputs.end(), name,
        [](const PlannedInput& input, std::string_view wanted) { return input.name < wanted; });
    return found != inputs.end() && found->name == name ? &*found : nullptr;
  }
};

namespace {

// What is given for one name: by the include, then by the entry.
using Bindings = std::array<const InputBinding*, 2>;

// Collects a plan and all that is wrong with it.
class PlanCompiler {
 public:
  explicit PlanCompiler(EventPathTable& paths) : paths_(paths) {}

  absl::Status AddGiven(std::span<const InputBinding> include_inputs,
                        std::span<const InputBinding> entry_inputs) {
    for (const InputBinding& binding : include_inputs) Give(binding, 0);
    for (const InputBinding& binding : entry_inputs) Give(binding, 1);
    if (given_.size() <= kInputsGivenMax) return absl::OkStatus();
    return Error(absl::StatusCode::kInvalidArgument,
                 "{} inputs are given; a pipeline takes at most {}", given_.size(),
                 kInputsGivenMax);
  }

  // REQUIRES: AddGiven. An input that nobody declared is taken unchecked where nothing is declared.
  void PlanInputs(std::vector<InputSpec> specs) {
    if (specs.empty()) {
      for (const auto& [name, bindings] : given_) PlanInput(name, bindings, std::nullopt);
      return;
    }
    AddUnknownNames(specs);
    for (InputSpec& spec : specs) {
      const std::string name = spec.name();
      const auto given = given_.find(name);
      PlanInput(name, given == given_.end() ? Bindings{} : given->second, std::move(spec));
    }
  }

  const std::vector<std::string>& errors() const { return errors_; }
  std::vector<PlannedInput> TakeInputs() { return std::move(inputs_); }

 private:
  void Give(const InputBinding& binding, size_t rank) {
    Bindings& bindings = given_[binding.name];
    if (bindings[rank] == nullptr) bindings[rank] = &binding;
  }

  void AddUnknownNames(const std::vector<InputSpec>& specs) {
    std::vector<std::string_view> unknown;
    for (const auto& [name, bindings] : given_) {
      const std::string_view wanted = name;
      const bool declared =
          std::any_of(specs.begin(), specs.end(),
                      [wanted](const InputSpec& spec) { return spec.name() == wanted; });
      if (!declared) unknown.push_back(wanted);
    }
    if (unknown.empty()) return;
    errors_.push_back(fmt::format("unknown input arguments: {}", fmt::join(unknown, ", ")));
  }

  void PlanInput(std::string_view name, const Bindings& bindings, std::optional<InputSpec> spec) {
    PlannedInput input;
    input.name = std::string(name);
    std::optional<InputValue> fixed;
    const size_t errors_before = errors_.size();
    for (const InputBinding* binding : bindings) {
      // What stands behind a fixed value is read all the same: it must not be wrong.
      if (binding != nullptr) AddSource(*binding, &input, &fixed);
    }
    if (errors_.size() > errors_before) return;
    if (spec.has_value() && !CheckStatic(*spec, input, &fixed)) return;
    if (input.sources.empty() && !fixed.has_value()) return;  // null is no value
    if (!input.sources.empty() && spec.has_value()) {
      input.spec = std::make_unique<const InputSpec>(*std::move(spec));
    }
    if (fixed.has_value()) {
      auto fallback = std::make_unique<FixedValue>();
      fallback->value = *std::move(fixed);
      if (fallback->value.kind == InputValue::Kind::kArray) {
        fallback->list.AddArray(fallback->value.text);
      }
      input.fallback = std::move(fallback);
    }
    input.sources.shrink_to_fit();
    inputs_.push_back(std::move(input));
  }

  // Checks what no event can change: the fixed value, the default, and that there is any source.
  // Afterwards `fixed` is what holds where no event source has a value.
  bool CheckStatic(const InputSpec& spec, const PlannedInput& input,
                   std::optional<InputValue>* fixed) {
    if (spec.is_required() && input.sources.empty() && !fixed->has_value()) {
      errors_.push_back(spec.RequiredError());
      return false;
    }
    const size_t errors_before = errors_.size();
    std::optional<InputValue> default_value = spec.default_value();
    if (default_value.has_value() && default_value->kind == InputValue::Kind::kNull) {
      // GitLab does not check it: an empty text, or no value.
      default_value.reset();
      if (spec.is_text()) default_value = InputValue::OfText("");
    } else if (default_value.has_value()) {
      spec.Check(ValueOrigin::kDefault, &*default_value, &errors_);
    }
    if (fixed->has_value()) {
      spec.Check(ValueOrigin::kProvided, &**fixed, &errors_);
    } else {
      *fixed = std::move(default_value);
    }
    return errors_.size() == errors_before;
  }

  void AddSource(const InputBinding& binding, PlannedInput* input,
                 std::optional<InputValue>* fixed) {
    std::vector<Block> blocks;
    absl::StatusOr<Template> pattern =
        Template::Compile(binding.value_json, kValidPattern, &blocks);
    if (!pattern.ok()) return AddError(binding.name, pattern.status());
    EventSource source;
    source.paths.reserve(blocks.size());
    for (const Block& block : blocks) {
      absl::StatusOr<std::shared_ptr<const EventPath>> path = ResolveAccess(block);
      if (!path.ok()) return AddError(binding.name, path.status());
      source.paths.push_back(*std::move(path));
    }
    if (fixed->has_value()) return;  // decided by who goes first
    if (!source.paths.empty()) {
      source.pattern = *std::move(pattern);
      input->sources.push_back(std::move(source));
    } else if (pattern->constant()->kind != InputValue::Kind::kNull) {
      if (pattern->constant()->text.size() > kInputValueBytesMax) {
        return AddError(binding.name,
                        fmt::format("the value has more than {} bytes", kInputValueBytesMax));
      }
      *fixed = *pattern->constant();
    }
  }

  absl::StatusOr<std::shared_ptr<const EventPath>> ResolveAccess(const Block& block) {
    const std::string_view access = block.access;
    if (access.starts_with("inputs.")) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "`$[[ {} ]]`: the value of an input cannot refer to another input; write "
                   "$[[ event.PATH ]] or the value itself",
                   access);
    }
    if (!access.starts_with("event.") && !access.starts_with("gitlab.event.")) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "unknown name `{}` in `{}`: the value of an input may hold {}",
                   access.substr(0, access.find('.')), access, kValidPattern);
    }
    for (const FunctionCall& call : block.functions) {
      if (call.function->reads == Function::Reads::kTextOnly) continue;
      return Error(absl::StatusCode::kInvalidArgument,
                   "error in `{}` function: the data of an event is never expanded; expand "
                   "variables where the input is used",
                   call.function->name);
    }
    return paths_.Intern(access);
  }

  void AddError(std::string_view name, const absl::Status& status) {
    AddError(name, std::string(status.message()));
  }
  void AddError(std::string_view name, const std::string& what) {
    errors_.push_back(fmt::format("`{}` input: {}", name, what));
  }

  EventPathTable& paths_;
  std::map<std::string_view, Bindings> given_;
  std::vector<PlannedInput> inputs_;
  std::vector<std::string> errors_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const InputPlan>> InputPlan::Compile(
    std::span<const InputBinding> include_inputs, std::span<const InputBinding> entry_inputs,
    std::string_view spec_inputs_json, EventPathTable& paths) {
  CIEVENTS_ASSIGN_OR_RETURN(std::vector<InputSpec> specs, ParseInputSpecs(spec_inputs_json));
  PlanCompiler compiler(paths);
  CIEVENTS_RETURN_IF_ERROR(compiler.AddGiven(include_inputs, entry_inputs));
  compiler.PlanInputs(std::move(specs));
  if (!compiler.errors().empty()) {
    return absl::InvalidArgumentError(JoinInputErrors(compiler.errors()));
  }
  std::vector<PlannedInput> inputs = compiler.TakeInputs();
  if (inputs.empty()) return std::unique_ptr<const InputPlan>(new InputPlan(nullptr));
  auto state = std::make_unique<State>();
  state->inputs = std::move(inputs);
  state->inputs.shrink_to_fit();
  state->constant = std::all_of(state->inputs.begin(), state->inputs.end(),
                                [](const PlannedInput& input) { return input.sources.empty(); });
  if (state->constant) {
    ObjectWriter writer(&state->constant_json);
    for (const PlannedInput& input : state->inputs) writer.Add(input.name, input.fallback->value);
    writer.Finish();
  }
  return std::unique_ptr<const InputPlan>(new InputPlan(std::move(state)));
}

InputPlan::InputPlan(std::unique_ptr<const State> state) : state_(std::move(state)) {}
InputPlan::~InputPlan() = default;

bool InputPlan::is_constant() const { return state_ == nullptr || state_->constant; }

bool InputPlan::Resolve(EventFields& event, std::string* json, std::string* reason) const {
  if (is_constant()) {
    json->append(state_ == nullptr ? std::string_view("{}") : state_->constant_json);
    return true;
  }
  std::vector<std::string> errors;
  ObjectWriter writer(json);
  InputValue value;
  for (const PlannedInput& input : state_->inputs) {
    if (input.sources.empty()) {
      writer.Add(input.name, input.fallback->value);
    } else if (ResolveInput(input, event, &value, &errors) == Outcome::kValue) {
      writer.Add(input.name, value);
    }
  }
  writer.Finish();
  if (errors.empty()) return true;
  *reason = JoinInputErrors(errors);
  return false;
}

Value InputPlan::GetInput(std::string_view name, EventFields& event, std::string* scratch) const {
  const PlannedInput* const input = state_ == nullptr ? nullptr : state_->Find(name);
  if (input == nullptr) return {};
  if (input->sources.empty()) return ViewOfFixed(*input->fallback);
  if (input->sources.size() == 1 && input->sources.front().pattern.is_plain_block() &&
      input->spec == nullptr && input->fallback == nullptr) {
    return event.Get(*input->sources.front().paths.front());
  }
  InputValue value;
  std::vector<std::string> errors;
  switch (ResolveInput(*input, event, &value, &errors)) {
    case Outcome::kAbsent:
      return {};
    case Outcome::kFailed: {
      *scratch = JoinInputErrors(errors);
      Value failed;
      failed.kind = Value::Kind::kFailed;
      failed.text = *scratch;
      return failed;
    }
    case Outcome::kValue:
      break;
  }
  return ToValue(std::move(value), scratch);
}

}  // namespace cievents::matcher
