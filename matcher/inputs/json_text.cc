#include "matcher/inputs/json_text.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>

#include "matcher/base/json_escape.h"
#include "matcher/base/status.h"

namespace cievents::matcher {
namespace {

namespace ondemand = simdjson::ondemand;

absl::Status NotJson(std::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "not a JSON value: {}", why);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// simdjson's own number parser refuses or rounds what does not fit 64 bits; the digits are kept as
// they stand, so only the grammar is checked.
bool IsJsonNumber(std::string_view text) {
  size_t at = 0;
  const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  const auto digits = [&] {
    const size_t begin = at;
    while (IsDigit(peek())) ++at;
    return at > begin;
  };
  if (peek() == '-') ++at;
  const size_t first = at;
  if (!digits()) return false;
  if (text[first] == '0' && at - first > 1) return false;
  if (peek() == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at;
    if (peek() == '+' || peek() == '-') ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

absl::Status ReadValue(ondemand::value value, int depth, JsonNode* node);

absl::Status ReadArray(ondemand::value value, int depth, JsonNode* node) {
  node->kind = JsonNode::Kind::kArray;
  ondemand::array array;
  if (const auto error = value.get_array().get(array))
    return NotJson(simdjson::error_message(error));
  for (auto item : array) {
    ondemand::value element;
    if (const auto error = item.get(element)) return NotJson(simdjson::error_message(error));
    CIEVENTS_RETURN_IF_ERROR(ReadValue(element, depth - 1, &node->items.emplace_back()));
  }
  return absl::OkStatus();
}

absl::Status ReadObject(ondemand::value value, int depth, JsonNode* node) {
  node->kind = JsonNode::Kind::kObject;
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) {
    return NotJson(simdjson::error_message(error));
  }
  for (auto item : object) {
    ondemand::field field;
    if (const auto error = std::move(item).get(field)) {
      return NotJson(simdjson::error_message(error));
    }
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) {
      return NotJson(simdjson::error_message(error));
    }
    JsonMember& member = node->members.emplace_back();
    member.key = key;
    CIEVENTS_RETURN_IF_ERROR(ReadValue(field.value(), depth - 1, &member.value));
  }
  return absl::OkStatus();
}

absl::Status ReadScalar(ondemand::value value, JsonNode* node) {
  std::string_view token = value.raw_json_token();
  const size_t last = token.find_last_not_of(" \t\r\n");
  token = token.substr(0, last == std::string_view::npos ? 0 : last + 1);
  if (token == "null") return absl::OkStatus();
  if (token == "true" || token == "false") {
    node->kind = JsonNode::Kind::kBoolean;
    node->boolean = token == "true";
    return absl::OkStatus();
  }
  if (!IsJsonNumber(token)) return NotJson("neither a value nor a bracket");
  node->kind = JsonNode::Kind::kNumber;
  node->text = token;
  return absl::OkStatus();
}

absl::Status ReadValue(ondemand::value value, int depth, JsonNode* node) {
  if (depth <= 0) return NotJson(fmt::format("nested deeper than {}", kJsonDepthMax));
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return NotJson(simdjson::error_message(error));
  switch (type) {
    case ondemand::json_type::array:
      return ReadArray(value, depth, node);
    case ondemand::json_type::object:
      return ReadObject(value, depth, node);
    case ondemand::json_type::string: {
      std::string_view text;
      if (const auto error = value.get_string().get(text)) {
        return NotJson(simdjson::error_message(error));
      }
      node->kind = JsonNode::Kind::kString;
      node->text = text;
      return absl::OkStatus();
    }
    default:
      return ReadScalar(value, node);
  }
}

}  // namespace

absl::StatusOr<JsonNode> ParseJson(std::string_view json) {
  // In brackets, so that the reader meets one kind of thing, values in an array: a lone scalar and
  // what follows it would need rules of their own.
  std::string wrapped;
  wrapped.reserve(json.size() + 2 + simdjson::SIMDJSON_PADDING);
  wrapped.append("[").append(json).append("]");
  ondemand::parser parser;
  ondemand::document document;
  if (const auto error = parser.iterate(wrapped).get(document)) {
    return NotJson(simdjson::error_message(error));
  }
  ondemand::array array;
  if (const auto error = document.get_array().get(array)) {
    return NotJson(simdjson::error_message(error));
  }
  JsonNode node;
  int count = 0;
  for (auto item : array) {
    ondemand::value value;
    if (const auto error = item.get(value)) return NotJson(simdjson::error_message(error));
    if (++count > 1) break;
    CIEVENTS_RETURN_IF_ERROR(ReadValue(value, kJsonDepthMax, &node));
  }
  if (count != 1) return NotJson(count == 0 ? "empty" : "more than one value");
  // Behind the last bracket there is no location.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return NotJson("more text behind the value");
  }
  return node;
}

void AppendJson(const JsonNode& node, std::string* out) {
  char separator = '[';
  switch (node.kind) {
    case JsonNode::Kind::kNull:
      out->append("null");
      return;
    case JsonNode::Kind::kBoolean:
      out->append(node.boolean ? "true" : "false");
      return;
    case JsonNode::Kind::kNumber:
      out->append(node.text);
      return;
    case JsonNode::Kind::kString:
      return AppendJsonString(node.text, out);
    case JsonNode::Kind::kArray:
      for (const JsonNode& item : node.items) {
        out->push_back(std::exchange(separator, ','));
        AppendJson(item, out);
      }
      out->append(node.items.empty() ? "[]" : "]");
      return;
    case JsonNode::Kind::kObject:
      separator = '{';
      for (const JsonMember& member : node.members) {
        out->push_back(std::exchange(separator, ','));
        AppendJsonString(member.key, out);
        out->push_back(':');
        AppendJson(member.value, out);
      }
      out->append(node.members.empty() ? "{}" : "}");
      return;
  }
}

void AppendRawJson(std::string_view json, std::string* out) {
  if (simdjson::validate_utf8(json.data(), json.size())) {
    out->append(json);
  } else {
    AppendRepairedUtf8(json, out);
  }
}

}  // namespace cievents::matcher
