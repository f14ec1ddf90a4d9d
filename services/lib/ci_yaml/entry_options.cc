#include "services/lib/ci_yaml/entry_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "matcher/pattern.h"
#include "services/lib/base/json_writer.h"

namespace cievents::ci_yaml {
namespace {

std::optional<int64_t> ReadTime(const KeyValue& item, IssueSink* sink) {
  const auto time_ms =
      item.value->is_scalar() ? ParseDuration(item.value->scalar) : std::optional<int64_t>();
  if (time_ms.has_value() && *time_ms > 0 && *time_ms <= kDebounceTimeMaxMs) return time_ms;
  sink->Add(kBadValue, item.value->mark,
            fmt::format("`{}` must be a duration of more than 0 and at most 24h", item.key),
            "write a number and a unit (ms, s, m, h): `30s`");
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> ParseDuration(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit = text.substr(end - text.data());
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};
  for (const auto& [name, unit_ms] : kUnits) {
    if (unit != name) continue;
    if (number > INT64_MAX / unit_ms) return std::nullopt;
    return number * unit_ms;
  }
  return std::nullopt;
}

bool EntryOptions::IsOption(std::string_view key) {
  return key == "on_loop" || key == "debounce" || key == "emits" || key == "on_ambiguous";
}

void EntryOptions::Read(const KeyValue& item, IssueSink* sink) {
  if (item.key == "on_loop") {
    ReadChoice(item, {"avoid", "allow", "ignore-caused"}, sink);
  } else if (item.key == "on_ambiguous") {
    ReadChoice(item, {"hold", "retry"}, sink);
  } else if (item.key == "debounce") {
    ReadDebounce(item, sink);
  } else {
    ReadEmits(item, sink);
  }
}

void EntryOptions::ReadChoice(const KeyValue& item, const std::vector<std::string>& allowed,
                              IssueSink* sink) {
  if (!item.value->is_scalar() ||
      std::find(allowed.begin(), allowed.end(), item.value->scalar) == allowed.end()) {
    AddBadValue(item, allowed, sink);
    return;
  }
  JsonWriter writer;
  writer.String(item.value->scalar);
  values_[std::string(item.key)] = writer.Take();
}

void EntryOptions::ReadDebounce(const KeyValue& item, IssueSink* sink) {
  std::optional<int64_t> time_ms;
  std::string edge = "last";
  if (item.value->is_map()) {
    bool has_time = false;
    for (const KeyValue& part : ItemsOf(*item.value)) {
      if (part.key == "time") {
        has_time = true;
        time_ms = ReadTime(part, sink);
      } else if (part.key != "edge") {
        AddUnknownKey(part, "`debounce`", {"time", "edge"}, sink);
      } else if (part.value->is_scalar() &&
                 (part.value->scalar == "first" || part.value->scalar == "last")) {
        edge = part.value->scalar;
      } else {
        AddBadValue(part, {"first", "last"}, sink);
      }
    }
    if (!has_time) {
      sink->Add(kBadValue, item.value->mark, "`debounce` has no `time`", "add `time: 30s`");
    }
  } else {
    time_ms = ReadTime(item, sink);
  }
  if (!time_ms.has_value()) return;
  values_["debounce"] = fmt::format(R"({{"edge":"{}","time_ms":{}}})", edge, *time_ms);
}

void EntryOptions::ReadEmits(const KeyValue& item, IssueSink* sink) {
  std::set<std::string> names;
  const auto read = [&](const yaml::Node& node) {
    if (!node.is_scalar()) {
      AddWrongType({item.key, item.key_mark, &node}, "an event name or a list of them", sink);
      return;
    }
    auto name = matcher::ParseEventName(node.scalar);
    if (!name.ok()) {
      sink->Add(kBadPattern, node.mark, std::string(name.status().message()),
                "`emits` takes literal names only");
      return;
    }
    names.insert(*std::move(name));
  };
  if (item.value->is_sequence()) {
    if (item.value->items.size() > kEmittedNamesMax) {
      sink->Add(kBadValue, item.value->mark,
                fmt::format("`emits` has more than {} names", kEmittedNamesMax));
      return;
    }
    for (const yaml::NodePtr& node : item.value->items) read(*node);
  } else {
    read(*item.value);
  }
  JsonWriter writer;
  writer.BeginArray();
  for (const std::string& name : names) writer.String(name);
  writer.EndArray();
  values_["emits"] = writer.Take();
}

std::string EntryOptions::ToJson() const {
  JsonWriter writer;
  writer.BeginObject();
  for (const auto& [key, json] : values_) {
    writer.Key(key);
    writer.Raw(json);
  }
  writer.EndObject();
  return writer.Take();
}

}  // namespace cievents::ci_yaml
