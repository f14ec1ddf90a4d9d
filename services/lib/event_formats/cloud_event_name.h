// The names of an event that came as a CloudEvent, from its type.
#ifndef SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_NAME_H_
#define SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_NAME_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/lib/catalogue/catalogue.h"

namespace cievents {

// A type that the catalogue knows: its event's name and what comes with it (`also`), at most
// kEventNamesMax. Any other type: `cloudevent/` and the type in lower case, its dots made slashes
// and every character that a name cannot hold `_`; what is over 8 segments stays in the last, with
// its dots. kInvalidArgument: the name would have more than 128 bytes. REQUIRES: `type` is UTF-8.
absl::StatusOr<std::vector<std::string>> NamesOfCloudEvent(std::string_view type,
                                                           const Catalogue& catalogue);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_NAME_H_
