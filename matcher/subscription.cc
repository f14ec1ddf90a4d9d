#include "matcher/subscription.h"

#include <algorithm>
#include <string>
#include <vector>

namespace cievents::matcher {
namespace {

// JSON has no escape that a writer must use for these three characters, so a block in a string of
// `value_json` begins with them as they are.
constexpr char kBlockBegin[] = "$[[";

bool HasBlock(const std::vector<InputBinding>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [](const InputBinding& input) {
    return input.value_json.find(kBlockBegin) != std::string::npos;
  });
}

}  // namespace

bool Subscription::NeedsEvaluation() const {
  return HasBlock(include_inputs) ||
         std::any_of(entries.begin(), entries.end(),
                     [](const Entry& e) { return e.rules.has_value() || HasBlock(e.inputs); });
}

}  // namespace cievents::matcher
