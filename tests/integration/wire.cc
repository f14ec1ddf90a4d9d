#include "tests/integration/wire.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "gtest/gtest.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/client/client.h"

namespace cievents::integration {
namespace {

constexpr std::chrono::seconds kCallTimeout{60};

// gtest runs TearDown after the last test, while failures still count.
class ServerEnvironment : public ::testing::Environment {
 public:
  void SetUp() override {
    if (!server_.Start()) FAIL() << "cievents dev does not start:\n" << server_.Log();
    // With gRPC's default limits (answers up to 4 MiB), as most clients have.
    channel_ = grpc::CreateChannel(server_.endpoint(), grpc::InsecureChannelCredentials());
    client_ = std::make_unique<client::Client>(client::Client::Options{server_.endpoint()});
  }
  void TearDown() override {
    client_.reset();
    channel_.reset();
    EXPECT_TRUE(server_.process().Running()) << "the server ended by itself:\n" << server_.Log();
    EXPECT_EQ(server_.Stop(), 0) << server_.Log();
  }

  support::DevServer& server() { return server_; }
  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }
  client::Client& client() { return *client_; }

 private:
  support::TempFolder folder_;
  support::DevServer server_{folder_};
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<client::Client> client_;
};

ServerEnvironment* const environment = static_cast<ServerEnvironment*>(
    ::testing::AddGlobalTestEnvironment(new ServerEnvironment()));  // gtest owns it

void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
}

template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> CallOnce(grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                                                        const Request&, Response*),
                                  const Request& request) {
  const std::unique_ptr<typename Service::Stub> stub = Service::NewStub(environment->channel());
  grpc::ClientContext context;
  SetDeadline(&context);
  Response response;
  const grpc::Status status = ((*stub).*method)(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

support::DevServer& Server() { return environment->server(); }

absl::StatusOr<PushConfigResponse> PushWithClient(const PushConfigRequest& request,
                                                  const std::map<std::string, std::string>& files) {
  return environment->client().PushConfig(
      request, [&files](const std::string& path) -> absl::StatusOr<std::string> {
        const auto file = files.find(path);
        if (file == files.end()) return absl::NotFoundError("asked for " + path);
        return file->second;
      });
}

absl::StatusOr<std::vector<EventOutcome>> PublishWithClient(const std::vector<Event>& events) {
  return environment->client().PublishEvents(events);
}

absl::StatusOr<PushConfigResponse> Call(const PushConfigRequest& request) {
  using Service = config::v1::ConfigService;
  return CallOnce<Service>(&Service::Stub::PushConfig, request);
}
absl::StatusOr<ListSubscriptionsResponse> Call(const ListSubscriptionsRequest& request) {
  using Service = config::v1::ConfigService;
  return CallOnce<Service>(&Service::Stub::ListSubscriptions, request);
}
absl::StatusOr<events::v1::PublishEventsResponse> Call(
    const events::v1::PublishEventsRequest& request) {
  using Service = events::v1::EventService;
  return CallOnce<Service>(&Service::Stub::PublishEvents, request);
}
absl::StatusOr<events::v1::PublishCloudEventsResponse> Call(
    const events::v1::PublishCloudEventsRequest& request) {
  using Service = events::v1::EventService;
  return CallOnce<Service>(&Service::Stub::PublishCloudEvents, request);
}
absl::StatusOr<LeasePipelineRequestsResponse> Call(const LeasePipelineRequestsRequest& request) {
  using Service = pipelines::v1::PipelineService;
  return CallOnce<Service>(&Service::Stub::LeasePipelineRequests, request);
}
absl::StatusOr<pipelines::v1::ExtendLeasesResponse> Call(
    const pipelines::v1::ExtendLeasesRequest& request) {
  using Service = pipelines::v1::PipelineService;
  return CallOnce<Service>(&Service::Stub::ExtendLeases, request);
}
absl::StatusOr<pipelines::v1::CompletePipelineRequestResponse> Call(
    const CompletePipelineRequestRequest& request) {
  using Service = pipelines::v1::PipelineService;
  return CallOnce<Service>(&Service::Stub::CompletePipelineRequest, request);
}
absl::StatusOr<admin::v1::ListPipelineRequestsResponse> Call(
    const admin::v1::ListPipelineRequestsRequest& request) {
  using Service = admin::v1::AdminService;
  return CallOnce<Service>(&Service::Stub::ListPipelineRequests, request);
}
absl::StatusOr<admin::v1::GetPipelineRequestResponse> Call(
    const admin::v1::GetPipelineRequestRequest& request) {
  using Service = admin::v1::AdminService;
  return CallOnce<Service>(&Service::Stub::GetPipelineRequest, request);
}
absl::StatusOr<admin::v1::ListEventTypesResponse> Call(
    const admin::v1::ListEventTypesRequest& request) {
  using Service = admin::v1::AdminService;
  return CallOnce<Service>(&Service::Stub::ListEventTypes, request);
}

absl::StatusOr<std::string> CallRaw(const std::string& method, const std::string& bytes) {
  grpc::GenericStub stub(environment->channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto call = stub.PrepareUnaryCall(&context, method, ToBuffer(bytes), &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return FromGrpcStatus(status);
  return ToBytes(answer);
}

namespace {

// A bidirectional call whose steps are waited for one by one.
class RawStream {
 public:
  explicit RawStream(const std::string& method) : stub_(environment->channel()) {
    SetDeadline(&context_);
    call_ = stub_.PrepareCall(&context_, method, &queue_);
    call_->StartCall(nullptr);
    Await();
  }
  bool Write(const std::string& bytes) {
    call_->Write(ToBuffer(bytes), nullptr);
    return Await();
  }
  void WritesDone() {
    call_->WritesDone(nullptr);
    Await();
  }
  bool Read(std::string* bytes) {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, nullptr);
    if (!Await()) return false;
    *bytes = ToBytes(buffer);
    return true;
  }
  absl::Status Finish() {
    grpc::Status status;
    call_->Finish(&status, nullptr);
    Await();
    return FromGrpcStatus(status);
  }
  void Cancel() { context_.TryCancel(); }

 private:
  bool Await() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

}  // namespace

absl::StatusOr<std::string> CallRawStream(const std::string& method, const std::string& bytes) {
  RawStream stream(method);
  stream.Write(bytes);
  stream.WritesDone();
  std::string answer;
  const bool answered = stream.Read(&answer);
  std::string rest;
  while (answered && stream.Read(&rest)) {
  }
  if (const absl::Status status = stream.Finish(); !status.ok()) return status;
  return answer;
}

struct EventStream::State {
  RawStream stream{"/cievents.events.v1.EventService/StreamEvents"};
};

EventStream::EventStream() : state_(std::make_unique<State>()) {}
EventStream::~EventStream() = default;
bool EventStream::Write(const events::v1::StreamEventsRequest& request) {
  return state_->stream.Write(request.SerializeAsString());
}
bool EventStream::WriteRaw(const std::string& bytes) { return state_->stream.Write(bytes); }
void EventStream::WritesDone() { state_->stream.WritesDone(); }
bool EventStream::Read(events::v1::StreamEventsResponse* response) {
  std::string bytes;
  return state_->stream.Read(&bytes) && response->ParseFromString(bytes);
}
absl::Status EventStream::Finish() { return state_->stream.Finish(); }
void EventStream::Cancel() { state_->stream.Cancel(); }

}  // namespace cievents::integration
