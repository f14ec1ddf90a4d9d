// A server of EventService that does what a test tells it: answers late, in another order, breaks
// streams, dies and comes back on the same port.
#ifndef SERVICES_LIB_CLIENT_TESTING_SCRIPTED_SERVER_H_
#define SERVICES_LIB_CLIENT_TESTING_SCRIPTED_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cievents/events/v1/events.grpc.pb.h"
#include "matcher/base/mutex.h"
#include "services/lib/base/grpc_server.h"

namespace cievents::client {

// What becomes of a batch.
struct Reaction {
  enum class Kind {
    kAnswer,     // now
    kHold,       // when the test calls AnswerHeld
    kEndStream,  // with `status`, without an answer
    kStopReading,
  };
  Kind kind = Kind::kAnswer;
  grpc::Status status;
  int credit_batches = 16;
};

events::v1::EventOutcome Outcome(events::v1::OutcomeKind kind);

// Thread-safe.
class ScriptedServer final : public events::v1::EventService::Service {
 public:
  // Called for each batch and for each event that is answered, one call at a time.
  using OnBatch = std::function<Reaction(const events::v1::StreamEventsRequest& batch)>;
  using OnEvent = std::function<events::v1::EventOutcome(const events::v1::Event& event)>;

  // All batches are answered at once and all events accepted, until the test says otherwise.
  ScriptedServer();
  ~ScriptedServer() override;  // Kill

  void Script(OnBatch on_batch);
  void Outcomes(OnEvent on_event);

  // On the port that it had before, if it had one.
  void Start();
  // Cuts all streams off.
  void Kill();
  // Cuts the streams off and goes on.
  void BreakStreams();
  const std::string& endpoint() const { return endpoint_; }

  enum class Order { kAsTheyCame, kReversed };
  // Answers what is held; returns how many batches that were.
  int AnswerHeld(Order order);
  int held() const;
  int streams() const;  // that were ever opened
  int open_streams() const;
  // What came of each event, by id: the bytes of every sending.
  std::map<std::string, std::vector<std::string>> received() const;
  // How many events each batch had.
  std::vector<int> batch_sizes() const;

 private:
  using Call =
      grpc::ServerReaderWriter<events::v1::StreamEventsResponse, events::v1::StreamEventsRequest>;
  // A stream that is open; null once it is not.
  struct OpenStream {
    Mutex mutex;
    Call* call ABSL_GUARDED_BY(mutex) = nullptr;
  };
  struct HeldBatch {
    std::shared_ptr<OpenStream> stream;
    events::v1::StreamEventsRequest request;
    int credit_batches;
  };

  grpc::Status StreamEvents(grpc::ServerContext* context, Call* call) override;
  grpc::Status Serve(grpc::ServerContext* context, Call* call,
                     const std::shared_ptr<OpenStream>& stream);
  void Answer(const std::shared_ptr<OpenStream>& stream,
              const events::v1::StreamEventsRequest& request, int credit_batches);

  std::string endpoint_;
  std::unique_ptr<GrpcServer> server_;  // null: it does not run

  mutable Mutex mutex_;
  OnBatch on_batch_ ABSL_GUARDED_BY(mutex_);
  OnEvent on_event_ ABSL_GUARDED_BY(mutex_);
  std::vector<HeldBatch> held_ ABSL_GUARDED_BY(mutex_);
  std::vector<grpc::ServerContext*> open_ ABSL_GUARDED_BY(mutex_);
  int streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::vector<std::string>> received_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> batch_sizes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::client

#endif  // SERVICES_LIB_CLIENT_TESTING_SCRIPTED_SERVER_H_
