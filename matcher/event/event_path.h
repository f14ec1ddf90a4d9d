// Paths into an event: `event.PATH` (docs/subscriptions.md, "Conditions"), parsed once, interned,
// numbered, so that a thread remembers a path's value in an array slot for one event.
#ifndef MATCHER_EVENT_EVENT_PATH_H_
#define MATCHER_EVENT_EVENT_PATH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/base/string_map.h"

namespace cievents::matcher {

inline constexpr int kEventPathKeysMax = 16;  // after `event.` or `event.payload.`
inline constexpr size_t kEventPathBytesMax = 1024;

// An immutable path. Equal paths of one EventPathTable are one object.
struct EventPath {
  // Which part of the event. Everything but kPayload is a field of the envelope.
  enum class Root : uint8_t {
    kName,  // the name that decided; until an entry has decided, the first that it matches
    kNames,
    kId,
    kSource,
    kType,
    kSubject,
    kTime,
    kProjectId,
    kActorId,
    kActorUsername,
    kActorBot,
    kActorAccessLevel,
    kReplay,
    kPayload,  // keys below the payload
  };

  uint32_t id = 0;      // dense in its table; reused after the last user is gone
  uint64_t serial = 0;  // of no other path of this process, ever; 0 = not from a table
  Root root = Root::kPayload;
  std::vector<std::string> keys;  // kPayload only; empty = the whole payload
  // `event.K...` for a K that is no field of the envelope: where the payload has no K and K is the
  // event's own subject (the first segment of one of its names), K means `object_attributes`.
  bool may_be_subject = false;
  std::string text;  // canonical: `event.payload.a.b`, `event.actor.id`; `gitlab.` is dropped
};

// Interns paths. One writer at a time; a path may be read from any thread for as long as somebody
// holds its pointer. The table may go before its paths.
class EventPathTable {
 public:
  EventPathTable();
  ~EventPathTable();
  EventPathTable(const EventPathTable&) = delete;
  EventPathTable& operator=(const EventPathTable&) = delete;

  // `text` is what stands in a block: `event.payload.object_attributes.iid`. kInvalidArgument: the
  // message says what is wrong and what may stand there.
  absl::StatusOr<std::shared_ptr<const EventPath>> Intern(std::string_view text);

  // One more than the greatest id in use: how long an array by id must be.
  uint32_t id_end() const;
  size_t size() const;  // paths in use

 private:
  struct State;
  std::shared_ptr<State> state_;  // outlived by the paths' deleters
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_EVENT_PATH_H_
