// Any bytes as a condition, evaluated on any bytes as a payload: the first line is the condition,
// the rest the payload. Seeds: tests/fuzz/condition/.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/check.h"
#include "matcher/condition/condition.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_view.h"

namespace cievents::matcher {
namespace {

// Whether a term may hold; a regex always may.
bool MayHold(const AccessTerm& term, const Value& value) {
  const auto text_may_hold = [&](std::string_view text) {
    return term.kind == AccessTerm::Kind::kRegex ||
           (term.kind == AccessTerm::Kind::kEquals ? text == term.literal
                                                   : text.starts_with(term.literal));
  };
  switch (value.kind) {
    case Value::Kind::kNull:
      return false;
    case Value::Kind::kBoolean:
      return text_may_hold(value.boolean ? "true" : "false");
    case Value::Kind::kText:
      return text_may_hold(value.text);
    case Value::Kind::kList:
      for (const Value& element : value.list) {
        if (MayHold(term, element)) return true;
      }
      return false;
    case Value::Kind::kFailed:
      return true;
  }
  return true;
}

bool IsCandidate(const Condition& condition, EventFields& fields) {
  for (const AccessGroup& group : condition.access()) {
    bool any = false;
    for (const AccessTerm& term : group) any = any || MayHold(term, fields.Get(*term.path));
    if (!any) return false;
  }
  return true;
}

void CheckError(const ConditionError& error, std::string_view text) {
  CIEVENTS_CHECK(!error.message.empty());
  CIEVENTS_CHECK(error.column >= 1 && error.column <= static_cast<int>(text.size()) + 1);
}

void CheckEvaluation(const Condition& condition, EventFields& fields) {
  const std::map<std::string, std::string, std::less<>> none;
  const Verdict open = condition.Evaluate({&fields, nullptr, nullptr});
  const Verdict closed = condition.Evaluate({&fields, nullptr, &none});
  if ((open == Verdict::kTrue || open == Verdict::kFalse) && condition.inputs().empty()) {
    CIEVENTS_CHECK(open == closed);
    const ClosedWorldResult result = EvaluateClosedWorld(condition, {&fields, nullptr, &none});
    CIEVENTS_CHECK(result.failure.empty());
    CIEVENTS_CHECK(result.truthful == (closed == Verdict::kTrue));
  }
  if (!condition.has_variables() && condition.inputs().empty()) {
    CIEVENTS_CHECK(open != Verdict::kUndecided);
  }
  if (!IsCandidate(condition, fields)) {
    CIEVENTS_CHECK(open == Verdict::kFalse || open == Verdict::kFailed);
  }
  // What nobody knows decides nothing that what is known does not decide too.
  const Verdict blind = condition.Evaluate(EvaluationContext());
  if ((blind == Verdict::kTrue || blind == Verdict::kFalse) && open != Verdict::kFailed) {
    CIEVENTS_CHECK(open == blind);
  }
  for (const EvaluatedOperand& operand : condition.EvaluateOperands({&fields, nullptr, nullptr})) {
    CIEVENTS_CHECK(!operand.value.empty());
  }
}

void Run(std::string_view input) {
  const size_t line_end = input.find('\n');
  const std::string_view text = input.substr(0, line_end);
  const std::string payload(line_end == std::string_view::npos ? std::string_view()
                                                               : input.substr(line_end + 1));
  const std::vector<std::string> names = {"merge_request/opened", "merge_request/all"};
  EventView view;
  view.names = names;
  view.payload = payload;
  EventFields fields;
  fields.Reset(view);
  ConditionTables tables;
  for (const ConditionPlace place : {ConditionPlace::kEntryRule, ConditionPlace::kHoistedRule}) {
    ConditionError error;
    const auto condition = Condition::Parse(text, place, tables, &error);
    if (condition == nullptr) {
      CheckError(error, text);
    } else {
      CheckEvaluation(*condition, fields);
    }
  }
}

}  // namespace
}  // namespace cievents::matcher

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cievents::matcher::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
