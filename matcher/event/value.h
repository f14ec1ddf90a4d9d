// The value of an event path or of an input, as conditions and interpolation see it
// (docs/subscriptions.md, "Conditions"). A view: whoever gave it says how long it lives.
#ifndef MATCHER_EVENT_VALUE_H_
#define MATCHER_EVENT_VALUE_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace cievents::matcher {

struct Value {
  enum class Kind : uint8_t {
    kNull,     // JSON null, an absent path, an empty list
    kBoolean,  // JSON true or false: equals the literal and the strings "true", "false"
    kText,     // a JSON string's text, a number's digits, an object's compact JSON
    kList,     // a path that crossed or ended at an array: its flat elements, never empty
    kFailed,   // the payload could not be read up to this value; `text` says why
  };

  Kind kind = Kind::kNull;
  bool boolean = false;
  // True for text that stood in the payload without quotes (a number, an object): where a value
  // keeps its JSON type (an input that is exactly one block), `text` is its JSON as it stands.
  bool bare_json = false;
  std::string_view text;
  // kBoolean and kText only; JSON nulls and absent keys are dropped.
  std::span<const Value> list;
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_VALUE_H_
