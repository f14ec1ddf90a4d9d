#include "services/lib/event_formats/cloud_event_attributes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "matcher/base/status.h"
#include "services/lib/base/json_writer.h"
#include "services/lib/event_formats/event_validation.h"
#include "services/lib/event_formats/rfc3339.h"

namespace cievents {
namespace {

using Attribute = CloudEventView::Attribute;

constexpr std::string_view kGitlabPrefix = "gitlab_";

absl::Status WrongType(std::string_view name, std::string_view expected) {
  return Error(absl::StatusCode::kInvalidArgument, "{}: must be {}", name, expected);
}

absl::Status ReadText(const Attribute& attribute, std::string_view* text) {
  const auto* given = std::get_if<std::string_view>(&attribute.value);
  if (given == nullptr) return WrongType(attribute.name, "a text");
  *text = *given;
  return absl::OkStatus();
}

absl::Status ReadText(const Attribute& attribute, std::string* text) {
  std::string_view view;
  CIEVENTS_RETURN_IF_ERROR(ReadText(attribute, &view));
  *text = std::string(view);
  return absl::OkStatus();
}

bool ParseId(std::string_view digits, int64_t* id) {
  const char* const end = digits.data() + digits.size();
  const auto [parsed, error] = std::from_chars(digits.data(), end, *id);
  return error == std::errc() && parsed == end && *id >= 0 && digits.front() != '-';
}

// A CloudEvents Integer has 32 bits only, so an id may be written as its digits too.
absl::Status ReadId(const Attribute& attribute, int64_t* id) {
  if (const auto* number = std::get_if<int32_t>(&attribute.value)) {
    *id = *number;
    if (*number >= 0) return absl::OkStatus();
  } else if (const auto* text = std::get_if<std::string_view>(&attribute.value)) {
    if (!text->empty() && ParseId(*text, id)) return absl::OkStatus();
  }
  return WrongType(attribute.name, "an id: an integer of at least 0, or its digits as a text");
}

absl::Status ReadIds(const Attribute& attribute, std::vector<int64_t>* ids) {
  std::string_view rest;
  CIEVENTS_RETURN_IF_ERROR(ReadText(attribute, &rest));
  while (!rest.empty() && ids->size() <= static_cast<size_t>(kEventNamespacesMax)) {
    const size_t comma = std::min(rest.find(','), rest.size());
    int64_t id = 0;
    if (comma == 0 || !ParseId(rest.substr(0, comma), &id)) {
      return WrongType(attribute.name, "ids joined by commas, the root first: 70,71");
    }
    ids->push_back(id);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return absl::OkStatus();
}

absl::Status ReadBool(const Attribute& attribute, bool* value) {
  if (const auto* given = std::get_if<bool>(&attribute.value)) {
    *value = *given;
    return absl::OkStatus();
  }
  const auto* text = std::get_if<std::string_view>(&attribute.value);
  if (text == nullptr || (*text != "true" && *text != "false")) {
    return WrongType(attribute.name, "true or false");
  }
  *value = *text == "true";
  return absl::OkStatus();
}

// A time that is none counts as absent: the producer's clock decides nothing here.
int64_t TimeMsOf(const Attribute& attribute) {
  if (const auto* time = std::get_if<CloudEventView::Timestamp>(&attribute.value)) {
    return time->unix_ms.value_or(0);
  }
  const auto* text = std::get_if<std::string_view>(&attribute.value);
  if (text == nullptr) return 0;
  return ParseRfc3339(*text).value_or(0);
}

// Names are 1 or more of a-z and 0-9; GitLab's extensions have underscores all the same.
absl::Status CheckName(std::string_view name) {
  if (name.empty() || name.size() > kCloudEventNameBytesMax) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "an attribute has a name of {} bytes; 1 to {} are allowed", name.size(),
                 kCloudEventNameBytesMax);
  }
  CIEVENTS_RETURN_IF_ERROR(
      CheckEventText("the name of an attribute", name, kCloudEventNameBytesMax));
  const bool may_underscore = name.starts_with(kGitlabPrefix);
  const bool fits = std::all_of(name.begin(), name.end(), [may_underscore](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (may_underscore && c == '_');
  });
  if (!fits) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "attribute \"{}\": a name is made of a to z (lower case) and 0 to 9", name);
  }
  for (const std::string_view field : {"id", "source", "specversion", "type", "data"}) {
    if (name == field) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "attribute \"{}\": has a field of its own in a CloudEvent", name);
    }
  }
  return absl::OkStatus();
}

