// Sends events on to the matcher that owns their slots.
#ifndef SERVICES_EVENT_MATCHER_EVENT_FORWARDER_H_
#define SERVICES_EVENT_MATCHER_EVENT_FORWARDER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/event_matcher/encoded_event.h"
#include "services/event_matcher/intake.h"

namespace cievents::event_matcher {

struct ForwardBatch {
  EventFormat format = EventFormat::kNative;
  std::vector<std::string> events;         // as they came
  std::vector<int64_t> received_times_ms;  // one each: first admission
  AckLevel ack = AckLevel::kDurable;
  int64_t topology_version = 0;  // by which the owner was found
  bool patient = false;          // no emitter waits for it
};

// Thread-safe.
class EventForwarder {
 public:
  virtual ~EventForwarder() = default;

  // Called exactly once, from any thread, perhaps before Forward returns. OK: the owner's outcomes,
  // one for each event. Otherwise it is not known whether the owner has them: a time-out is never
  // an acknowledgement.
  using Done = std::function<void(absl::StatusOr<std::vector<Outcome>>)>;
  virtual void Forward(const std::string& address, ForwardBatch batch, Done done) = 0;

  // Ends what is under way (as failed) and waits for it. Twice is fine.
  virtual void Stop() = 0;
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EVENT_FORWARDER_H_
