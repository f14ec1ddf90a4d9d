// An event as a JSON object with the field names of cievents.events.v1.Event: what
// `cievents emit --event` reads.
#ifndef SERVICES_LIB_EVENT_FORMATS_EVENT_JSON_H_
#define SERVICES_LIB_EVENT_FORMATS_EVENT_JSON_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "services/lib/event_formats/event.h"

namespace cievents {

inline constexpr size_t kEventJsonBytesMax = kEventDataBytesMax + 64 * 1024;

// Fields: id, source, names (a list, or one text), project_id, namespace_ids, organization_id, time
// (RFC 3339 text, or Unix milliseconds), actor {user_id, username, access_level, bot},
// confidential, cause {request_id, pipeline_id}, subject, data_schema, data (or payload: any JSON,
// kept as it is written), traceparent, correlation_id. All may be absent; null is absent.
//
// kInvalidArgument, naming the field: not JSON (with the place), a wrong type, a field given twice,
// an unknown field (with the nearest known one). Limits and spelling are ValidateEvent's.
absl::StatusOr<Event> EventFromJson(std::string_view json);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_EVENT_JSON_H_
