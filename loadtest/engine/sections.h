// The sections of the engine's load test: each measures one thing and adds its rows or series.
#ifndef LOADTEST_ENGINE_SECTIONS_H_
#define LOADTEST_ENGINE_SECTIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "loadtest/engine/options.h"
#include "loadtest/harness/report.h"

namespace cievents::loadtest {

struct Section {
  std::string name;  // what --only takes: `S1-1M`, `replace`, `growth.payload`
  std::function<void(const Options&, Report*)> run;
};

std::vector<Section> WorkloadSections();

// How fast the machine is at the moment: nanoseconds to validate and decode one document of S1,
// which no change of the engine changes. Taken before and after all else; two runs are comparable
// as far as these are equal. `when`: `before`.
void MeasureMachine(const std::string& when, const Options& options, Report* report);

// Replaces projects' sets while a reader matches; two readers against one.
void MeasureReplace(const Options& options, Report* report);
void MeasureTwoCores(const Options& options, Report* report);

// Growth. Subscriptions also gives the series of insert latency and of memory.
void MeasureGrowthOfSubscriptions(const Options& options, Report* report);
void MeasureGrowthOfPatterns(const Options& options, Report* report);
void MeasureGrowthOfRegexes(const Options& options, Report* report);
void MeasureGrowthOfPayload(const Options& options, Report* report);
void MeasureGrowthOfMatches(const Options& options, Report* report);

// Adds a series, and a row that counts its bends (none is the target).
void AddSeries(Series series, Report* report);

}  // namespace cievents::loadtest

#endif  // LOADTEST_ENGINE_SECTIONS_H_
