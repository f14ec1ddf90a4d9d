// An event as it came, and in what format.
#ifndef SERVICES_EVENT_MATCHER_ENCODED_EVENT_H_
#define SERVICES_EVENT_MATCHER_ENCODED_EVENT_H_

#include <string>

namespace cievents::event_matcher {

enum class EventFormat {
  kNative,      // cievents.events.v1.Event
  kCloudEvent,  // io.cloudevents.v1.CloudEvent
};

struct EncodedEvent {
  EventFormat format = EventFormat::kNative;
  std::string bytes;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_ENCODED_EVENT_H_
