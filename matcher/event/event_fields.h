// The values of one event's paths, found when they are asked for: the payload is walked from its
// start only as far as the path needs, each byte about once a level (twice where a list turns out
// to be no flat one), and what was passed on the way is remembered. One object a thread, reused for
// every event.
//
// A path's value depends on the payload up to the end of that value alone, never on which other
// paths were asked for: what is malformed behind it is not noticed, what is malformed before it
// makes it kFailed. Of two equal keys in an object the first counts.
#ifndef MATCHER_EVENT_EVENT_FIELDS_H_
#define MATCHER_EVENT_EVENT_FIELDS_H_

#include <cstdint>
#include <memory>

#include "matcher/event/event_path.h"
#include "matcher/event/event_view.h"
#include "matcher/event/value.h"

namespace cievents::matcher {

class EventFields {
 public:
  EventFields();
  ~EventFields();
  EventFields(const EventFields&) = delete;
  EventFields& operator=(const EventFields&) = delete;

  // Starts a new event; O(1). `event`, which is not copied, and all that it views must live until
  // the next Reset.
  void Reset(const EventView& event);
  void Reset(EventView&& event) = delete;
  const EventView& event() const;

  // The name that `event.name` stands for; an index into event().names. Reset sets it to 0. Setting
  // it forgets the value of `event.name`, nothing else.
  void SetName(uint32_t name);
  uint32_t name() const;

  // Valid until the next Reset (of kName: the next SetName). All paths asked for between two Resets
  // must come from one EventPathTable.
  const Value& Get(const EventPath& path);

  // How many bytes of the payload have been walked since Reset, for tests and for the cost that
  // explain reports. 0 = the payload was not touched.
  size_t payload_bytes_walked() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_EVENT_FIELDS_H_
