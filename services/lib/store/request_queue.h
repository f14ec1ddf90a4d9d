// Taking work: pipeline requests are leased, completed, and read.
//
// Tenants (root namespaces) take turns; a lease ends by the database's clock; every completion is
// fenced by (request, attempt, owner).
#ifndef SERVICES_LIB_STORE_REQUEST_QUEUE_H_
#define SERVICES_LIB_STORE_REQUEST_QUEUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/lib/store/enqueue_connection.h"

namespace cievents::store {

// `<event uid>:<subscription id>`.
struct RequestId {
  matcher::EventUid event_uid;
  int64_t subscription_id = 0;
};

std::string FormatRequestId(const RequestId& id);
// kInvalidArgument with what a request id looks like.
absl::StatusOr<RequestId> ParseRequestId(std::string_view text);

struct RequestRecord {
  RequestRow request;
  std::string event_id;  // the emitter's id
  std::string event_source;
  std::vector<std::string> event_names;
  int64_t event_project_id = 0;
  int64_t event_time_ms = 0;
  std::string event_data;  // only in leases
  std::string event_subject;
  std::string correlation_id;
  std::string traceparent;
  // ready, active, deferred, created, dead, failed_input (a state of docs/architecture.md)
  std::string state;
  int32_t attempt = 0;
  std::string owner;              // active only
  int64_t lease_end_time_ms = 0;  // active only
  int64_t pipeline_id = 0;        // created only
  std::string reason;             // dead, deferred or failed_input
};

// A request's event, what decided then, and what stands in the place of that now.
struct RecordedDecision {
  EventRow event;                   // with its data
  RequestRow request;               // end and end_reason are not read
  std::string current_commit_sha;   // of the subscription's project
  std::string current_workflow_id;  // empty = the subscription has ended
};

enum class CompletionKind {
  kCreated,  // the pipeline exists
  kRetry,    // failed in a way that may heal: deferred, then ready again
  kDead,     // failed for good
};

struct Completion {
  matcher::EventUid event_uid;
  int64_t subscription_id = 0;
  int32_t attempt = 0;
  std::string owner;
  CompletionKind kind = CompletionKind::kCreated;
  int64_t pipeline_id = 0;
  std::string reason;
  absl::Duration retry_delay = absl::Seconds(5);
};

struct RequestFilter {
  std::optional<int64_t> project_id;
  std::optional<std::string> state;
  int limit = 100;
  // Cursor: only requests older than this one (uid, subscription id), newest first.
  std::optional<matcher::EventUid> before_uid;
  int64_t before_subscription_id = 0;
};

// A small pool of libpqxx connections. Thread-safe.
class RequestQueue {
 public:
  static absl::StatusOr<std::unique_ptr<RequestQueue>> Create(const std::string& dsn,
                                                              int connections_max);
  ~RequestQueue();

  // Leases up to `max` requests to `owner`; expired leases and due deferred ones come back first.
  absl::StatusOr<std::vector<RequestRecord>> Claim(const std::string& owner, int max,
                                                   absl::Duration lease);
  // Extends all leases of `owner`; returns how many.
  absl::StatusOr<int> Extend(const std::string& owner, absl::Duration lease);
  // kFailedPrecondition: the lease is not (any more) the caller's (expired, taken over, completed).
  absl::Status Complete(const Completion& completion);

  // Gives a leased request back as if it had not been claimed: ready again, the attempt not
  // counted. Errors as Complete.
  absl::Status Release(const matcher::EventUid& event_uid, int64_t subscription_id, int32_t attempt,
                       const std::string& owner);

  absl::StatusOr<std::vector<RequestRecord>> List(const RequestFilter& filter);
  // kNotFound if there is none.
  absl::StatusOr<RequestRecord> Find(const matcher::EventUid& event_uid, int64_t subscription_id);
  // kNotFound if there is no such request.
  absl::StatusOr<RecordedDecision> FindDecision(const matcher::EventUid& event_uid,
                                                int64_t subscription_id);

 private:
  class Pool;
  explicit RequestQueue(std::unique_ptr<Pool> pool);
  std::unique_ptr<Pool> pool_;
};

}  // namespace cievents::store

#endif  // SERVICES_LIB_STORE_REQUEST_QUEUE_H_
