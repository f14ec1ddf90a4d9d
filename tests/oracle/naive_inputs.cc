#include "tests/oracle/naive_inputs.h"

#include <re2/re2.h>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/oracle/naive_condition.h"

namespace cievents::oracle {
namespace {

using Kind = NaiveJson::Kind;

NaiveJson Parsed(const std::string& json) { return ParseNaiveJson(json).value_or(NaiveJson()); }

NaiveJson TextJson(const std::string& text) { return Parsed(QuoteJson(text)); }

bool HasBlocks(const NaiveJson& json) {
  if (json.kind == Kind::kString) {
    for (const NaivePart& part : SplitBlocks(json.text)) {
      if (part.is_block) return true;
    }
  }
  for (const NaiveJson& element : json.elements) {
    if (HasBlocks(element)) return true;
  }
  for (const auto& [key, member] : json.members) {
    if (HasBlocks(member)) return true;
  }
  return false;
}

// Ruby's to_s; of arrays and objects their JSON.
std::string ToText(const NaiveJson& json) {
  return json.kind == Kind::kString ? json.text : json.compact;
}

std::vector<std::string> Trimmed(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) {
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
  }
  return parts;
}

std::vector<std::string> Characters(const std::string& text) {
  std::vector<std::string> characters;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80 && !characters.empty()) {
      characters.back() += c;
    } else {
      characters.emplace_back(1, c);
    }
  }
  return characters;
}

std::string Truncate(const std::string& text, size_t offset, size_t length) {
  const std::vector<std::string> characters = Characters(text);
  std::string result;
  for (size_t i = offset; i < characters.size() && i - offset < length; ++i) {
    result += characters[i];
  }
  return result;
}

// Ruby's Shellwords.escape.
std::string PosixEscape(const std::string& text) {
  if (text.empty()) return "''";
  std::string result;
  static const std::string safe =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.,:+/@";
  for (const std::string& character : Characters(text)) {
    if (character == "\n") {
      result += "'\n'";
    } else {
      if (safe.find(character) == std::string::npos) result += "\\";
      result += character;
    }
  }
  return result;
}

// Applies one function to text; false: there is no such function.
bool Apply(const std::string& function, std::string* text) {
  static const RE2 truncate(R"(truncate\(\s*(\d+)\s*,\s*(\d+)\s*\)?)");
  size_t offset = 0;
  size_t length = 0;
  if (function == "posix_escape") {
    *text = PosixEscape(*text);
  } else if (RE2::FullMatch(function, truncate, &offset, &length)) {
    *text = Truncate(*text, offset, length);
  } else {
    return false;
  }
  return true;
}

std::string TypeOf(const NaiveJson& spec) {
  const NaiveJson* type = spec.Member("type");
  return type == nullptr ? "string" : type->text;
}

// Ruby's ==: 1.0 is 1.
bool IsSameNumber(const NaiveJson& a, const NaiveJson& b) {
  return a.kind == Kind::kNumber && b.kind == Kind::kNumber &&
         std::strtod(a.text.c_str(), nullptr) == std::strtod(b.text.c_str(), nullptr);
}

// Gives `value` the type that `spec` declares, or says in GitLab's words what is wrong.
std::vector<std::string> Fit(const std::string& name, const NaiveJson& spec, NaiveJson* value) {
  const std::string about = "`" + name + "` input: ";
  const std::string type = TypeOf(spec);
  const NaiveJson* options = spec.Member("options");
  const NaiveJson* regex = spec.Member("regex");
  std::vector<std::string> errors;
  if (type == "string") {
    if (value->kind != Kind::kString) *value = TextJson(ToText(*value));
  } else {
    const Kind wanted = type == "number"    ? Kind::kNumber
                        : type == "boolean" ? Kind::kBoolean
                                            : Kind::kArray;
    // "Values are coerced through JSON parse."
    const NaiveJson read = value->kind == Kind::kString ? Parsed(value->text) : *value;
    if (read.kind == wanted) {
      *value = read;
    } else {
      errors.push_back(about + "provided value is not " + (type == "array" ? "an " : "a ") + type);
    }
  }
  // Ruby's nil and false are no value to look up.
  const bool is_falsy = type != "string" && (ToText(*value) == "null" || ToText(*value) == "false");
  if (options != nullptr && !is_falsy) {
    bool allowed = false;
    for (const NaiveJson& option : options->elements) {
      allowed = allowed || ToText(option) == ToText(*value) || IsSameNumber(option, *value);
    }
    if (!allowed) {
      errors.push_back(about + "`" + ToText(*value) +
                       "` cannot be used because it is not in the list of " +
                       (type == "number" ? "the " : "") + "allowed options");
    }
  }
  if (regex != nullptr && !RE2::PartialMatch(value->text, regex->text)) {
    errors.push_back(about + "provided value does not match required RegEx pattern");
  }
  return errors;
}

