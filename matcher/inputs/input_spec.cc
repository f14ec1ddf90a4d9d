#include "matcher/inputs/input_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "matcher/base/status.h"

namespace cievents::matcher {
namespace {

using Kind = InputValue::Kind;

constexpr size_t kErrorsMax = 3;
// Of RE2's instructions; GitLab allows more, no useful pattern comes near.
constexpr int kRegexProgramMax = 10'000;

// GitLab compares numbers as Ruby does: 1 is 1.0.
bool EqualNumbers(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto is_integer = [](std::string_view text) {
    return text.find_first_of(".eE") == std::string_view::npos;
  };
  if (is_integer(a) && is_integer(b)) return false;
  const auto parse = [](std::string_view text, double* number) {
    return std::from_chars(text.data(), text.data() + text.size(), *number).ec == std::errc();
  };
  double first = 0;
  double second = 0;
  return parse(a, &first) && parse(b, &second) && first == second;
}

}  // namespace

std::string JoinInputErrors(const std::vector<std::string>& errors) {
  const size_t count = std::min(errors.size(), kErrorsMax);
  return fmt::format("{}", fmt::join(errors.begin(), errors.begin() + count, ", "));
}

void InputSpec::AddError(std::string_view what, std::vector<std::string>* errors) const {
  errors->push_back(fmt::format("`{}` input: {}", name_, what));
}

std::string InputSpec::RequiredError() const {
  return fmt::format("`{}` input: required value has not been provided", name_);
}

void InputSpec::Coerce(InputValue* value) const {
  if (type_ == Type::kString) {
    *value = InputValue::OfText(std::string(value->AsText()));
  } else if (value->kind == Kind::kString) {
    // What is no JSON stays what it is, and is then refused for its type.
    const auto parsed = ParseJson(value->text);
    if (parsed.ok()) *value = InputValue::Of(*parsed);
  }
}

bool InputSpec::HasType(const InputValue& value) const {
  switch (type_) {
    case Type::kString:
      return value.kind == Kind::kString;
    case Type::kNumber:
      return value.kind == Kind::kNumber;
    case Type::kBoolean:
      return value.kind == Kind::kBoolean;
    case Type::kArray:
      return value.kind == Kind::kArray;
  }
  return false;
}

bool InputSpec::IsOption(const InputValue& value) const {
  return std::any_of(options_->begin(), options_->end(), [&](const InputValue& option) {
    // Options of a string are compared by their text, of a number by their value.
    if (type_ == Type::kString) return option.AsText() == value.text;
    if (option.kind != value.kind) return false;
    return value.kind == Kind::kNumber ? EqualNumbers(option.text, value.text)
                                       : option.AsText() == value.AsText();
  });
}

void InputSpec::CheckOptions(const InputValue& value, std::vector<std::string>* errors) const {
  if (!options_.has_value()) return;
  if (type_ != Type::kString && type_ != Type::kNumber) {
    AddError("Options can only be used with string and number inputs", errors);
    return;
  }
  const bool is_false = value.kind == Kind::kBoolean && !value.boolean;
  if (value.kind == Kind::kNull || is_false || IsOption(value)) return;
  AddError(fmt::format("`{}` cannot be used because it is not in the list of {}allowed options",
                       value.AsText(), type_ == Type::kNumber ? "the " : ""),
           errors);
}

bool InputSpec::IsRegexUsable() const {
  return regex_ == nullptr || (regex_->ok() && regex_->ProgramSize() <= kRegexProgramMax);
}

void InputSpec::CheckRegex(ValueOrigin origin, const InputValue& value,
                           std::vector<std::string>* errors) const {
  if (regex_ == nullptr) return;
  if (type_ != Type::kString) {
    AddError("RegEx validation can only be used with string inputs", errors);
    return;
  }
  if (!IsRegexUsable()) {
    AddError("invalid regular expression", errors);
  } else if (!RE2::PartialMatch(value.text, *regex_)) {
    AddError(fmt::format("{} value does not match required RegEx pattern",
                         origin == ValueOrigin::kDefault ? "default" : "provided"),
             errors);
  }
}

void InputSpec::CheckDeclaration(std::vector<InputSpecProblem>* problems) const {
  const size_t problems_before = problems->size();
  const auto add = [&](std::string_view attribute, const std::vector<std::string>& messages) {
    for (const std::string& message : messages) {
      const bool is_known =
          std::any_of(problems->begin() + problems_before, problems->end(),
                      [&](const InputSpecProblem& known) { return known.message == message; });
      if (!is_known) problems->push_back({name_, std::string(attribute), message});
    }
  };
  std::vector<std::string> messages;
  if (type_ != Type::kString && type_ != Type::kNumber) CheckOptions(InputValue(), &messages);
  add("options", messages);
  messages.clear();
  if (type_ != Type::kString || !IsRegexUsable()) {
    CheckRegex(ValueOrigin::kProvided, InputValue(), &messages);
  }
  add("regex", messages);
  messages.clear();
  if (default_value_.has_value() && default_value_->kind != Kind::kNull) {
    InputValue value = *default_value_;
    Check(ValueOrigin::kDefault, &value, &messages);
  }
  add("default", messages);
}

bool InputSpec::Check(ValueOrigin origin, InputValue* value,
                      std::vector<std::string>* errors) const {
  const size_t errors_before = errors->size();
  Coerce(value);
  if (!HasType(*value)) {
    constexpr std::string_view kTypeTexts[] = {"a string", "a number", "a boolean", "an array"};
    AddError(
        fmt::format("{} value is not {}", origin == ValueOrigin::kDefault ? "default" : "provided",
                    kTypeTexts[static_cast<size_t>(type_)]),
        errors);
  }
  CheckOptions(*value, errors);
  CheckRegex(origin, *value, errors);
  return errors->size() == errors_before;
}

// Reads one declared input.
class InputSpecReader {
 public:
  explicit InputSpecReader(std::vector<InputSpecProblem>* problems) : problems_(*problems) {}

