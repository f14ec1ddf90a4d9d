// The wire form of explanations. Knows protobuf, not gRPC.
#ifndef SERVICES_EVENT_MATCHER_EXPLAIN_CODEC_H_
#define SERVICES_EVENT_MATCHER_EXPLAIN_CODEC_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "cievents/admin/v1/explain.pb.h"
#include "matcher/index/explanation.h"
#include "services/lib/event_formats/event.h"
#include "services/lib/store/request_queue.h"

namespace cievents::event_matcher {

inline constexpr int kVerdictsDefault = 100;
inline constexpr int kVerdictsMax = 1000;
// An answer stays well under the 4 MiB that clients take.
inline constexpr size_t kVerdictsBytesMax = 2 * 1024 * 1024;
inline constexpr size_t kOperandValueBytesMax = 4 * 1024;
// Of one subscription's CI file.
inline constexpr size_t kExplainedJobsMax = 50;
inline constexpr size_t kExplainedJobsBytesMax = 256 * 1024;

// The event of a request for an explanation; without a `time` it happened at `now_ms`.
absl::StatusOr<Event> DecodeExplainedEvent(events::v1::Event message, int64_t now_ms);

// The stored event. Its ancestors are not stored: only what their root is.
Event EventOf(const store::EventRow& row);

// Without the data.
void EncodeExplainedEvent(const Event& event, events::v1::Event* message);

// At most `limit` verdicts: first that on `first_subscription_id` (0 = none), then what fires, then
// near misses, then the others; the answer says how many were left out.
void EncodeExplanation(matcher::Explanation explanation, int limit, int64_t first_subscription_id,
                       admin::v1::ExplainEventResponse* response);

void EncodeRecorded(const store::RecordedDecision& decision, admin::v1::RecordedDecision* message);

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_EXPLAIN_CODEC_H_
