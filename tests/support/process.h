// Child processes of tests: started, waited for with a limit, killed by their id.
#ifndef TESTS_SUPPORT_PROCESS_H_
#define TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/wait.h"

namespace cievents::support {

// The product binary of this build; CIEVENTS_BINARY overrides it.
std::string CieventsBinary();

struct ProcessOptions {
  std::vector<std::string> arguments;              // the first is the program
  std::map<std::string, std::string> environment;  // added to ours; an empty value removes
  std::string folder;                              // working directory; empty = ours
  std::string input;                               // standard input, as text
  std::string stdout_file;
  std::string stderr_file;
};

// Start it from the main thread only: it is told to stop (SIGTERM) when the thread that started it
// ends, so that a test that dies leaves nothing behind.
class Process {
 public:
  static std::unique_ptr<Process> Start(const ProcessOptions& options);
  ~Process();  // SIGKILL, if it still runs

  pid_t pid() const { return pid_; }
  bool Running();
  void Signal(int signal);
  // The exit code, 128 + N if signal N ended it, or nothing if it still runs after `limit`.
  std::optional<int> Wait(std::chrono::milliseconds limit = kPatience);

 private:
  explicit Process(pid_t pid) : pid_(pid) {}

  pid_t pid_;
  std::optional<int> exit_code_;
};

struct Finished {
  int exit_code = -1;  // -1: it had to be killed
  std::string out;
  std::string err;
};

// Runs a program to its end.
Finished Run(ProcessOptions options, std::chrono::milliseconds limit = kPatience);

// True if the process exists and is no zombie.
bool IsAlive(pid_t pid);
// The processes whose parent is `pid`.
std::vector<pid_t> ChildrenOf(pid_t pid);

}  // namespace cievents::support

#endif  // TESTS_SUPPORT_PROCESS_H_
