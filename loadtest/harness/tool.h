// A load test as a program: its sections, run in order, and the report that they leave.
#ifndef LOADTEST_HARNESS_TOOL_H_
#define LOADTEST_HARNESS_TOOL_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "loadtest/harness/options.h"
#include "loadtest/harness/report.h"

namespace cievents::loadtest {

// Measures one thing, and adds its rows or series.
struct Section {
  std::string name;  // what --only takes: `S1-1M`, `replace`, `growth.payload`
  std::function<void(const Options&, Report*)> run;
};

struct Tool {
  std::string part;  // `engine`: the program is `engine_loadtest`, its report `engine.report.*`
  std::string note;  // how its figures are to be read
  std::vector<Section> sections;
  // Run before and after all sections; may be empty.
  std::function<void(const Options&, Report*)> before;
  std::function<void(const Options&, Report*)> after;
};

//   PART_loadtest [--only SECTION]... [--quick] [--folder DIRECTORY] [--commit TEXT]
//
// Returns what main returns: 0, 1 if the report cannot be written, 2 for a wrong command line.
int RunTool(const Tool& tool, int argc, char** argv);

// Prints a line of progress to stderr.
void Progress(std::string_view text);

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_TOOL_H_
