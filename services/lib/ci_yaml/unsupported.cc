#include "services/lib/ci_yaml/unsupported.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "services/lib/ci_yaml/yaml_access.h"

namespace cievents::ci_yaml {
namespace {

struct Place {
  yaml::Mark mark;
  std::string_view what;
};

// Keys of a CI file that are no jobs.
bool IsGlobalKeyword(std::string_view key) {
  static constexpr std::string_view kKeywords[] = {
      "after_script", "before_script", "cache",  "default",   "image",   "include",
      "services",     "spec",          "stages", "variables", "workflow"};
  return std::find(std::begin(kKeywords), std::end(kKeywords), key) != std::end(kKeywords);
}

std::optional<Place> FindInRules(const yaml::Node* rules) {
  if (rules == nullptr) return std::nullopt;
  for (const yaml::NodePtr& clause : rules->items) {
    if (!clause->is_map()) continue;
    for (const KeyValue& item : ItemsOf(*clause)) {
      if (item.key == "events") return Place{item.key_mark, "`events` in `rules`"};
    }
  }
  return std::nullopt;
}

std::optional<Place> FindInJob(const yaml::Node& job) {
  for (const KeyValue& item : ItemsOf(job)) {
    if (IsOnKey(item.key)) return Place{item.key_mark, "`on` of a job"};
  }
  return FindInRules(job.Find("rules"));
}

}  // namespace

void WarnOfUnsupportedEvents(const yaml::Node& body, IssueSink* sink) {
  for (const KeyValue& item : ItemsOf(body)) {
    if (!item.value->is_map()) continue;
    std::optional<Place> place;
    if (item.key == "workflow") {
      place = FindInRules(item.value->Find("rules"));
    } else if (!item.key.starts_with('.') && !IsGlobalKeyword(item.key)) {
      place = FindInJob(*item.value);
    }
    if (!place.has_value()) continue;
    sink->Add(kNotSupportedYet, place->mark,
              fmt::format("{} does not subscribe to events yet", place->what),
              "list the events under `workflow: events`, or in a file of `.gitlab/ci/events/`");
    return;
  }
}

}  // namespace cievents::ci_yaml
