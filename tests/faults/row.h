// A row of the fault matrix: what is injected while the product is under load, and what is expected
// beside what every row expects (nothing lost, nothing twice, nothing that is not explained,
// nothing left in a queue, memory bounded).
//
//   CIEVENTS_TEST_SEED      the first seed; drawn if it is not set, and printed
//   CIEVENTS_FAULT_SEEDS    how many seeds each row runs with (1)
//   CIEVENTS_FAULT_FORM     `long`: longer faults
//   CIEVENTS_BINARY         the program under test, instead of that of this build
//   CIEVENTS_FAULT_RESULT   a file that gets the Fields of every run
#ifndef TESTS_FAULTS_ROW_H_
#define TESTS_FAULTS_ROW_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/faults/checker.h"
#include "tests/faults/ledger.h"
#include "tests/faults/roles.h"
#include "tests/faults/scene.h"

namespace cievents::faults {

struct Row {
  int number = 0;    // in the fault matrix (README.md)
  std::string name;  // what is injected
  // Injects and takes away, while the load runs.
  std::function<void(Scene&)> inject;
  // After the load: everything is acknowledged, the services still run.
  std::function<void(Scene&)> check = [](Scene&) {};
  // What differs from the ordinary run:
  std::vector<std::string> postgres_settings;
  std::function<std::vector<std::string>(const std::string& folder)> matcher_prefix;
  // The cluster is in FOLDER/data, and Postgres has not started yet.
  std::function<absl::Status(const std::string& folder)> prepare_data;
  std::function<absl::Status(const std::string& folder, const std::string& dsn)> prepare;
  std::function<void(const std::string& folder)> clean_up;
  bool through_door_proxy = false;  // the emitters
  bool with_spool = false;          // of each matcher: then nothing may be put off
  bool spool_may_refuse = false;    // something is wrong with it: it may be put off
  // A matcher stops in order: gRPC 1.51 ends a call that comes meanwhile with CANCELLED
  // (docs/delivery.md).
  bool stops_in_order = false;
  int shards = 1;                        // matchers; emitters send to any of them
  std::chrono::seconds recover_max{25};  // far more than it may take: beyond it something hangs
  int64_t matcher_mb_max = 800;          // resident, with the sanitizers' share
};

// Below it a run says little about what happens under load: it is marked in the table.
inline constexpr double kOfferedPerSecondMin = 1000;

struct RunOptions {
  std::string product_binary;
  std::string matcher_binary;  // the product's, or one with a planted bug
  uint64_t seed = 0;
  Form form = Form::kShort;
  std::string folder;  // of MakeFolder: for logs and data
};

struct Report {
  int number = 0;
  std::string name;
  uint64_t seed = 0;
  Counts counts;
  double offered_per_second = 0;  // before the fault
  std::chrono::milliseconds recovery{0};
  std::chrono::milliseconds slowest_answer{0};
  int64_t put_off = 0;  // deliveries that were asked to come again
  int64_t matcher_mb = 0;
  double seconds = 0;  // of the whole run
  std::string phases;  // what took how long
  std::string notes;
  std::vector<Violation> violations;
  std::string folder;  // logs and data

  int64_t CountOf(Violation::Kind kind) const;
  int64_t Others() const;  // violations that are neither lost nor doubled
  // A line of the table.
  std::string Line() const;
  // The same for programs: fields with a tab between them, as report.awk reads them.
  std::string Fields() const;
  // The counts, and the first violations of each kind.
  std::string ToString() const;
};

// The heading of the table.
std::string TableHeading();

Report Run(const Row& row, const RunOptions& options);
// Removes the folder of a report that nobody needs any more.
void Discard(const Report& report);

}  // namespace cievents::faults

#endif  // TESTS_FAULTS_ROW_H_
