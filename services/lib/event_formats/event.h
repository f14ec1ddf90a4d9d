// An event inside the services: what every door (gRPC, webhook, CloudEvent, ...) turns its message
// into. The wire form is cievents.events.v1.Event; the same nouns, the same limits.
#ifndef SERVICES_LIB_EVENT_FORMATS_EVENT_H_
#define SERVICES_LIB_EVENT_FORMATS_EVENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cievents {

inline constexpr int kEventNamesMax = 8;
inline constexpr int kEventNamespacesMax = 32;
inline constexpr size_t kEventIdBytesMax = 255;
inline constexpr size_t kEventSourceBytesMax = 1024;
inline constexpr size_t kEventTextBytesMax = 1024;  // subject, data_schema, traceparent, ...
inline constexpr size_t kEventExtensionsBytesMax = 16 * 1024;
inline constexpr size_t kEventDataBytesMax = 1024 * 1024;

struct Actor {
  int64_t user_id = 0;  // 0 = unknown
  std::string username;
  std::optional<int32_t> access_level;  // GitLab's numbers (10 guest .. 50 owner)
  bool bot = false;
};

struct Cause {
  std::string request_id;   // pipeline request that (indirectly) caused the event; empty = none
  int64_t pipeline_id = 0;  // 0 = none
};

// How deliveries of one event find together: what its producer's retries repeat.
enum class Retries {
  kRepeatTheTime,  // id, source and time; the time must be right
  kMayChangeTime,  // id and source; a time that is absent or out of the window does not count
};

struct Event {
  Retries retries = Retries::kRepeatTheTime;
  std::string id;      // with `source` unique per project; a retry carries the same pair
  std::string source;  // e.g. "gitlab"
  std::vector<std::string> names;      // canonical, in the catalogue's order
  int64_t project_id = 0;              // 0 = a group or instance event
  std::vector<int64_t> namespace_ids;  // ancestors, root first; empty = fill from what we know
  int64_t organization_id = 0;
  int64_t time_ms = 0;           // when it happened, Unix time; 0 = not known
  int64_t received_time_ms = 0;  // when we got it
  Actor actor;
  bool confidential = false;
  Cause cause;
  std::string subject;
  std::string data_schema;
  std::string data;  // JSON bytes as they came, at most kEventDataBytesMax
  std::string traceparent;
  std::string correlation_id;
  std::string type;             // of a CloudEvent, as it came; empty = none
  std::string extensions_json;  // a CloudEvent's further attributes, a JSON object; empty = none
  bool replayed = false;
};

}  // namespace cievents

#endif  // SERVICES_LIB_EVENT_FORMATS_EVENT_H_
