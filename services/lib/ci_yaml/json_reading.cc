#include "services/lib/ci_yaml/json_reading.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "services/lib/base/json_writer.h"

namespace cievents::ci_yaml {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kDepthMax = 128;  // twice what YAML may nest

std::string CanonicalTextAt(ondemand::value value, int depth) {
  if (depth > kDepthMax) throw Malformed("nested too deeply");
  std::string text;
  switch (value.type().value()) {
    case ondemand::json_type::object: {
      std::map<std::string, std::string> items;
      for (auto field : value.get_object()) {
        const std::string key(std::string_view(field.unescaped_key()));
        items[key] = CanonicalTextAt(field.value(), depth + 1);
      }
      text = "{";
      for (const auto& [key, json] : items) {
        if (text.size() > 1) text.push_back(',');
        AppendJsonString(key, &text);
        text.push_back(':');
        text.append(json);
      }
      return text + "}";
    }
    case ondemand::json_type::array:
      text = "[";
      for (auto item : value.get_array()) {
        if (text.size() > 1) text.push_back(',');
        text.append(CanonicalTextAt(item.value(), depth + 1));
      }
      return text + "]";
    case ondemand::json_type::string:
      AppendJsonString(std::string_view(value.get_string()), &text);
      return text;
    case ondemand::json_type::number: {
      std::string_view token = value.raw_json_token();
      token = token.substr(0, std::min(token.find_first_of(" \t\r\n"), token.size()));
      static_cast<void>(double(value.get_double()));  // throws if it is no number
      return std::string(token);
    }
    case ondemand::json_type::boolean:
      return bool(value.get_bool()) ? "true" : "false";
    case ondemand::json_type::null:
      if (!value.is_null()) throw Malformed("a value of no type");
      return "null";
  }
  throw Malformed("a value of no type");
}

}  // namespace

std::string CanonicalText(ondemand::value value) { return CanonicalTextAt(value, 0); }

std::string ReadString(ondemand::value value) {
  return std::string(std::string_view(value.get_string()));
}

int ReadInt(ondemand::value value) {
  const int64_t number = value.get_int64();
  if (number < 0 || number > INT32_MAX) throw Malformed("a number out of range");
  return static_cast<int>(number);
}

}  // namespace cievents::ci_yaml
