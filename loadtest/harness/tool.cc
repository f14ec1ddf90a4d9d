#include "loadtest/harness/tool.h"

#include <fmt/format.h>

#include <cstdio>

#include "loadtest/harness/clocks.h"
#include "loadtest/harness/machine.h"

namespace cievents::loadtest {
namespace {

int Usage(const Tool& tool, std::string_view error) {
  fmt::print(stderr,
             "{0}_loadtest: {1}\nusage: {0}_loadtest [--only SECTION]... [--quick] "
             "[--folder DIRECTORY] [--commit TEXT]\nsections:",
             tool.part, error);
  for (const Section& section : tool.sections) fmt::print(stderr, " {}", section.name);
  fmt::print(stderr, "\n");
  return 2;
}

}  // namespace

int RunTool(const Tool& tool, int argc, char** argv) {
  Options options;
  std::string error;
  if (!ParseOptions(argc, argv, &options, &error)) return Usage(tool, error);
  std::vector<const Section*> wanted;
  for (const Section& section : tool.sections) {
    if (options.Wants(section.name)) wanted.push_back(&section);
  }
  if (wanted.empty()) return Usage(tool, "no section has such a name");

  Report report(tool.part, DescribeMachine(options.commit));
  report.AddNote(tool.note);
  if (options.quick()) report.AddNote("**A quick run: its figures do not count.**");
  if (tool.before) tool.before(options, &report);
  for (const Section* section : wanted) {
    Progress(section->name);
    section->run(options, &report);
  }
  if (tool.after) tool.after(options, &report);
  const absl::Status written = report.Write(options.folder);
  if (!written.ok()) {
    fmt::print(stderr, "{}_loadtest: {}\n", tool.part, std::string(written.message()));
    return 1;
  }
  Progress(fmt::format("written to {}/{}.report.md", options.folder, tool.part));
  return 0;
}

void Progress(std::string_view text) {
  static const double begin = WallSeconds();
  fmt::print(stderr, "[{:6.1f} s] {}\n", WallSeconds() - begin, text);
}

}  // namespace cievents::loadtest
