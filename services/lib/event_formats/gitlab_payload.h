// What GitLab's payloads show alike, whatever they came in. Includes simdjson: for .cc files.
#ifndef SERVICES_LIB_EVENT_FORMATS_GITLAB_PAYLOAD_H_
#define SERVICES_LIB_EVENT_FORMATS_GITLAB_PAYLOAD_H_

#include <string_view>

#include "simdjson.h"

namespace cievents {

// Anything in a payload that belongs to a confidential issue or an internal note counts: what is
// held back by mistake can be asked for, what leaks cannot be called back.
bool IsConfidentialPayload(simdjson::dom::element payload);

// True for project, group and service accounts. Only the login name counts, never the display name,
// which its owner may choose freely. `user_type` may be empty: not said.
bool IsBotUser(std::string_view username, std::string_view user_type);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_GITLAB_PAYLOAD_H_
