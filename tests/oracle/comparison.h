// The index and the naive matcher side by side: the same events, the same catalogue, every answer
// compared.
#ifndef TESTS_ORACLE_COMPARISON_H_
#define TESTS_ORACLE_COMPARISON_H_

#include <cstdint>
#include <optional>
#include <string>

namespace cievents::oracle {

struct OracleOptions {
  uint64_t seed = 1;
  // A pair is one event against one state of the catalogue.
  int64_t pairs_max = 20'000;
  int64_t seconds_max = 0;       // 0 = no limit
  std::optional<int64_t> world;  // only this one of the seed's worlds
  bool prints_progress = false;  // to stdout
};

struct OracleResult {
  int64_t pairs = 0;
  int64_t worlds = 0;
  int64_t matches = 0;
  int64_t failed_inputs = 0;
  int64_t failed_payloads = 0;
  int64_t filtered = 0;
  int64_t suspended = 0;
  // Empty: no difference. Else the event, the subscription, both answers, and how to repeat it.
  std::string difference;
};

// Stops at the first difference.
OracleResult RunOracle(const OracleOptions& options);

}  // namespace cievents::oracle

#endif  // TESTS_ORACLE_COMPARISON_H_
