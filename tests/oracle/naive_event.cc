#include "tests/oracle/naive_event.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/oracle/naive_json.h"

namespace cievents::oracle {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

NaiveValue FromJson(const NaiveJson& json) {
  switch (json.kind) {
    case NaiveJson::Kind::kBoolean:
      return NaiveValue::Boolean(json.boolean);
    case NaiveJson::Kind::kString:
      return NaiveValue::Text(json.text);
    case NaiveJson::Kind::kNull:
      return NaiveValue();
    default:
      return NaiveValue::Bare(json.compact);
  }
}

NaiveValue FromLookup(const NaiveLookup& lookup) {
  if (lookup.failed) return NaiveValue::Failed();
  std::vector<NaiveValue> values;
  for (const NaiveJson& json : lookup.values) values.push_back(FromJson(json));
  if (lookup.is_list) return NaiveValue::List(values);
  return values.empty() ? NaiveValue() : values[0];
}

NaiveValue TextUnlessEmpty(const std::string& text) {
  return text.empty() ? NaiveValue() : NaiveValue::Text(text);
}

NaiveValue NumberUnlessZero(int64_t number) {
  return number == 0 ? NaiveValue() : NaiveValue::Bare(std::to_string(number));
}

// 2026-01-02T03:04:05.678Z
NaiveValue Time(int64_t time_ms) {
  if (time_ms == 0) return NaiveValue();
  const std::time_t seconds = time_ms / 1000;
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[64];
  const size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + size, sizeof(text) - size, ".%03dZ", static_cast<int>(time_ms % 1000));
  return NaiveValue::Text(text);
}

}  // namespace

NaiveValue NaiveValue::Literal(bool value) {
  NaiveValue result;
  result.kind = Kind::kLiteral;
  result.boolean = value;
  return result;
}

NaiveValue NaiveValue::Boolean(bool value) {
  NaiveValue result = Literal(value);
  result.kind = Kind::kBoolean;
  return result;
}

NaiveValue NaiveValue::Text(std::string value) {
  NaiveValue result;
  result.kind = Kind::kText;
  result.text = std::move(value);
  return result;
}

NaiveValue NaiveValue::Bare(std::string value) {
  NaiveValue result;
  result.kind = Kind::kText;
  result.bare = true;
  result.text = std::move(value);
  return result;
}

NaiveValue NaiveValue::List(const std::vector<NaiveValue>& list) {
  NaiveValue result;
  if (list.empty()) return result;
  result.kind = Kind::kList;
  result.list = list;
  return result;
}

std::string NaiveValue::Json() const {
  switch (kind) {
    case Kind::kText:
      return bare ? text : QuoteJson(text);
    case Kind::kLiteral:
    case Kind::kBoolean:
      return boolean ? "true" : "false";
    case Kind::kList: {
      std::string json;
      for (const NaiveValue& element : list) json += (json.empty() ? "[" : ",") + element.Json();
      return json + "]";
    }
    default:
      return "null";
  }
}

NaiveValue NaiveValue::Failed() {
  NaiveValue result;
  result.kind = Kind::kFailed;
  return result;
}

NaiveReading::NaiveReading(const NaiveEvent& event) : event_(event) {
  for (const std::string& name : event.names) name_segments_.push_back(Split(name, '/'));
}

const NaiveValue& NaiveReading::Get(const std::string& path, size_t name) {
  if (path == "event.name" || path == "gitlab.event.name") {
    name_ = NaiveValue::Text(event_.names[name]);
    return name_;
  }
  const auto found = known_.find(path);
  if (found != known_.end()) return found->second;
  return known_[path] = Read(path);
}

NaiveValue NaiveReading::Read(const std::string& path) {
  std::vector<std::string> keys = Split(path, '.');
  if (keys[0] == "gitlab") keys.erase(keys.begin());
  keys.erase(keys.begin());  // `event`
  if (keys.size() == 1) {
    const std::string& field = keys[0];
    if (field == "names") {
      std::vector<NaiveValue> names;
      for (const std::string& name : event_.names) names.push_back(NaiveValue::Text(name));
      return NaiveValue::List(names);
    }
    if (field == "id") return TextUnlessEmpty(event_.id);
    if (field == "source") return TextUnlessEmpty(event_.source);
    if (field == "type") return TextUnlessEmpty(event_.type);
    if (field == "subject") return TextUnlessEmpty(event_.subject);
    if (field == "time") return Time(event_.time_ms);
    if (field == "project_id") return NumberUnlessZero(event_.project_id);
    if (field == "replay") return NaiveValue::Boolean(event_.replayed);
  }
  if (keys.size() == 2 && keys[0] == "actor") {
    if (keys[1] == "id") return NumberUnlessZero(event_.actor_user_id);
    if (keys[1] == "username") return TextUnlessEmpty(event_.actor_username);
    if (keys[1] == "bot") return NaiveValue::Boolean(event_.actor_bot);
    if (keys[1] == "access_level") {
      return event_.actor_access_level.has_value()
                 ? NaiveValue::Bare(std::to_string(*event_.actor_access_level))
                 : NaiveValue();
    }
  }
  return ReadPayload(keys);
}

// "`event.K` for any other K is `event.payload.K`, and where the payload has no such key and K is
// the event's own subject (`event.issue`), `event.payload.object_attributes`."
NaiveValue NaiveReading::ReadPayload(const std::vector<std::string>& keys) {
  if (keys[0] == "payload") {
    return FromLookup(FindInPayload(event_.payload, {keys.begin() + 1, keys.end()}));
  }
  const NaiveLookup direct = FindInPayload(event_.payload, keys);
  if (direct.failed || direct.has_first_key) return FromLookup(direct);
  for (const std::string& name : event_.names) {
    if (Split(name, '/')[0] != keys[0]) continue;
    std::vector<std::string> subject_keys = keys;
    subject_keys[0] = "object_attributes";
    return FromLookup(FindInPayload(event_.payload, subject_keys));
  }
  return FromLookup(direct);
}

}  // namespace cievents::oracle
