// Pushes configurations as a backend should: what is not answered is pushed again, with the same
// sequence, and `stale` after an unknown outcome means that an earlier try was applied.
#ifndef TESTS_FAULTS_PUSHER_H_
#define TESTS_FAULTS_PUSHER_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/lib/client/client.h"
#include "tests/faults/ledger.h"
#include "tests/faults/load_control.h"
#include "tests/faults/workload.h"

namespace cievents::faults {

// For one thread. It alone pushes to its projects.
class Pusher {
 public:
  // `ledger` must outlive the pusher.
  Pusher(const std::string& endpoint, uint64_t seed, Ledger* ledger);

  // Pushes until it is known that the configuration is applied, and enters it in the ledger. Empty:
  // it is not known at `give_up`. Else when it was answered.
  std::optional<TimePoint> Push(const Project& project, const Configuration& configuration,
                                TimePoint give_up);
  // Pushes random configurations to random ones of `projects` until it is told to stop; each has
  // `grace` to be answered.
  void Run(const std::vector<Project>& projects, const LoadControl& control,
           std::chrono::seconds grace);

  int pushes() const { return pushes_; }

 private:
  struct Attempt {
    config::v1::PushConfigRequest request;
    std::map<std::string, std::string> contents;
  };
  enum class Result { kApplied, kStale, kUnknown, kWrong };

  Attempt MakeAttempt(const Project& project, int64_t sequence, const Configuration& configuration);
  Result Try(const Attempt& attempt, std::vector<config::v1::Subscription>* subscriptions);
  // What is live now; empty if there was no answer.
  std::optional<std::vector<config::v1::Subscription>> List(int64_t project_id);
  bool Enter(const Project& project, int64_t sequence, TimePoint sent, TimePoint answered,
             const Configuration& configuration,
             const std::vector<config::v1::Subscription>& subscriptions);
  // An older commit that arrives late must change nothing.
  void PushOldAgain();
  void Wrong(const std::string& text);

  Ledger* const ledger_;
  Random random_;
  client::Client client_;
  std::map<int64_t, int64_t> sequences_;  // the last one of each project
  std::optional<Attempt> old_;
  int pushes_ = 0;
};

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_PUSHER_H_
