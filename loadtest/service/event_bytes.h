// Requests as bytes, made once: before each sending only ids and times are written anew, in place,
// so that the emitter costs little and every event is a new one.
#ifndef LOADTEST_SERVICE_EVENT_BYTES_H_
#define LOADTEST_SERVICE_EVENT_BYTES_H_

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cievents/events/v1/events.pb.h"

namespace cievents::loadtest {

inline constexpr char kPublishMethod[] = "/cievents.events.v1.EventService/PublishEvents";
inline constexpr char kStreamMethod[] = "/cievents.events.v1.EventService/StreamEvents";

struct EventDraft {
  std::string name;
  int64_t project_id = 0;
  std::vector<int64_t> namespace_ids;  // root first
  size_t data_bytes = 1024;            // about; JSON
};

// A JSON payload as a forge sends it, of about so many bytes (at least 100).
std::string MakeData(size_t bytes);

// `id` and `time` are left open. With 1,024 bytes of data about 1.2 KB on the wire.
events::v1::Event MakeEvent(const EventDraft& draft);

// 36 characters, another one at each call in this process and in others.
void WriteEventId(char* to);

// Not thread-safe: one owner.
class BatchBytes {
 public:
  enum class Message { kStream, kUnary };
  // PublishEventsRequest or StreamEventsRequest with these events.
  BatchBytes(Message message, const std::vector<events::v1::Event>& events);

  // With new ids and the time that it is now.
  grpc::ByteBuffer Renew();
  const std::string& RenewText();
  int events() const { return static_cast<int>(id_places_.size()); }
  size_t size() const { return bytes_.size(); }

 private:
  void Append(const events::v1::Event& event, char tag);

  std::string bytes_;
  std::vector<size_t> id_places_;
  std::vector<size_t> time_places_;
};

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_EVENT_BYTES_H_
