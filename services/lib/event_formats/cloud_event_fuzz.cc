// CloudEvents from any bytes: lines of the required attributes, then lines `name=value` of the
// others (a value beginning with `#` is an Integer, with `!` bytes), an empty line, the data. What
// is accepted has canonical names, extensions that are JSON within their bound, and data as it
// came.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "matcher/base/check.h"
#include "matcher/pattern.h"
#include "services/lib/event_formats/cloud_event.h"
#include "services/lib/event_formats/event_validation.h"
#include "simdjson.h"

namespace cievents {
namespace {

std::string_view TakeLine(std::string_view* rest) {
  const size_t end = rest->find('\n');
  const std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  return line;
}

CloudEventView::Attribute AttributeOf(std::string_view line) {
  CloudEventView::Attribute attribute;
  const size_t equals = line.find('=');
  attribute.name = line.substr(0, equals);
  if (equals == std::string_view::npos) return attribute;
  const std::string_view value = line.substr(equals + 1);
  if (value.starts_with('#')) {
    attribute.value = static_cast<int32_t>(std::atoi(std::string(value.substr(1)).c_str()));
  } else if (value.starts_with('!')) {
    attribute.value = CloudEventView::Binary{value.substr(1)};
  } else {
    attribute.value = value;
  }
  return attribute;
}

void Check(const CloudEventView& given) {
  absl::StatusOr<Event> event = EventFromCloudEvent(given, *Catalogue::BuiltIn());
  if (!event.ok()) {
    const auto message = event.status().message();
    CIEVENTS_CHECK(!message.empty() && simdjson::validate_utf8(message.data(), message.size()));
    return;
  }
  CIEVENTS_CHECK(event->retries == Retries::kMayChangeTime);
  CIEVENTS_CHECK(event->data == given.data);
  CIEVENTS_CHECK(!event->names.empty());
  for (const std::string& name : event->names) {
    const auto canonical = matcher::ParseEventName(name);
    CIEVENTS_CHECK(canonical.ok() && *canonical == name);
  }
  simdjson::dom::parser parser;
  CIEVENTS_CHECK(event->extensions_json.size() <= kEventExtensionsBytesMax + 1);
  CIEVENTS_CHECK(event->extensions_json.empty() ||
                 parser.parse(event->extensions_json).error() == simdjson::SUCCESS);
  const absl::Status valid = ValidateEvent(*event);
  CIEVENTS_CHECK(valid.ok() || !valid.message().empty());
}

}  // namespace
}  // namespace cievents

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  cievents::CloudEventView given;
  given.id = cievents::TakeLine(&rest);
  given.source = cievents::TakeLine(&rest);
  given.spec_version = cievents::TakeLine(&rest);
  given.type = cievents::TakeLine(&rest);
  while (!rest.empty()) {
    const std::string_view line = cievents::TakeLine(&rest);
    if (line.empty()) break;
    given.attributes.push_back(cievents::AttributeOf(line));
  }
  if (!rest.empty()) given.data_form = cievents::CloudEventView::DataForm::kBytes;
  given.data = rest;
  cievents::Check(given);
  return 0;
}
