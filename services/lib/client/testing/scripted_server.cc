#include "services/lib/client/testing/scripted_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "matcher/base/check.h"

namespace cievents::client {
namespace {

// Below the ports that the kernel gives to outgoing connections: while the server is dead, a client
// that tries to reach it must not connect to itself.
constexpr int kPortMin = 15'000;
constexpr int kPortMax = 32'000;
constexpr std::chrono::milliseconds kLook{2};

}  // namespace

events::v1::EventOutcome Outcome(events::v1::OutcomeKind kind) {
  events::v1::EventOutcome outcome;
  outcome.set_kind(kind);
  return outcome;
}

ScriptedServer::ScriptedServer()
    : on_batch_([](const events::v1::StreamEventsRequest&) { return Reaction(); }),
      on_event_(
          [](const events::v1::Event&) { return Outcome(events::v1::OUTCOME_KIND_ACCEPTED); }) {}

ScriptedServer::~ScriptedServer() { Kill(); }

void ScriptedServer::Script(OnBatch on_batch) {
  MutexLock lock(mutex_);
  on_batch_ = std::move(on_batch);
}

void ScriptedServer::Outcomes(OnEvent on_event) {
  MutexLock lock(mutex_);
  on_event_ = std::move(on_event);
}

void ScriptedServer::Start() {
  std::mt19937 random(std::random_device{}());
  GrpcServer::Options options;
  for (int attempt = 0; server_ == nullptr; ++attempt) {
    CIEVENTS_CHECK(attempt < 200);
    options.listen_address = endpoint_;
    if (endpoint_.empty()) {
      options.listen_address = fmt::format(
          "127.0.0.1:{}", std::uniform_int_distribution<int>(kPortMin, kPortMax)(random));
    }
    auto server = GrpcServer::Start(options, {this});
    if (server.ok()) {
      server_ = *std::move(server);
    } else if (!endpoint_.empty()) {
      std::this_thread::sleep_for(kLook);  // the port is not free again yet
    }
  }
  endpoint_ = server_->address();
}

void ScriptedServer::Kill() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::milliseconds(0));
  server_ = nullptr;
}

void ScriptedServer::BreakStreams() {
  MutexLock lock(mutex_);
  for (grpc::ServerContext* context : open_) context->TryCancel();
}

int ScriptedServer::AnswerHeld(Order order) {
  std::vector<HeldBatch> held;
  {
    MutexLock lock(mutex_);
    held.swap(held_);
  }
  if (order == Order::kReversed) std::reverse(held.begin(), held.end());
  for (const HeldBatch& batch : held) Answer(batch.stream, batch.request, batch.credit_batches);
  return static_cast<int>(held.size());
}

int ScriptedServer::held() const {
  MutexLock lock(mutex_);
  return static_cast<int>(held_.size());
}

int ScriptedServer::streams() const {
  MutexLock lock(mutex_);
  return streams_;
}

int ScriptedServer::open_streams() const {
  MutexLock lock(mutex_);
  return static_cast<int>(open_.size());
}

std::map<std::string, std::vector<std::string>> ScriptedServer::received() const {
  MutexLock lock(mutex_);
  return received_;
}

std::vector<int> ScriptedServer::batch_sizes() const {
  MutexLock lock(mutex_);
  return batch_sizes_;
}

void ScriptedServer::Answer(const std::shared_ptr<OpenStream>& stream,
                            const events::v1::StreamEventsRequest& request, int credit_batches) {
  events::v1::StreamEventsResponse response;
  response.set_batch_id(request.batch_id());
  response.set_credit_batches(credit_batches);
  {
    MutexLock lock(mutex_);
    for (const events::v1::Event& event : request.events()) {
      *response.add_outcomes() = on_event_(event);
    }
  }
  MutexLock lock(stream->mutex);
  if (stream->call != nullptr) stream->call->Write(response);
}

grpc::Status ScriptedServer::StreamEvents(grpc::ServerContext* context, Call* call) {
  auto stream = std::make_shared<OpenStream>();
  {
    MutexLock lock(stream->mutex);
    stream->call = call;
  }
  {
    MutexLock lock(mutex_);
    ++streams_;
    open_.push_back(context);
  }
  grpc::Status status = Serve(context, call, stream);
  {
    MutexLock lock(mutex_);
    std::erase(open_, context);
  }
  MutexLock lock(stream->mutex);
  stream->call = nullptr;
  return status;
}

grpc::Status ScriptedServer::Serve(grpc::ServerContext* context, Call* call,
                                   const std::shared_ptr<OpenStream>& stream) {
  events::v1::StreamEventsRequest request;
  while (call->Read(&request)) {
    Reaction reaction;
    {
      MutexLock lock(mutex_);
      batch_sizes_.push_back(request.events_size());
      for (const events::v1::Event& event : request.events()) {
        received_[event.id()].push_back(event.SerializeAsString());
      }
      reaction = on_batch_(request);
      if (reaction.kind == Reaction::Kind::kHold) {
        held_.push_back({stream, request, reaction.credit_batches});
      }
    }
    switch (reaction.kind) {
      case Reaction::Kind::kAnswer:
        Answer(stream, request, reaction.credit_batches);
        break;
      case Reaction::Kind::kHold:
        break;
      case Reaction::Kind::kEndStream:
        return reaction.status;
      case Reaction::Kind::kStopReading:
        while (!context->IsCancelled()) std::this_thread::sleep_for(kLook);
        return grpc::Status::CANCELLED;
    }
  }
  return grpc::Status::OK;
}

}  // namespace cievents::client