  InputSpec Read(const JsonMember& member) {
    spec_.name_ = member.key;
    if (member.value.kind == JsonNode::Kind::kObject) {
      for (const JsonMember& attribute : member.value.members) ReadAttribute(attribute);
      if (spec_.has_rules_) CheckExclusive(member.value);
    } else if (member.value.kind != JsonNode::Kind::kNull) {
      AddUnknownSpecification("");
    }
    return std::move(spec_);
  }

 private:
  void CheckExclusive(const JsonNode& config) {
    for (const std::string_view key : {"options", "default"}) {
      const bool stands =
          std::any_of(config.members.begin(), config.members.end(),
                      [key](const JsonMember& attribute) { return attribute.key == key; });
      if (!stands) continue;
      AddHeaderError("rules", fmt::format("config please use only one of the following keys: "
                                          "rules, {}",
                                          key));
    }
  }

  void ReadAttribute(const JsonMember& attribute) {
    const JsonNode& value = attribute.value;
    if (attribute.key == "default") {
      spec_.default_value_ = InputValue::Of(value);
    } else if (attribute.key == "type") {
      ReadType(value);
    } else if (attribute.key == "options") {
      ReadOptions(value);
    } else if (attribute.key == "regex") {
      ReadRegex(value);
    } else if (attribute.key == "rules") {
      ReadRules(value);
    } else if (attribute.key == "description") {
      if (value.kind == Kind::kArray || value.kind == Kind::kObject ||
          value.kind == Kind::kBoolean) {
        AddHeaderError("description", "input description must be an alphanumeric string");
      }
    } else {
      AddHeaderError(attribute.key, fmt::format("config contains unknown keys: {}", attribute.key));
    }
  }

  // Their shape; what they decide is GitLab's.
  void ReadRules(const JsonNode& value) {
    if (value.kind == JsonNode::Kind::kNull) return;
    spec_.has_rules_ = true;
    if (value.kind != JsonNode::Kind::kArray) {
      return AddHeaderError("rules", "rules config should be a array");
    }
    for (const JsonNode& rule : value.items) {
      if (rule.kind != JsonNode::Kind::kObject) {
        AddRuleError("should be a hash");
        continue;
      }
      for (const JsonMember& attribute : rule.members) ReadRuleAttribute(attribute);
    }
  }

  void ReadRuleAttribute(const JsonMember& attribute) {
    const JsonNode& value = attribute.value;
    if (attribute.key == "default") {
      spec_.rules_have_default_ = true;
    } else if (attribute.key == "if") {
      if (value.kind != JsonNode::Kind::kString && value.kind != JsonNode::Kind::kNull) {
        AddRuleError("if should be a string");
      }
    } else if (attribute.key == "options") {
      if (value.kind == JsonNode::Kind::kNull) return;
      if (value.kind != JsonNode::Kind::kArray) {
        AddRuleError("options should be a array");
      } else if (value.items.size() > kInputOptionsMax) {
        AddRuleError(fmt::format("cannot define more than {} options", kInputOptionsMax));
      }
    } else {
      AddRuleError(fmt::format("contains unknown keys: {}", attribute.key));
    }
  }

