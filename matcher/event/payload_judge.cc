#include "matcher/event/payload_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace cievents::matcher {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

bool RepeatsKey(element value) {
  if (value.type() == element_type::ARRAY) {
    for (element part : simdjson::dom::array(value)) {
      if (RepeatsKey(part)) return true;
    }
  }
  if (value.type() == element_type::OBJECT) {
    std::set<std::string_view> keys;
    for (simdjson::dom::key_value_pair member : simdjson::dom::object(value)) {
      if (!keys.insert(member.key).second || RepeatsKey(member.value)) return true;
    }
  }
  return false;
}

bool IsIndex(const std::string& key) {
  return key == "0" || (key[0] != '0' && std::all_of(key.begin(), key.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; }));
}

std::string Minified(element value) { return simdjson::to_string(value); }

}  // namespace

std::string Describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kBoolean:
      return value.boolean ? "true" : "false";
    case Value::Kind::kText:
      return fmt::format("{}<{}>", value.bare_json ? "bare" : "text", value.text);
    case Value::Kind::kFailed:
      return fmt::format("failed({})", value.text);
    case Value::Kind::kList:
      break;
  }
  std::string text = "[";
  for (const Value& part : value.list) text += Describe(part) + ";";
  return text + "]";
}

bool PayloadJudge::Load(std::string_view payload) {
  // simdjson drops a byte order mark, which JSON does not allow.
  if (payload.substr(0, 3) == "\xEF\xBB\xBF") return false;
  const simdjson::padded_string padded(payload);
  return parser_.parse(padded).get(root_) == simdjson::SUCCESS && !RepeatsKey(root_);
}

void PayloadJudge::Collect(element at, size_t key, const std::vector<std::string>& keys,
                           Found* found) const {
  element next;
  if (at.type() == element_type::ARRAY) {
    const simdjson::dom::array array(at);
    if (key < keys.size() && IsIndex(keys[key])) {
      if (keys[key].size() > 9) return;
      if (array.at(std::stoul(keys[key])).get(next) == simdjson::SUCCESS) {
        Collect(next, key + 1, keys, found);
      }
      return;
    }
    found->is_list = true;
    for (element part : array) Collect(part, key, keys, found);
    return;
  }
  if (key == keys.size()) {
    if (!at.is_null()) found->elements.push_back(at);
    return;
  }
  if (at.type() == element_type::OBJECT && at.at_key(keys[key]).get(next) == simdjson::SUCCESS) {
    Collect(next, key + 1, keys, found);
  }
}

std::string PayloadJudge::JudgeOne(element expected, const Value& value) {
  const std::string wrong = fmt::format("expected {}, not {}", Minified(expected), Describe(value));
  if (expected.type() == element_type::BOOL) {
    return value.kind == Value::Kind::kBoolean && value.boolean == bool(expected) ? "" : wrong;
  }
  if (value.kind != Value::Kind::kText) return wrong;
  if (expected.type() == element_type::STRING) {
    return !value.bare_json && value.text == std::string_view(expected) ? "" : wrong;
  }
  if (!value.bare_json) return wrong;
  element read;
  const simdjson::padded_string text(value.text);
  if (value_parser_.parse(text).get(read) != simdjson::SUCCESS) return wrong;
  if (Minified(read) != Minified(expected)) return wrong;
  // White space may only stand inside of strings.
  std::string compact(value.text.size(), ' ');
  size_t size = 0;
  if (simdjson::minify(value.text.data(), value.text.size(), compact.data(), size) !=
      simdjson::SUCCESS) {
    return wrong;
  }
  return size == value.text.size() ? "" : fmt::format("not compact: {}", value.text);
}

std::string PayloadJudge::Judge(const EventPath& path, const Value& value) {
  Found found;
  Collect(root_, 0, path.keys, &found);
  const std::string place = fmt::format("{} of {}: ", path.text, Minified(root_));
  if (found.elements.empty()) {
    return value.kind == Value::Kind::kNull ? "" : place + "expected null, not " + Describe(value);
  }
  if (!found.is_list) {
    const std::string wrong = JudgeOne(found.elements[0], value);
    return wrong.empty() ? "" : place + wrong;
  }
  if (value.kind != Value::Kind::kList || value.list.size() != found.elements.size()) {
    return fmt::format("{}expected {} elements, not {}", place, found.elements.size(),
                       Describe(value));
  }
  for (size_t i = 0; i < found.elements.size(); ++i) {
    const std::string wrong = JudgeOne(found.elements[i], value.list[i]);
    if (!wrong.empty()) return fmt::format("{}element {}: {}", place, i, wrong);
  }
  return "";
}

}  // namespace cievents::matcher
