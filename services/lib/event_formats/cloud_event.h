// CloudEvents (specification 1.0) to events, whatever they came in: docs/cloudevents.md. A door
// makes the view of its message; how the message is spelled is the door's business.
#ifndef SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_H_
#define SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/event_formats/event.h"

namespace cievents {

inline constexpr size_t kCloudEventAttributesMax = 64;
inline constexpr size_t kCloudEventNameBytesMax = 64;

// Views: the door keeps what they point to.
struct CloudEventView {
  struct Binary {
    std::string_view bytes;
  };
  struct Timestamp {
    std::optional<int64_t> unix_ms;  // nullopt = out of the range of times
  };
  struct Attribute {
    std::string_view name;
    // monostate: without a value. A text is a String, a URI or a URI-reference.
    std::variant<std::monostate, bool, int32_t, std::string_view, Binary, Timestamp> value;
  };
  enum class DataForm { kNone, kBytes, kProtobuf };

  std::string_view id;
  std::string_view source;
  std::string_view spec_version;
  std::string_view type;
  std::vector<Attribute> attributes;  // all others, extensions too, in any order
  DataForm data_form = DataForm::kNone;
  std::string_view data;  // kBytes: as datacontenttype says
};

// The event; its retries may change the time (Retries::kMayChangeTime), and time_ms is 0 where the
// time is absent or no time. What it does not check ValidateEvent does: texts that are fields of an
// event, and the limit of `data`.
//
// kInvalidArgument, naming the attribute: a required one is missing, specversion is not 1.0, a name
// that is none, an attribute given twice or of a wrong type, data that is not JSON.
absl::StatusOr<Event> EventFromCloudEvent(const CloudEventView& given, const Catalogue& catalogue);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_H_
