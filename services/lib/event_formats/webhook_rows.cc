#include "services/lib/event_formats/webhook_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "matcher/base/status.h"
#include "services/lib/base/nearest.h"
#include "services/lib/event_formats/event.h"
#include "services/lib/event_formats/json_error.h"
#include "services/lib/event_formats/json_path.h"

namespace cievents {
namespace {

using simdjson::dom::element;

constexpr size_t kShownFieldsMax = 8;

// GitLab before 16.11 sends comments without an action, and only when they are created.
bool IsImpliedCreate(element payload, std::string_view kind, std::string_view path) {
  return kind == "note" && path == "object_attributes.action" &&
         !FindPath(payload, path).has_value();
}

bool EqualsLiteral(element value, const WebhookCondition& condition) {
  if (condition.literal_type == WebhookCondition::LiteralType::kString) {
    std::string_view text;
    return value.get_string().get(text) == simdjson::SUCCESS && text == condition.literal;
  }
  bool truth = false;
  if (value.get_bool().get(truth) == simdjson::SUCCESS) {
    return condition.literal == (truth ? "true" : "false");
  }
  double number = 0;
  if (!value.is_number() || value.get_double().get(number) != simdjson::SUCCESS) return false;
  char* end = nullptr;
  const double literal = std::strtod(condition.literal.c_str(), &end);
  return end != condition.literal.c_str() && literal == number;
}

bool Holds(element payload, std::string_view kind, const WebhookCondition& condition) {
  if (IsImpliedCreate(payload, kind, condition.path)) {
    const bool equal = condition.literal == "create";
    return condition.kind == WebhookCondition::Kind::kEquals      ? equal
           : condition.kind == WebhookCondition::Kind::kNotEquals ? !equal
                                                                  : true;
  }
  const std::optional<element> value = FindPath(payload, condition.path);
  if (!value.has_value()) return false;
  switch (condition.kind) {
    case WebhookCondition::Kind::kPresent:
      return true;
    case WebhookCondition::Kind::kEquals:
      return EqualsLiteral(*value, condition);
    case WebhookCondition::Kind::kNotEquals:
      return !EqualsLiteral(*value, condition);
  }
  return false;
}

bool Fits(element payload, const WebhookRow& row) {
  return std::all_of(row.when.begin(), row.when.end(), [&](const WebhookCondition& condition) {
    return Holds(payload, row.kind, condition);
  });
}

// What a message shows of a field: its JSON, cut at a character.
std::string Shown(const std::optional<element>& value) {
  if (!value.has_value()) return "absent";
  const std::string text = simdjson::minify(*value);
  const std::string_view shown = ShownText(text);
  return fmt::format("{}{}", shown, shown.size() < text.size() ? "..." : "");
}

absl::Status UnknownKind(std::string_view kind, const Catalogue& catalogue) {
  const std::vector<std::string> nearest = NearestTexts(kind, catalogue.webhook_kinds(), 3);
  return Error(
      absl::StatusCode::kInvalidArgument,
      "no event of the catalogue has the webhook kind \"{}\"{}; add it to the catalogue, or "
      "switch this trigger of the webhook off",
      ShownText(kind),
      nearest.empty() ? "" : fmt::format(" (near ones: {})", fmt::join(nearest, ", ")));
}

absl::Status NoRowFits(element payload, std::string_view kind, const Catalogue& catalogue) {
  std::vector<std::string> paths;
  for (const Catalogue::RowRef& ref : catalogue.RowsOfKind(kind)) {
    for (const auto& condition : catalogue.event_types()[ref.event_type].webhooks[ref.row].when) {
      if (std::find(paths.begin(), paths.end(), condition.path) == paths.end()) {
        paths.push_back(condition.path);
      }
    }
  }
  if (paths.size() > kShownFieldsMax) paths.resize(kShownFieldsMax);
  std::vector<std::string> seen;
  for (const std::string& path : paths) {
    seen.push_back(fmt::format("{} is {}", path, Shown(FindPath(payload, path))));
  }
  return Error(absl::StatusCode::kInvalidArgument,
               "no event of the catalogue fits this \"{}\" webhook: {}", kind,
               fmt::join(seen, ", "));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> NamesOfWebhook(element payload, std::string_view kind,
                                                        const Catalogue& catalogue) {
  const std::vector<Catalogue::RowRef>& rows = catalogue.RowsOfKind(kind);
  if (rows.empty()) return UnknownKind(kind, catalogue);
  std::vector<Catalogue::RowRef> best;
  size_t conditions = 0;
  for (const Catalogue::RowRef& ref : rows) {
    const WebhookRow& row = catalogue.event_types()[ref.event_type].webhooks[ref.row];
    if ((!best.empty() && row.when.size() < conditions) || !Fits(payload, row)) continue;
    if (row.when.size() > conditions) best.clear();
    conditions = row.when.size();
    best.push_back(ref);
  }
  if (best.empty()) return NoRowFits(payload, kind, catalogue);

  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (names.size() < kEventNamesMax &&
        std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  };
  for (const Catalogue::RowRef& ref : best) {
    const EventType& event = catalogue.event_types()[ref.event_type];
    add(event.name);
    for (const std::string& name : event.webhooks[ref.row].also) add(name);
    for (const std::string& name : event.also) add(name);
  }
  return names;
}

}  // namespace cievents
