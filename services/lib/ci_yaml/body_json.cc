// A value of a body is an array: a letter for its kind, line, column, then its text, its items, or
// its keys and values in turn. No objects below the first level, as a database may move their keys.
#include <simdjson.h>

#include "services/lib/base/json_writer.h"
#include "services/lib/ci_yaml/body.h"
#include "services/lib/ci_yaml/json_reading.h"

namespace cievents::ci_yaml {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kDepthMax = 128;  // twice what YAML may nest

std::string_view LetterOf(BodyValue::Kind kind) {
  switch (kind) {
    case BodyValue::Kind::kNull:
      return "n";
    case BodyValue::Kind::kText:
      return "t";
    case BodyValue::Kind::kList:
      return "l";
    case BodyValue::Kind::kMap:
      return "m";
    case BodyValue::Kind::kReference:
      break;
  }
  return "r";
}

void WriteValue(const BodyValue& value, JsonWriter* writer) {
  writer->BeginArray();
  writer->String(LetterOf(value.kind));
  writer->Int(value.position.line);
  writer->Int(value.position.column);
  if (value.kind == BodyValue::Kind::kText) writer->String(value.text);
  for (const BodyValue& item : value.items) WriteValue(item, writer);
  for (const auto& [key, item] : value.map) {
    writer->String(key);
    WriteValue(item, writer);
  }
  writer->EndArray();
}

BodyValue::Kind ReadKind(ondemand::value value) {
  using Kind = BodyValue::Kind;
  const std::string letter = ReadString(value);
  for (const Kind kind : {Kind::kNull, Kind::kText, Kind::kList, Kind::kMap, Kind::kReference}) {
    if (letter == LetterOf(kind)) return kind;
  }
  throw Malformed("a value of an unknown kind: " + letter);
}

BodyValue ReadValue(ondemand::value json, int depth);

// The element of a value's array that comes after `index` others.
void ReadElement(size_t index, ondemand::value element, int depth, BodyValue* value) {
  if (index == 0) {
    value->kind = ReadKind(element);
  } else if (index == 1) {
    value->position.line = ReadInt(element);
  } else if (index == 2) {
    value->position.column = ReadInt(element);
  } else if (value->kind == BodyValue::Kind::kText && index == 3) {
    value->text = ReadString(element);
  } else if (value->kind == BodyValue::Kind::kList || value->kind == BodyValue::Kind::kReference) {
    value->items.push_back(ReadValue(element, depth + 1));
  } else if (value->kind == BodyValue::Kind::kMap && index % 2 == 1) {
    value->map.emplace_back(ReadString(element), BodyValue());
  } else if (value->kind == BodyValue::Kind::kMap) {
    value->map.back().second = ReadValue(element, depth + 1);
  } else {
    throw Malformed("a value with too many elements");
  }
}

BodyValue ReadValue(ondemand::value json, int depth) {
  if (depth > kDepthMax) throw Malformed("nested too deeply");
  BodyValue value;
  size_t count = 0;
  for (auto element : json.get_array()) ReadElement(count++, element.value(), depth, &value);
  const bool is_text = value.kind == BodyValue::Kind::kText;
  if (count < (is_text ? 4u : 3u)) throw Malformed("a value with too few elements");
  if (value.kind == BodyValue::Kind::kMap && count % 2 == 0) throw Malformed("a key has no value");
  return value;
}

Body ReadBody(ondemand::object object) {
  Body body;
  bool has_root = false;
  ReadObject(object, [&](std::string_view key, ondemand::value& value) {
    if (key == "root") {
      body.root = ReadValue(value, 0);
      has_root = true;
    } else if (key == "is_complete") {
      body.is_complete = value.get_bool();
    } else {
      throw Malformed("an unknown key of a body: " + std::string(key));
    }
  });
  if (!has_root || body.root.kind != BodyValue::Kind::kMap) throw Malformed("no map of jobs");
  return body;
}

}  // namespace

std::string BodyToJson(const Body& body) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Key("is_complete");
  writer.Bool(body.is_complete);
  writer.Key("root");
  WriteValue(body.root, &writer);
  writer.EndObject();
  return writer.Take();
}

absl::StatusOr<Body> BodyFromJson(std::string_view json) {
  return ReadDocument<Body>(json, "the body of a cached file", [](ondemand::document& document) {
    return ReadBody(document.get_object());
  });
}

}  // namespace cievents::ci_yaml
