// Reads the values of `events` and `on` into entries (docs/subscriptions.md, "Entries").
#ifndef SERVICES_LIB_CI_YAML_ENTRIES_H_
#define SERVICES_LIB_CI_YAML_ENTRIES_H_

#include <string_view>
#include <utility>
#include <vector>

#include "matcher/subscription.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/ci_yaml/conditions.h"
#include "services/lib/ci_yaml/issue_sink.h"
#include "services/lib/ci_yaml/patterns.h"
#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {

// One reader for all lists of one file: the limit on patterns is theirs together.
class EntryReader {
 public:
  // `content` is the whole file and must outlive the reader.
  EntryReader(const Catalogue& catalogue, std::string_view content, IssueSink* sink)
      : catalogue_(catalogue),
        sink_(sink),
        patterns_(catalogue, sink),
        conditions_(content, sink) {}

  // Reads what stands under `list.key`: one pattern, one entry, a map of them, or a list of these.
  // An entry with an error is left out; the error is reported.
  void Read(const KeyValue& list);

  // Drops the entries whose inputs do not fit `spec_inputs_json`, with an error each.
  void CheckInputs(std::string_view spec_inputs_json);

  bool empty() const { return entries_.empty(); }
  std::vector<matcher::Entry> Take() { return std::move(entries_); }

 private:
  void ReadItem(const KeyValue& list, const yaml::Node& item);
  void ReadPattern(std::string_view text, yaml::Mark mark);
  void ReadEntry(const yaml::Node& map, const std::vector<KeyValue>& items);
  void ReadEntryKey(const KeyValue& item, matcher::Entry* entry);
  void ReadLabelled(const KeyValue& item);
  void ReadEventTypes(const KeyValue& label);
  std::string ReadEventType(const KeyValue& item, std::string_view key);
  std::string NearestEventType(std::string_view key, std::string_view text) const;

  const Catalogue& catalogue_;
  IssueSink* const sink_;
  PatternReader patterns_;
  ConditionChecker conditions_;
  std::vector<matcher::Entry> entries_;
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ENTRIES_H_
