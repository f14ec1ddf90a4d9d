// The inputs of one file as one include gives them, and what they make of that file's own includes:
// `$[[ inputs.X ]]` in their paths and inputs is filled in before they are looked up.
#ifndef SERVICES_LIB_CI_YAML_VARIANT_INPUTS_H_
#define SERVICES_LIB_CI_YAML_VARIANT_INPUTS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/condition/condition.h"
#include "matcher/inputs/input_value.h"
#include "matcher/subscription.h"

namespace cievents::ci_yaml {

class VariantInputs : public matcher::InputSource {
 public:
  VariantInputs(const std::vector<matcher::InputBinding>& given, std::string_view spec_inputs_json);

  // True if the value is known before there is an event. (That there is none may be known, too.)
  bool IsStatic(std::string_view name) const;
  // REQUIRES: IsStatic(name).
  matcher::Value GetInput(std::string_view name) override;

  // The text of a path with its blocks filled in. The message of an error is for people:
  // kFailedPrecondition: only an event has the value; kInvalidArgument: there is none, or the block
  // is wrong; kResourceExhausted: the text is too long.
  absl::StatusOr<std::string> ResolvePath(std::string_view path) const;

  // The inputs of an include of this file. Blocks over the event stay, also those that an input
  // holds. Errors as above.
  absl::StatusOr<std::vector<matcher::InputBinding>> ResolveInputs(
      const std::vector<matcher::InputBinding>& inputs) const;

 private:
  friend class InputsResolver;
  struct Known {
    bool is_dynamic = false;    // `json` holds blocks over the event
    matcher::InputValue value;  // if not: the value, coerced to what is declared
    std::string json;           // as it was given, canonical
    std::string scratch;        // of GetInput
  };

  std::map<std::string, Known, std::less<>> known_;
  std::map<std::string, std::string, std::less<>> problems_;  // by name: why there is no value
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_VARIANT_INPUTS_H_
