#include "services/lib/ci_yaml/entries.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "services/lib/base/nearest.h"
#include "services/lib/ci_yaml/entry_options.h"
#include "services/lib/ci_yaml/inputs.h"
#include "services/lib/ci_yaml/parsed_file.h"
#include "services/lib/ci_yaml/rules.h"

namespace cievents::ci_yaml {
namespace {

const std::vector<std::string>& EntryKeys() {
  static const std::vector<std::string> keys = {"name",     "rules",        "inputs",
                                                "scope",    "confidential", "on_loop",
                                                "debounce", "emits",        "on_ambiguous"};
  return keys;
}

bool IsEntryKey(std::string_view key) {
  return std::find(EntryKeys().begin(), EntryKeys().end(), key) != EntryKeys().end();
}

const KeyValue* FindKey(const std::vector<KeyValue>& items, std::string_view key) {
  const auto found = std::find_if(items.begin(), items.end(),
                                  [key](const KeyValue& item) { return item.key == key; });
  return found == items.end() ? nullptr : &*found;
}

void ReadScope(const KeyValue& item, matcher::Entry* entry, IssueSink* sink) {
  using matcher::ScopeKind;
  const yaml::Node& value = *item.value;
  if (value.is_scalar() && value.scalar == "project") {
    entry->scope = {ScopeKind::kProject, 0};
  } else if (value.is_scalar() && value.scalar == "group") {
    entry->scope = {ScopeKind::kGroup, 0};
  } else if (value.is_scalar() && value.scalar == "instance") {
    entry->scope = {ScopeKind::kInstance, 0};
  } else if (value.is_map()) {
    const std::vector<KeyValue> parts = ItemsOf(value);
    if (parts.empty()) AddWrongType(item, "a scope or a map with `project`", sink);
    for (const KeyValue& part : parts) {
      const std::optional<int64_t> id = part.value->AsInteger();
      if (part.key != "project") {
        AddUnknownKey(part, "`scope`", {"project"}, sink);
      } else if (!id.has_value() || *id <= 0) {
        sink->Add(kBadValue, part.value->mark, "`project` must be the numeric id of a project",
                  "write `scope: {project: 42}`");
      } else {
        entry->scope = {ScopeKind::kOtherProject, *id};
      }
    }
  } else {
    AddBadValue(item, {"project", "group", "instance"}, sink);
  }
}

}  // namespace

void EntryReader::Read(const KeyValue& list) {
  const yaml::Node& value = *list.value;
  if (value.is_sequence() && value.tag.empty()) {
    if (value.items.empty()) {
      sink_->Add(kEmptyEvents, list.key_mark,
                 fmt::format("`{}` is an empty list: it subscribes to nothing", list.key),
                 "name an event, or remove the key");
    }
    for (const yaml::NodePtr& item : value.items) ReadItem(list, *item);
  } else {
    ReadItem(list, value);
  }
}

void EntryReader::ReadItem(const KeyValue& list, const yaml::Node& item) {
  // A file with so many errors gets no further answers (see IssueSink), so it needs no further
  // work.
  if (patterns_.full() || sink_->errors() > static_cast<int>(kIssuesPerFileMax)) return;
  if (item.is_scalar()) {
    ReadPattern(item.scalar, item.mark);
    return;
  }
  if (!item.is_map()) {
    AddWrongType({list.key, list.key_mark, &item}, "a list of event names and entries", sink_);
    return;
  }
  const std::vector<KeyValue> items = ItemsOf(item);
  if (FindKey(items, "name") != nullptr) {
    ReadEntry(item, items);
    return;
  }
  const auto entry_key = std::find_if(items.begin(), items.end(),
                                      [](const KeyValue& key) { return IsEntryKey(key.key); });
  if (entry_key != items.end()) {
    sink_->Add(kMissingName, entry_key->key_mark,
               fmt::format("an entry with `{}` needs a `name`", entry_key->key),
               "add `name: package/published`");
    return;
  }
  if (items.empty())
    AddWrongType({list.key, list.key_mark, &item}, "events, not an empty map", sink_);
  for (const KeyValue& labelled : items) ReadLabelled(labelled);
}

void EntryReader::ReadPattern(std::string_view text, yaml::Mark mark) {
  auto pattern = patterns_.Read(text, mark);
  if (!pattern.has_value()) return;
  matcher::Entry entry;
  entry.patterns.push_back(*std::move(pattern));
  entry.position = PositionOf(mark);
  entries_.push_back(std::move(entry));
}

void EntryReader::ReadEntry(const yaml::Node& map, const std::vector<KeyValue>& items) {
  const int errors_before = sink_->errors();
  matcher::Entry entry;
  entry.position = PositionOf(map.mark);
  EntryOptions options;
  for (const KeyValue& item : items) {
    if (EntryOptions::IsOption(item.key)) {
      options.Read(item, sink_);
    } else {
      ReadEntryKey(item, &entry);
    }
  }
  entry.options_json = options.ToJson();
  if (sink_->errors() != errors_before || entry.patterns.empty()) return;
  if (!options.empty()) {
    sink_->Add(kOptionWithoutEffect, map.mark,
               "the delivery options of this entry are stored and have no effect yet");
  }
  entries_.push_back(std::move(entry));
}

void EntryReader::CheckInputs(std::string_view spec_inputs_json) {
  std::erase_if(entries_, [&](const matcher::Entry& entry) {
    const int errors_before = sink_->errors();
    for (const InputProblem& problem :
         ci_yaml::CheckInputs(entry.inputs, spec_inputs_json, conditions_.paths())) {
      sink_->Add(kBadInput, problem.position, problem.message);
    }
    return sink_->errors() != errors_before;
  });
}

void EntryReader::ReadEntryKey(const KeyValue& item, matcher::Entry* entry) {
  if (item.key == "name") {
    entry->patterns = patterns_.ReadList(*item.value, item.key);
  } else if (item.key == "rules") {
    entry->rules = ReadRules(item, &patterns_, &conditions_, sink_);
  } else if (item.key == "scope") {
    ReadScope(item, entry, sink_);
  } else if (item.key == "confidential") {
    const std::optional<bool> confidential = item.value->AsBool();
    if (!confidential.has_value()) AddWrongType(item, "`true` or `false`", sink_);
    entry->confidential = confidential.value_or(false);
  } else if (item.key == "inputs") {
    entry->inputs = ParseInputs(item, sink_);
    if (entry->inputs.size() > static_cast<size_t>(kInputsPerEntryMax)) {
      sink_->Add(kTooManyInputs, item.key_mark,
                 fmt::format("{} inputs; an entry has at most {}", entry->inputs.size(),
                             kInputsPerEntryMax),
                 "pass one input with an object or a list in it");
    }
  } else {
    AddUnknownKey(item, "an entry", EntryKeys(), sink_);
  }
}

void EntryReader::ReadLabelled(const KeyValue& item) {
  if (item.value->is_map()) {
    ReadEventTypes(item);
    return;
  }
  const bool is_list = item.value->is_sequence() && item.value->tag.empty();
  if (!item.value->is_scalar() && !is_list) {
    AddWrongType(item, "one or more event names", sink_);
    return;
  }
  const std::string prefix = std::string(item.key) + "/";
  if (!is_list) {
    ReadPattern(prefix + item.value->scalar, item.value->mark);
    return;
  }
  if (item.value->items.empty()) {
    sink_->Add(
        kEmptyEvents, item.key_mark,
        fmt::format("`{}` is an empty list: it subscribes to nothing", yaml::Shorten(item.key)),
        "name an event, or remove the key");
  }
  for (const yaml::NodePtr& name : item.value->items) {
    if (name->is_scalar()) {
      ReadPattern(prefix + name->scalar, name->mark);
    } else {
      AddWrongType({item.key, item.key_mark, name.get()}, "one or more event names", sink_);
    }
  }
}

void EntryReader::ReadEventTypes(const KeyValue& label) {
  std::vector<std::string> names;
  const int errors_before = sink_->errors();
  const std::vector<KeyValue> items = ItemsOf(*label.value);
  for (const KeyValue& item : items) {
    if (item.key == "gitlab") {
      names.push_back(ReadEventType(item, "webhook"));
    } else if (item.key == "cloud_event") {
      names.push_back(ReadEventType(item, "type"));
    } else {
      AddUnknownKey(item, fmt::format("the event `{}`", yaml::Shorten(label.key)),
                    {"gitlab", "cloud_event"}, sink_);
    }
  }
  if (items.empty()) {
    AddWrongType(label, "event names or a map with `gitlab` or `cloud_event`", sink_);
  }
  if (sink_->errors() != errors_before) return;
  if (names.size() == 2 && names[0] != names[1]) {
    sink_->Add(kEventTypesDiffer, label.value->mark,
               fmt::format("`gitlab` names `{}` and `cloud_event` names `{}`", names[0], names[1]),
               "keep the one that is meant");
    return;
  }
  ReadPattern(names[0], label.value->mark);
}

// The name for `gitlab: {webhook: X}` or `cloud_event: {type: X}`; empty after an error.
std::string EntryReader::ReadEventType(const KeyValue& item, std::string_view key) {
  std::string name;
  if (!item.value->is_map()) {
    AddWrongType(item, fmt::format("a map with `{}`", key), sink_);
    return name;
  }
  const std::vector<KeyValue> parts = ItemsOf(*item.value);
  if (parts.empty()) AddWrongType(item, fmt::format("a map with `{}`", key), sink_);
  for (const KeyValue& part : parts) {
    if (part.key != key) {
      AddUnknownKey(part, fmt::format("`{}`", item.key), {std::string(key)}, sink_);
    } else if (!part.value->is_scalar()) {
      AddWrongType(part, "a text", sink_);
    } else {
      name = key == "webhook" ? catalogue_.NameOfWebhook(part.value->scalar)
                              : catalogue_.NameOfCloudEvent(part.value->scalar);
      if (!name.empty()) continue;
      sink_->Add(kUnknownEventType, part.value->mark,
                 fmt::format("the catalogue knows no `{}` of this name: `{}`", key,
                             yaml::Shorten(part.value->scalar)),
                 NearestEventType(key, part.value->scalar));
    }
  }
  return name;
}

std::string EntryReader::NearestEventType(std::string_view key, std::string_view text) const {
  std::vector<std::string> known;
  for (const EventType& type : catalogue_.event_types()) {
    const auto& names = key == "webhook" ? type.webhook_names : type.cloudevent_types;
    known.insert(known.end(), names.begin(), names.end());
  }
  const std::vector<std::string> nearest = NearestTexts(text, known, 1);
  return nearest.empty() ? "`cievents events list` shows the names; use one of them instead"
                         : fmt::format("did you mean `{}`?", nearest[0]);
}

}  // namespace cievents::ci_yaml
