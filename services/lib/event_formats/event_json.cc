#include "services/lib/event_formats/event_json.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "matcher/base/status.h"
#include "services/lib/base/nearest.h"
#include "services/lib/event_formats/json_error.h"
#include "services/lib/event_formats/rfc3339.h"
#include "simdjson.h"

namespace cievents {
namespace {

using simdjson::dom::element;

constexpr size_t kListMax = 1000;  // ValidateEvent has the real limits; this one bounds the work

struct Field {
  std::string_view name;
  std::function<absl::Status(std::string_view field, element value)> read;
};

absl::Status WrongType(std::string_view field, std::string_view expected) {
  return Error(absl::StatusCode::kInvalidArgument, "{}: must be {}", field, expected);
}

Field TextField(std::string_view name, std::string* out) {
  return {name, [out](std::string_view field, element value) {
            std::string_view text;
            if (value.get_string().get(text) != simdjson::SUCCESS) {
              return WrongType(field, "a text");
            }
            *out = std::string(text);
            return absl::OkStatus();
          }};
}

Field IntegerField(std::string_view name, int64_t* out) {
  return {name, [out](std::string_view field, element value) {
            if (!value.is_int64() || value.get_int64().get(*out) != simdjson::SUCCESS) {
              return WrongType(field, "an integer");
            }
            return absl::OkStatus();
          }};
}

Field BoolField(std::string_view name, bool* out) {
  return {name, [out](std::string_view field, element value) {
            if (value.get_bool().get(*out) != simdjson::SUCCESS) {
              return WrongType(field, "true or false");
            }
            return absl::OkStatus();
          }};
}

// Reads each key of `value` by its field. `parent` stands before the names in messages: "actor.".
absl::Status ReadObject(element value, std::string_view parent, const std::vector<Field>& fields) {
  simdjson::dom::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) {
    return parent.empty()
               ? Error(absl::StatusCode::kInvalidArgument, "the event is not a JSON object")
               : WrongType(parent.substr(0, parent.size() - 1), "an object");
  }
  std::vector<bool> seen(fields.size(), false);
  for (const simdjson::dom::key_value_pair item : object) {
    size_t found = 0;
    while (found < fields.size() && fields[found].name != item.key) ++found;
    if (found == fields.size()) {
      std::vector<std::string> names;
      for (const Field& field : fields) names.emplace_back(field.name);
      const std::vector<std::string> nearest = NearestTexts(item.key, names, 1);
      const std::string advice = nearest.empty()
                                     ? fmt::format("; known: {}", fmt::join(names, ", "))
                                     : fmt::format("; did you mean \"{}{}\"?", parent, nearest[0]);
      return Error(absl::StatusCode::kInvalidArgument, "unknown field \"{}{}\"{}", parent,
                   ShownText(item.key), advice);
    }
    const std::string name = fmt::format("{}{}", parent, fields[found].name);
    if (seen[found]) {
      return Error(absl::StatusCode::kInvalidArgument, "{}: is given twice", name);
    }
    seen[found] = true;
    if (item.value.is_null() && name != "data" && name != "payload") continue;
    CIEVENTS_RETURN_IF_ERROR(fields[found].read(name, item.value));
  }
  return absl::OkStatus();
}

absl::Status ReadArray(std::string_view field, element value, std::string_view expected,
                       const std::function<bool(element)>& add) {
  simdjson::dom::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return WrongType(field, expected);
  if (array.size() > kListMax) {
    return Error(absl::StatusCode::kInvalidArgument, "{}: {} items; at most {} are read", field,
                 array.size(), kListMax);
  }
  for (const element item : array) {
    if (!add(item)) return WrongType(field, expected);
  }
  return absl::OkStatus();
}

absl::Status ReadNames(std::string_view field, element value, std::vector<std::string>* names) {
  const auto add = [names](element item) {
    std::string_view text;
    if (item.get_string().get(text) != simdjson::SUCCESS) return false;
    names->emplace_back(text);
    return true;
  };
  if (value.is_string() && add(value)) return absl::OkStatus();
  return ReadArray(field, value, "a list of texts", add);
}

absl::Status ReadNamespaceIds(std::string_view field, element value, std::vector<int64_t>* ids) {
  return ReadArray(field, value, "a list of integers", [ids](element item) {
    int64_t id = 0;
    if (!item.is_int64() || item.get_int64().get(id) != simdjson::SUCCESS) return false;
    ids->push_back(id);
    return true;
  });
}

absl::Status ReadTime(std::string_view field, element value, int64_t* time_ms) {
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    auto parsed = ParseRfc3339(text);
    if (!parsed.ok()) {
      const absl::string_view message = parsed.status().message();
      return Error(absl::StatusCode::kInvalidArgument, "{}: {}", field,
                   std::string_view(message.data(), message.size()));
    }
    *time_ms = *parsed;
    return absl::OkStatus();
  }
  if (value.is_int64() && value.get_int64().get(*time_ms) == simdjson::SUCCESS) {
    return absl::OkStatus();
  }
  return WrongType(field, "an RFC 3339 text or Unix milliseconds");
}

