#include "tests/faults/emitter.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/lib/base/grpc_status.h"
#include "services/lib/client/topology_router.h"

namespace cievents::faults {
namespace {

constexpr size_t kStreamBatchEvents = 4;
constexpr int kRetryPauseMsMax = 250;
constexpr size_t kAcknowledgedKept = 200;

std::chrono::system_clock::time_point InSeconds(double seconds) {
  return absl::ToChronoTime(absl::Now() + absl::Seconds(seconds));
}

}  // namespace

std::shared_ptr<grpc::Channel> ConnectTo(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

// A stream that lives for some exchanges.
class Emitter::Stream {
 public:
  Stream(events::v1::EventService::Stub* stub, int exchanges) : left_(exchanges) {
    context_.set_deadline(InSeconds(12));
    call_ = stub->StreamEvents(&context_);
  }

  // Writes all batches, then reads their answers, which come in any order. False: the stream broke.
  bool Exchange(const std::vector<events::v1::StreamEventsRequest>& requests,
                std::map<int64_t, events::v1::StreamEventsResponse>* responses) {
    --left_;
    for (const auto& request : requests) {
      if (!call_->Write(request)) return false;
    }
    events::v1::StreamEventsResponse response;
    while (responses->size() < requests.size()) {
      if (!call_->Read(&response)) return false;
      const int64_t batch_id = response.batch_id();
      (*responses)[batch_id] = std::move(response);
    }
    return true;
  }

  bool used_up() const { return left_ <= 0; }

  grpc::Status Finish() {
    call_->WritesDone();
    events::v1::StreamEventsResponse unexpected;
    while (call_->Read(&unexpected)) {
    }
    return call_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<events::v1::StreamEventsRequest, events::v1::StreamEventsResponse>>
      call_;
  int left_;
};

Emitter::Emitter(Options options, Ledger* ledger)
    : options_(std::move(options)),
      ledger_(ledger),
      random_(options_.seed),
      stub_(events::v1::EventService::NewStub(ConnectTo(options_.endpoint))) {
  if (options_.mode != EmitterMode::kPublisher) return;
  client::EventPublisher::Options publishing;
  publishing.endpoint = options_.endpoint;
  // As patient as the others, so that this emitter sees the same faults as often.
  publishing.event_timeout = absl::Seconds(8);
  publishing.answer_timeout = absl::Seconds(6);
  publishing.connect_timeout = absl::Seconds(2);
  publishing.reconnect_wait_max = absl::Milliseconds(500);
  if (!options_.topology_endpoints.empty()) {
    client::TopologyRouter::Options routing;
    routing.endpoints = options_.topology_endpoints;
    publishing.router = std::make_shared<client::TopologyRouter>(std::move(routing));
  }
  publisher_ = std::make_unique<client::EventPublisher>(publishing);
}

Emitter::~Emitter() = default;

void Emitter::NoteStatus(const grpc::Status& status) {
  // What a killed server looks like. Anything else is an answer that no producer should see.
  if (status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
      (options_.calls_may_be_cancelled && status.error_code() == grpc::StatusCode::CANCELLED)) {
    return;
  }
  ledger_->AddViolation(Violation::Kind::kWrong,
                        fmt::format("emitter {}: the call ends with {} {}", options_.name,
                                    static_cast<int>(status.error_code()), status.error_message()));
}

Emitter::Item Emitter::MakeItem(const oracle::NaiveEvent& event) {
  Item item;
  events::v1::Event& message = item.message;
  message.set_id(fmt::format("{}-{}", options_.name, ++next_));
  message.set_source("fault-test");
  for (const std::string& name : event.names) message.add_names(name);
  message.set_project_id(event.project_id);
  // The server knows the ancestors of a project.
  if (event.project_id == 0 || !random_.Percent(25)) {
    for (const int64_t id : event.namespace_ids) message.add_namespace_ids(id);
  }
  message.set_confidential(event.confidential);
  const int64_t now_ms = absl::ToUnixMillis(absl::Now());
  message.mutable_time()->set_seconds(now_ms / 1000);
  message.mutable_time()->set_nanos(static_cast<int32_t>(now_ms % 1000) * 1'000'000);
  const size_t filling = random_.Percent(5) ? 20'000 : static_cast<size_t>(random_.Between(0, 300));
  message.set_data(fmt::format(R"({{"n":{},"text":"{}"}})", next_, std::string(filling, 'x')));
  oracle::NaiveEvent stored = event;
  stored.time_ms = now_ms;
  item.place = ledger_->AddEvent(message.id(), std::move(stored));
  return item;
}

bool Emitter::Told(const std::atomic<bool> LoadControl::*what) const {
  return options_.control != nullptr && (options_.control->*what).load();
}

std::vector<Emitter::Item> Emitter::NextBatch() {
  const auto size = static_cast<size_t>(random_.Between(1, options_.batch_events_max));
  std::vector<Item> batch;
  while (!pending_.empty() && batch.size() < size) {
    batch.push_back(std::move(pending_.back()));
    pending_.pop_back();
  }
  if (Told(&LoadControl::stopping)) return batch;
  while (batch.size() < size) batch.push_back(MakeItem(RandomEvent(options_.projects, random_)));
  // A producer that did not note the answer, and one that says the same thing twice at once.
  if (!acknowledged_.empty() && random_.Percent(20)) batch.push_back(random_.Of(acknowledged_));
  if (random_.Percent(3)) batch.push_back(batch.front());
  return batch;
}

Emitter::Outcomes Emitter::SendUnary(const std::vector<Item>& batch) {
  events::v1::PublishEventsRequest request;
  for (const Item& item : batch) *request.add_events() = item.message;
  grpc::ClientContext context;
  // Some are impatient: they go before the server gives up on a Postgres that is away.
  context.set_deadline(InSeconds(random_.Percent(30) ? 1 : 8));
  events::v1::PublishEventsResponse response;
  const grpc::Status status = stub_->PublishEvents(&context, request, &response);
  NoteStatus(status);
  if (!status.ok()) return Outcomes(batch.size());
  return {response.outcomes().begin(), response.outcomes().end()};
}

// Several batches on their way at once.
Emitter::Outcomes Emitter::SendOnStream(const std::vector<Item>& batch) {
  std::vector<events::v1::StreamEventsRequest> requests;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (i % kStreamBatchEvents == 0) requests.emplace_back().set_batch_id(++next_batch_);
    *requests.back().add_events() = batch[i].message;
  }
  if (stream_ == nullptr) stream_ = std::make_unique<Stream>(stub_.get(), random_.Between(1, 60));
  std::map<int64_t, events::v1::StreamEventsResponse> responses;
  if (!stream_->Exchange(requests, &responses) || stream_->used_up()) {
    NoteStatus(stream_->Finish());
    stream_ = nullptr;
  }
  Outcomes outcomes;
  for (const events::v1::StreamEventsRequest& request : requests) {
    const auto answer = responses.find(request.batch_id());
    if (answer == responses.end()) {
      outcomes.resize(outcomes.size() + static_cast<size_t>(request.events_size()));
    } else {
      outcomes.insert(outcomes.end(), answer->second.outcomes().begin(),
                      answer->second.outcomes().end());
    }
  }
  return outcomes;
}

// The client library, which repeats by itself what a broken stream or OVERLOADED leaves.
Emitter::Outcomes Emitter::SendWithPublisher(const std::vector<Item>& batch) {
  Outcomes outcomes(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    const absl::Status taken = publisher_->Publish(
        batch[i].message, [this, &outcomes, i](absl::StatusOr<events::v1::EventOutcome> outcome) {
          if (outcome.ok()) {
            outcomes[i] = *std::move(outcome);
          } else if (outcome.status().code() != absl::StatusCode::kDeadlineExceeded) {
            NoteStatus(ToGrpcStatus(outcome.status()));
          }
        });
    if (!taken.ok()) NoteStatus(ToGrpcStatus(taken));
  }
  // `done` ends every event, so this ends: `outcomes` is ours again.
  publisher_->Flush(absl::InfiniteDuration()).IgnoreError();
  return outcomes;
}

Emitter::Outcomes Emitter::Send(const std::vector<Item>& batch) {
  Outcomes outcomes;
  switch (options_.mode) {
    case EmitterMode::kUnary:
      outcomes = SendUnary(batch);
      break;
    case EmitterMode::kStream:
      outcomes = SendOnStream(batch);
      break;
    case EmitterMode::kPublisher:
      outcomes = SendWithPublisher(batch);
      break;
  }
  if (outcomes.size() == batch.size()) return outcomes;
  ledger_->AddViolation(Violation::Kind::kWrong,
                        fmt::format("emitter {}: {} outcomes for {} events", options_.name,
                                    outcomes.size(), batch.size()));
  return Outcomes(batch.size());
}

bool Emitter::Enter(const Item& item, TimePoint sent,
                    const std::optional<events::v1::EventOutcome>& outcome) {
  Delivery delivery{sent, Clock::now(), Delivery::Answer::kUnanswered, -1, false};
  if (!outcome.has_value()) {
    ledger_->AddDelivery(item.place, delivery, "");
    return false;
  }
  const bool taken = outcome->kind() == events::v1::OUTCOME_KIND_ACCEPTED ||
                     outcome->kind() == events::v1::OUTCOME_KIND_DUPLICATE;
  const bool durable = outcome->ack() == events::v1::ACK_LEVEL_DURABLE ||
                       outcome->ack() == events::v1::ACK_LEVEL_DURABLE_LOCAL;
  if (taken && durable) {
    delivery.answer = Delivery::Answer::kAcknowledged;
    delivery.matched_later = !outcome->has_matched_count();
    if (outcome->has_matched_count()) delivery.matched_count = outcome->matched_count();
  } else if (outcome->kind() == events::v1::OUTCOME_KIND_OVERLOADED) {
    delivery.answer = Delivery::Answer::kPutOff;
    const std::chrono::milliseconds wait(outcome->retry_after().seconds() * 1000 +
                                         outcome->retry_after().nanos() / 1'000'000);
    retry_after_ = std::max(retry_after_, wait);
  } else if (Told(&LoadControl::clock_is_wrong) &&
             (outcome->reason() == events::v1::OUTCOME_REASON_EXPIRED ||
              outcome->reason() == events::v1::OUTCOME_REASON_FROM_THE_FUTURE)) {
    delivery.answer = Delivery::Answer::kPutOff;
  } else {
    ledger_->AddViolation(Violation::Kind::kWrong,
                          fmt::format("event {} gets the outcome {}", item.message.id(),
                                      outcome->ShortDebugString()));
  }
  ledger_->AddDelivery(item.place, delivery, outcome->event_uid());
  return delivery.answer == Delivery::Answer::kAcknowledged;
}

void Emitter::Settle(std::vector<Item> batch, TimePoint sent, const Outcomes& outcomes) {
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!Enter(batch[i], sent, outcomes[i])) {
      pending_.push_back(std::move(batch[i]));
    } else if (acknowledged_.size() < kAcknowledgedKept) {
      acknowledged_.push_back(std::move(batch[i]));
    } else {
      acknowledged_[static_cast<size_t>(random_.Between(0, kAcknowledgedKept - 1))] =
          std::move(batch[i]);
    }
  }
}

