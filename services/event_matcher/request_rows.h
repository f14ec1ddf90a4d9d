// From an event and its matches to the rows of the queue. Pure.
#ifndef SERVICES_EVENT_MATCHER_REQUEST_ROWS_H_
#define SERVICES_EVENT_MATCHER_REQUEST_ROWS_H_

#include <string>
#include <vector>

#include "matcher/event_identity.h"
#include "matcher/index.h"
#include "services/event_matcher/enqueuer.h"
#include "services/lib/event_formats/event.h"

namespace cievents::event_matcher {

// The identity that the event is unique by (docs/events.md). Views into `event`.
matcher::EventIdentity IdentityOf(const Event& event);

// REQUIRES: `matches` is not empty.
EventWrite MakeEventWrite(Event event, const matcher::EventUid& uid,
                          const std::vector<matcher::Match>& matches);

// The request's inputs: what the include fixed wins over what the entry gives; sorted by name.
std::string InputsJson(const std::vector<matcher::InputBinding>& include_inputs,
                       const std::vector<matcher::InputBinding>& entry_inputs);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_REQUEST_ROWS_H_