  void ReadType(const JsonNode& value) {
    using Type = InputSpec::Type;
    constexpr std::pair<std::string_view, Type> kTypes[] = {{"string", Type::kString},
                                                            {"number", Type::kNumber},
                                                            {"boolean", Type::kBoolean},
                                                            {"array", Type::kArray}};
    if (value.kind == JsonNode::Kind::kString) {
      for (const auto& [name, type] : kTypes) {
        if (value.text != name) continue;
        spec_.type_ = type;
        return;
      }
    }
    AddUnknownSpecification("type");
  }

  void ReadOptions(const JsonNode& value) {
    if (value.kind == JsonNode::Kind::kNull) return;
    if (value.kind != JsonNode::Kind::kArray)
      return AddHeaderError("options", "input options should be a array");
    if (value.items.size() > kInputOptionsMax) {
      return AddHeaderError(
          "options", fmt::format("config cannot define more than {} options", kInputOptionsMax));
    }
    spec_.options_.emplace();
    for (const JsonNode& option : value.items) spec_.options_->push_back(InputValue::Of(option));
  }

  void ReadRegex(const JsonNode& value) {
    if (value.kind == JsonNode::Kind::kNull) return;
    if (value.kind != JsonNode::Kind::kString) {
      return AddHeaderError("regex", "input regex should be a string");
    }
    if (value.text.size() > kInputRegexBytesMax) {
      return AddHeaderError("regex", fmt::format("input regex has {} bytes; at most {} are allowed",
                                                 value.text.size(), kInputRegexBytesMax));
    }
    RE2::Options options;
    options.set_log_errors(false);
    spec_.regex_ = std::make_unique<const RE2>(value.text, options);
  }

  void Add(std::string_view attribute, std::string message) {
    problems_.push_back({spec_.name_, std::string(attribute), std::move(message)});
  }
  void AddHeaderError(std::string_view attribute, std::string_view what) {
    Add(attribute, fmt::format("header:spec:inputs:{} {}", spec_.name_, what));
  }
  void AddRuleError(std::string_view what) {
    Add("rules", fmt::format("`{}` input: {}", spec_.name_, what));
  }
  void AddUnknownSpecification(std::string_view attribute) {
    Add(attribute, fmt::format("unknown input specification for `{}` (valid types: array, boolean, "
                               "number, string)",
                               spec_.name_));
  }

  InputSpec spec_;
  std::vector<InputSpecProblem>& problems_;
};

namespace {

absl::StatusOr<std::vector<InputSpec>> ReadSpecs(std::string_view json,
                                                 std::vector<InputSpecProblem>* problems) {
  std::vector<InputSpec> specs;
  if (json == "{}") return specs;
  CIEVENTS_ASSIGN_OR_RETURN(const JsonNode root, ParseJson(json));
  if (root.kind != JsonNode::Kind::kObject) {
    return absl::InvalidArgumentError("`spec: inputs` is not a map of inputs");
  }
  for (const JsonMember& member : root.members) {
    specs.push_back(InputSpecReader(problems).Read(member));
  }
  return specs;
}

}  // namespace

std::vector<InputSpecProblem> CheckInputSpecs(std::string_view json) {
  std::vector<InputSpecProblem> problems;
  const auto specs = ReadSpecs(json, &problems);
  if (!specs.ok()) return {{"", "", std::string(specs.status().message())}};
  for (const InputSpec& spec : *specs) {
    const bool is_read =
        std::none_of(problems.begin(), problems.end(),
                     [&](const InputSpecProblem& known) { return known.input == spec.name(); });
    if (is_read) spec.CheckDeclaration(&problems);
  }
  return problems;
}

absl::StatusOr<std::vector<InputSpec>> ParseInputSpecs(std::string_view json) {
  std::vector<InputSpecProblem> problems;
  CIEVENTS_ASSIGN_OR_RETURN(std::vector<InputSpec> specs, ReadSpecs(json, &problems));
  if (!problems.empty()) {
    std::vector<std::string> errors;
    for (InputSpecProblem& problem : problems) errors.push_back(std::move(problem.message));
    return absl::InvalidArgumentError(JoinInputErrors(errors));
  }
  std::sort(specs.begin(), specs.end(),
            [](const InputSpec& a, const InputSpec& b) { return a.name() < b.name(); });
  const auto twice = std::adjacent_find(
      specs.begin(), specs.end(),
      [](const InputSpec& a, const InputSpec& b) { return a.name() == b.name(); });
  if (twice != specs.end()) {
    return Error(absl::StatusCode::kInvalidArgument, "`{}` input: declared twice", twice->name());
  }
  return specs;
}

}  // namespace cievents::matcher
