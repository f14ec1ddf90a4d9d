// Fuzzes the YAML reader: whatever the text, reading it ends within its limits, an error has a
// place, what was read is JSON, and that JSON, being YAML, is read as the same again.
#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "matcher/base/check.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::yaml {
namespace {

// What a tree holds, aliases expanded.
struct Size {
  int64_t nodes = 0;
  int64_t bytes = 0;
  int depth = 0;
  size_t longest_key = 0;
};

void Measure(const Node& node, int depth, Size* size) {
  ++size->nodes;
  size->bytes += static_cast<int64_t>(node.scalar.size() + node.tag.size());
  CIEVENTS_CHECK(node.mark.line >= 1 && node.mark.column >= 1);
  if (!node.is_sequence() && !node.is_map()) {
    CIEVENTS_CHECK(node.items.empty() && node.map.empty());
    return;
  }
  size->depth = std::max(size->depth, depth + 1);
  for (const NodePtr& item : node.items) Measure(*item, depth + 1, size);
  for (const MapItem& item : node.map) {
    CIEVENTS_CHECK(!item.key->is_map() && !item.key->is_sequence());
    size->longest_key = std::max(size->longest_key, item.key->scalar.size());
    Measure(*item.key, depth + 1, size);
    Measure(*item.value, depth + 1, size);
  }
}

void CheckTree(const Node& root, const Limits& limits) {
  Size size;
  Measure(root, 0, &size);
  CIEVENTS_CHECK(size.nodes <= limits.nodes_max);
  CIEVENTS_CHECK(size.bytes <= static_cast<int64_t>(limits.bytes_max));
  CIEVENTS_CHECK(size.depth <= limits.depth_max);

  const std::string json = ToCanonicalJson(root);
  CIEVENTS_CHECK(simdjson::validate_utf8(json.data(), json.size()));
  simdjson::dom::parser parser;
  const simdjson::error_code parsed = parser.parse(json).error();
  // The one thing that YAML has and JSON readers refuse.
  CIEVENTS_CHECK(parsed == simdjson::SUCCESS || parsed == simdjson::NUMBER_ERROR);

  // YAML's own limit is 1,024 characters; U+007F is text in JSON and refused in YAML.
  if (size.longest_key > 500 || json.find('\x7F') != std::string::npos) return;
  const auto again = Parse(json);
  CIEVENTS_CHECK(std::holds_alternative<NodePtr>(again));
  CIEVENTS_CHECK(ToCanonicalJson(*std::get<NodePtr>(again)) == json);
}

void ParseAndCheck(std::string_view text) {
  const auto result = Parse(text);
  ParseOptions shifted;
  shifted.first_line = 11;
  const auto result_shifted = Parse(text, shifted);
  CIEVENTS_CHECK(result.index() == result_shifted.index());
  if (const auto* error = std::get_if<ParseError>(&result)) {
    const auto& error_shifted = std::get<ParseError>(result_shifted);
    CIEVENTS_CHECK(!error->code.empty() && !error->message.empty());
    CIEVENTS_CHECK(error->message.size() < 400 && error->suggestion.size() < 400);
    CIEVENTS_CHECK(simdjson::validate_utf8(error->message.data(), error->message.size()));
    CIEVENTS_CHECK(error->mark.line >= 1 && error->mark.column >= 1);
    CIEVENTS_CHECK(error_shifted.mark == (Mark{error->mark.line + 10, error->mark.column}));
    CIEVENTS_CHECK(error_shifted.message == error->message);
    return;
  }
  CheckTree(*std::get<NodePtr>(result), ParseOptions().limits);
}

}  // namespace
}  // namespace cievents::yaml

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cievents::yaml::ParseAndCheck({reinterpret_cast<const char*>(data), size});
  return 0;
}
