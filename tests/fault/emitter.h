// Emits events as a producer should: what is not acknowledged is sent again, unchanged.
#ifndef TESTS_FAULT_EMITTER_H_
#define TESTS_FAULT_EMITTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cievents/events/v1/events.grpc.pb.h"
#include "tests/fault/ledger.h"
#include "tests/fault/workload.h"

namespace cievents::fault {

enum class EmitterMode { kUnary, kStream };

// A connection that is its own, and quickly made again when its server comes back.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& endpoint);

// For one thread.
class Emitter {
 public:
  struct Options {
    std::string endpoint;
    std::string name;  // in event ids; unique in the run
    EmitterMode mode = EmitterMode::kUnary;
    uint64_t seed = 0;
    std::vector<Project> projects;
  };

  // `ledger` must outlive the emitter.
  Emitter(Options options, Ledger* ledger);
  ~Emitter();

  // Emits random events until `stop`, then only what is not acknowledged yet, until `give_up`.
  void Run(TimePoint stop, TimePoint give_up);

  // Sends one event once. Returns how many subscriptions it matched, -1 if it was not acknowledged.
  int EmitOnce(const oracle::NaiveEvent& event);

 private:
  struct Item {
    size_t place = 0;  // in the ledger
    events::v1::Event message;
  };
  class Stream;

  Item MakeItem(const oracle::NaiveEvent& event);
  std::vector<Item> NextBatch(TimePoint stop);
  // The outcome of each event; none where there was no answer.
  using Outcomes = std::vector<std::optional<events::v1::EventOutcome>>;
  Outcomes Send(const std::vector<Item>& batch);
  Outcomes SendUnary(const std::vector<Item>& batch);
  Outcomes SendOnStream(const std::vector<Item>& batch);
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
  std::vector<Item> pending_;       // to be sent again
  std::vector<Item> acknowledged_;  // some of them are sent again all the same
  int64_t next_ = 0;
  int64_t next_batch_ = 0;
};

}  // namespace cievents::fault

#endif  // TESTS_FAULT_EMITTER_H_
