// The ingest's load test: pushes a second and headers. Writes ingest.report.json and
// ingest.report.md. Refuses debug builds: their figures would be worthless.
//
//   ingest_loadtest [--only pushes|header]... [--quick] [--folder DIRECTORY] [--commit TEXT]
#include "loadtest/harness/tool.h"
#include "loadtest/ingest/sections.h"

#ifndef NDEBUG
#error "the load test refuses debug builds: use `make loadtest`"
#endif

int main(int argc, char** argv) {
  namespace loadtest = cievents::loadtest;
  loadtest::Tool tool;
  tool.part = "ingest";
  tool.note =
      "Pushes are by wall time, with fsync, clients and servers and Postgres on the same cores; "
      "headers by CPU time. Each figure is the median of windows that took turns with those of its "
      "baseline.";
  tool.sections = {{"header", loadtest::MeasureHeader}, {"pushes", loadtest::MeasurePushes}};
  return loadtest::RunTool(tool, argc, argv);
}
