// The event catalogue: which events exist, how they are spelled elsewhere, and how a GitLab webhook
// payload is recognised. One YAML file (events.yaml), compiled in; replaceable at start.
#ifndef SERVICES_LIB_CATALOGUE_CATALOGUE_H_
#define SERVICES_LIB_CATALOGUE_CATALOGUE_H_

#include <cstddef>
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

// What a field of a payload must be for a webhook row to hold. None holds for a field that is
// absent or null.
struct WebhookCondition {
  enum class Kind { kEquals, kNotEquals, kPresent };
  enum class LiteralType { kString, kJson };  // kJson: true, false or a number
  std::string path;                           // keys joined by '.': object_attributes.action
  Kind kind = Kind::kEquals;
  std::string literal;  // as JSON text for true/false/numbers, plain text for strings
  LiteralType literal_type = LiteralType::kString;
};

// How a webhook payload shows an event: the payload's kind and conditions on fields.
struct WebhookRow {
  std::string kind;  // object_kind, or event_name where the payload has no object_kind
  std::vector<WebhookCondition> when;
  std::vector<std::string> also;  // further names of this row alone, before its event's `also`
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
  int line = 0;                            // in the catalogue file; 0 = from the base (Extend)
  int column = 0;
};

// Immutable once made; any number of threads may read.
class Catalogue {
 public:
  // A webhook row of an event, as indexes into event_types() and EventType::webhooks.
  struct RowRef {
    size_t event_type = 0;
    size_t row = 0;
  };

  // Parses and checks the whole file; issues carry the file's line and column.
  static std::variant<std::shared_ptr<const Catalogue>, std::vector<Issue>> Parse(
      std::string_view text, std::string_view file);
  // The same for a file that adds to `base`: an entry with a name that `base` has replaces it, in
  // its place; the others come after it.
  static std::variant<std::shared_ptr<const Catalogue>, std::vector<Issue>> Extend(
      const Catalogue& base, std::string_view text, std::string_view file);
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
  // True if the catalogue knows names below `literal` (`package` when there is
  // `package/published`).
  bool HasNamesBelow(std::string_view literal) const;

  // The name for `gitlab: webhook: NAME` or `cloud_event: type: TYPE`; empty if unknown.
  std::string NameOfWebhook(std::string_view webhook_name) const;
  std::string NameOfCloudEvent(std::string_view type) const;

  // The rows for a payload's kind, in file order; empty if no event has that kind.
  const std::vector<RowRef>& RowsOfKind(std::string_view kind) const;
  // All kinds that a row has, sorted.
  const std::vector<std::string>& webhook_kinds() const { return webhook_kinds_; }

 private:
  Catalogue() = default;
  static std::variant<std::shared_ptr<const Catalogue>, std::vector<Issue>> Build(
      std::vector<EventType> event_types, std::vector<Issue> issues, std::string_view file);
  // Each adds an event type to the look-up tables, and an issue for a spelling that is taken.
  void AddNames(size_t index, std::string_view file, std::vector<Issue>* issues);
  void AddSpellings(size_t index, std::string_view file, std::vector<Issue>* issues);
  void AddRows(size_t index);
  void CollectNames();

  // Set in Build.
  std::vector<EventType> event_types_;
  StringMap<size_t> index_of_name_;  // canonical names only
  StringMap<std::string> name_of_alias_;
  StringMap<std::string> name_of_webhook_;
  StringMap<std::string> name_of_cloudevent_;
  StringMap<std::vector<RowRef>> rows_of_kind_;
  std::vector<std::string> webhook_kinds_;   // sorted
  std::vector<std::string> known_names_;     // names, `also` and aliases; sorted, distinct
  std::vector<std::string> known_prefixes_;  // `package` of package/published; sorted, distinct
};

}  // namespace cievents

#endif  // SERVICES_LIB_CATALOGUE_CATALOGUE_H_
