// The hot write path: events that matched and their pipeline requests, one statement a group
// commit.
#ifndef SERVICES_LIB_STORE_ENQUEUE_CONNECTION_H_
#define SERVICES_LIB_STORE_ENQUEUE_CONNECTION_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "matcher/event_identity.h"

namespace cievents::store {

// A row of `events`: an event that matched at least one subscription.
struct EventRow {
  matcher::EventUid uid;
  // True: the event is known by its key (identity, source, event_id). It gets the uid that is
  // stored for the key; `uid`, made from the time it was received, is only for a key that is not
  // stored yet.
  bool keyed = false;
  int16_t identity_kind = 0;  // EventIdentity::Kind
  int64_t identity_id = 0;    // project or group id; 0 = instance
  std::string source;
  std::string event_id;
  std::vector<std::string> names;
  int64_t project_id = 0;         // 0 = none
  int64_t root_namespace_id = 0;  // of the event; 0 = instance event
  int64_t time_ms = 0;
  int64_t received_time_ms = 0;
  bool confidential = false;
  int64_t actor_user_id = 0;
  std::string actor_username;
  std::optional<int32_t> actor_access_level;
  bool actor_bot = false;
  std::string cause_request_id;
  int64_t cause_pipeline_id = 0;
  std::string subject;
  std::string data_schema;
  std::string data;
  std::array<uint8_t, 32>
      data_digest;  // SHA-256 of `data`: the same identity with other data is refused
  std::string traceparent;
  std::string correlation_id;
  std::string type;             // of a CloudEvent, as it came; empty = none
  std::string extensions_json;  // JSON object of a CloudEvent's further attributes; empty = none
};

// What of two deliveries is the same if they are of one event, and differs otherwise: the uid, of a
// keyed event without its time.
matcher::EventUid DeliveryKey(const EventRow& event);

// How a request ends at the moment its event is matched; it is never ready then.
enum class RequestEnd : uint8_t {
  kNone,         // it becomes ready
  kFailedInput,  // its inputs do not fit what the pipeline declares
};

// A row of `pipeline_requests`.
struct RequestRow {
  matcher::EventUid event_uid;
  int64_t subscription_id = 0;
  int64_t project_id = 0;         // the subscriber
  int64_t root_namespace_id = 0;  // the subscriber's root: the tenant that takes turns
  std::string path;               // pipeline file
  std::string ref;                // default branch
  std::string commit_sha;         // the commit whose subscription decided
  std::string workflow_id;        // hex
  std::string event_name;         // the name that decided
  int32_t entry = 0;              // the deciding entry
  std::string inputs_json;        // JSON object
  int64_t run_as_user_id = 0;
  RequestEnd end = RequestEnd::kNone;
  std::string end_reason;  // for people; empty with kNone
};

struct EnqueueBatch {
  std::vector<EventRow> events;      // distinct delivery keys
  std::vector<RequestRow> requests;  // each of an event in `events`; distinct (uid, subscription)
};

struct EnqueueResult {
  // Events whose uid is already stored with another data digest: none of their requests were
  // written. Of a keyed event the uid that the batch has.
  std::vector<matcher::EventUid> reused_ids;
  // Per event of the batch, in its order: how many of its requests were new.
  std::vector<int32_t> inserted_requests;
  // Per event of the batch, in its order: the uid that it has in Postgres; of a keyed event perhaps
  // that of an earlier delivery.
  std::vector<matcher::EventUid> stored_uids;
};

// One libpq connection. Not thread-safe: one owner thread.
class EnqueueConnection {
 public:
  static absl::StatusOr<std::unique_ptr<EnqueueConnection>> Connect(const std::string& dsn);
  ~EnqueueConnection();

  // Writes the batch in one transaction and returns after its commit; sending the same batch again
  // is harmless. The batch is sorted here (opposite orders deadlock). Errors:
  //   kUnavailable         connection lost, shutdown, serialization, read-only: outcome unknown or
  //                        nothing written; send the same batch again, after Reconnect if
  //                        !connected()
  //   kFailedPrecondition  no partition for the time in an event's uid: make it (Partitions) and
  //   send
  //                        again
  //   kInvalidArgument     Postgres refuses a row for itself (22xxx, 23xxx): bisect
  //   kInternal            anything else
  absl::StatusOr<EnqueueResult> Enqueue(EnqueueBatch& batch);

  bool connected() const;
  absl::Status Reconnect();

 private:
  struct Connection;
  explicit EnqueueConnection(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_ENQUEUE_CONNECTION_H_
