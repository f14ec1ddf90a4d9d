// The delivery options of an entry (`on_loop`, `debounce`, `emits`, `on_ambiguous`): checked here,
// kept as canonical JSON, and acted on at delivery.
#ifndef SERVICES_LIB_CI_YAML_ENTRY_OPTIONS_H_
#define SERVICES_LIB_CI_YAML_ENTRY_OPTIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {

inline constexpr int64_t kDebounceTimeMaxMs = 24 * 60 * 60 * 1000;
inline constexpr size_t kEmittedNamesMax = 50;

// `30s`, `250ms`, `5m`, `1h` in milliseconds; none if it is not one whole number and a unit.
std::optional<int64_t> ParseDuration(std::string_view text);

class EntryOptions {
 public:
  static bool IsOption(std::string_view key);

  // REQUIRES: IsOption(item.key). Reports what is wrong with the value.
  void Read(const KeyValue& item, IssueSink* sink);

  bool empty() const { return values_.empty(); }
  std::string ToJson() const;

 private:
  void ReadChoice(const KeyValue& item, const std::vector<std::string>& allowed, IssueSink* sink);
  void ReadDebounce(const KeyValue& item, IssueSink* sink);
  void ReadEmits(const KeyValue& item, IssueSink* sink);

  std::map<std::string, std::string> values_;  // key to JSON
};

}  // namespace cievents::ci_yaml

#endif  // SERVICES_LIB_CI_YAML_ENTRY_OPTIONS_H_
