#include "services/lib/client/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "matcher/base/status.h"
#include "matcher/base/string_map.h"
#include "services/lib/base/backoff.h"
#include "services/lib/base/grpc_status.h"

namespace cievents::client {
namespace {

// One round for each level of nested includes (docs/subscriptions.md, "Limits"), one for the CI
// file and one for the manifest.
constexpr int kPushRoundsMax = 103;
constexpr size_t kBatchEventsMax = 256;
constexpr size_t kBatchBytesMax = 3 * 1024 * 1024;
constexpr int kMessageBytesMax = 128 * 1024 * 1024;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

// Says what was called and where: "PublishEvents at 127.0.0.1:1: connection refused".
absl::Status Annotate(std::string_view method, const std::string& endpoint,
                      const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      fmt::format("{} at {}: {}", method, endpoint, status.error_message()));
}

// When an event is sent again; absl::InfiniteFuture(): its outcome is final, or what the server
// asks for would be too late.
absl::Time NextTry(const events::v1::EventOutcome& outcome, absl::Duration wait_min,
                   absl::Time give_up) {
  if (outcome.kind() != events::v1::OUTCOME_KIND_OVERLOADED) return absl::InfiniteFuture();
  const absl::Duration asked = absl::Seconds(outcome.retry_after().seconds()) +
                               absl::Nanoseconds(outcome.retry_after().nanos());
  const absl::Time now = absl::Now();
  if (now + asked >= give_up) return absl::InfiniteFuture();
  return now + std::max(asked, wait_min);
}

enum class Repeat { kNo, kWhileUnavailable };

template <typename Response, typename Stub, typename Request>
absl::StatusOr<Response> Call(const Client::Options& options, std::string_view method, Stub* stub,
                              grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&,
                                                         Response*),
                              const Request& request, Repeat repeat) {
  const absl::Time give_up = absl::Now() + options.retry_for;
  Backoff backoff(std::chrono::milliseconds(50), std::chrono::milliseconds(1000));
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + options.call_timeout));
    Response response;
    const grpc::Status status = (stub->*call)(&context, request, &response);
    if (status.ok()) return response;
    const absl::Duration asked = RetryAfter(context, status);
    // RESOURCE_EXHAUSTED without a time to wait is a limit that stays.
    const bool passes = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                        (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
                         asked > absl::ZeroDuration());
    const bool again =
        repeat == Repeat::kWhileUnavailable && passes && absl::Now() + asked < give_up;
    if (!again) return Annotate(method, options.endpoint, status);
    absl::SleepFor(std::max(asked, absl::FromChrono(backoff.Next())));
  }
}

}  // namespace

Client::Client(Options options) : options_(std::move(options)) {
  const std::shared_ptr<grpc::Channel> channel = MakeChannel(options_.endpoint);
  events_ = events::v1::EventService::NewStub(channel);
  config_ = config::v1::ConfigService::NewStub(channel);
  pipelines_ = pipelines::v1::PipelineService::NewStub(channel);
  admin_ = admin::v1::AdminService::NewStub(channel);
  explain_ = admin::v1::ExplainService::NewStub(channel);
}

