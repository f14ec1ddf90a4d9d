#include "services/lib/event_formats/event_validation.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/status.h"
#include "matcher/pattern.h"
#include "simdjson.h"

namespace cievents {
namespace {

constexpr int kAccessLevelMax = 100;  // GitLab's highest is 60

absl::Status Invalid(std::string_view field, std::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "{}: {}", field, what);
}

absl::Status CheckRequiredText(std::string_view field, std::string_view text, size_t bytes_max) {
  if (text.empty()) {
    return Invalid(field, fmt::format("is empty; 1 to {} bytes are needed", bytes_max));
  }
  return CheckEventText(field, text, bytes_max);
}

absl::Status CheckTexts(const Event& event) {
  CIEVENTS_RETURN_IF_ERROR(CheckRequiredText("id", event.id, kEventIdBytesMax));
  CIEVENTS_RETURN_IF_ERROR(CheckRequiredText("source", event.source, kEventSourceBytesMax));
  CIEVENTS_RETURN_IF_ERROR(
      CheckEventText("actor.username", event.actor.username, kEventTextBytesMax));
  CIEVENTS_RETURN_IF_ERROR(
      CheckEventText("cause.request_id", event.cause.request_id, kEventTextBytesMax));
  CIEVENTS_RETURN_IF_ERROR(CheckEventText("subject", event.subject, kEventTextBytesMax));
  CIEVENTS_RETURN_IF_ERROR(CheckEventText("data_schema", event.data_schema, kEventTextBytesMax));
  CIEVENTS_RETURN_IF_ERROR(CheckEventText("traceparent", event.traceparent, kEventTextBytesMax));
  return CheckEventText("correlation_id", event.correlation_id, kEventTextBytesMax);
}

absl::Status CheckId(std::string_view field, int64_t id) {
  if (id >= 0) return absl::OkStatus();
  return Invalid(field, fmt::format("{} is negative; ids are above 0, and 0 says none", id));
}

absl::Status CheckIds(const Event& event) {
  CIEVENTS_RETURN_IF_ERROR(CheckId("project_id", event.project_id));
  CIEVENTS_RETURN_IF_ERROR(CheckId("organization_id", event.organization_id));
  CIEVENTS_RETURN_IF_ERROR(CheckId("actor.user_id", event.actor.user_id));
  CIEVENTS_RETURN_IF_ERROR(CheckId("cause.pipeline_id", event.cause.pipeline_id));
  if (event.namespace_ids.size() > kEventNamespacesMax) {
    return Invalid("namespace_ids", fmt::format("{} ids; at most {} are allowed",
                                                event.namespace_ids.size(), kEventNamespacesMax));
  }
  for (size_t i = 0; i < event.namespace_ids.size(); ++i) {
    if (event.namespace_ids[i] > 0) continue;
    return Invalid(fmt::format("namespace_ids[{}]", i),
                   fmt::format("{} is no id; ids are above 0", event.namespace_ids[i]));
  }
  const int level = event.actor.access_level.value_or(0);
  if (level < 0 || level > kAccessLevelMax) {
    return Invalid("actor.access_level", fmt::format("{} is not between 0 and {}; leave it out if "
                                                     "it is not known",
                                                     level, kAccessLevelMax));
  }
  return absl::OkStatus();
}

absl::Status NormaliseNames(std::vector<std::string>* names) {
  if (names->empty() || names->size() > static_cast<size_t>(kEventNamesMax)) {
    return Invalid("names",
                   fmt::format("{} names; an event has 1 to {}", names->size(), kEventNamesMax));
  }
  // In place: nearly always they are canonical and differ.
  size_t kept = 0;
  for (size_t i = 0; i < names->size(); ++i) {
    std::string& name = (*names)[i];
    std::string_view canonical;
    if (const absl::Status valid = matcher::CheckEventName(name, &canonical); !valid.ok()) {
      return Invalid(fmt::format("names[{}]", i),
                     std::string_view(valid.message().data(), valid.message().size()));
    }
    name.erase(0, static_cast<size_t>(canonical.data() - name.data()));
    const auto end = names->begin() + static_cast<std::ptrdiff_t>(kept);
    if (std::find(names->begin(), end, name) != end) continue;
    if (kept != i) std::swap((*names)[kept], name);
    ++kept;
  }
  names->resize(kept);
  return absl::OkStatus();
}

absl::Status CheckData(const Event& event, size_t data_bytes_max) {
  if (event.data.size() > data_bytes_max) {
    return Invalid(
        "data", fmt::format("{} bytes; at most {} are allowed", event.data.size(), data_bytes_max));
  }
  if (!simdjson::validate_utf8(event.data)) return Invalid("data", "is not UTF-8");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckEventText(std::string_view field, std::string_view text, size_t bytes_max) {
  if (text.empty()) return absl::OkStatus();
  if (text.size() > bytes_max) {
    return Invalid(field, fmt::format("{} bytes; at most {} are allowed", text.size(), bytes_max));
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) return Invalid(field, "is not UTF-8");
  if (text.find('\0') != std::string_view::npos) return Invalid(field, "contains U+0000");
  return absl::OkStatus();
}

absl::Status ValidateEvent(Event& event, size_t data_bytes_max) {
  CIEVENTS_RETURN_IF_ERROR(CheckTexts(event));
  CIEVENTS_RETURN_IF_ERROR(CheckIds(event));
  if (event.time_ms <= 0 || event.time_ms > kEventTimeMsMax) {
    return Invalid("time", event.time_ms == 0 ? "is missing; say when the event happened"
                                              : "is not between 1970 and 9999");
  }
  CIEVENTS_RETURN_IF_ERROR(CheckData(event, data_bytes_max));
  CIEVENTS_RETURN_IF_ERROR(NormaliseNames(&event.names));
  if (event.data.empty()) event.data = "{}";
  return absl::OkStatus();
}

}  // namespace cievents
