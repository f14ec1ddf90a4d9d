#include "matcher/inputs/input_value.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "matcher/base/check.h"
#include "matcher/base/json_escape.h"

namespace cievents::matcher {
namespace {

// A value without quotes is an object or a number; an array only if whoever gives the values does
// not flatten.
InputValue::Kind KindOfBareJson(std::string_view json) {
  if (json.starts_with('{')) return InputValue::Kind::kObject;
  if (json.starts_with('[')) return InputValue::Kind::kArray;
  return InputValue::Kind::kNumber;
}

bool EndsScalar(char c) { return c == ',' || c == ']' || c == '}'; }

// The end of the value that begins at `at` in compact JSON.
size_t EndOfValue(std::string_view json, size_t at) {
  int depth = 0;
  bool in_string = false;
  for (; at < json.size(); ++at) {
    const char c = json[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      if (c == '"' && depth == 0) return at + 1;
    } else if (depth == 0 && EndsScalar(c)) {
      return at;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return json.size();
}

void AddElement(std::string_view json, ValueList* list) {
  Value value;
  value.kind = Value::Kind::kText;
  if (json == "null") return;
  if (json == "true" || json == "false") {
    value.kind = Value::Kind::kBoolean;
    value.boolean = json == "true";
  } else if (json.starts_with('"')) {
    const auto node = ParseJson(json);
    if (!node.ok()) return;
    value.text = list->texts.emplace_front(node->text);
  } else {
    // An object is its own text, as in the event that it came from: not spelled anew.
    value.bare_json = true;
    value.text = list->texts.emplace_front(json);
  }
  list->values.push_back(value);
}

// Puts the values and their texts into the bytes of `scratch`: first as much as aligns, then the
// values, then the texts.
Value CopyTo(const ValueList& list, std::string* scratch) {
  static_assert(std::is_trivially_copyable_v<Value> && std::is_trivially_destructible_v<Value>);
  if (list.values.empty()) return {};
  const size_t values_bytes = list.values.size() * sizeof(Value);
  size_t texts_bytes = 0;
  for (const std::string& text : list.texts) texts_bytes += text.size();
  scratch->assign(alignof(Value) + values_bytes + texts_bytes, '\0');
  void* place = scratch->data();
  size_t space = scratch->size();
  std::align(alignof(Value), values_bytes, place, space);
  char* text_place = static_cast<char*>(place) + values_bytes;
  Value* const first = static_cast<Value*>(place);
  for (size_t i = 0; i < list.values.size(); ++i) {
    Value* const copy = new (first + i) Value(list.values[i]);
    copy->text.copy(text_place, copy->text.size());
    copy->text = std::string_view(text_place, copy->text.size());
    text_place += copy->text.size();
  }
  Value result;
  result.kind = Value::Kind::kList;
  result.list = std::span<const Value>(first, list.values.size());
  return result;
}

}  // namespace

InputValue InputValue::Of(const JsonNode& node) {
  InputValue value;
  value.kind = node.kind;
  value.boolean = node.boolean;
  if (node.kind == Kind::kArray || node.kind == Kind::kObject) {
    matcher::AppendJson(node, &value.text);
  } else {
    value.text = node.text;
  }
  return value;
}

InputValue InputValue::Of(const Value& value) {
  InputValue result;
  switch (value.kind) {
    case Value::Kind::kNull:
    case Value::Kind::kFailed:
      break;
    case Value::Kind::kBoolean:
      result.kind = Kind::kBoolean;
      result.boolean = value.boolean;
      break;
    case Value::Kind::kText:
      result.kind = value.bare_json ? KindOfBareJson(value.text) : Kind::kString;
      result.text = value.text;
      break;
    case Value::Kind::kList:
      result.kind = Kind::kArray;
      AppendJsonOf(value, &result.text);
      break;
  }
  return result;
}

InputValue InputValue::OfText(std::string text) {
  InputValue value;
  value.kind = Kind::kString;
  value.text = std::move(text);
  return value;
}

std::string_view InputValue::AsText() const {
  if (kind == Kind::kBoolean) return boolean ? "true" : "false";
  return text;
}

void InputValue::AppendJson(std::string* out) const {
  if (kind == Kind::kNull) {
    out->append("null");
  } else if (kind == Kind::kString) {
    AppendJsonString(text, out);
  } else {
    AppendRawJson(AsText(), out);
  }
}

void AppendJsonOf(const Value& value, std::string* out) {
  char separator = '[';
  switch (value.kind) {
    case Value::Kind::kNull:
    case Value::Kind::kFailed:
      out->append("null");
      return;
    case Value::Kind::kBoolean:
      out->append(value.boolean ? "true" : "false");
      return;
    case Value::Kind::kText:
      if (value.bare_json) {
        AppendRawJson(value.text, out);
      } else {
        AppendJsonString(value.text, out);
      }
      return;
    case Value::Kind::kList:
      for (const Value& item : value.list) {
        out->push_back(std::exchange(separator, ','));
        AppendJsonOf(item, out);
      }
      out->append(value.list.empty() ? "[]" : "]");
      return;
  }
}

void AppendTextOf(const Value& value, std::string* out) {
  if (value.kind == Value::Kind::kText) {
    out->append(value.text);
  } else if (value.kind != Value::Kind::kNull) {
    AppendJsonOf(value, out);
  }
}

void ValueList::AddArray(std::string_view json) {
  for (size_t at = 0; at < json.size();) {
    if (json[at] == '[' || json[at] == ']' || json[at] == ',') {
      ++at;
      continue;
    }
    const size_t end = std::max(EndOfValue(json, at), at + 1);
    AddElement(json.substr(at, end - at), this);
    at = end;
  }
}

Value ViewOf(const InputValue& value) {
  CIEVENTS_CHECK(value.kind != InputValue::Kind::kArray);
  Value view;
  switch (value.kind) {
    case InputValue::Kind::kNull:
    case InputValue::Kind::kArray:
      break;
    case InputValue::Kind::kBoolean:
      view.kind = Value::Kind::kBoolean;
      view.boolean = value.boolean;
      break;
    case InputValue::Kind::kNumber:
    case InputValue::Kind::kString:
    case InputValue::Kind::kObject:
      view.kind = Value::Kind::kText;
      view.bare_json = value.kind != InputValue::Kind::kString;
      view.text = value.text;
      break;
  }
  return view;
}

Value ToValue(InputValue&& value, std::string* scratch) {
  if (value.kind == InputValue::Kind::kArray) {
    ValueList list;
    list.AddArray(value.text);
    return CopyTo(list, scratch);
  }
  Value view = ViewOf(value);
  *scratch = std::move(value.text);
  if (view.kind == Value::Kind::kText) view.text = *scratch;
  return view;
}

}  // namespace cievents::matcher
