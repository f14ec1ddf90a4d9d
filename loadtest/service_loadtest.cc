// The matcher service's load test: events that fire nothing, events that do, starts, pushes. Writes
// service.report.json, service.report.md and the plots. Refuses debug builds: their figures would
// be worthless.
//
//   service_loadtest [--only SECTION]... [--quick] [--folder DIRECTORY] [--commit TEXT]
#include <memory>

#include "loadtest/harness/tool.h"
#include "loadtest/service/sections.h"

#ifndef NDEBUG
#error "the load test refuses debug builds: use `make loadtest`"
#endif

namespace cievents::loadtest {
namespace {

using Measure = void (*)(const Options&, Stage&, Report*);

Tool MakeTool(const std::shared_ptr<std::unique_ptr<Stage>>& stage) {
  Tool tool;
  tool.part = "service";
  tool.note =
      "The server is a process of its own, its processor time read from its own clock; emitters, "
      "servers and Postgres (with fsync) share the cores. What is compared takes turns, ratios are "
      "of turns that follow each other, and the median counts. An empty handler is the same gRPC "
      "server with raw callback handlers that answer as many bytes and read nothing.";
  const auto add = [&tool, stage](const char* name, Measure measure) {
    tool.sections.push_back({name, [stage, measure](const Options& options, Report* report) {
                               if (*stage == nullptr) *stage = std::make_unique<Stage>();
                               measure(options, **stage, report);
                             }});
  };
  add("unmatched", MeasureUnmatched);
  add("enqueue", MeasureEnqueue);
  add("durable", MeasureDurableAck);
  add("spool", MeasureSpool);
  add("outage", MeasureOutage);
  add("fairness", MeasureFairness);
  add("mixed", MeasureMixed);
  add("push", MeasurePushVisible);
  add("start", MeasureStart);
  add("start.5M", MeasureStart5M);
  add("growth.payload", MeasureGrowthOfPayload);
  add("growth.matches", MeasureGrowthOfMatches);
  add("growth.subscriptions", MeasureGrowthOfSubscriptions);
  tool.after = [stage](const Options&, Report*) { stage->reset(); };
  return tool;
}

}  // namespace
}  // namespace cievents::loadtest

int main(int argc, char** argv) {
  namespace loadtest = cievents::loadtest;
  const auto stage = std::make_shared<std::unique_ptr<loadtest::Stage>>();
  return loadtest::RunTool(loadtest::MakeTool(stage), argc, argv);
}
