// The shared `cievents dev` of this test binary, called over real gRPC. No gRPC header here: only
// wire.cc knows it.
#ifndef TESTS_INTEGRATION_WIRE_H_
#define TESTS_INTEGRATION_WIRE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cievents/admin/v1/admin.pb.h"
#include "cievents/config/v1/config.pb.h"
#include "cievents/events/v1/events.pb.h"
#include "cievents/pipelines/v1/pipelines.pb.h"
#include "tests/support/dev_server.h"

namespace cievents::integration {

using config::v1::ListSubscriptionsRequest;
using config::v1::ListSubscriptionsResponse;
using config::v1::PushConfigRequest;
using config::v1::PushConfigResponse;
using events::v1::Event;
using events::v1::EventOutcome;
using pipelines::v1::CompletePipelineRequestRequest;
using pipelines::v1::LeasePipelineRequestsRequest;
using pipelines::v1::LeasePipelineRequestsResponse;
using pipelines::v1::PipelineRequest;

// Started at the first call, stopped after the last test, when it must still be running and must
// exit with 0: whatever a test sends, nothing crashes.
support::DevServer& Server();

// The client library.
absl::StatusOr<PushConfigResponse> PushWithClient(const PushConfigRequest& request,
                                                  const std::map<std::string, std::string>& files);
absl::StatusOr<std::vector<EventOutcome>> PublishWithClient(const std::vector<Event>& events);

// One call each, with nothing between the test and the wire.
absl::StatusOr<PushConfigResponse> Call(const PushConfigRequest& request);
absl::StatusOr<ListSubscriptionsResponse> Call(const ListSubscriptionsRequest& request);
absl::StatusOr<events::v1::PublishEventsResponse> Call(
    const events::v1::PublishEventsRequest& request);
absl::StatusOr<events::v1::PublishCloudEventsResponse> Call(
    const events::v1::PublishCloudEventsRequest& request);
absl::StatusOr<LeasePipelineRequestsResponse> Call(const LeasePipelineRequestsRequest& request);
absl::StatusOr<pipelines::v1::ExtendLeasesResponse> Call(
    const pipelines::v1::ExtendLeasesRequest& request);
absl::StatusOr<pipelines::v1::CompletePipelineRequestResponse> Call(
    const CompletePipelineRequestRequest& request);
absl::StatusOr<admin::v1::ListPipelineRequestsResponse> Call(
    const admin::v1::ListPipelineRequestsRequest& request);
absl::StatusOr<admin::v1::GetPipelineRequestResponse> Call(
    const admin::v1::GetPipelineRequestRequest& request);
absl::StatusOr<admin::v1::ListEventTypesResponse> Call(
    const admin::v1::ListEventTypesRequest& request);

// Sends bytes that need not be a message to "/package.Service/Method"; returns the answer's bytes.
absl::StatusOr<std::string> CallRaw(const std::string& method, const std::string& bytes);
// The same for a method with streams: one message, the end, the first answer.
absl::StatusOr<std::string> CallRawStream(const std::string& method, const std::string& bytes);

inline constexpr char kPublishEvents[] = "/cievents.events.v1.EventService/PublishEvents";
inline constexpr char kPublishCloudEvents[] = "/cievents.events.v1.EventService/PublishCloudEvents";

// A StreamEvents call.
class EventStream {
 public:
  EventStream();
  ~EventStream();

  bool Write(const events::v1::StreamEventsRequest& request);
  bool WriteRaw(const std::string& bytes);
  // Half-close: no further batch comes.
  void WritesDone();
  // False: the stream has ended.
  bool Read(events::v1::StreamEventsResponse* response);
  // After Read answered false.
  absl::Status Finish();
  void Cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cievents::integration

#endif  // TESTS_INTEGRATION_WIRE_H_
