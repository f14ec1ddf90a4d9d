// What the command line of a load test says.
#ifndef LOADTEST_HARNESS_OPTIONS_H_
#define LOADTEST_HARNESS_OPTIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "loadtest/harness/sampling.h"

namespace cievents::loadtest {

struct Options {
  // Names of sections, or their beginning up to a '.' or '-' (`growth`, `S1`); empty = all.
  std::vector<std::string> only;
  // Short windows, few rounds, small sizes: to see that all of it runs. Its figures do not count.
  enum class Length { kFull, kQuick } length = Length::kFull;
  std::string folder = "build/loadtest";
  std::string commit = "unknown";

  bool quick() const { return length == Length::kQuick; }
  bool Wants(std::string_view section) const;
  // By CPU time of the thread. `window_seconds` is of a full run.
  Schedule MakeSchedule(int rounds, double window_seconds) const;
};

// False: `error` says what is wrong.
bool ParseOptions(int argc, char** argv, Options* options, std::string* error);

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_OPTIONS_H_
