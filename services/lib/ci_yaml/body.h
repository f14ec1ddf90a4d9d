// The body of a CI file as far as it decides whether an event pipeline could have jobs: `workflow`,
// and of every job the keys that its rules hang on. A plain value with a JSON form, so that a file
// that did not change is never parsed again.
#ifndef SERVICES_LIB_CI_YAML_BODY_H_
#define SERVICES_LIB_CI_YAML_BODY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/subscription.h"
#include "services/lib/yaml/yaml.h"

namespace cievents::ci_yaml {

// A value of a body: a YAML node whose aliases and merge keys are resolved, `!reference` kept.
struct BodyValue {
  enum class Kind : uint8_t { kNull, kText, kList, kMap, kReference };
  Kind kind = Kind::kNull;
  std::string text;                                    // kText: booleans and numbers as written
  std::vector<BodyValue> items;                        // kList; kReference: its path, as kText
  std::vector<std::pair<std::string, BodyValue>> map;  // kMap: in the order of the text, distinct
  matcher::Position position;

  // The value of a key; null if this is no map or has no such key.
  const BodyValue* Find(std::string_view key) const;
  friend bool operator==(const BodyValue&, const BodyValue&) = default;
};

// What is kept of a body: over it, jobs cannot be hoisted.
inline constexpr size_t kBodyBytesMax = 256 * 1024;

struct Body {
  // Top-level items: `workflow`, jobs and hidden jobs. Global keywords are left out. Of visible
  // jobs only `extends`, `rules`, `on`, `only`, `except` and `when` are kept, of hidden ones all
  // but scripts: `!reference` may name any key.
  BodyValue root;
  // False: more than kBodyBytesMax, and `root` holds `workflow` alone.
  bool is_complete = true;
  friend bool operator==(const Body&, const Body&) = default;
};

// Never fails: a body that is no map has no items.
Body ReadBody(const yaml::Node& root);

// True for top-level keys of a CI file that are no jobs (`stages`, `default`, `include`, ...).
bool IsGlobalKeyword(std::string_view key);

// One JSON value each way. FromJson: kDataLoss for what it cannot read.
std::string BodyToJson(const Body& body);
absl::StatusOr<Body> BodyFromJson(std::string_view json);

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_BODY_H_
