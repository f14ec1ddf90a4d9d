// Fuzzes inputs: whatever is declared, given and carried, compiling and resolving end, what comes
// out is JSON, and the same comes out twice.
//
// The bytes: `spec: inputs`, the include's value, the entry's value, the payload, a line each; the
// rest is the payload.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/check.h"
#include "matcher/inputs/input_plan.h"
#include "matcher/inputs/json_text.h"

namespace cievents::matcher {
namespace {

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return line;
}

// Reads every byte of a value, so that a view to nowhere is noticed.
size_t Touch(const Value& value) {
  size_t sum = static_cast<size_t>(value.kind);
  for (const char c : value.text) sum += static_cast<unsigned char>(c);
  for (const Value& item : value.list) sum += Touch(item);
  return sum;
}

void CompileAndResolve(std::string_view rest) {
  const std::string_view spec = TakeLine(&rest);
  const std::vector<InputBinding> include = {{"a", std::string(TakeLine(&rest)), {}}};
  const std::vector<InputBinding> entry = {{"a", "\"$[[ event.a ]]\"", {}},
                                           {"b", std::string(TakeLine(&rest)), {}}};
  EventPathTable paths;
  const auto plan = InputPlan::Compile(include, entry, spec, paths);
  if (!plan.ok()) return;

  const std::vector<std::string> names = {"issue/opened"};
  EventView view;
  view.names = names;
  view.payload = rest;
  EventFields event;
  event.Reset(view);
  std::string json;
  std::string reason;
  const bool resolved = (*plan)->Resolve(event, &json, &reason);
  CIEVENTS_CHECK(resolved == reason.empty());
  // An object of the event is taken as deep as it is; only what we can read must be ours to read.
  const bool shallow = rest.size() < static_cast<size_t>(kJsonDepthMax) / 2;
  CIEVENTS_CHECK(!shallow || ParseJson(json).ok());

  size_t touched = 0;
  std::string scratch;
  for (const std::string_view name : {"a", "b", "c"}) {
    touched += Touch((*plan)->GetInput(name, event, &scratch));
  }
  event.Reset(view);
  std::string again;
  std::string reason_again;
  CIEVENTS_CHECK((*plan)->Resolve(event, &again, &reason_again) == resolved);
  CIEVENTS_CHECK(again == json && reason_again == reason);
  size_t touched_again = 0;
  for (const std::string_view name : {"a", "b", "c"}) {
    touched_again += Touch((*plan)->GetInput(name, event, &scratch));
  }
  CIEVENTS_CHECK(touched == touched_again);
}

}  // namespace
}  // namespace cievents::matcher

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cievents::matcher::CompileAndResolve({reinterpret_cast<const char*>(data), size});
  return 0;
}
