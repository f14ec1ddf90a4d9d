// Kills the matcher and Postgres, starts them again, and measures how soon a push is live then.
#ifndef TESTS_FAULT_CHAOS_H_
#define TESTS_FAULT_CHAOS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fault/ledger.h"
#include "tests/fault/roles.h"
#include "tests/fault/workload.h"

namespace cievents::fault {

struct Kill {
  std::chrono::milliseconds after_start{0};
  std::chrono::milliseconds down_for{0};  // until the restart begins
  // The push whose life is measured comes just before the kill, or while the component is down.
  enum class Push { kBefore, kAfter } push = Push::kBefore;
};

struct KillSchedule {
  std::vector<Kill> matcher;
  std::vector<Kill> postgres;
};

// `kills` of each, spread at random over `duration`. One matcher is killed while Postgres is down.
KillSchedule MakeSchedule(int kills, std::chrono::milliseconds duration, Random& random);

// How soon pushes were live after restarts: from when matcher and Postgres were both ready.
struct Liveness {
  int measured = 0;
  std::chrono::milliseconds longest{0};
};

// Works through the kills of one component; each component needs a thread of its own.
class Chaos {
 public:
  struct Options {
    Component component = Component::kMatcher;
    std::vector<Kill> kills;
    Project probe;  // nobody else pushes to it
    uint64_t seed = 0;
  };

  // `roles` and `ledger` must outlive this.
  Chaos(Options options, Roles* roles, Ledger* ledger);

  void Run(TimePoint start);
  const Liveness& liveness() const { return liveness_; }

 private:
  bool KillAndRestart(const Kill& kill, const std::string& name);
  void Measure(const std::string& name, TimePoint pushed);

  const Options options_;
  Roles* const roles_;
  Ledger* const ledger_;
  Liveness liveness_;
};

}  // namespace cievents::fault

#endif  // TESTS_FAULT_CHAOS_H_
