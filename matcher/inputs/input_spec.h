// What a pipeline file declares about its inputs (`spec: inputs`), and whether a value fits:
// GitLab's rules and messages.
//
//   type     string (default), number, boolean, array. A string value of another type is read as
//            JSON ("2" is a number); any value of type string becomes text.
//   default  makes the input optional; it is checked as a given value is.
//   options  at most 50; string and number only
//   regex    RE2, found anywhere in the text; string only
//   rules    (GitLab 18.7) gives options and default under conditions on other inputs. They are
//            GitLab's to decide when the pipeline is created: here the options are not checked, and
//            the input is not required if one of the rules has a default; type and regex are.
#ifndef MATCHER_INPUTS_INPUT_SPEC_H_
#define MATCHER_INPUTS_INPUT_SPEC_H_

#include <re2/re2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/inputs/input_value.h"

namespace cievents::matcher {

inline constexpr size_t kInputOptionsMax = 50;
inline constexpr size_t kInputRegexBytesMax = 1000;

// What GitLab says where inputs are given and nothing is declared. The engine never says it: inputs
// may be declared in a header that the file includes.
inline constexpr std::string_view kInputsNotDeclared =
    "Given inputs not defined in the `spec` section of the included configuration file";

enum class ValueOrigin : uint8_t { kProvided, kDefault };

// What is wrong with a declaration.
struct InputSpecProblem {
  std::string input;
  std::string attribute;  // `default`, or one that GitLab does not know; empty: all of it
  std::string message;    // GitLab's
};

// One declared input. Immutable after Parse; any number of threads may check.
class InputSpec {
 public:
  const std::string& name() const { return name_; }
  bool is_required() const { return !default_value_.has_value() && !rules_have_default_; }
  // As it is written; Check coerces it. A null makes the input optional and is not checked.
  const std::optional<InputValue>& default_value() const { return default_value_; }
  bool is_array() const { return type_ == Type::kArray; }
  bool is_text() const { return type_ == Type::kString; }
  // Any text will do.
  bool is_unconstrained_text() const {
    return type_ == Type::kString && !options_.has_value() && regex_ == nullptr && !has_rules_;
  }

  // Coerces `value` to the declared type and adds what GitLab says against it to `errors`:
  // "`name` input: ...". True = nothing.
  bool Check(ValueOrigin origin, InputValue* value, std::vector<std::string>* errors) const;

  // What no value can mend: the default, and attributes that do not fit the type.
  void CheckDeclaration(std::vector<InputSpecProblem>* problems) const;

  // "`name` input: required value has not been provided".
  std::string RequiredError() const;

 private:
  friend class InputSpecReader;
  enum class Type : uint8_t { kString, kNumber, kBoolean, kArray };

  void AddError(std::string_view what, std::vector<std::string>* errors) const;
  void Coerce(InputValue* value) const;
  bool HasType(const InputValue& value) const;
  bool IsOption(const InputValue& value) const;
  bool IsRegexUsable() const;
  void CheckOptions(const InputValue& value, std::vector<std::string>* errors) const;
  void CheckRegex(ValueOrigin origin, const InputValue& value,
                  std::vector<std::string>* errors) const;

  std::string name_;
  Type type_ = Type::kString;
  bool has_rules_ = false;
  bool rules_have_default_ = false;
  std::optional<InputValue> default_value_;
  std::optional<std::vector<InputValue>> options_;
  std::unique_ptr<const RE2> regex_;
};

// Reads the canonical JSON of `spec: inputs`, sorted by name; "{}" gives none. kInvalidArgument:
// the header itself is wrong; GitLab's messages, at most 3.
absl::StatusOr<std::vector<InputSpec>> ParseInputSpecs(std::string_view json);

// All that is wrong with the declarations whatever values are given, defaults included.
std::vector<InputSpecProblem> CheckInputSpecs(std::string_view json);

// How many messages GitLab shows at most, and how it joins them.
std::string JoinInputErrors(const std::vector<std::string>& errors);

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_INPUT_SPEC_H_
