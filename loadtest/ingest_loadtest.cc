// The ingest's load test: pushes a second and headers. Writes ingest.report.json and
// ingest.report.md. Refuses debug builds: their figures would be worthless.
//
//   ingest_loadtest [--only pushes|header]... [--quick] [--folder DIRECTORY] [--commit TEXT]
#include <fmt/format.h>

#include <cstdio>

#include "loadtest/engine/engine_run.h"
#include "loadtest/engine/options.h"
#include "loadtest/engine/sections.h"
#include "loadtest/harness/machine.h"
#include "loadtest/ingest/sections.h"

#ifndef NDEBUG
#error "the load test refuses debug builds: use `make loadtest`"
#endif

namespace cievents::loadtest {
namespace {

int Run(const Options& options) {
  Report report("ingest", DescribeMachine(options.commit));
  report.AddNote(
      "Pushes are by wall time, with fsync, clients and servers and Postgres on the same cores; "
      "headers by CPU time. Each figure is the median of windows that took turns with those of its "
      "baseline.");
  if (options.quick()) report.AddNote("**A quick run: its figures do not count.**");
  for (const Section& section :
       {Section{"header", MeasureHeader}, Section{"pushes", MeasurePushes}}) {
    if (!options.Wants(section.name)) continue;
    Progress(section.name);
    section.run(options, &report);
  }
  const absl::Status written = report.Write(options.folder);
  if (!written.ok()) {
    fmt::print(stderr, "ingest_loadtest: {}\n", std::string(written.message()));
    return 1;
  }
  Progress(fmt::format("written to {}/ingest.report.md", options.folder));
  return 0;
}

}  // namespace
}  // namespace cievents::loadtest

int main(int argc, char** argv) {
  cievents::loadtest::Options options;
  std::string error;
  if (!cievents::loadtest::ParseOptions(argc, argv, &options, &error)) {
    fmt::print(stderr,
               "ingest_loadtest: {}\nusage: ingest_loadtest [--only pushes|header]... [--quick] "
               "[--folder DIRECTORY] [--commit TEXT]\n",
               error);
    return 2;
  }
  return cievents::loadtest::Run(options);
}
