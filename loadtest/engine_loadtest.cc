// The engine's load test: workloads S1 to S5, replacements under load, two cores, growth. Writes
// engine.report.json, engine.report.md and the plots. Refuses debug builds: their figures would be
// worthless.
//
//   engine_loadtest [--only SECTION]... [--quick] [--folder DIRECTORY] [--commit TEXT]
#include <utility>
#include <vector>

#include "loadtest/engine/sections.h"
#include "loadtest/harness/tool.h"

#ifndef NDEBUG
#error "the load test refuses debug builds: use `make loadtest`"
#endif

namespace cievents::loadtest {
namespace {

std::vector<Section> AllSections() {
  std::vector<Section> sections = WorkloadSections();
  sections.push_back({"replace", MeasureReplace});
  sections.push_back({"two_cores", MeasureTwoCores});
  sections.push_back({"growth.subscriptions", MeasureGrowthOfSubscriptions});
  sections.push_back({"growth.patterns", MeasureGrowthOfPatterns});
  sections.push_back({"growth.regexes", MeasureGrowthOfRegexes});
  sections.push_back({"growth.payload", MeasureGrowthOfPayload});
  sections.push_back({"growth.matches", MeasureGrowthOfMatches});
  return sections;
}

}  // namespace
}  // namespace cievents::loadtest

int main(int argc, char** argv) {
  namespace loadtest = cievents::loadtest;
  loadtest::Tool tool;
  tool.part = "engine";
  tool.note =
      "Rates are of one thread and by its CPU time; each is the median of windows that took turns "
      "with those of its baseline. The engine's and the baselines' totals of matches are checked "
      "in "
      "every pass. Others' figures were measured elsewhere, on a 2-core virtual Xeon of the 2.6 "
      "GHz "
      "class.";
  tool.sections = loadtest::AllSections();
  tool.before = [](const loadtest::Options& options, loadtest::Report* report) {
    loadtest::MeasureMachine("before", options, report);
  };
  tool.after = [](const loadtest::Options& options, loadtest::Report* report) {
    loadtest::MeasureMachine("after", options, report);
  };
  return loadtest::RunTool(tool, argc, argv);
}
