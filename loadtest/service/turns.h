// What is compared takes turns; each turn gives one cost. Of two contestants the ratio counts turn
// by turn: what disturbs the machine for longer than a turn disturbs both.
#ifndef LOADTEST_SERVICE_TURNS_H_
#define LOADTEST_SERVICE_TURNS_H_

#include <functional>
#include <string>
#include <vector>

#include "loadtest/harness/options.h"
#include "loadtest/harness/report.h"

namespace cievents::loadtest {

using Turn = std::function<double()>;

// costs[c][r]: of contestant c in round r. Every contestant has one turn before that does not
// count. Each round begins with another one. The shortest runs have three rounds.
std::vector<std::vector<double>> TakeTurns(const std::vector<Turn>& contestants, int rounds,
                                           const Options& options);

// What turns collected beside their costs, without that of the turn that does not count.
std::vector<double> Counted(std::vector<double> collected);

// Values by round, divided by those of the baseline.
Figure RatioByRound(const std::vector<double>& values, const std::vector<double>& baseline);

// `id`: the values beside the baseline's, without a target.
void AddFigure(const std::string& id, const std::string& unit, const std::vector<double>& values,
               const std::vector<double>& baseline, const std::string& baseline_name,
               Report* report);

struct RatioTarget {
  Goal goal;
  double ratio;
};
// `id`: the ratio to the baseline.
void AddRatio(const std::string& id, const std::vector<double>& values,
              const std::vector<double>& baseline, const std::string& baseline_name,
              RatioTarget target, Report* report);

}  // namespace cievents::loadtest

#endif  // LOADTEST_SERVICE_TURNS_H_
