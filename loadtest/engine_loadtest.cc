// The engine's load test: workloads S1 to S5, replacements under load, two cores, growth. Writes
// engine.report.json, engine.report.md and the plots. Refuses debug builds: their figures would be
// worthless.
//
//   engine_loadtest [--only SECTION]... [--quick] [--folder DIRECTORY] [--commit TEXT]
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/options.h"
#include "loadtest/engine/sections.h"
#include "loadtest/harness/machine.h"

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

int Usage(const std::string& error) {
  fmt::print(stderr,
             "engine_loadtest: {}\nusage: engine_loadtest [--only SECTION]... [--quick] "
             "[--folder DIRECTORY] [--commit TEXT]\nsections:",
             error);
  for (const Section& section : AllSections()) fmt::print(stderr, " {}", section.name);
  fmt::print(stderr, "\n");
  return 2;
}

int Run(const Options& options) {
  std::vector<Section> sections = AllSections();
  const auto unwanted = [&](const Section& section) { return !options.Wants(section.name); };
  sections.erase(std::remove_if(sections.begin(), sections.end(), unwanted), sections.end());
  if (sections.empty()) return Usage("no section has such a name");
  Report report("engine", DescribeMachine(options.commit));
  report.AddNote(
      "Rates are of one thread and by its CPU time; each is the median of windows that took turns "
      "with those of its baseline. The engine's and the baselines' totals of matches are checked "
      "in "
      "every pass. Others' figures were measured elsewhere, on a 2-core virtual Xeon of the 2.6 "
      "GHz "
      "class.");
  if (options.quick()) report.AddNote("**A quick run: its figures do not count.**");
  MeasureMachine("before", options, &report);
  for (const Section& section : sections) {
    Progress(section.name);
    section.run(options, &report);
  }
  MeasureMachine("after", options, &report);
  const absl::Status written = report.Write(options.folder);
  if (!written.ok()) {
    fmt::print(stderr, "engine_loadtest: {}\n", std::string(written.message()));
    return 1;
  }
  Progress(fmt::format("written to {}/engine.report.md", options.folder));
  return 0;
}

}  // namespace
}  // namespace cievents::loadtest

int main(int argc, char** argv) {
  cievents::loadtest::Options options;
  std::string error;
  if (!cievents::loadtest::ParseOptions(argc, argv, &options, &error)) {
    return cievents::loadtest::Usage(error);
  }
  return cievents::loadtest::Run(options);
}
