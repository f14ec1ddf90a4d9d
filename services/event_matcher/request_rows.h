// From an event and its matches to what the matcher reads and to the rows of the queue. Pure.
#ifndef SERVICES_EVENT_MATCHER_REQUEST_ROWS_H_
#define SERVICES_EVENT_MATCHER_REQUEST_ROWS_H_

#include "matcher/event/event_view.h"
#include "matcher/event_identity.h"
#include "matcher/index/index.h"
#include "services/event_matcher/enqueuer.h"
#include "services/lib/event_formats/event.h"

namespace cievents::event_matcher {

// The identity that the event is unique by (docs/events.md). Views into `event`.
matcher::EventIdentity IdentityOf(const Event& event);

// The uid that is proposed for it: an event whose retries may change the time is known by its key,
// and may be stored under another one already. REQUIRES: received_time_ms is set.
matcher::EventUid UidOf(const Event& event);

// What matching reads. Views into `event`.
matcher::EventView ViewOf(const Event& event);

// Inputs of one request together: literals in the file have far less, so what is over it came from
// the event.
inline constexpr size_t kRequestInputsBytesMax = 256 * 1024;
inline constexpr size_t kEndReasonBytesMax = 1024;

// The request of one match. If its inputs do not fit, it ends at once (kFailedInput).
store::RequestRow MakeRequestRow(const Event& event, const matcher::EventUid& uid,
                                 const matcher::Match& match);

store::EventRow MakeEventRow(Event event, const matcher::EventUid& uid);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_REQUEST_ROWS_H_