std::string WithoutUnderscores(std::string_view name) {
  std::string key(name);
  key.erase(std::remove(key.begin(), key.end(), '_'), key.end());
  return key;
}

// Writes the extensions that have no field.
class ExtensionWriter {
 public:
  absl::Status Add(const Attribute& attribute) {
    if (count_++ == 0) writer_.BeginObject();
    writer_.Key(attribute.name);
    if (const auto* flag = std::get_if<bool>(&attribute.value)) {
      writer_.Bool(*flag);
    } else if (const auto* number = std::get_if<int32_t>(&attribute.value)) {
      writer_.Int(*number);
    } else if (const auto* text = std::get_if<std::string_view>(&attribute.value)) {
      CIEVENTS_RETURN_IF_ERROR(CheckEventText(attribute.name, *text, kEventExtensionsBytesMax));
      writer_.String(*text);
    } else if (const auto* binary = std::get_if<CloudEventView::Binary>(&attribute.value)) {
      writer_.String(
          absl::Base64Escape(absl::string_view(binary->bytes.data(), binary->bytes.size())));
    } else if (const auto* time = std::get_if<CloudEventView::Timestamp>(&attribute.value)) {
      time->unix_ms.has_value() ? writer_.String(FormatRfc3339(*time->unix_ms)) : writer_.Null();
    } else {
      writer_.Null();
    }
    if (writer_.text().size() < kEventExtensionsBytesMax) return absl::OkStatus();
    return Error(absl::StatusCode::kInvalidArgument,
                 "{}: the extensions have more than {} bytes together", attribute.name,
                 kEventExtensionsBytesMax);
  }
  std::string Take() {
    if (count_ > 0) writer_.EndObject();
    return writer_.Take();
  }

 private:
  JsonWriter writer_;
  size_t count_ = 0;
};

// False: `key` has no field.
absl::StatusOr<bool> ReadKnown(const Attribute& attribute, std::string_view key, Event* event,
                               std::string_view* data_content_type) {
  absl::Status status;
  if (key == "time") {
    event->time_ms = TimeMsOf(attribute);
  } else if (key == "subject") {
    status = ReadText(attribute, &event->subject);
  } else if (key == "dataschema") {
    status = ReadText(attribute, &event->data_schema);
  } else if (key == "datacontenttype") {
    status = ReadText(attribute, data_content_type);
  } else if (key == "traceparent") {
    status = ReadText(attribute, &event->traceparent);
  } else if (key == "correlationid") {
    status = ReadText(attribute, &event->correlation_id);
  } else if (key == "gitlabprojectid") {
    status = ReadId(attribute, &event->project_id);
  } else if (key == "gitlabnamespaceids") {
    status = ReadIds(attribute, &event->namespace_ids);
  } else if (key == "gitlaborganizationid") {
    status = ReadId(attribute, &event->organization_id);
  } else if (key == "gitlabuserid") {
    status = ReadId(attribute, &event->actor.user_id);
  } else if (key == "gitlabuserusername") {
    status = ReadText(attribute, &event->actor.username);
  } else if (key == "gitlabconfidential") {
    status = ReadBool(attribute, &event->confidential);
  } else {
    return false;
  }
  if (!status.ok()) return status;
  return true;
}

}  // namespace

absl::Status ReadCloudEventAttributes(const CloudEventView& given, Event* event,
                                      std::string_view* data_content_type) {
  if (given.attributes.size() > kCloudEventAttributesMax) {
    return Error(absl::StatusCode::kInvalidArgument, "{} attributes; at most {} are allowed",
                 given.attributes.size(), kCloudEventAttributesMax);
  }
  std::vector<std::string> keys;
  ExtensionWriter extensions;
  for (const Attribute& attribute : given.attributes) {
    CIEVENTS_RETURN_IF_ERROR(CheckName(attribute.name));
    std::string key = WithoutUnderscores(attribute.name);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      return Error(absl::StatusCode::kInvalidArgument, "{}: is given twice", attribute.name);
    }
    CIEVENTS_ASSIGN_OR_RETURN(const bool is_known,
                              ReadKnown(attribute, key, event, data_content_type));
    if (!is_known) CIEVENTS_RETURN_IF_ERROR(extensions.Add(attribute));
    keys.push_back(std::move(key));
  }
  event->extensions_json = extensions.Take();
  return absl::OkStatus();
}

}  // namespace cievents
