// GitLab webhook and system-hook payloads to events, by the catalogue's rows.
#ifndef SERVICES_LIB_EVENT_FORMATS_GITLAB_WEBHOOK_H_
#define SERVICES_LIB_EVENT_FORMATS_GITLAB_WEBHOOK_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "services/lib/catalogue/catalogue.h"
#include "services/lib/event_formats/event.h"

namespace cievents {

// Fills names, project_id, namespace_ids (a group hook's group), confidential, actor, subject,
// cause (a payload that names the pipeline it comes from) and data of an Event; id, source and time
// are the door's. The names are those of the row with the most conditions that hold (its event,
// then its `also`); on a tie, of all tied rows in file order, each name once. A note without
// `action` counts as `create`; a payload without object_kind is recognised by its event_name.
//
// Errors, all kInvalidArgument: not JSON (with the place), not an object, invalid UTF-8, over
// kEventDataBytesMax, no catalogue row fits (the message says which kind and fields were seen).
absl::StatusOr<Event> EventFromGitlabWebhook(std::string_view payload, const Catalogue& catalogue);

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_GITLAB_WEBHOOK_H_