void Emitter::Run(std::chrono::seconds grace) {
  TimePoint give_up = TimePoint::max();
  while (Clock::now() < give_up) {
    if (Told(&LoadControl::paused)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    if (give_up == TimePoint::max() && Told(&LoadControl::stopping)) give_up = Clock::now() + grace;
    std::vector<Item> batch = NextBatch();
    if (batch.empty()) break;
    const TimePoint sent = Clock::now();
    retry_after_ = {};
    const Outcomes outcomes = Send(batch);
    Settle(std::move(batch), sent, outcomes);
    const int pause = pending_.empty() ? options_.pause_ms_max : kRetryPauseMsMax;
    std::this_thread::sleep_for(
        std::max(retry_after_, std::chrono::milliseconds(random_.Between(0, pause))));
  }
  if (stream_ != nullptr) NoteStatus(stream_->Finish());
  stream_ = nullptr;
  if (pending_.empty()) return;
  ledger_->AddViolation(
      Violation::Kind::kWrong,
      fmt::format("emitter {}: {} events are not acknowledged although everything is up again",
                  options_.name, pending_.size()));
}

std::vector<int> Emitter::EmitOnce(const std::vector<Item>& batch) {
  const TimePoint sent = Clock::now();
  const Outcomes outcomes = Send(batch);
  std::vector<int> matched;
  for (size_t i = 0; i < batch.size(); ++i) {
    const bool known = Enter(batch[i], sent, outcomes[i]) && outcomes[i]->has_matched_count();
    matched.push_back(known ? outcomes[i]->matched_count() : -1);
  }
  return matched;
}

}  // namespace cievents::faults
