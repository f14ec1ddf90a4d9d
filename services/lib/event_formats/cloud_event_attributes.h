// The optional attributes and extensions of a CloudEvent (behind cloud_event.h).
#ifndef SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_ATTRIBUTES_H_
#define SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_ATTRIBUTES_H_

#include <string_view>

#include "absl/status/status.h"
#include "services/lib/event_formats/cloud_event.h"
#include "services/lib/event_formats/event.h"

namespace cievents {

// Puts each into the field of `event` that it says, the others into extensions_json. GitLab's
// extensions are known with and without their underscores, which the specification does not allow:
// gitlab_user_id and gitlabuserid. `*data_content_type` is empty if there is none. kInvalidArgument
// names the attribute.
absl::Status ReadCloudEventAttributes(const CloudEventView& given, Event* event,
                                      std::string_view* data_content_type);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_CLOUD_EVENT_ATTRIBUTES_H_
