#include "services/lib/event_formats/cloud_event.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "matcher/base/status.h"
#include "services/lib/event_formats/cloud_event_attributes.h"
#include "services/lib/event_formats/cloud_event_name.h"
#include "services/lib/event_formats/event_validation.h"
#include "services/lib/event_formats/gitlab_payload.h"
#include "services/lib/event_formats/json_error.h"
#include "services/lib/event_formats/json_path.h"
#include "simdjson.h"

namespace cievents {
namespace {

using simdjson::dom::element;

constexpr std::string_view kGitlabTypes = "com.gitlab.";

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(ToAbsl(a), ToAbsl(b));
}

absl::Status CheckRequired(std::string_view name, std::string_view text, size_t bytes_max) {
  if (text.empty()) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "{}: is missing; a CloudEvent has id, source, specversion and type", name);
  }
  return CheckEventText(name, text, bytes_max);
}

absl::Status CheckContext(const CloudEventView& given) {
  CIEVENTS_RETURN_IF_ERROR(CheckRequired("id", given.id, kEventIdBytesMax));
  CIEVENTS_RETURN_IF_ERROR(CheckRequired("source", given.source, kEventSourceBytesMax));
  CIEVENTS_RETURN_IF_ERROR(CheckRequired("specversion", given.spec_version, kEventTextBytesMax));
  if (given.spec_version != "1.0") {
    return Error(absl::StatusCode::kInvalidArgument,
                 "specversion: \"{}\" is not known here; send 1.0", ShownText(given.spec_version));
  }
  return CheckRequired("type", given.type, kEventTextBytesMax);
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// application/json, text/json, anything ending in +json; in UTF-8.
bool IsJson(std::string_view content_type) {
  const size_t end = std::min(content_type.find(';'), content_type.size());
  const std::string_view media = Trimmed(content_type.substr(0, end));
  const size_t slash = media.find('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  const std::string_view subtype = media.substr(slash + 1);
  if (!EqualsIgnoringCase(subtype, "json") && !absl::EndsWithIgnoreCase(ToAbsl(subtype), "+json")) {
    return false;
  }
  std::string_view parameters = content_type.substr(end);
  while (!parameters.empty()) {
    parameters.remove_prefix(1);  // ';'
    const size_t next = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = Trimmed(parameters.substr(0, next));
    parameters.remove_prefix(next);
    if (!absl::StartsWithIgnoreCase(ToAbsl(parameter), "charset=")) continue;
    std::string_view charset = parameter.substr(8);
    if (charset.size() > 1 && charset.front() == '"' && charset.back() == '"') {
      charset = charset.substr(1, charset.size() - 2);
    }
    if (!EqualsIgnoringCase(charset, "utf-8")) return false;
  }
  return true;
}

// No data is as good as {}: `*payload` stays as it is then.
absl::Status ReadData(const CloudEventView& given, std::string_view content_type,
                      simdjson::dom::parser* parser, element* payload, Event* event) {
  if (given.data_form == CloudEventView::DataForm::kProtobuf) {
    return absl::InvalidArgumentError(
        "data: a protobuf message (proto_data) is not taken; send JSON as text_data");
  }
  if (given.data.empty()) return absl::OkStatus();
  CIEVENTS_RETURN_IF_ERROR(CheckEventText("datacontenttype", content_type, kEventTextBytesMax));
  if (!content_type.empty() && !IsJson(content_type)) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "datacontenttype: \"{}\" is not JSON in UTF-8; conditions and inputs read JSON: "
                 "send application/json",
                 ShownText(content_type));
  }
  // parse() copies into a padded buffer of its own.
  const simdjson::error_code error =
      parser->parse(given.data.data(), given.data.size()).get(*payload);
  if (error != simdjson::SUCCESS) {
    return NotJsonError("data", given.data, simdjson::error_message(error));
  }
  event->data = std::string(given.data);
  return absl::OkStatus();
}

// The 14 of `projects/14` and `/projects/14`; 0 for anything else.
int64_t IdInSource(std::string_view source, std::string_view plural) {
  if (source.starts_with('/')) source.remove_prefix(1);
  if (!source.starts_with(plural)) return 0;
  source.remove_prefix(plural.size());
  if (source.size() < 2 || source.front() != '/') return 0;
  source.remove_prefix(1);
  if (source.find_first_not_of("0123456789") != std::string_view::npos) return 0;
  int64_t id = 0;
  const char* const end = source.data() + source.size();
  const auto [parsed, parse_error] = std::from_chars(source.data(), end, id);
  return parse_error == std::errc() && parsed == end ? id : 0;
}

// Where an event of GitLab's happened, unless its attributes say so. Of others neither source nor
// payload is asked: what they mean by a project is not known.
void FillPlace(element payload, Event* event) {
  if (event->project_id != 0 || !event->namespace_ids.empty()) return;
  event->project_id = IdInSource(event->source, "projects");
  if (event->project_id != 0) return;
  if (const int64_t group_id = IdInSource(event->source, "groups"); group_id != 0) {
    event->namespace_ids.push_back(group_id);
    return;
  }
  for (const std::string_view path : {"project_id", "project.id"}) {
    if (event->project_id == 0) event->project_id = IdAt(payload, path);
  }
}

}  // namespace

absl::StatusOr<Event> EventFromCloudEvent(const CloudEventView& given, const Catalogue& catalogue) {
  CIEVENTS_RETURN_IF_ERROR(CheckContext(given));
  Event event;
  event.retries = Retries::kMayChangeTime;
  event.id = std::string(given.id);
  event.source = std::string(given.source);
  event.type = std::string(given.type);
  CIEVENTS_ASSIGN_OR_RETURN(event.names, NamesOfCloudEvent(given.type, catalogue));
  std::string_view content_type;
  CIEVENTS_RETURN_IF_ERROR(ReadCloudEventAttributes(given, &event, &content_type));
  event.actor.bot = IsBotUser(event.actor.username, "");
  simdjson::dom::parser parser;
  element payload = parser.parse("{}", 2).value();
  CIEVENTS_RETURN_IF_ERROR(ReadData(given, content_type, &parser, &payload, &event));
  if (given.type.starts_with(kGitlabTypes)) {
    FillPlace(payload, &event);
    event.confidential |=
        IsConfidentialPayload(payload) || BoolAt(payload, "confidential").value_or(false);
  }
  return event;
}

}  // namespace cievents
