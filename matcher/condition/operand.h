// The values that an evaluation handles, and what the operators do with known ones.
#ifndef MATCHER_CONDITION_OPERAND_H_
#define MATCHER_CONDITION_OPERAND_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "matcher/condition/regex.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

// A value, or a set of values that a completion may give. A view, like Value.
struct Operand {
  enum class Kind : uint8_t {
    kNull,
    kFalse,      // the literals and what comparisons give
    kTrue,       //
    kJsonFalse,  // JSON's: these also equal the texts "false" and "true"
    kJsonTrue,   //
    kText,
    kList,     // some element decides
    kPattern,  // a /../ literal
    kFailed,   // `text` says why
    kUnknown,  // asked for in an open world
    // Sets, made by completions.cc only. Literals are the texts of the condition.
    kAnyText,
    kBlankText,    // blank, not empty, none of the literals
    kOtherText,    // not blank, none of the literals
    kBlankList,    // no element is present
    kPresentList,  // some element is
  };

  Kind kind = Kind::kNull;
  const void* data = nullptr;
  size_t size = 0;

  static Operand Of(Kind kind) { return {kind, nullptr, 0}; }
  static Operand Boolean(bool value) { return Of(value ? Kind::kTrue : Kind::kFalse); }
  static Operand JsonBoolean(bool value) { return Of(value ? Kind::kJsonTrue : Kind::kJsonFalse); }
  static Operand Text(std::string_view text) { return {Kind::kText, text.data(), text.size()}; }
  static Operand Failed(std::string_view why) { return {Kind::kFailed, why.data(), why.size()}; }
  static Operand Pattern(const Regex* regex) { return {Kind::kPattern, regex, 0}; }
  static Operand From(const Value& value) {
    switch (value.kind) {
      case Value::Kind::kBoolean:
        return JsonBoolean(value.boolean);
      case Value::Kind::kText:
        return Text(value.text);
      case Value::Kind::kList:
        return {Kind::kList, value.list.data(), value.list.size()};
      case Value::Kind::kFailed:
        return Failed(value.text);
      case Value::Kind::kNull:
        break;
    }
    return Of(Kind::kNull);
  }

  std::string_view text() const { return {static_cast<const char*>(data), size}; }
  std::span<const Value> list() const { return {static_cast<const Value*>(data), size}; }
  const Regex& pattern() const { return *static_cast<const Regex*>(data); }
  // Not a set, not failed, not unknown.
  bool is_known() const { return kind <= Kind::kPattern; }
};

// ActiveSupport's blank?: only white space, Unicode's included.
bool IsBlank(std::string_view text);

// All of these take known operands.
bool Present(const Operand& operand);  // the verdict on a whole condition, and what `!` negates
bool Truthy(const Operand& operand);   // what `&&` and `||` ask; "" is truthy, as in Ruby
bool Equal(const Operand& left, const Operand& right);
// `left =~ right`: kTrue, kFalse or kFailed.
Operand Match(const Operand& left, const Operand& right, RegexBudget& budget);

// The text that Ruby's to_s or an interpolation gives; lists as JSON. `store` keeps what is made.
std::string_view ToText(const Operand& operand, std::string* store);

// JSON of a known operand.
std::string ToJson(const Operand& operand);

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_OPERAND_H_
