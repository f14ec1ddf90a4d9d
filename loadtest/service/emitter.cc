#include "loadtest/service/emitter.h"

#include <fmt/format.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "loadtest/harness/clocks.h"
#include "loadtest/service/server_process.h"
#include "matcher/base/mutex.h"

namespace cievents::loadtest {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  // A number that differs keeps gRPC from sharing one connection among all emitters.
  static int number = 0;
  grpc::ChannelArguments arguments;
  arguments.SetInt("cievents.emitter", ++number);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void SleepUntil(double wall_seconds) {
  timespec until{};
  until.tv_sec = static_cast<time_t>(wall_seconds);
  until.tv_nsec = static_cast<long>((wall_seconds - static_cast<double>(until.tv_sec)) * 1e9);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

// What is known of the answers to one window of sending.
struct Tally {
  int64_t events = 0;
  std::vector<double> ack_us;
  size_t bytes_min = std::numeric_limits<size_t>::max();
  size_t bytes_max = 0;

  void Add(int answered, double due, size_t bytes) {
    events += answered;
    ack_us.push_back((WallSeconds() - due) * 1e6);
    bytes_min = std::min(bytes_min, bytes);
    bytes_max = std::max(bytes_max, bytes);
  }
  void MoveTo(Emission* emission) {
    emission->events += events;
    emission->ack_us.insert(emission->ack_us.end(), ack_us.begin(), ack_us.end());
    emission->answer_bytes_min = std::min(emission->answer_bytes_min, bytes_min);
    emission->answer_bytes_max = std::max(emission->answer_bytes_max, bytes_max);
    *this = Tally();
  }
};

}  // namespace

class StreamEmitter::Stream final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Stream(const std::string& address, int window, std::vector<BatchBytes> batches)
      : window_(window), stub_(Connect(address)), batches_(std::move(batches)) {
    stub_.PrepareBidiStreamingCall(&context_, kStreamMethod, {}, this);
    StartRead(&read_);
    // Writes come from Pump, at any time: the call must not end before WritesDone.
    AddHold();
    StartCall();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) Die("a stream", "it broke while a batch was sent");
    MutexLock lock(mutex_);
    writing_ = false;
    Pump();
  }

  void OnReadDone(bool ok) override {
    {
      MutexLock lock(mutex_);
      if (!ok) {
        if (!closing_) Die("a stream", "it was ended by the server");
        return;
      }
      const Sent sent = sent_.front();
      sent_.pop_front();
      tally_.Add(sent.events, sent.due, read_.Length());
      Pump();
      if (IsIdle()) idle_.NotifyAll();
    }
    StartRead(&read_);
  }

  void OnDone(const grpc::Status& status) override {
    MutexLock lock(mutex_);
    if (!status.ok()) Die("a stream", status.error_message());
    done_ = true;
    idle_.NotifyAll();
  }

  void SendUntil(double end) {
    MutexLock lock(mutex_);
    send_until_ = end;
    Pump();
  }

  void AddDue() {
    MutexLock lock(mutex_);
    due_.push_back(WallSeconds());
    Pump();
  }

  // Waits until all is answered.
  void Collect(Emission* emission) {
    MutexLock lock(mutex_);
    while (!IsIdle()) idle_.Wait(mutex_);
    tally_.MoveTo(emission);
  }

  void Close() {
    {
      MutexLock lock(mutex_);
      closing_ = true;
    }
    StartWritesDone();
    RemoveHold();
    MutexLock lock(mutex_);
    while (!done_) idle_.Wait(mutex_);
  }

 private:
  struct Sent {
    int events;
    double due;
  };

  bool IsIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return sent_.empty() && due_.empty() && WallSeconds() >= send_until_;
  }

  // The moment when the next batch was due; kNever = none is.
  double TakeDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!due_.empty()) {
      const double due = due_.front();
      due_.pop_front();
      return due;
    }
    const double now = WallSeconds();
    return now < send_until_ ? now : kNever;
  }

  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || static_cast<int>(sent_.size()) >= window_) return;
    const double due = TakeDue();
    if (due == kNever) return;
    BatchBytes& batch = batches_[next_++ % batches_.size()];
    write_ = batch.Renew();
    sent_.push_back({batch.events(), due});
    writing_ = true;
    StartWrite(&write_);
  }

  const int window_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer read_;

  Mutex mutex_;
  CondVar idle_;
  std::vector<BatchBytes> batches_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::ByteBuffer write_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Sent> sent_ ABSL_GUARDED_BY(mutex_);  // not answered; answers come in order
  std::deque<double> due_ ABSL_GUARDED_BY(mutex_);
  double send_until_ ABSL_GUARDED_BY(mutex_) = 0;
  Tally tally_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

StreamEmitter::StreamEmitter(const Options& options, std::vector<BatchBytes> batches) {
  std::vector<std::vector<BatchBytes>> dealt(static_cast<size_t>(options.streams));
  for (size_t i = 0; i < batches.size(); ++i) {
    dealt[i % dealt.size()].push_back(std::move(batches[i]));
  }
  for (std::vector<BatchBytes>& own : dealt) {
    streams_.push_back(std::make_unique<Stream>(options.address, options.window, std::move(own)));
  }
}

