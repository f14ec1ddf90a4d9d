// Reading maps that users wrote: their keys with merge keys followed, and what is said about a key
// that nobody knows.
#ifndef SERVICES_LIB_CI_YAML_YAML_ACCESS_H_
#define SERVICES_LIB_CI_YAML_YAML_ACCESS_H_

#include <string>
#include <string_view>
#include <vector>

#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

struct KeyValue {
  std::string_view key;  // view into the tree; empty for a null key
  yaml::Mark key_mark;
  const yaml::Node* value = nullptr;
};

// The items of a map: its own in the order of the text, then what merge keys add.
std::vector<KeyValue> ItemsOf(const yaml::Node& map);

// YAML 1.1 reads a bare key `on` as true, and tools that rewrite files write it so.
bool IsOnKey(std::string_view key);

// "a list", "a map", "null", "a text": what a node is, for messages.
std::string_view NameOfKind(const yaml::Node& node);

// Reports a key that does not belong where it stands, with the nearest of those that do.
void AddUnknownKey(const KeyValue& item, std::string_view where,
                   const std::vector<std::string>& known, IssueSink* sink);

// Reports `value` as not being `expected` ("a list of events").
void AddWrongType(const KeyValue& item, std::string_view expected, IssueSink* sink);

// Reports a value that is none of `allowed`.
void AddBadValue(const KeyValue& item, const std::vector<std::string>& allowed, IssueSink* sink);

// Reads a map of inputs into bindings sorted by name. Reports what is not one.
std::vector<matcher::InputBinding> ParseInputs(const KeyValue& item, IssueSink* sink);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_YAML_ACCESS_H_
