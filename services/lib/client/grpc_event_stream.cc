#include "services/lib/client/grpc_event_stream.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>
#include <vector>

#include "matcher/base/mutex.h"
#include "matcher/base/status.h"
#include "services/lib/base/grpc_status.h"

namespace cievents::client {
namespace {

using events::v1::StreamEventsRequest;
using events::v1::StreamEventsResponse;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

constexpr char kMethod[] = "/cievents.events.v1.EventService/StreamEvents";

std::shared_ptr<grpc::Channel> Connect(const std::string& endpoint,
                                       std::chrono::milliseconds connect_timeout) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Despite its name this is how long gRPC tries to connect; the waits between are ours.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(connect_timeout.count()));
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

// StreamEventsRequest, put together from events that are serialized already.
grpc::ByteBuffer EncodeBatch(int64_t batch_id, const std::vector<const std::string*>& events,
                             events::v1::AckLevel ack) {
  StreamEventsRequest head;
  head.set_batch_id(batch_id);
  head.set_ack(ack);
  const uint32_t tag = WireFormatLite::MakeTag(StreamEventsRequest::kEventsFieldNumber,
                                               WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  size_t size = head.ByteSizeLong();
  for (const std::string* event : events) {
    const auto bytes = static_cast<uint32_t>(event->size());
    size += CodedOutputStream::VarintSize32(tag) + CodedOutputStream::VarintSize32(bytes) + bytes;
  }
  grpc::Slice slice(size);
  auto* to = const_cast<uint8_t*>(slice.begin());
  to = head.SerializeWithCachedSizesToArray(to);
  for (const std::string* event : events) {
    to = CodedOutputStream::WriteVarint32ToArray(tag, to);
    to = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(event->size()), to);
    to = CodedOutputStream::WriteStringToArray(*event, to);
  }
  return grpc::ByteBuffer(&slice, 1);
}

StreamNotice ToNotice(const StreamEventsResponse& response) {
  StreamNotice notice;
  notice.kind = StreamNotice::Kind::kAnswered;
  notice.batch_id = response.batch_id();
  notice.credit_batches = response.credit_batches();
  notice.answers.reserve(static_cast<size_t>(response.outcomes_size()));
  for (const events::v1::EventOutcome& outcome : response.outcomes()) {
    Answer& answer = notice.answers.emplace_back();
    if (outcome.kind() == events::v1::OUTCOME_KIND_OVERLOADED) {
      answer.kind = Answer::Kind::kOverloaded;
      answer.retry_after = absl::Seconds(outcome.retry_after().seconds()) +
                           absl::Nanoseconds(outcome.retry_after().nanos());
    } else {
      answer.outcome = outcome.SerializeAsString();
    }
  }
  return notice;
}

// Lives until OnDone has handed it over, and as long as the sender has it.
class GrpcEventStream final
    : public EventStream,
      public grpc::ClientBidiReactor<grpc::ByteBuffer, StreamEventsResponse>,
      public std::enable_shared_from_this<GrpcEventStream> {
 public:
  GrpcEventStream(std::shared_ptr<grpc::Channel> channel, events::v1::AckLevel ack, TellStream tell)
      : stub_(std::move(channel)), ack_(ack), tell_(std::move(tell)) {}

  void Begin() {
    self_ = shared_from_this();
    stub_.PrepareBidiStreamingCall(&context_, kMethod, grpc::StubOptions(), this);
    AddHold();  // for Write, which comes from outside of the reactions
    StartRead(&response_);
    StartCall();
  }

  void Write(int64_t batch_id, const std::vector<const std::string*>& events) override {
    grpc::ByteBuffer batch = EncodeBatch(batch_id, events, ack_);
    MutexLock lock(mutex_);
    if (ended_) return;
    write_.Swap(&batch);
    StartWrite(&write_);
  }

  void Cancel() override { context_.TryCancel(); }

  void OnWriteDone(bool ok) override {
    if (!ok) return;  // reads fail as well
    StreamNotice notice;
    notice.kind = StreamNotice::Kind::kWritten;
    tell_(std::move(notice));
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      tell_(ToNotice(response_));
      StartRead(&response_);
      return;
    }
    {
      MutexLock lock(mutex_);
      ended_ = true;
    }
    RemoveHold();
  }

  void OnDone(const grpc::Status& status) override {
    const TellStream tell = std::move(tell_);
    StreamNotice notice;
    notice.kind = StreamNotice::Kind::kEnded;
    notice.status = FromGrpcStatus(status);
    notice.retry_after = RetryAfter(context_, status);
    // With the last channel gRPC 1.51 joins the threads of its callbacks, and frees what they use:
    // this is one of them, and must not be where the channel goes (grpc/grpc#32584).
    notice.stream = std::move(self_);
    tell(std::move(notice));
    // `this` may be gone.
  }

 private:
  grpc::TemplatedGenericStub<grpc::ByteBuffer, StreamEventsResponse> stub_;
  const events::v1::AckLevel ack_;
  TellStream tell_;
  grpc::ClientContext context_;
  std::shared_ptr<GrpcEventStream> self_;  // until OnDone
  StreamEventsResponse response_;          // of the read that is under way

  Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // the hold is gone: no further write
  grpc::ByteBuffer write_;                      // of the write that is under way
};

}  // namespace

std::shared_ptr<EventStream> OpenGrpcEventStream(const std::string& endpoint,
                                                 events::v1::AckLevel ack,
                                                 std::chrono::milliseconds connect_timeout,
                                                 TellStream tell) {
  auto stream =
      std::make_shared<GrpcEventStream>(Connect(endpoint, connect_timeout), ack, std::move(tell));
  stream->Begin();
  return stream;
}

}  // namespace cievents::client
