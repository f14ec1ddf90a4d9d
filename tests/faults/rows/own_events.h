// Events that a row sends and checks itself, beside the load.
#ifndef TESTS_FAULTS_ROWS_OWN_EVENTS_H_
#define TESTS_FAULTS_ROWS_OWN_EVENTS_H_

#include <chrono>
#include <string>
#include <vector>

#include "cievents/events/v1/events.grpc.pb.h"

namespace cievents::faults {

// An event of now with source kOwnSource, which the ledger knows nothing of.
events::v1::Event OwnEvent(const std::string& id, const std::string& name, int64_t project_id,
                           const std::vector<int64_t>& namespace_ids);

// SQL that gives a project of its own `count` subscriptions to events called `name`, as the ingest
// would have stored them.
std::string SqlToSubscribe(int64_t project_id, int64_t root_namespace_id, const std::string& name,
                           int count);

class OwnCaller {
 public:
  explicit OwnCaller(const std::string& endpoint);
  // One call; no outcomes: it failed.
  std::vector<events::v1::EventOutcome> Publish(const std::vector<events::v1::Event>& events,
                                                std::chrono::seconds deadline);

 private:
  std::unique_ptr<events::v1::EventService::Stub> stub_;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROWS_OWN_EVENTS_H_
