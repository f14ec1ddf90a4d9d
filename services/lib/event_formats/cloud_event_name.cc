#include "services/lib/event_formats/cloud_event_name.h"

#include "matcher/base/status.h"
#include "matcher/pattern.h"
#include "services/lib/event_formats/event.h"
#include "services/lib/event_formats/json_error.h"

namespace cievents {
namespace {

bool IsContinuationByte(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

char NameCharacter(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  return kept ? c : '_';
}

std::string OpenName(std::string_view type) {
  std::string name = "cloudevent/";
  int segments = 2;  // begun
  bool segment_is_empty = true;
  for (const char c : type) {
    if (IsContinuationByte(c)) continue;  // one `_` a character
    if (c != '.') {
      name += NameCharacter(c);
      segment_is_empty = false;
      continue;
    }
    if (segments == matcher::kNameSegmentsMax) {
      name += '.';
      continue;
    }
    if (segment_is_empty) name += '_';  // no name has an empty segment
    name += '/';
    ++segments;
    segment_is_empty = true;
  }
  if (name.back() == '/') name += '_';
  return name;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> NamesOfCloudEvent(std::string_view type,
                                                           const Catalogue& catalogue) {
  std::vector<std::string> names;
  if (std::string known = catalogue.NameOfCloudEvent(type); !known.empty()) {
    const EventType* event_type = catalogue.Find(known);
    names.push_back(std::move(known));
    if (event_type == nullptr) return names;
    for (const std::string& also : event_type->also) {
      if (names.size() < static_cast<size_t>(kEventNamesMax)) names.push_back(also);
    }
    return names;
  }
  names.push_back(OpenName(type));
  if (names.front().size() > static_cast<size_t>(matcher::kNameBytesMax)) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "type: \"{}...\" makes a name of {} bytes; at most {} are allowed: use a shorter "
                 "type",
                 ShownText(type), names.front().size(), matcher::kNameBytesMax);
  }
  return names;
}

}  // namespace cievents
