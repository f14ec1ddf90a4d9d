// Events and requests for tests, told apart by numbers.
#ifndef SERVICES_LIB_STORE_TESTING_TEST_ROWS_H_
#define SERVICES_LIB_STORE_TESTING_TEST_ROWS_H_

#include <cstdint>
#include <string>

#include "absl/time/clock.h"
#include "matcher/event_identity.h"
#include "services/lib/base/sha256.h"
#include "services/lib/store/enqueue_connection.h"

namespace cievents::store {

// Event `number` of project 7 in tenant 70, at `time_ms` (0 = when the process first asked).
inline EventRow MakeEvent(int number, std::string data = "{}", int64_t time_ms = 0) {
  static const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  EventRow event;
  event.time_ms = time_ms == 0 ? now_ms : time_ms;
  event.received_time_ms = event.time_ms + 5;
  event.identity_kind = static_cast<int16_t>(matcher::EventIdentity::Kind::kProject);
  event.identity_id = 7;
  event.source = "test";
  event.event_id = "event-" + std::to_string(number);
  event.uid = matcher::MakeEventUid(
      event.time_ms,
      {matcher::EventIdentity::Kind::kProject, event.identity_id, event.source, event.event_id},
      &Sha256);
  event.names = {"issue/created", "issue/updated"};
  event.project_id = 7;
  event.root_namespace_id = 70;
  event.data = std::move(data);
  event.data_digest = Sha256(event.data);
  return event;
}

// The same event where it is known by its key: a delivery received `after_ms` later than the first.
inline EventRow MakeKeyedEvent(int number, int64_t after_ms = 0, std::string data = "{}") {
  EventRow event = MakeEvent(number, std::move(data));
  event.keyed = true;
  event.received_time_ms += after_ms;
  event.uid = matcher::MakeKeyedEventUid(
      event.received_time_ms,
      {matcher::EventIdentity::Kind::kProject, event.identity_id, event.source, event.event_id},
      &Sha256);
  event.type = "com.example.x";
  return event;
}

inline RequestRow MakeRequest(const EventRow& event, int64_t subscription_id,
                              int64_t root_namespace_id = 70) {
  RequestRow request;
  request.event_uid = event.uid;
  request.subscription_id = subscription_id;
  request.project_id = root_namespace_id / 10;
  request.root_namespace_id = root_namespace_id;
  request.path = ".gitlab/ci/events/a.yml";
  request.ref = "main";
  request.commit_sha = "c0ffee";
  request.workflow_id = "ab12";
  request.event_name = "issue/created";
  request.inputs_json = R"({"b": 1.0, "a": 10000000000000000000001})";
  request.run_as_user_id = 3;
  return request;
}

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_TESTING_TEST_ROWS_H_
