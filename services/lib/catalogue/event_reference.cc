#include "services/lib/catalogue/event_reference.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

namespace cievents {
namespace {

constexpr std::string_view kIntroduction = R"(# Event reference

<!-- Made from services/lib/catalogue/events.yaml: change that file, then run
     UPDATE_GOLDEN=1 ctest -R event_reference_test -->

Every event that the built-in catalogue knows. A subscription names them by patterns
(`merge_request/*`, `audit/**`); names below `custom/`, `cloudevent/` and `cdevents/` are open and
never unknown. `cievents events list` prints the catalogue that a server really uses.
[cloudevents.md](cloudevents.md) says how CloudEvents become events.

- **Webhook** is the kind of GitLab hook that carries the event (`object_kind`, or `event_name`
  where the payload has no `object_kind`) and the conditions on its fields. The row with the most
  conditions that hold decides; on a tie all tied rows count.
- **Also** are the further names that the same event carries: a subscription to any of them fires,
  once.
- **Payload** lists paths that subscriptions may count on: `$[[ event.payload.PATH ]]`.
)";

std::string Code(std::string_view text) { return fmt::format("`{}`", text); }

std::string CodeList(const std::vector<std::string>& texts) {
  std::vector<std::string> coded;
  for (const std::string& text : texts) coded.push_back(Code(text));
  return fmt::format("{}", fmt::join(coded, ", "));
}

// A `|` would end the table's cell.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

std::string ConditionText(const WebhookCondition& condition) {
  // Nobody reads forty zeros.
  const bool zeros = condition.literal.size() >= 40 &&
                     condition.literal.find_first_not_of('0') == std::string::npos;
  const std::string_view literal = zeros ? "000..." : std::string_view(condition.literal);
  switch (condition.kind) {
    case WebhookCondition::Kind::kPresent:
      return fmt::format("`{}` present", condition.path);
    case WebhookCondition::Kind::kNotEquals:
      return fmt::format("`{}` not `{}`", condition.path, literal);
    case WebhookCondition::Kind::kEquals:
      break;
  }
  return fmt::format("`{}` = `{}`", condition.path, literal);
}

std::string RowText(const WebhookRow& row) {
  std::string text = Code(row.kind);
  for (size_t i = 0; i < row.when.size(); ++i) {
    text += i == 0 ? ": " : ", ";
    text += ConditionText(row.when[i]);
  }
  return text;
}

std::string WebhooksText(const EventType& event) {
  std::vector<std::string> rows;
  for (const WebhookRow& row : event.webhooks) rows.push_back(RowText(row));
  return rows.empty() ? "-" : fmt::format("{}", fmt::join(rows, "<br>"));
}

std::string AlsoText(const EventType& event) {
  std::vector<std::string> names;
  const auto add = [&names](const std::vector<std::string>& more) {
    for (const std::string& name : more) {
      bool known = false;
      for (const std::string& have : names) known = known || have == name;
      if (!known) names.push_back(name);
    }
  };
  for (const WebhookRow& row : event.webhooks) add(row.also);
  add(event.also);
  return names.empty() ? "-" : CodeList(names);
}

void AppendSpellings(const Catalogue& catalogue, std::string* out) {
  *out +=
      "\n## Other spellings\n\n| event | aliases in patterns | `gitlab: webhook:` | "
      "`cloud_event: type:` |\n| --- | --- | --- | --- |\n";
  const auto list = [](const std::vector<std::string>& texts) {
    return texts.empty() ? std::string("-") : CodeList(texts);
  };
  for (const EventType& event : catalogue.event_types()) {
    if (event.aliases.empty() && event.webhook_names.empty() && event.cloudevent_types.empty()) {
      continue;
    }
    *out += fmt::format("| `{}` | {} | {} | {} |\n", event.name, list(event.aliases),
                        list(event.webhook_names), list(event.cloudevent_types));
  }
}

void AppendPayloads(const Catalogue& catalogue, std::string* out) {
  *out += "\n## Payload\n\n| event | paths |\n| --- | --- |\n";
  for (const EventType& event : catalogue.event_types()) {
    if (event.payload_paths.empty()) continue;
    *out += fmt::format("| `{}` | {} |\n", event.name, CodeList(event.payload_paths));
  }
}

}  // namespace

std::string EventReferenceMarkdown(const Catalogue& catalogue) {
  std::string out(kIntroduction);
  out += "\n## Events\n\n| event | when | webhook | also |\n| --- | --- | --- | --- |\n";
  for (const EventType& event : catalogue.event_types()) {
    out += fmt::format("| `{}` | {} | {} | {} |\n", event.name, Cell(event.summary),
                       Cell(WebhooksText(event)), AlsoText(event));
  }
  AppendSpellings(catalogue, &out);
  AppendPayloads(catalogue, &out);
  return out;
}

}  // namespace cievents
