// A condition and an event, for the tests of this folder.
#ifndef MATCHER_CONDITION_TEST_CONDITION_H_
#define MATCHER_CONDITION_TEST_CONDITION_H_

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/condition/condition.h"
#include "matcher/event/event_fields.h"
#include "matcher/event/event_view.h"

namespace cievents::matcher {

using Variables = std::map<std::string, std::string, std::less<>>;

inline void PrintTo(Verdict verdict, std::ostream* out) {
  static constexpr std::string_view kNames[] = {"false", "true", "undecided", "failed"};
  *out << kNames[static_cast<int>(verdict)];
}

// Inputs with scalar values.
class MapInputs : public InputSource {
 public:
  std::map<std::string, Value, std::less<>> values;

  void SetText(std::string_view name, std::string_view text) {
    values[std::string(name)] = TextValue(text);
  }
  static Value TextValue(std::string_view text) {
    Value value;
    value.kind = Value::Kind::kText;
    value.text = text;
    return value;
  }
  static Value BooleanValue(bool boolean) {
    Value value;
    value.kind = Value::Kind::kBoolean;
    value.boolean = boolean;
    return value;
  }
  Value GetInput(std::string_view name) override {
    const auto found = values.find(name);
    return found == values.end() ? Value() : found->second;
  }
};

// An event with this payload; `names` and the rest are made up. Keeps what the fields view.
class TestEvent {
 public:
  explicit TestEvent(std::string_view payload) : payload_(payload) {
    view_.names = names_;
    view_.project_id = 42;
    view_.id = "e-1";
    view_.actor_username = "ada";
    view_.actor_access_level = 40;
    view_.payload = payload_;
    fields_.Reset(view_);
  }
  TestEvent(const TestEvent&) = delete;
  TestEvent& operator=(const TestEvent&) = delete;

  EventFields& fields() { return fields_; }

 private:
  const std::string payload_;
  const std::vector<std::string> names_ = {"merge_request/opened", "merge_request/all"};
  EventView view_;
  EventFields fields_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_CONDITION_TEST_CONDITION_H_
