// The sections of the engine's load test: each measures one thing and adds its rows or series.
#ifndef LOADTEST_ENGINE_SECTIONS_H_
#define LOADTEST_ENGINE_SECTIONS_H_

#include <string>
#include <vector>

#include "loadtest/harness/tool.h"

namespace cievents::loadtest {

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

}  // namespace cievents::loadtest

#endif  // LOADTEST_ENGINE_SECTIONS_H_
