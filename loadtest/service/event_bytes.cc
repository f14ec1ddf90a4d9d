#include "loadtest/service/event_bytes.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "matcher/base/check.h"

namespace cievents::loadtest {
namespace {

constexpr size_t kIdBytes = 36;
const std::string& IdPlaceholder() {
  static const auto* placeholder = new std::string(kIdBytes, '#');
  return *placeholder;
}

// Field 7 of an event, a Timestamp whose two numbers have five bytes each whatever their value
// (protobuf reads varints that are longer than they need to be).
constexpr char kTimeField[] = "\x3a\x0c\x08?????\x10?????";
constexpr size_t kTimeFieldBytes = sizeof(kTimeField) - 1;
constexpr size_t kSecondsPlace = 3;
constexpr size_t kNanosPlace = 9;

void WriteVarint5(char* to, uint64_t value) {
  for (int i = 0; i < 4; ++i) {
    to[i] = static_cast<char>(0x80 | (value & 0x7F));
    value >>= 7;
  }
  to[4] = static_cast<char>(value & 0x7F);
}

void AppendVarint(std::string* to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) to->push_back(static_cast<char>(0x80 | (value & 0x7F)));
  to->push_back(static_cast<char>(value));
}

void WriteHex(char* to, uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; --i, value >>= 4) to[i] = kDigits[value & 15];
}

}  // namespace

std::string MakeData(size_t bytes) {
  std::string data =
      "{\"object_kind\":\"issue\",\"object_attributes\":{\"iid\":4711,\"action\":\"open\","
      "\"state\":\"opened\",\"title\":\"The build of the module fails\"},\"labels\":[";
  for (int i = 0; data.size() + 60 < bytes; ++i) {
    data += fmt::format("{}{{\"id\":{},\"title\":\"label-{}\",\"color\":\"#dc143c\"}}",
                        i == 0 ? "" : ",", 1000 + i, i);
  }
  return data + "]}";
}

events::v1::Event MakeEvent(const EventDraft& draft) {
  events::v1::Event event;
  event.set_id(IdPlaceholder());
  event.set_source("https://gitlab.example.com/gitlab-org/gitlab/-/x");
  event.add_names(draft.name);
  event.set_project_id(draft.project_id);
  for (const int64_t id : draft.namespace_ids) event.add_namespace_ids(id);
  event.mutable_actor()->set_user_id(4711);
  event.mutable_actor()->set_username("ada");
  event.set_subject("issues/4711");
  event.set_data(MakeData(draft.data_bytes));
  return event;
}

void WriteEventId(char* to) {
  static const uint64_t process = [] {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) << 32 | static_cast<uint64_t>(getpid());
  }();
  static std::atomic<uint64_t> number{0};
  std::memcpy(to, "evt-", 4);
  WriteHex(to + 4, process);
  WriteHex(to + 20, number.fetch_add(1, std::memory_order_relaxed));
}

BatchBytes::BatchBytes(Message message, const std::vector<events::v1::Event>& events) {
  const bool is_stream = message == Message::kStream;
  if (is_stream) bytes_ = "\x08\x01";  // batch_id
  for (const events::v1::Event& event : events) Append(event, is_stream ? '\x12' : '\x0a');
}

void BatchBytes::Append(const events::v1::Event& event, char tag) {
  CIEVENTS_CHECK(!event.has_time());
  std::string bytes = event.SerializeAsString();
  const size_t id = bytes.find(IdPlaceholder());
  CIEVENTS_CHECK(id != std::string::npos);
  bytes.append(kTimeField, kTimeFieldBytes);
  bytes_.push_back(tag);
  AppendVarint(&bytes_, bytes.size());
  id_places_.push_back(bytes_.size() + id);
  time_places_.push_back(bytes_.size() + bytes.size() - kTimeFieldBytes);
  bytes_ += bytes;
}

const std::string& BatchBytes::RenewText() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  for (const size_t place : id_places_) WriteEventId(bytes_.data() + place);
  for (const size_t place : time_places_) {
    WriteVarint5(bytes_.data() + place + kSecondsPlace, static_cast<uint64_t>(now.tv_sec));
    WriteVarint5(bytes_.data() + place + kNanosPlace, static_cast<uint64_t>(now.tv_nsec));
  }
  return bytes_;
}

grpc::ByteBuffer BatchBytes::Renew() {
  grpc::Slice slice(RenewText());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace cievents::loadtest
