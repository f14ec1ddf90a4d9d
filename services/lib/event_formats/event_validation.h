// What every door checks of an event, whatever format it came in.
#ifndef SERVICES_LIB_EVENT_FORMATS_EVENT_VALIDATION_H_
#define SERVICES_LIB_EVENT_FORMATS_EVENT_VALIDATION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "services/lib/event_formats/event.h"

namespace cievents {

// Times beyond the year 9999 have no RFC 3339 form.
inline constexpr int64_t kEventTimeMsMax = 253402300799999;

// Checks the event and brings it to its canonical form: names are canonical and distinct, in the
// order given, and empty data becomes `{}`. kInvalidArgument: the message names the field, what is
// wrong with it and the limit. Whether `data` is JSON is the door's business.
absl::Status ValidateEvent(Event& event, size_t data_bytes_max = kEventDataBytesMax);

// What every text of an event must be: UTF-8 without U+0000 (which Postgres does not keep), at most
// `bytes_max`. kInvalidArgument names `field`.
absl::Status CheckEventText(std::string_view field, std::string_view text, size_t bytes_max);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_EVENT_VALIDATION_H_
