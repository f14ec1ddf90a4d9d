#include "services/lib/catalogue/catalogue.h"

#include <fmt/format.h>

#include <algorithm>

#include "matcher/base/check.h"
#include "services/lib/base/nearest.h"
#include "services/lib/catalogue/catalogue_parser.h"

extern "C" const char catalogue_events_begin[];
extern "C" const char catalogue_events_end[];

namespace cievents {
namespace {

// Names below these are made by users and by formats of others: none is ever unknown.
constexpr std::string_view kOpenSubjects[] = {"custom", "cloudevent", "cdevents"};

Issue TakenIssue(const EventType& event, std::string_view file, std::string_view what,
                 std::string_view spelling, std::string_view taken_by) {
  Issue issue;
  issue.code = "duplicate-name";
  issue.file = std::string(file);
  issue.line = event.line;
  issue.column = event.column;
  issue.message =
      fmt::format("{} \"{}\" of {} stands already for {}", what, spelling, event.name, taken_by);
  return issue;
}

void SortDistinct(std::vector<std::string>* texts) {
  std::sort(texts->begin(), texts->end());
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

std::string ValueOr(const StringMap<std::string>& map, std::string_view key,
                    std::string_view otherwise) {
  const auto it = map.find(key);
  return it == map.end() ? std::string(otherwise) : it->second;
}

// "package/" of "package/*" and "package/**"; empty if `text` ends in no wildcard.
std::string_view StemOfWildcard(std::string_view text) {
  for (const std::string_view wildcard : {std::string_view("/**"), std::string_view("/*")}) {
    if (text.size() > wildcard.size() && text.ends_with(wildcard)) {
      return text.substr(0, text.size() - wildcard.size() + 1);
    }
  }
  return {};
}

}  // namespace

std::variant<std::shared_ptr<const Catalogue>, std::vector<Issue>> Catalogue::Parse(
    std::string_view text, std::string_view file) {
  ParsedCatalogue parsed = ParseCatalogue(text, file);
  return Build(std::move(parsed.event_types), std::move(parsed.issues), file);
}

std::variant<std::shared_ptr<const Catalogue>, std::vector<Issue>> Catalogue::Extend(
    const Catalogue& base, std::string_view text, std::string_view file) {
  ParsedCatalogue parsed = ParseCatalogue(text, file);
  std::vector<EventType> merged = base.event_types_;
  for (EventType& event : merged) event.line = event.column = 0;
  StringSet replaced;
  for (EventType& event : parsed.event_types) {
    const auto it = base.index_of_name_.find(event.name);
    // A second entry of the same name in one file is left to Build, which refuses it.
    if (it != base.index_of_name_.end() && replaced.insert(event.name).second) {
      merged[it->second] = std::move(event);
    } else {
      merged.push_back(std::move(event));
    }
  }
  return Build(std::move(merged), std::move(parsed.issues), file);
}

std::shared_ptr<const Catalogue> Catalogue::BuiltIn() {
  static const std::shared_ptr<const Catalogue> catalogue = [] {
    const std::string_view text(catalogue_events_begin,
                                static_cast<size_t>(catalogue_events_end - catalogue_events_begin));
    auto parsed = Parse(text, "events.yaml");
    if (const auto* issues = std::get_if<std::vector<Issue>>(&parsed)) {
      for (const Issue& issue : *issues) fmt::print(stderr, "{}\n", FormatIssue(issue));
    }
    CIEVENTS_CHECK(std::holds_alternative<std::shared_ptr<const Catalogue>>(parsed));
    return std::get<std::shared_ptr<const Catalogue>>(std::move(parsed));
  }();
  return catalogue;
}

std::variant<std::shared_ptr<const Catalogue>, std::vector<Issue>> Catalogue::Build(
    std::vector<EventType> event_types, std::vector<Issue> issues, std::string_view file) {
  std::shared_ptr<Catalogue> catalogue(new Catalogue());
  catalogue->event_types_ = std::move(event_types);
  const size_t size = catalogue->event_types_.size();
  // All names first: an alias may be spelled like the name of a later entry.
  for (size_t i = 0; i < size; ++i) catalogue->AddNames(i, file, &issues);
  for (size_t i = 0; i < size; ++i) {
    catalogue->AddSpellings(i, file, &issues);
    catalogue->AddRows(i);
  }
  catalogue->CollectNames();
  if (!issues.empty()) {
    std::stable_sort(issues.begin(), issues.end(), [](const Issue& a, const Issue& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    return issues;
  }
  return std::shared_ptr<const Catalogue>(std::move(catalogue));
}

void Catalogue::AddNames(size_t index, std::string_view file, std::vector<Issue>* issues) {
  const EventType& event = event_types_[index];
  const auto inserted = index_of_name_.emplace(event.name, index);
  if (!inserted.second) {
    const int line = event_types_[inserted.first->second].line;
    issues->push_back(
        TakenIssue(event, file, "name", event.name, fmt::format("the entry of line {}", line)));
  }
}

void Catalogue::AddSpellings(size_t index, std::string_view file, std::vector<Issue>* issues) {
  const EventType& event = event_types_[index];
  const auto add = [&](std::string_view what, const std::vector<std::string>& spellings,
                       StringMap<std::string>* map) {
    for (const std::string& spelling : spellings) {
      const auto inserted = map->emplace(spelling, event.name);
      if (inserted.second) continue;
      issues->push_back(TakenIssue(event, file, what, spelling, inserted.first->second));
    }
  };
  add("alias", event.aliases, &name_of_alias_);
  add("webhook name", event.webhook_names, &name_of_webhook_);
  add("CloudEvents type", event.cloudevent_types, &name_of_cloudevent_);
  for (const std::string& alias : event.aliases) {
    if (index_of_name_.contains(alias)) {
      issues->push_back(TakenIssue(event, file, "alias", alias, "the event of that name"));
    }
  }
}

void Catalogue::AddRows(size_t index) {
  const std::vector<WebhookRow>& rows = event_types_[index].webhooks;
  for (size_t row = 0; row < rows.size(); ++row) {
    rows_of_kind_[rows[row].kind].push_back(RowRef{index, row});
    webhook_kinds_.push_back(rows[row].kind);
  }
}

void Catalogue::CollectNames() {
  const auto add = [this](const std::vector<std::string>& names) {
    known_names_.insert(known_names_.end(), names.begin(), names.end());
  };
  for (const EventType& event : event_types_) {
    known_names_.push_back(event.name);
    add(event.also);
    add(event.aliases);
    for (const WebhookRow& row : event.webhooks) add(row.also);
  }
  SortDistinct(&known_names_);
  SortDistinct(&webhook_kinds_);
  for (const std::string& name : known_names_) {
    for (size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1)) {
      known_prefixes_.push_back(name.substr(0, slash));
    }
  }
  SortDistinct(&known_prefixes_);
}

const EventType* Catalogue::Find(std::string_view name) const {
  const auto it = index_of_name_.find(name);
  return it == index_of_name_.end() ? nullptr : &event_types_[it->second];
}

bool Catalogue::CanMatch(const matcher::Pattern& pattern) const {
  const std::string_view text = pattern.text();
  for (const std::string_view subject : kOpenSubjects) {
    if (text.starts_with(subject) && text.substr(subject.size()).starts_with('/')) return true;
  }
  if (pattern.is_literal()) {
    return std::binary_search(known_names_.begin(), known_names_.end(), pattern.text());
  }
  return std::any_of(known_names_.begin(), known_names_.end(),
                     [&](const std::string& name) { return pattern.Matches(name); });
}

std::vector<std::string> Catalogue::Nearest(std::string_view text, size_t count) const {
  if (text.starts_with("events/")) text.remove_prefix(7);
  const std::string_view stem = StemOfWildcard(text);
  if (stem.empty()) return NearestTexts(text, known_names_, count);
  // A wildcard is right as it is: what was misspelled is what stands before it.
  std::vector<std::string> nearest =
      NearestTexts(stem.substr(0, stem.size() - 1), known_prefixes_, count);
  for (std::string& prefix : nearest) prefix.append(text.substr(stem.size() - 1));
  return nearest;
}

std::string Catalogue::ResolveAlias(std::string_view name) const {
  return ValueOr(name_of_alias_, name, name);
}

bool Catalogue::HasDeeperNames(const matcher::Pattern& pattern) const {
  const std::string& text = pattern.text();
  if (text != "*" && !(text.ends_with("/*"))) return false;
  const auto deeper = matcher::Pattern::Parse(text + "*");
  if (!deeper.ok()) return false;
  return std::any_of(known_names_.begin(), known_names_.end(), [&](const std::string& name) {
    return deeper->Matches(name) && !pattern.Matches(name);
  });
}

bool Catalogue::HasNamesBelow(std::string_view literal) const {
  const auto it = std::lower_bound(known_prefixes_.begin(), known_prefixes_.end(), literal);
  return it != known_prefixes_.end() && *it == literal;
}

std::string Catalogue::NameOfWebhook(std::string_view webhook_name) const {
  return ValueOr(name_of_webhook_, webhook_name, "");
}

std::string Catalogue::NameOfCloudEvent(std::string_view type) const {
  return ValueOr(name_of_cloudevent_, type, "");
}

const std::vector<Catalogue::RowRef>& Catalogue::RowsOfKind(std::string_view kind) const {
  static const std::vector<RowRef> kNone;
  const auto it = rows_of_kind_.find(kind);
  return it == rows_of_kind_.end() ? kNone : it->second;
}

}  // namespace cievents
