// What matching reads of an event: views, made by whoever holds the event (a door, a test, a
// benchmark). The payload is bytes: nothing of it is read before a condition or an input asks.
#ifndef MATCHER_EVENT_EVENT_VIEW_H_
#define MATCHER_EVENT_EVENT_VIEW_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cievents::matcher {

// Everything a view points to must outlive the call that takes the event.
struct EventView {
  std::span<const std::string> names;      // canonical, 1 to 8, in the catalogue's order
  int64_t project_id = 0;                  // 0 = none (a group or instance event)
  std::span<const int64_t> namespace_ids;  // ancestors, root first
  bool confidential = false;
  int64_t time_ms = 0;  // when it happened, Unix time; 0 = unknown
  bool replayed = false;

  // Read by conditions and inputs only (`event.id`, `event.actor.username`, ...).
  std::string_view id;
  std::string_view source;
  std::string_view type;  // of a CloudEvent; empty = none
  std::string_view subject;
  int64_t actor_user_id = 0;  // 0 = unknown
  std::string_view actor_username;
  std::optional<int32_t> actor_access_level;
  bool actor_bot = false;
  std::string_view payload;  // JSON text as it came; empty = {}
};

}  // namespace cievents::matcher

#endif  // MATCHER_EVENT_EVENT_VIEW_H_
