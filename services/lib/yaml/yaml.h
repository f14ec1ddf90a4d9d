// Bounded YAML: text to a tree with marks. The only yaml-cpp includes of the project are behind it.
//
// YAML from users is hostile until it is bounded: bytes, depth, nodes, aliases and what they expand
// to all have limits here, duplicate keys are errors, and text must be valid UTF-8 without U+0000.
// yaml-cpp is driven by its event interface with a builder of ours; YAML::LoadAll is never called
// (`YAML::LoadAll(",")` does not end).
#ifndef SERVICES_LIB_YAML_YAML_H_
#define SERVICES_LIB_YAML_YAML_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cievents::yaml {

// 1-based line and column (bytes) in the text that was parsed, shifted by ParseOptions::first_line.
struct Mark {
  int line = 0;
  int column = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };

class Node;
using NodePtr = std::shared_ptr<const Node>;  // an alias shares the node it names

struct MapItem {
  NodePtr key;
  NodePtr value;
};

// A node of the tree; immutable once parsed.
class Node {
 public:
  Kind kind = Kind::kNull;
  Mark mark;
  std::string tag;     // as written (`!reference`; `!` before a scalar), empty if none
  std::string scalar;  // kScalar: the text after YAML's unescaping; kNull: as written (`~`, ``)
  bool plain = true;   // kScalar: not quoted, not a block scalar
  std::vector<NodePtr> items;  // kSequence
  std::vector<MapItem> map;    // kMap, in the order of the text; keys are distinct

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_map() const { return kind == Kind::kMap; }

  // The value under a scalar key, or null. Merge keys (`<<`) are followed: own keys win, then the
  // merged maps in order.
  const Node* Find(std::string_view key) const;
  // The item whose own scalar key is `key`, or null (no merge keys): for the key's mark.
  const MapItem* FindItem(std::string_view key) const;

  // Plain scalars by YAML 1.2's core schema, with YAML 1.1's yes/no/on/off left as text.
  std::optional<bool> AsBool() const;        // plain true/false only
  std::optional<int64_t> AsInteger() const;  // plain decimal, fits int64
  bool IsNumber() const;                     // plain JSON-like number
};

// The compact JSON text of a tree with map keys sorted: strings as strings, plain numbers, booleans
// and nulls as such (numbers keep their digits), merge keys resolved, aliases expanded. REQUIRES:
// the tree came from Parse, whose limits bound the size.
std::string ToCanonicalJson(const Node& node);

// `text` for a message: at most 80 bytes, cut between characters. REQUIRES: valid UTF-8.
std::string Shorten(std::string_view text);

struct Limits {
  size_t bytes_max = 2 * 1024 * 1024;
  int depth_max = 64;
  int nodes_max = 100'000;  // counted after aliases are expanded
  int aliases_max = 100;
};

struct ParseError {
  std::string code;  // yaml-syntax, yaml-too-deep, yaml-too-many-nodes, yaml-too-many-aliases,
                     // yaml-duplicate-key, yaml-not-utf8, file-too-large
  Mark mark;
  std::string message;
  std::string suggestion;  // empty = none
};

struct ParseOptions {
  Limits limits;
  int first_line = 1;  // the line number of the text's first line (a document inside a file)
};

// What is wrong with the encoding, judged by the first bytes alone: for who splits a text before it
// is parsed. Parse checks it too.
std::optional<ParseError> CheckEncoding(std::string_view text, int first_line = 1);

// Parses the first document of `text`. An empty text is a null node. Never throws; time and memory
// are bounded by the limits.
std::variant<NodePtr, ParseError> Parse(std::string_view text, const ParseOptions& options = {});

}  // namespace cievents::yaml

#endif  // SERVICES_LIB_YAML_YAML_H_
