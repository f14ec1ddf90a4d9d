// Emits events as a producer should: what is not acknowledged is sent again, unchanged.
#ifndef TESTS_FAULTS_EMITTER_H_
#define TESTS_FAULTS_EMITTER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cievents/events/v1/events.grpc.pb.h"
#include "services/lib/client/event_publisher.h"
#include "tests/faults/ledger.h"
#include "tests/faults/load_control.h"
#include "tests/faults/workload.h"

namespace cievents::faults {

enum class EmitterMode { kUnary, kStream, kPublisher };

// A connection that is its own, and quickly made again when its server comes back.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& endpoint);

// For one thread.
class Emitter {
 public:
  struct Options {
    std::string endpoint;
    // Of all matchers: a publisher asks them for the topology. Empty: all goes to `endpoint`.
    std::vector<std::string> topology_endpoints;
    std::string name;  // in event ids; unique in the run
    EmitterMode mode = EmitterMode::kUnary;
    uint64_t seed = 0;
    std::vector<Project> projects;
    int batch_events_max = 40;
    int pause_ms_max = 90;
    const LoadControl* control = nullptr;  // null: only single calls
    bool calls_may_be_cancelled = false;   // by the server
  };

  // An event as it is sent, again and again.
  struct Item {
    size_t place = 0;  // in the ledger
    events::v1::Event message;
  };

  // `ledger` must outlive the emitter.
  Emitter(Options options, Ledger* ledger);
  ~Emitter();

  // Emits random events until it is told to stop, then only what is not acknowledged yet, for at
  // most `grace`.
  void Run(std::chrono::seconds grace);

  // A new event, entered in the ledger.
  Item MakeItem(const oracle::NaiveEvent& event);
  // Sends each once, in one call. Returns how many subscriptions each matched, -1 if that is not
  // known, or if it was not acknowledged.
  std::vector<int> EmitOnce(const std::vector<Item>& batch);
  int EmitOnce(const oracle::NaiveEvent& event) { return EmitOnce({MakeItem(event)})[0]; }

 private:
  class Stream;

  std::vector<Item> NextBatch();
  bool Told(const std::atomic<bool> LoadControl::*what) const;
  // The outcome of each event; none where there was no answer.
  using Outcomes = std::vector<std::optional<events::v1::EventOutcome>>;
  Outcomes Send(const std::vector<Item>& batch);
  Outcomes SendUnary(const std::vector<Item>& batch);
  Outcomes SendOnStream(const std::vector<Item>& batch);
  Outcomes SendWithPublisher(const std::vector<Item>& batch);
  // Enters the outcomes in the ledger; what has to be sent again goes back to `pending_`.
  void Settle(std::vector<Item> batch, TimePoint sent, const Outcomes& outcomes);
  // Enters one outcome; true: acknowledged.
  bool Enter(const Item& item, TimePoint sent,
             const std::optional<events::v1::EventOutcome>& outcome);
  void NoteStatus(const grpc::Status& status);

  const Options options_;
  Ledger* const ledger_;
  Random random_;
  std::unique_ptr<events::v1::EventService::Stub> stub_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<client::EventPublisher> publisher_;  // in that mode
  std::vector<Item> pending_;                          // to be sent again
  std::vector<Item> acknowledged_;                     // some of them are sent again all the same
  std::chrono::milliseconds retry_after_{0};           // as the last outcomes ask
  int64_t next_ = 0;
  int64_t next_batch_ = 0;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_EMITTER_H_
