// The value of an input: what JSON type it has, and its text.
#ifndef MATCHER_INPUTS_INPUT_VALUE_H_
#define MATCHER_INPUTS_INPUT_VALUE_H_

#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/event/value.h"
#include "matcher/inputs/json_text.h"

namespace cievents::matcher {

// GitLab's largest node of a configuration.
inline constexpr size_t kInputValueBytesMax = 1024 * 1024;

struct InputValue {
  using Kind = JsonNode::Kind;
  Kind kind = Kind::kNull;
  bool boolean = false;
  // kString: decoded. kNumber: its digits as they came. kArray, kObject: compact JSON.
  std::string text;

  static InputValue Of(const JsonNode& node);
  // REQUIRES: `value` is not kFailed.
  static InputValue Of(const Value& value);
  static InputValue OfText(std::string text);

  // What it is inside longer text: the digits of a number, `true`, compact JSON of an array or an
  // object (GitLab prints Ruby's notation there, which nothing can read back); null is empty.
  std::string_view AsText() const;
  void AppendJson(std::string* out) const;
};

// The same for a value that is not kept: JSON, and text.
void AppendJsonOf(const Value& value, std::string* out);
void AppendTextOf(const Value& value, std::string* out);

// A JSON array as conditions see it: flat, without nulls.
struct ValueList {
  std::vector<Value> values;             // views into `texts`
  std::forward_list<std::string> texts;  // in no order

  ValueList() = default;
  ValueList(const ValueList&) = delete;
  ValueList& operator=(const ValueList&) = delete;

  // REQUIRES: `json` is a compact JSON array.
  void AddArray(std::string_view json);
};

// What a condition sees of `value`. REQUIRES: it is no array; those are a ValueList.
Value ViewOf(const InputValue& value);
// The same, of any value; the result lives in `scratch`.
Value ToValue(InputValue&& value, std::string* scratch);

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_INPUT_VALUE_H_