absl::Status Client::PublishBatch(const std::vector<events::v1::Event>& events,
                                  const std::vector<size_t>& positions,
                                  std::vector<events::v1::EventOutcome>* outcomes) {
  events::v1::PublishEventsRequest request;
  for (const size_t position : positions) *request.add_events() = events[position];
  CIEVENTS_ASSIGN_OR_RETURN(
      auto response, Call(options_, "PublishEvents",
                          static_cast<events::v1::EventService::StubInterface*>(events_.get()),
                          &events::v1::EventService::StubInterface::PublishEvents, request,
                          Repeat::kWhileUnavailable));
  if (response.outcomes_size() != request.events_size()) {
    return Error(absl::StatusCode::kInternal, "PublishEvents at {}: {} outcomes for {} events",
                 options_.endpoint, response.outcomes_size(), request.events_size());
  }
  for (size_t i = 0; i < positions.size(); ++i) {
    (*outcomes)[positions[i]] = std::move(*response.mutable_outcomes(static_cast<int>(i)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<events::v1::EventOutcome>> Client::PublishEvents(
    const std::vector<events::v1::Event>& events) {
  std::vector<events::v1::EventOutcome> outcomes(events.size());
  std::vector<absl::Time> due(events.size(), absl::InfinitePast());
  const absl::Time give_up = absl::Now() + options_.retry_for;
  Backoff backoff(std::chrono::milliseconds(100), std::chrono::milliseconds(2000));
  while (true) {
    std::vector<size_t> waiting;
    for (size_t i = 0; i < due.size(); ++i) {
      if (due[i] <= absl::Now()) waiting.push_back(i);
    }
    for (size_t begin = 0; begin < waiting.size();) {
      std::vector<size_t> batch;
      size_t bytes = 0;
      while (begin < waiting.size() && batch.size() < kBatchEventsMax) {
        const size_t size = events[waiting[begin]].ByteSizeLong();
        if (!batch.empty() && bytes + size > kBatchBytesMax) break;
        bytes += size;
        batch.push_back(waiting[begin++]);
      }
      CIEVENTS_RETURN_IF_ERROR(PublishBatch(events, batch, &outcomes));
    }
    const absl::Duration wait_min = absl::FromChrono(backoff.Next());
    for (const size_t position : waiting) {
      due[position] = NextTry(outcomes[position], wait_min, give_up);
    }
    const auto next = std::min_element(due.begin(), due.end());
    if (next == due.end() || *next == absl::InfiniteFuture()) return outcomes;
    absl::SleepFor(*next - absl::Now());
  }
}

namespace {

// Adds what the server asked for. kAborted: it asks for what it was given.
absl::Status AddContents(
    const config::v1::PushConfigResponse& response,
    const std::function<absl::StatusOr<std::string>(const std::string& path)>& content,
    StringSet* sent, config::v1::PushConfigRequest* request) {
  for (const std::string& path : response.needs_content()) {
    if (!sent->insert(path).second) {
      return Error(absl::StatusCode::kAborted,
                   "the server asks again for '{}', which it was sent; push again", path);
    }
    CIEVENTS_ASSIGN_OR_RETURN(std::string bytes, content(path));
    config::v1::FileContent* file = request->add_files();
    file->set_path(path);
    file->set_content(std::move(bytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<config::v1::PushConfigResponse> Client::PushConfig(
    config::v1::PushConfigRequest request, const PushFiles& files) {
  StringSet sent;
  for (const config::v1::FileContent& file : request.files()) sent.insert(file.path());
  for (int round = 0; round <= kPushRoundsMax; ++round) {
    CIEVENTS_ASSIGN_OR_RETURN(
        auto response, Call(options_, "PushConfig",
                            static_cast<config::v1::ConfigService::StubInterface*>(config_.get()),
                            &config::v1::ConfigService::StubInterface::PushConfig, request,
                            Repeat::kWhileUnavailable));
    if (response.result() == config::v1::PUSH_RESULT_NEEDS_MANIFEST && !request.has_manifest() &&
        files.manifest != nullptr) {
      CIEVENTS_ASSIGN_OR_RETURN(const auto manifest, files.manifest());
      for (const config::v1::ManifestEntry& entry : manifest) *request.add_manifest() = entry;
      request.set_has_manifest(true);
      request.clear_previous_commit_sha();
      request.clear_changed_paths();
      continue;
    }
    if (response.result() != config::v1::PUSH_RESULT_NEEDS_CONTENT) return response;
    CIEVENTS_RETURN_IF_ERROR(AddContents(response, files.content, &sent, &request));
  }
  return Error(absl::StatusCode::kAborted,
               "PushConfig at {}: the server still asks for contents after {} rounds; push again",
               options_.endpoint, kPushRoundsMax);
}

absl::StatusOr<config::v1::PushConfigResponse> Client::PushConfig(
    config::v1::PushConfigRequest request,
    const std::function<absl::StatusOr<std::string>(const std::string& path)>& content) {
  return PushConfig(std::move(request), PushFiles{content, nullptr});
}

absl::StatusOr<config::v1::UpsertProjectResponse> Client::UpsertProject(
    const config::v1::UpsertProjectRequest& request) {
  return Call(options_, "UpsertProject",
              static_cast<config::v1::ConfigService::StubInterface*>(config_.get()),
              &config::v1::ConfigService::StubInterface::UpsertProject, request,
              Repeat::kWhileUnavailable);
}

absl::StatusOr<config::v1::TransferProjectResponse> Client::TransferProject(
    const config::v1::TransferProjectRequest& request) {
  return Call(options_, "TransferProject",
              static_cast<config::v1::ConfigService::StubInterface*>(config_.get()),
              &config::v1::ConfigService::StubInterface::TransferProject, request,
              Repeat::kWhileUnavailable);
}

absl::StatusOr<config::v1::ArchiveProjectResponse> Client::ArchiveProject(
    const config::v1::ArchiveProjectRequest& request) {
  return Call(options_, "ArchiveProject",
              static_cast<config::v1::ConfigService::StubInterface*>(config_.get()),
              &config::v1::ConfigService::StubInterface::ArchiveProject, request,
              Repeat::kWhileUnavailable);
}

absl::StatusOr<config::v1::DeleteProjectResponse> Client::DeleteProject(
    const config::v1::DeleteProjectRequest& request) {
  return Call(options_, "DeleteProject",
              static_cast<config::v1::ConfigService::StubInterface*>(config_.get()),
              &config::v1::ConfigService::StubInterface::DeleteProject, request,
              Repeat::kWhileUnavailable);
}

absl::StatusOr<config::v1::ListSubscriptionsResponse> Client::ListSubscriptions(
    const config::v1::ListSubscriptionsRequest& request) {
  return Call(options_, "ListSubscriptions",
              static_cast<config::v1::ConfigService::StubInterface*>(config_.get()),
              &config::v1::ConfigService::StubInterface::ListSubscriptions, request,
              Repeat::kWhileUnavailable);
}

absl::StatusOr<pipelines::v1::LeasePipelineRequestsResponse> Client::LeasePipelineRequests(
    const pipelines::v1::LeasePipelineRequestsRequest& request) {
  return Call(options_, "LeasePipelineRequests",
              static_cast<pipelines::v1::PipelineService::StubInterface*>(pipelines_.get()),
              &pipelines::v1::PipelineService::StubInterface::LeasePipelineRequests, request,
              Repeat::kNo);
}

absl::Status Client::CompletePipelineRequest(
    const pipelines::v1::CompletePipelineRequestRequest& request) {
  return Call(options_, "CompletePipelineRequest",
              static_cast<pipelines::v1::PipelineService::StubInterface*>(pipelines_.get()),
              &pipelines::v1::PipelineService::StubInterface::CompletePipelineRequest, request,
              Repeat::kNo)
      .status();
}

absl::StatusOr<admin::v1::ListPipelineRequestsResponse> Client::ListPipelineRequests(
    const admin::v1::ListPipelineRequestsRequest& request) {
  return Call(options_, "ListPipelineRequests",
              static_cast<admin::v1::AdminService::StubInterface*>(admin_.get()),
              &admin::v1::AdminService::StubInterface::ListPipelineRequests, request,
              Repeat::kWhileUnavailable);
}

absl::StatusOr<admin::v1::GetPipelineRequestResponse> Client::GetPipelineRequest(
    const admin::v1::GetPipelineRequestRequest& request) {
  return Call(options_, "GetPipelineRequest",
              static_cast<admin::v1::AdminService::StubInterface*>(admin_.get()),
              &admin::v1::AdminService::StubInterface::GetPipelineRequest, request,
              Repeat::kWhileUnavailable);
}

absl::StatusOr<admin::v1::ExplainEventResponse> Client::ExplainEvent(
    const admin::v1::ExplainEventRequest& request) {
  return Call(options_, "ExplainEvent",
              static_cast<admin::v1::ExplainService::StubInterface*>(explain_.get()),
              &admin::v1::ExplainService::StubInterface::ExplainEvent, request,
              Repeat::kWhileUnavailable);
}

}  // namespace cievents::client