absl::Status ReadAccessLevel(std::string_view field, element value, Actor* actor) {
  int64_t level = 0;
  if (!value.is_int64() || value.get_int64().get(level) != simdjson::SUCCESS ||
      level < std::numeric_limits<int32_t>::min() || level > std::numeric_limits<int32_t>::max()) {
    return WrongType(field, "an integer such as 30 (developer)");
  }
  actor->access_level = static_cast<int32_t>(level);
  return absl::OkStatus();
}

absl::Status ReadActor(element value, Actor* actor) {
  return ReadObject(
      value, "actor.",
      {IntegerField("user_id", &actor->user_id),
       TextField("username", &actor->username),
       {"access_level", [actor](std::string_view field,
                                element level) { return ReadAccessLevel(field, level, actor); }},
       BoolField("bot", &actor->bot)});
}

absl::Status ReadCause(element value, Cause* cause) {
  return ReadObject(value, "cause.",
                    {TextField("request_id", &cause->request_id),
                     IntegerField("pipeline_id", &cause->pipeline_id)});
}

// The text of the top-level field as it is written: a number keeps its digits, an object its
// spaces. REQUIRES: `json` parses, and is an object.
std::string RawField(const simdjson::padded_string& json, std::string_view name) {
  namespace ondemand = simdjson::ondemand;
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object root;
  if (parser.iterate(json).get(document) != simdjson::SUCCESS) return "";
  if (document.get_object().get(root) != simdjson::SUCCESS) return "";
  for (auto field : root) {
    std::string_view key;
    ondemand::value value;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS || key != name) continue;
    if (field.value().get(value) != simdjson::SUCCESS) return "";
    ondemand::json_type type;
    if (value.type().get(type) != simdjson::SUCCESS) return "";
    std::string_view raw;
    simdjson::error_code error = simdjson::SUCCESS;
    if (type == ondemand::json_type::object) {
      ondemand::object object;
      error = value.get_object().get(object);
      if (error == simdjson::SUCCESS) error = object.raw_json().get(raw);
    } else if (type == ondemand::json_type::array) {
      ondemand::array array;
      error = value.get_array().get(array);
      if (error == simdjson::SUCCESS) error = array.raw_json().get(raw);
    } else {
      raw = value.raw_json_token();
    }
    if (error != simdjson::SUCCESS) return "";
    const size_t end = raw.find_last_not_of(" \t\r\n");
    return std::string(raw.substr(0, end == std::string_view::npos ? 0 : end + 1));
  }
  return "";
}

absl::Status ReadEvent(element root, const simdjson::padded_string& json, Event* event) {
  std::string_view data_field;
  const auto read_data = [&data_field](std::string_view field, element) {
    if (!data_field.empty()) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "data and payload are two spellings of one field: give one of them");
    }
    data_field = field == "data" ? "data" : "payload";
    return absl::OkStatus();
  };
  CIEVENTS_RETURN_IF_ERROR(ReadObject(
      root, "",
      {TextField("id", &event->id),
       TextField("source", &event->source),
       {"names", [=](std::string_view f, element v) { return ReadNames(f, v, &event->names); }},
       IntegerField("project_id", &event->project_id),
       {"namespace_ids", [=](std::string_view f,
                             element v) { return ReadNamespaceIds(f, v, &event->namespace_ids); }},
       IntegerField("organization_id", &event->organization_id),
       {"time", [=](std::string_view f, element v) { return ReadTime(f, v, &event->time_ms); }},
       {"actor", [=](std::string_view, element v) { return ReadActor(v, &event->actor); }},
       BoolField("confidential", &event->confidential),
       {"cause", [=](std::string_view, element v) { return ReadCause(v, &event->cause); }},
       TextField("subject", &event->subject),
       TextField("data_schema", &event->data_schema),
       {"data", read_data},
       {"payload", read_data},
       TextField("traceparent", &event->traceparent),
       TextField("correlation_id", &event->correlation_id)}));
  if (!data_field.empty()) event->data = RawField(json, data_field);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Event> EventFromJson(std::string_view json) {
  if (json.size() > kEventJsonBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "the event has {} bytes; at most {} are allowed", json.size(), kEventJsonBytesMax);
  }
  const simdjson::padded_string padded(json);
  simdjson::dom::parser parser;
  element root;
  const simdjson::error_code error = parser.parse(padded).get(root);
  if (error != simdjson::SUCCESS) {
    return NotJsonError("the event", json, simdjson::error_message(error));
  }
  Event event;
  CIEVENTS_RETURN_IF_ERROR(ReadEvent(root, padded, &event));
  return event;
}

}  // namespace cievents
