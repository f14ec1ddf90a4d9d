// Events out of files: webhook payloads and event objects, as an emitter would send them.
#ifndef SERVICES_CLI_EVENT_FILES_H_
#define SERVICES_CLI_EVENT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cievents/events/v1/events.pb.h"
#include "services/cli/options.h"
#include "services/lib/event_formats/event.h"

namespace cievents::cli {

// RFC 9562 version 4.
std::string RandomUuid();

events::v1::Event EncodeEvent(const Event& event);

// What could not even be sent has a status: refused here, with the outcome that the server would
// give.
struct PreparedEvent {
  events::v1::Event event;
  absl::Status status;
};

// The events of all files, webhooks first. An error is about a file or an option.
absl::StatusOr<std::vector<PreparedEvent>> PrepareEvents(const EventFileOptions& options);

}  // namespace cievents::cli

#endif  // SERVICES_CLI_EVENT_FILES_H_
