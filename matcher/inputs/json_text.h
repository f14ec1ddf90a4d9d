// JSON texts as this folder needs them: read into a small tree whose numbers keep their digits, and
// written compactly. simdjson reads; nothing of it is seen outside of json_text.cc.
#ifndef MATCHER_INPUTS_JSON_TEXT_H_
#define MATCHER_INPUTS_JSON_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cievents::matcher {

// As deep as YAML may be. Readers and writers recurse.
inline constexpr int kJsonDepthMax = 64;

struct JsonMember;

struct JsonNode {
  enum class Kind : uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;  // kString: decoded; kNumber: its digits as they stand
  std::vector<JsonNode> items;
  std::vector<JsonMember> members;  // in the order of the text
};

struct JsonMember {
  std::string key;
  JsonNode value;
};

// kInvalidArgument: `json` is not one JSON value, or is nested deeper than kJsonDepthMax.
absl::StatusOr<JsonNode> ParseJson(std::string_view json);

void AppendJson(const JsonNode& node, std::string* out);

// Appends JSON that somebody else wrote, with U+FFFD for bytes that are not UTF-8.
void AppendRawJson(std::string_view json, std::string* out);

}  // namespace cievents::matcher

#endif  // MATCHER_INPUTS_JSON_TEXT_H_