std::string Joined(const std::vector<std::string>& texts, size_t count_max) {
  std::string joined;
  for (size_t i = 0; i < texts.size() && i < count_max; ++i)
    joined += (i == 0 ? "" : ", ") + texts[i];
  return joined;
}

NaiveValue AsValue(const NaiveJson& json) {
  switch (json.kind) {
    case Kind::kNull:
      return NaiveValue();
    case Kind::kBoolean:
      return NaiveValue::Boolean(json.boolean);
    case Kind::kString:
      return NaiveValue::Text(json.text);
    case Kind::kArray: {
      std::vector<NaiveValue> list;
      for (const NaiveJson& element : json.elements) {
        const NaiveValue value = AsValue(element);
        if (value.kind == NaiveValue::Kind::kList) {
          list.insert(list.end(), value.list.begin(), value.list.end());
        } else if (value.kind != NaiveValue::Kind::kNull) {
          list.push_back(value);
        }
      }
      return NaiveValue::List(list);
    }
    default:
      return NaiveValue::Bare(json.compact);
  }
}

}  // namespace

// "Precedence: include, then entry, then the default of `spec: inputs`."
bool NaiveInputs::Read(const std::vector<NaiveBinding>& include,
                       const std::vector<NaiveBinding>& entry, const std::string& spec_json,
                       std::string* error) {
  const std::optional<NaiveJson> spec = ParseNaiveJson(spec_json);
  for (const auto& [name, declared] : spec->members) spec_[name] = declared;
  for (const auto* bindings : {&include, &entry}) {
    for (const NaiveBinding& binding : *bindings) {
      given_[binding.name].push_back(Parsed(binding.value_json));
    }
  }
  // Where nothing is declared, inputs go along as they are: the pipeline may declare them
  // elsewhere.
  std::string unknown;
  for (const auto& [name, given] : given_) {
    if (spec_.empty()) break;
    if (spec_.count(name) == 0) unknown += (unknown.empty() ? "" : ", ") + name;
    if (spec_.count(name) == 0 || HasBlocks(given[0])) continue;
    NaiveJson value = given[0];
    if (value.kind == Kind::kNull) continue;
    *error = Joined(Fit(name, spec_[name], &value), 3);
    if (!error->empty()) return false;
  }
  if (!unknown.empty()) {
    *error = "unknown input arguments: " + unknown;
    return false;
  }
  for (const auto& [name, declared] : spec_) {
    if (given_.count(name) != 0 || declared.Member("default") != nullptr) continue;
    *error = "`" + name + "` input: required value has not been provided";
    return false;
  }
  return true;
}

