// EventForwarder over gRPC: one channel a matcher, unary calls, as many at once as their bytes
// allow. Calls and not a stream: a call that fails fails alone and at once, and a batch that was
// split over the shards is small beside what the owner does with it.
#ifndef SERVICES_EVENT_MATCHER_GRPC_FORWARDER_H_
#define SERVICES_EVENT_MATCHER_GRPC_FORWARDER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "matcher/base/mutex.h"
#include "services/event_matcher/event_forwarder.h"

namespace cievents::event_matcher {

// Metadata of a call between matchers: it must not be sent on again.
inline constexpr char kHopCountKey[] = "cievents-hop-count";
// The topology by which the receiver was found.
inline constexpr char kTopologyVersionKey[] = "cievents-topology-version";

class GrpcForwarder final : public EventForwarder {
 public:
  struct Options {
    // How long a matcher that is not connected is waited for.
    std::chrono::milliseconds connect_wait{20};
    // How long the answer of one that is connected may take: if it did not answer the last call, if
    // it did, and if nobody waits for it.
    std::chrono::milliseconds doubtful_wait{200};
    std::chrono::milliseconds answer_wait{1000};
    std::chrono::milliseconds patient_wait{10'000};
    size_t bytes_in_flight_max = size_t{64} << 20;  // to one matcher; beyond it Forward fails
  };

  explicit GrpcForwarder(Options options);
  ~GrpcForwarder() override;  // Stop

  // Begins to connect to those that are not connected; returns at once. Who is connected before its
  // first batch does not miss `connect_wait`.
  void Connect(const std::vector<std::string>& addresses);
  void Forward(const std::string& address, ForwardBatch batch, Done done) override;
  void Stop() override;

  struct Stats {
    size_t calls = 0;              // under way
    size_t bytes = 0;              // under way to the matcher to which most is
    size_t bytes_max = 0;          // as in Options
    uint64_t answered_events = 0;  // by their owner
    uint64_t failed_events = 0;    // not known to have reached it
    uint64_t refused_events = 0;   // too much was under way
  };
  Stats stats() const;

 private:
  struct Peer;
  struct Call;

  std::chrono::milliseconds WaitFor(const Peer& peer, const ForwardBatch& batch) const;
  std::shared_ptr<Peer> PeerOf(const std::string& address) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(Call* call, const absl::Status& status);

  const Options options_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Stats stats_ ABSL_GUARDED_BY(mutex_);  // but what is under way
  absl::flat_hash_map<std::string, std::shared_ptr<Peer>> peers_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<Call*, std::unique_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cievents::event_matcher

#endif  // SERVICES_EVENT_MATCHER_GRPC_FORWARDER_H_