StreamEmitter::~StreamEmitter() {
  for (const auto& stream : streams_) stream->Close();
}

Emission StreamEmitter::Collect(double begin) {
  Emission emission;
  emission.answer_bytes_min = std::numeric_limits<size_t>::max();
  for (const auto& stream : streams_) stream->Collect(&emission);
  emission.seconds = WallSeconds() - begin;
  return emission;
}

Emission StreamEmitter::Run(double seconds) {
  const double begin = WallSeconds();
  for (const auto& stream : streams_) stream->SendUntil(begin + seconds);
  SleepUntil(begin + seconds);
  return Collect(begin);
}

Emission StreamEmitter::RunAtRate(double seconds, double batches_per_second) {
  prctl(PR_SET_TIMERSLACK, 1);  // ns; the usual 50,000 would be most of what is measured
  const double begin = WallSeconds();
  const auto count = static_cast<int64_t>(seconds * batches_per_second);
  for (int64_t i = 0; i < count; ++i) {
    SleepUntil(begin + static_cast<double>(i) / batches_per_second);
    streams_[static_cast<size_t>(i) % streams_.size()]->AddDue();
  }
  return Collect(begin);
}

struct UnaryEmitter::State {
  explicit State(const std::string& address) : stub(Connect(address)) {}

  grpc::GenericStub stub;
  std::vector<std::unique_ptr<Slot>> slots;
  Mutex mutex;
  CondVar idle;
  int running ABSL_GUARDED_BY(mutex) = 0;
  double send_until ABSL_GUARDED_BY(mutex) = 0;
  Tally tally ABSL_GUARDED_BY(mutex);
};

// One of the calls that run at once.
class UnaryEmitter::Slot {
 public:
  Slot(State* state, BatchBytes batch) : state_(state), batch_(std::move(batch)) {}

  void Call() {
    context_ = std::make_unique<grpc::ClientContext>();
    request_ = batch_.Renew();
    begin_ = WallSeconds();
    state_->stub.UnaryCall(context_.get(), kPublishMethod, {}, &request_, &response_,
                           [this](const grpc::Status& status) { OnAnswer(status); });
  }

 private:
  void OnAnswer(const grpc::Status& status) {
    if (!status.ok()) Die("a call", status.error_message());
    {
      MutexLock lock(state_->mutex);
      state_->tally.Add(batch_.events(), begin_, response_.Length());
      if (WallSeconds() >= state_->send_until) {
        if (--state_->running == 0) state_->idle.NotifyAll();
        return;
      }
    }
    Call();
  }

  State* const state_;
  BatchBytes batch_;
  std::unique_ptr<grpc::ClientContext> context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  double begin_ = 0;
};

UnaryEmitter::UnaryEmitter(const std::string& address, int in_flight,
                           std::vector<BatchBytes> batches)
    : state_(std::make_unique<State>(address)) {
  for (size_t i = 0; i < static_cast<size_t>(in_flight); ++i) {
    state_->slots.push_back(std::make_unique<Slot>(state_.get(), batches[i % batches.size()]));
  }
}

UnaryEmitter::~UnaryEmitter() = default;

Emission UnaryEmitter::Run(double seconds) {
  const double begin = WallSeconds();
  {
    MutexLock lock(state_->mutex);
    state_->send_until = begin + seconds;
    state_->running = static_cast<int>(state_->slots.size());
  }
  for (const auto& slot : state_->slots) slot->Call();
  Emission emission;
  emission.answer_bytes_min = std::numeric_limits<size_t>::max();
  MutexLock lock(state_->mutex);
  while (state_->running > 0) state_->idle.Wait(state_->mutex);
  state_->tally.MoveTo(&emission);
  emission.seconds = WallSeconds() - begin;
  return emission;
}

Prober::Prober(const std::string& address)
    : stub_(events::v1::EventService::NewStub(Connect(address))) {}

events::v1::PublishEventsResponse Prober::Publish(BatchBytes& batch) {
  events::v1::PublishEventsRequest request;
  if (!request.ParseFromString(batch.RenewText())) Die("a probe", "it is no message");
  grpc::ClientContext context;
  events::v1::PublishEventsResponse answer;
  const grpc::Status status = stub_->PublishEvents(&context, request, &answer);
  if (!status.ok()) Die("a probe", status.error_message());
  if (answer.outcomes_size() != batch.events()) Die("a probe", "not every event is answered");
  return answer;
}

events::v1::PublishEventsResponse Prober::Expect(BatchBytes& batch, int matched_count) {
  events::v1::PublishEventsResponse answer = Publish(batch);
  for (const events::v1::EventOutcome& outcome : answer.outcomes()) {
    if (outcome.kind() != events::v1::OUTCOME_KIND_ACCEPTED ||
        outcome.matched_count() != matched_count) {
      Die("a probe", fmt::format("an event that should fire {} subscriptions is answered {}",
                                 matched_count, outcome.ShortDebugString()));
    }
  }
  return answer;
}

size_t StreamAnswerBytes(const events::v1::PublishEventsResponse& answer) {
  events::v1::StreamEventsResponse response;
  response.set_batch_id(1);
  *response.mutable_outcomes() = answer.outcomes();
  response.set_credit_batches(1);
  return response.ByteSizeLong();
}

}  // namespace cievents::loadtest
