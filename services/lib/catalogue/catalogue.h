// The event catalogue: which events exist, how they are spelled elsewhere, and how a GitLab webhook
// payload is recognised. One YAML file (events.yaml), compiled in; replaceable at start.
#ifndef SERVICES_LIB_CATALOGUE_CATALOGUE_H_
#define SERVICES_LIB_CATALOGUE_CATALOGUE_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/base/string_map.h"
#include "matcher/pattern.h"
#include "services/lib/base/issue.h"

namespace cievents {

// What a field of a payload must be for a webhook row to hold.
struct WebhookCondition {
  enum class Kind { kEquals, kNotEquals, kPresent };
  std::string path;  // keys joined by '.': object_attributes.action
  Kind kind = Kind::kEquals;
  std::string literal;  // as JSON text for true/false/numbers, plain text for strings
};

// How a webhook payload shows an event: the payload's kind and conditions on fields.
struct WebhookRow {
  std::string kind;  // object_kind, or event_name where the payload has no object_kind
  std::vector<WebhookCondition> when;
};

struct EventType {
  std::string name;  // canonical
  std::string summary;
  std::vector<WebhookRow> webhooks;        // none: no webhook carries it
  std::vector<std::string> also;           // further names that the payload then carries, in order
  std::vector<std::string> aliases;        // other spellings that a pattern may use
  std::vector<std::string> webhook_names;  // the Serverless seed's `gitlab: webhook:` names
  std::vector<std::string> cloudevent_types;
  std::vector<std::string> payload_paths;  // paths that users may count on
  int line = 0;                            // in the catalogue file
};

// Immutable after Create; any number of threads may read.
class Catalogue {
 public:
  // Parses and checks the whole file; issues carry the file's line and column.
  static std::variant<std::shared_ptr<const Catalogue>, std::vector<Issue>> Parse(
      std::string_view text, std::string_view file);
  // The catalogue that is compiled in.
  static std::shared_ptr<const Catalogue> BuiltIn();

  const std::vector<EventType>& event_types() const { return event_types_; }
  const EventType* Find(std::string_view name) const;  // by canonical name, null if unknown

  // True if some name of the catalogue (its names, `also`, aliases) matches, or the pattern lies in
  // custom/**, cloudevent/** or cdevents/**, which are never unknown.
  bool CanMatch(const matcher::Pattern& pattern) const;
  // Known names nearest to `text` by edit distance, best first, at most `count`; only near ones.
  std::vector<std::string> Nearest(std::string_view text, size_t count) const;
  // An alias gives the name it stands for; everything else is returned as it is.
  std::string ResolveAlias(std::string_view name) const;
  // True if the catalogue knows names with more segments below `pattern`'s trailing `*`.
  bool HasDeeperNames(const matcher::Pattern& pattern) const;
  // True if the catalogue knows names below `literal` (`package` when there is `package/published`).
  bool HasNamesBelow(std::string_view literal) const;

  // The name for `gitlab: webhook: NAME` or `cloud_event: type: TYPE`; empty if unknown.
  std::string NameOfWebhook(std::string_view webhook_name) const;
  std::string NameOfCloudEvent(std::string_view type) const;

 private:
  Catalogue() = default;

  std::vector<EventType> event_types_;
};

}  // namespace cievents

#endif  // SERVICES_LIB_CATALOGUE_CATALOGUE_H_
