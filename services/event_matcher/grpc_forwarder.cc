#include "services/event_matcher/grpc_forwarder.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "cievents/events/v1/events.pb.h"
#include "cievents/events/wire/events_wire.pb.h"
#include "matcher/base/status.h"
#include "services/event_matcher/batch_message.h"
#include "services/event_matcher/event_codec.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/base/log.h"

namespace cievents::event_matcher {
namespace {

constexpr char kPublishEvents[] = "/cievents.events.v1.EventService/PublishEvents";
constexpr char kPublishCloudEvents[] = "/cievents.events.v1.EventService/PublishCloudEvents";
constexpr size_t kPeersMax = 4096;  // addresses of former layouts go when there are more

// `Request` is the wire twin of what the method takes.
template <typename Request>
grpc::ByteBuffer EncodeAs(const ForwardBatch& batch) {
  Request request;
  for (const std::string& event : batch.events) request.add_events(event);
  request.set_ack(batch.ack == AckLevel::kReceived ? events::wire::ACK_LEVEL_RECEIVED
                                                   : events::wire::ACK_LEVEL_DURABLE);
  for (const int64_t time_ms : batch.received_times_ms) request.add_received_time_ms(time_ms);
  return ToByteBuffer(request);
}

grpc::ByteBuffer Encode(const ForwardBatch& batch) {
  if (batch.format == EventFormat::kCloudEvent) {
    return EncodeAs<events::wire::PublishCloudEventsRequest>(batch);
  }
  return EncodeAs<events::wire::PublishEventsRequest>(batch);
}

// Both methods answer with the same message under two names.
absl::StatusOr<std::vector<Outcome>> Decode(const grpc::ByteBuffer& buffer, size_t count) {
  grpc::Slice slice;
  events::v1::PublishEventsResponse response;
  if (!buffer.DumpToSingleSlice(&slice).ok() ||
      !response.ParseFromArray(slice.begin(), static_cast<int>(slice.size())) ||
      static_cast<size_t>(response.outcomes_size()) != count) {
    return absl::InternalError("the owner's answer cannot be read");
  }
  std::vector<Outcome> outcomes;
  outcomes.reserve(count);
  for (const events::v1::EventOutcome& outcome : response.outcomes()) {
    outcomes.push_back(DecodeOutcome(outcome));
  }
  return outcomes;
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct GrpcForwarder::Peer {
  explicit Peer(std::string to)
      : address(std::move(to)), channel(MakeChannel(address)), stub(channel) {}

  const std::string address;
  const std::shared_ptr<grpc::Channel> channel;
  grpc::GenericStub stub;
  std::atomic<bool> answered{true};  // the last call that ended
  std::atomic<size_t> bytes_in_flight{0};
};

struct GrpcForwarder::Call {
  std::shared_ptr<Peer> peer;
  Done done;
  size_t count = 0;
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
};

GrpcForwarder::GrpcForwarder(Options options) : options_(options) {}

GrpcForwarder::~GrpcForwarder() { Stop(); }

std::shared_ptr<GrpcForwarder::Peer> GrpcForwarder::PeerOf(const std::string& address) {
  if (peers_.size() > kPeersMax) peers_.clear();
  std::shared_ptr<Peer>& peer = peers_[address];
  if (peer == nullptr) peer = std::make_shared<Peer>(address);
  return peer;
}

void GrpcForwarder::Connect(const std::vector<std::string>& addresses) {
  std::vector<std::shared_ptr<Peer>> peers;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    for (const std::string& address : addresses) peers.push_back(PeerOf(address));
  }
  for (const std::shared_ptr<Peer>& peer : peers) peer->channel->GetState(true);
}

void GrpcForwarder::Forward(const std::string& address, ForwardBatch batch, Done done) {
  auto made = std::make_unique<Call>();
  Call* const call = made.get();
  call->request = Encode(batch);
  call->count = batch.events.size();
  const size_t bytes = call->request.Length();
  {
    MutexLock lock(mutex_);
    if (!stopping_) call->peer = PeerOf(address);
    if (call->peer != nullptr &&
        call->peer->bytes_in_flight.load() + bytes <= options_.bytes_in_flight_max) {
      call->peer->bytes_in_flight += bytes;
      call->done = std::move(done);
      calls_.emplace(call, std::move(made));
    } else {
      stats_.refused_events += call->count;
    }
  }
  if (made != nullptr) {
    done(Error(absl::StatusCode::kUnavailable, "too much is under way to the matcher at {}",
               address));
    return;
  }
  call->context.set_deadline(std::chrono::system_clock::now() + WaitFor(*call->peer, batch));
  call->context.AddMetadata(kHopCountKey, "1");
  call->context.AddMetadata(kTopologyVersionKey, std::to_string(batch.topology_version));
  call->peer->stub.UnaryCall(
      &call->context,
      batch.format == EventFormat::kCloudEvent ? kPublishCloudEvents : kPublishEvents,
      grpc::StubOptions(), &call->request, &call->response,
      [this, call](const grpc::Status& status) { Finish(call, FromGrpcStatus(status)); });
}

std::chrono::milliseconds GrpcForwarder::WaitFor(const Peer& peer,
                                                 const ForwardBatch& batch) const {
  const bool connected = peer.channel->GetState(true) == GRPC_CHANNEL_READY;
  if (!connected) return options_.connect_wait;
  if (batch.patient) return options_.patient_wait;
  return peer.answered.load() ? options_.answer_wait : options_.doubtful_wait;
}

void GrpcForwarder::Finish(Call* call, const absl::Status& status) {
  Peer& peer = *call->peer;
  if (peer.answered.exchange(status.ok()) != status.ok()) {
    if (status.ok()) {
      LogInfo("the matcher that owns forwarded events answers again", {{"address", peer.address}});
    } else {
      LogWarning("events cannot be forwarded to the matcher that owns them",
                 {{"address", peer.address}, {"error", std::string(status.message())}});
    }
  }
  peer.bytes_in_flight -= call->request.Length();
  if (status.ok()) {
    call->done(Decode(call->response, call->count));
  } else {
    call->done(status);
  }
  MutexLock lock(mutex_);
  (status.ok() ? stats_.answered_events : stats_.failed_events) += call->count;
  calls_.erase(call);
  changed_.NotifyAll();
}

GrpcForwarder::Stats GrpcForwarder::stats() const {
  MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.calls = calls_.size();
  stats.bytes_max = options_.bytes_in_flight_max;
  for (const auto& [address, peer] : peers_) {
    stats.bytes = std::max(stats.bytes, peer->bytes_in_flight.load());
  }
  return stats;
}

void GrpcForwarder::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  for (const auto& [call, owned] : calls_) call->context.TryCancel();
  while (!calls_.empty()) changed_.Wait(mutex_);
}

}  // namespace cievents::event_matcher
