// What a figure depends on beside the code.
#ifndef LOADTEST_HARNESS_MACHINE_H_
#define LOADTEST_HARNESS_MACHINE_H_

#include <string>

namespace cievents::loadtest {

struct Machine {
  std::string cpu;  // the model's name
  int cores = 0;
  std::string memory;  // "23.4 GiB"
  std::string load;    // the load average before the run
  std::string huge_pages;
  std::string kernel;
  std::string compiler;
  std::string commit;
  std::string date;  // UTC

  bool IsBusy() const;  // somebody else had half a core or more in the last minute
};

Machine DescribeMachine(std::string commit);

// The value of the first line `key : value` of a text such as /proc/cpuinfo; empty = none.
std::string FindProcValue(const std::string& text, const std::string& key);

}  // namespace cievents::loadtest

#endif  // LOADTEST_HARNESS_MACHINE_H_
