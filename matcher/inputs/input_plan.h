// The inputs of a pipeline request: where each value comes from, compiled once, resolved for an
// event (docs/subscriptions.md, "Inputs"). Precedence: what the include fixed, then the entry, then
// the default of `spec: inputs`.
#ifndef MATCHER_INPUTS_INPUT_PLAN_H_
#define MATCHER_INPUTS_INPUT_PLAN_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_path.h"
#include "matcher/event/value.h"
#include "matcher/subscription.h"

namespace cievents::matcher {

// GitLab's, of one pipeline: what the include and the entry give together. Defaults do not count.
inline constexpr size_t kInputsGivenMax = 20;

// Immutable; any number of threads may resolve.
class InputPlan {
 public:
  // `spec_inputs_json` is the canonical JSON of `spec: inputs` ("{}" = none declared). An error
  // (kInvalidArgument) is one that no event can mend: GitLab's message.
  static absl::StatusOr<std::unique_ptr<const InputPlan>> Compile(
      std::span<const InputBinding> include_inputs, std::span<const InputBinding> entry_inputs,
      std::string_view spec_inputs_json, EventPathTable& paths);
  ~InputPlan();

  // True: the same for every event, and never fails.
  bool is_constant() const;

  // Appends a JSON object, names sorted, values typed, to `json`. False: a value does not fit what
  // `spec: inputs` declares or a required one is absent (`failed_input`); `reason` holds GitLab's
  // message(s), at most 3, joined with ", ", and `json` what could be resolved.
  bool Resolve(EventFields& event, std::string* json, std::string* reason) const;

  // The value of one input, for `$[[ inputs.NAME ]]`; kNull if it has none. The view lives until
  // the next event or the next GetInput on the same `scratch`.
  Value GetInput(std::string_view name, EventFields& event, std::string* scratch) const;

 private:
  struct State;
  explicit InputPlan(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_INPUT_PLAN_H_