// "Exactly one block keeps its JSON type; inside longer text it becomes text, and an absent part
// makes the whole input absent; JSON `null` = absent."
NaiveInputs::Outcome NaiveInputs::InterpolateText(const std::string& text, NaiveReading* event,
                                                  size_t name) const {
  const std::vector<NaivePart> parts = SplitBlocks(text);
  std::string result;
  for (const NaivePart& part : parts) {
    if (!part.is_block) {
      result += part.text;
      continue;
    }
    const std::vector<std::string> steps = Trimmed(part.text, '|');
    const NaiveValue value = event->Get(steps[0], name);
    if (value.kind == NaiveValue::Kind::kFailed) return {std::nullopt, {"payload"}};
    if (value.kind == NaiveValue::Kind::kNull) return {};
    NaiveJson json = Parsed(value.Json());
    for (size_t i = 1; i < steps.size(); ++i) {
      if (json.kind != Kind::kString) {
        const std::string function = steps[i].substr(0, steps[i].find('('));
        return {std::nullopt,
                {"error in `" + function + "` function: invalid input type: " + function +
                 " can only be used with string inputs"}};
      }
      Apply(steps[i], &json.text);
      json = TextJson(json.text);
    }
    if (parts.size() == 1) return {json, {}};
    result += ToText(json);
  }
  return {TextJson(result), {}};
}

NaiveInputs::Outcome NaiveInputs::Interpolate(const NaiveJson& json, NaiveReading* event,
                                              size_t name) const {
  if (!HasBlocks(json)) {
    return json.kind == Kind::kNull ? Outcome{} : Outcome{json, {}};
  }
  if (json.kind == Kind::kString) return InterpolateText(json.text, event, name);
  std::string text;
  for (const NaiveJson& element : json.elements) {
    const Outcome outcome = Interpolate(element, event, name);
    if (!outcome.value.has_value()) return outcome;
    // A list inside of a list is spliced into it.
    std::string inner = outcome.value->compact;
    if (outcome.value->kind == Kind::kArray && HasBlocks(element) &&
        element.kind == Kind::kString) {
      inner = inner.substr(1, inner.size() - 2);
    }
    if (!inner.empty()) text += (text.empty() ? "" : ",") + inner;
  }
  return {Parsed("[" + text + "]"), {}};
}

NaiveInputs::Outcome NaiveInputs::Value(const std::string& input, NaiveReading* event,
                                        size_t name) const {
  const bool declared = spec_.count(input) != 0;
  const NaiveJson spec = declared ? spec_.at(input) : NaiveJson();
  const auto given = given_.find(input);
  const std::vector<NaiveJson> none;
  for (const NaiveJson& source : given == given_.end() ? none : given->second) {
    Outcome outcome = Interpolate(source, event, name);
    for (std::string& error : outcome.errors) error = "`" + input + "` input: " + error;
    if (outcome.value.has_value() && declared) outcome.errors = Fit(input, spec, &*outcome.value);
    if (outcome.value.has_value() || !outcome.errors.empty()) return outcome;
  }
  if (const NaiveJson* value = spec.Member("default"); value != nullptr) {
    NaiveJson fitted = *value;
    Fit(input, spec, &fitted);
    return {fitted, {}};
  }
  if (!declared) return {};
  return {std::nullopt, {"`" + input + "` input: required value has not been provided"}};
}

NaiveRequestInputs NaiveInputs::Resolve(NaiveReading* event, size_t name) const {
  NaiveRequestInputs result;
  std::vector<std::string> reasons;
  std::set<std::string> all;
  for (const auto& [input, declared] : spec_) all.insert(input);
  for (const auto& [input, given] : given_) all.insert(input);
  for (const std::string& input : all) {
    const Outcome outcome = Value(input, event, name);
    if (!outcome.errors.empty()) {
      result.failed = true;
      reasons.insert(reasons.end(), outcome.errors.begin(), outcome.errors.end());
    } else if (outcome.value.has_value()) {
      result.json +=
          (result.json.empty() ? "{" : ",") + QuoteJson(input) + ":" + outcome.value->compact;
    }
  }
  result.reason = Joined(reasons, 3);
  result.json = (result.json.empty() ? "{" : result.json) + "}";
  return result;
}

NaiveValue NaiveInputs::Get(const std::string& input, NaiveReading* event, size_t name) const {
  const Outcome outcome = Value(input, event, name);
  // What is wrong with an input is wrong with the condition that asks for it.
  if (!outcome.errors.empty()) return NaiveValue::Failed();
  if (!outcome.value.has_value()) return NaiveValue();
  return AsValue(*outcome.value);
}

}  // namespace cievents::oracle
