// One run of the fault test: the product under load, kills, and the check of what is left.
#ifndef TESTS_FAULT_FAULT_RUN_H_
#define TESTS_FAULT_FAULT_RUN_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fault/chaos.h"
#include "tests/fault/checker.h"
#include "tests/fault/ledger.h"

namespace cievents::fault {

struct RunOptions {
  std::string product_binary;
  std::string matcher_binary;  // the product's, or the negative control's
  std::chrono::seconds duration{60};
  int kills = 5;  // of the matcher, and of Postgres
  uint64_t seed = 0;
};

struct Report {
  Counts counts;
  int matcher_kills = 0;
  int postgres_kills = 0;
  Liveness liveness;
  std::vector<Violation> violations;
  std::string folder;  // logs and data; kept if there are violations

  int64_t CountOf(Violation::Kind kind) const;
  // The counts, and the first violations of each kind.
  std::string ToString() const;
};

// 8 emitters and 4 pushers at once for `duration`, with kills; then until everything is
// acknowledged. Violations of any kind are in the report.
Report RunWithFaults(const RunOptions& options);

// Removes the folder of a report that nobody needs any more.
void Discard(const Report& report);

}  // namespace cievents::fault

#endif  // TESTS_FAULT_FAULT_RUN_H_
