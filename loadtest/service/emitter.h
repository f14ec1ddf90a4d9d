// The emitters of the matcher service's load test. They send prepared bytes and count answers; what
// an answer says is checked by its size (one that refuses an event or asks to send it again has a
// message, and is longer than one that accepts it).
#ifndef LOADTEST_SERVICE_EMITTER_H_
#define LOADTEST_SERVICE_EMITTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cievents/events/v1/events.grpc.pb.h"
#include "loadtest/service/event_bytes.h"

namespace cievents::loadtest {

struct Emission {
  int64_t events = 0;  // answered
  double seconds = 0;  // until the last answer
  // From the moment that a batch was due to its answer. Waiting for a place in the window counts.
  std::vector<double> ack_us;
  size_t answer_bytes_min = 0;
  size_t answer_bytes_max = 0;
};

// Streams, each on a connection of its own, open as long as the object lives.
class StreamEmitter {
 public:
  struct Options {
    std::string address;
    int streams = 1;
    int window = 8;  // batches of a stream that are not answered yet
  };
  // Stream s sends batches s, s + streams, ... in turns. Ends the load test if a stream breaks.
  StreamEmitter(const Options& options, std::vector<BatchBytes> batches);
  ~StreamEmitter();

  // As fast as answers come.
  Emission Run(double seconds);
  // Batches are due at even times, whether answers come or not.
  Emission RunAtRate(double seconds, double batches_per_second);

 private:
  class Stream;
  Emission Collect(double begin);
  std::vector<std::unique_ptr<Stream>> streams_;
};

// Unary calls on one connection, so many at once.
class UnaryEmitter {
 public:
  UnaryEmitter(const std::string& address, int in_flight, std::vector<BatchBytes> batches);
  ~UnaryEmitter();

  Emission Run(double seconds);

 private:
  struct State;
  class Slot;
  std::unique_ptr<State> state_;
};

// Single calls, one after the other, whose answers are read. Ends the load test if a call fails.
class Prober {
 public:
  explicit Prober(const std::string& address);

  events::v1::PublishEventsResponse Publish(BatchBytes& batch);
  // The same, and ends the load test unless every event was accepted and fired so many
  // subscriptions.
  events::v1::PublishEventsResponse Expect(BatchBytes& batch, int matched_count);

 private:
  std::unique_ptr<events::v1::EventService::Stub> stub_;
};

// The bytes of the answer to a batch in a stream that says the same as `answer`.
size_t StreamAnswerBytes(const events::v1::PublishEventsResponse& answer);

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_EMITTER_H_
